import Foundation

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A lease in a file that says until when it is good.
///
/// Nobody holds a lock of the system: one that is held in a shared folder while its process is suspended has that process
/// killed (0xdead10cc). A process that is gone leaves its file, which the next one takes over when its time is up.
public actor FileLease: Lease {
    private let folder: URL
    private let clock: any DeviceClock
    private var held: [String: String] = [:]

    /// Makes the folder, which all processes have to be able to write to, and nobody else.
    public init(folder: URL, clock: any DeviceClock = SystemClock()) throws {
        self.folder = folder
        self.clock = clock
        try Self.make(folder)
    }

    /// In a folder that is made by the first who takes it: where that is impossible now, as on a disk that is full, it may
    /// not be so later.
    init(lazily folder: URL, clock: any DeviceClock = SystemClock()) {
        self.folder = folder
        self.clock = clock
    }

    private static func make(_ folder: URL) throws {
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    public func take(_ name: String, ttl: Duration, wait: Duration) async -> Bool {
        let until = clock.now().monotonicMs + wait.milliseconds
        while true {
            switch tryToTake(name, ttl) {
            case .taken: return true
            case .impossible: return false
            case .anothers: break
            }
            if clock.now().monotonicMs >= until { return false }
            await clock.sleep(.milliseconds(20))
        }
    }

    public func give(_ name: String) {
        guard let mine = held.removeValue(forKey: name) else { return }
        if let there = try? String(contentsOfFile: path(name), encoding: .utf8), there == mine { unlink(path(name)) }
    }

    private func path(_ name: String) -> String {
        folder.appendingPathComponent("l-" + fileName(name)).path
    }

    private enum Try {
        case taken, anothers
        /// Nothing can be written here, as before the first unlock: to wait for that is of no use.
        case impossible
    }

    private func tryToTake(_ name: String, _ ttl: Duration) -> Try {
        guard (try? Self.make(folder)) != nil else { return .impossible }
        let now = clock.now()
        if let there = try? String(contentsOfFile: path(name), encoding: .utf8), !isGood(there, now) {
            unlink(path(name))
        }
        let mine = "\(now.bootId)\n\(now.monotonicMs + ttl.milliseconds)\n\(UUID().uuidString)"
        let new = folder.appendingPathComponent("t-" + UUID().uuidString).path
        defer { unlink(new) }
        // Written before it has its name, so that nobody ever reads half of it; a name that is there stays.
        guard FileManager.default.createFile(atPath: new, contents: Data(mine.utf8)) else { return .impossible }
        guard link(new, path(name)) == 0 else { return errno == EEXIST ? .anothers : .impossible }
        held[name] = mine
        return .taken
    }

    private func isGood(_ text: String, _ now: Moment) -> Bool {
        let lines = text.split(separator: "\n")
        guard lines.count == 3, let until = Int64(lines[1]) else { return false }
        return lines[0] == now.bootId && until > now.monotonicMs
    }
}
