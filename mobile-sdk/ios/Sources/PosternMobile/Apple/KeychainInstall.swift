import Foundation

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What this installation of the app has in the keychain, which does not go when the app is deleted.
///
/// An installation has a name of its own, in a file that does go: whoever makes it first, of the app and its extensions, has
/// named it for all of them. The services of its items have that name in theirs, so what is deleted at a first start is
/// never what another process has written since: that has the name that the file has now.
struct KeychainInstall: Sendable {
    let items: any KeychainItems
    /// Whose: the service that lists the installations, and begins the names of theirs.
    let service: String
    /// The file.
    let marker: URL

    enum Part: String, CaseIterable {
        case records, keys
    }

    /// The service of a part of what is this installation's. Throws `locked` where the keychain cannot be read yet.
    func service(_ part: Part) throws -> String { Self.service(service, try settled(), part) }

    /// `nil`: there is none, and the keychain that says so is readable, before and after it has said it.
    func find(_ part: Part, _ account: String) throws -> KeychainItem? {
        for _ in 0..<2 {
            switch items.find(try service(part), account: account) {
            case .success(let item): return item
            case .failure(.notFound): continue
            case .failure(let status): throw status.hookError
            }
        }
        _ = try settled()
        return nil
    }

    /// The name of this installation.
    ///
    /// Beside the file there is an item of that name that is always there. A keychain that does not know it is not readable
    /// yet, whatever it says, or the app is new here, or the keychain was emptied, as for an app that has another team now.
    /// One that takes the item is readable; what the app before has left goes first, so that a start that is cut off is
    /// made again.
    private func settled() throws -> String {
        let name = try named()
        switch items.find(service, account: name) {
        case .success: return name
        case .failure(.notFound): break
        case .failure(let status): throw status.hookError
        }
        try deleteOthers(than: name)
        switch items.add(KeychainItem(service: service, account: name, value: Data([1]), version: KeychainStore.data(1))) {
        case .success, .duplicate: return name
        case .notFound: throw HookError.locked
        case let status: throw status.hookError
        }
    }

    private func deleteOthers(than name: String) throws {
        let names: [String]
        switch items.accounts(service) {
        case .success(let found): names = found
        case .failure(.notFound): return
        case .failure(let status): throw status.hookError
        }
        for other in names where other != name {
            // The list last: it says what there is to delete.
            for part in Part.allCases { try delete(Self.service(service, other, part), nil) }
            try delete(service, other)
        }
    }

    private func delete(_ service: String, _ account: String?) throws {
        let status = items.delete(service, account: account, version: nil)
        guard status == .success || status == .notFound else { throw status.hookError }
    }

    private static func service(_ service: String, _ name: String, _ part: Part) -> String {
        service + "." + name + "." + part.rawValue
    }

    // MARK: The file

    private func named() throws -> String {
        if let name = try read() { return name }
        try write(UUID().uuidString)
        guard let name = try read() else { throw HookError.io }
        return name
    }

    /// `nil`: there is no file, which is something else than one that cannot be read.
    private func read() throws -> String? {
        let descriptor = open(marker.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw HookError.io
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        guard let bytes = try? file.readToEnd(), let name = UUID(uuidString: String(decoding: bytes, as: UTF8.self)) else {
            throw HookError.io
        }
        return name.uuidString
    }

    /// As a whole, for good, and only where there is none: the first one's name stays. Readable at any time, and not in
    /// backups: on another device the app is new.
    private func write(_ name: String) throws {
        let folder = marker.deletingLastPathComponent()
        var new = folder.appendingPathComponent("marker-" + name)
        defer { unlink(new.path) }
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            #if os(iOS)
            try Data(name.utf8).write(to: new, options: .noFileProtection)
            #else
            try Data(name.utf8).write(to: new)
            #endif
            #if canImport(Darwin)
            var values = URLResourceValues()
            values.isExcludedFromBackup = true
            try new.setResourceValues(values)
            #endif
            let file = try FileHandle(forUpdating: new)
            try file.synchronize()
            try file.close()
            // As `O_EXCL`, for a file that is written already.
            guard link(new.path, marker.path) == 0 || errno == EEXIST else { throw HookError.io }
            try synchronize(folder)
        } catch {
            throw HookError.io
        }
    }
}
