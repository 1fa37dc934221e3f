import Foundation

/// Records in the keychain: readable after the first unlock, on this device only, never in a backup that another device
/// can read, never in iCloud.
///
/// A write is one `SecItemUpdate` that looks for the expected version, so of two processes one wins, and a process that is
/// killed leaves the old record or the new one. Nothing is ever deleted to be added again.
public struct KeychainStore: SecureStore {
    private let items: any KeychainItems
    private let service: String
    /// A file that goes with the app when it is deleted, which the keychain does not. `nil`: not known here.
    private let marker: URL?

    init(items: any KeychainItems, service: String, marker: URL?) {
        self.items = items
        self.service = service
        self.marker = marker
    }

    public func get(_ key: String) async throws -> Versioned? {
        try settle()
        switch items.find(service, account: key) {
        case .success(let item):
            guard let version = Self.version(item.version) else { throw HookError.corrupt }
            return Versioned(value: item.value, version: version)
        case .failure(.notFound): return nil
        case .failure(let status): throw status.hookError
        }
    }

    public func put(_ key: String, _ value: Data, expect: Int64) async throws -> PutResult {
        try settle()
        let version = Int64.random(in: 1 ... .max)
        let item = KeychainItem(service: service, account: key, value: value, version: Self.data(version))
        let status =
            expect == 0
            ? items.add(item) : items.update(service, account: key, version: Self.data(expect), to: item)
        switch status {
        case .success: return .stored(version: version)
        case .duplicate, .notFound: return .conflict
        default: throw status.hookError
        }
    }

    public func delete(_ key: String, expect: Int64?) async throws -> Bool {
        try settle()
        switch items.delete(service, account: key, version: expect.map(Self.data)) {
        case .success: return true
        case .notFound: return expect == nil
        case let status: throw status.hookError
        }
    }

    public func keys(prefix: String) async throws -> [String] {
        try settle()
        switch items.accounts(service) {
        case .success(let names): return names.filter { $0.hasPrefix(prefix) }
        case .failure(.notFound): return []
        case .failure(let status): throw status.hookError
        }
    }

    /// Tells a keychain that is empty from one that cannot be read yet, and from one that an app left behind which was
    /// deleted since.
    ///
    /// There is an item that is always there, and a file beside it. Both: all is well. The file alone: the keychain is not
    /// readable yet, whatever it says; one that takes the item is readable and was emptied, as for an app that has another
    /// team now. Neither, or the item alone: the app is new here, and what is left of the one before it goes.
    private func settle() throws {
        guard let marker else { return }
        switch items.find(service, account: Self.markerName) {
        case .success where FileManager.default.fileExists(atPath: marker.path): return
        case .success, .failure(.notFound): break
        case .failure(let status): throw status.hookError
        }
        let item = KeychainItem(service: service, account: Self.markerName, value: Data([1]), version: Self.data(1))
        if FileManager.default.fileExists(atPath: marker.path) {
            guard items.add(item) == .success else { throw HookError.locked }
            return
        }
        for name in [service, Self.keyService(service)] {
            let status = items.delete(name, account: nil, version: nil)
            guard status == .success || status == .notFound else { throw status.hookError }
        }
        let status = items.add(item)
        guard status == .success || status == .duplicate else { throw status.hookError }
        try writeMarker(marker)
    }

    /// Readable at any time, and not in backups: on another device the app is new.
    private func writeMarker(_ marker: URL) throws {
        var marker = marker
        do {
            try FileManager.default.createDirectory(
                at: marker.deletingLastPathComponent(), withIntermediateDirectories: true)
            #if os(iOS)
            try Data().write(to: marker, options: [.atomic, .noFileProtection])
            #else
            try Data().write(to: marker, options: .atomic)
            #endif
            #if canImport(Darwin)
            var values = URLResourceValues()
            values.isExcludedFromBackup = true
            try marker.setResourceValues(values)
            #endif
        } catch {
            throw HookError.io
        }
    }

    private static let markerName = "marker"

    /// Where the signing keys are.
    static func keyService(_ service: String) -> String { service + ".keys" }

    static func data(_ version: Int64) -> Data { withUnsafeBytes(of: version.bigEndian) { Data($0) } }

    private static func version(_ data: Data) -> Int64? {
        let version = data.reduce(Int64(0)) { $0 << 8 | Int64($1) }
        return data.count == 8 && version > 0 ? version : nil
    }
}
