import Foundation

/// Records in the keychain: readable after the first unlock, on this device only, never in a backup that another device
/// can read, never in iCloud.
///
/// A write is one `SecItemUpdate` that looks for the expected version, so of two processes one wins, and a process that is
/// killed leaves the old record or the new one. Nothing is ever deleted to be added again.
public struct KeychainStore: SecureStore {
    private let install: KeychainInstall
    private var items: any KeychainItems { install.items }

    init(_ install: KeychainInstall) { self.install = install }

    public func get(_ key: String) async throws -> Versioned? {
        guard let item = try install.find(.records, key) else { return nil }
        guard let version = Self.version(item.version) else { throw HookError.corrupt }
        return Versioned(value: item.value, version: version)
    }

    public func put(_ key: String, _ value: Data, expect: Int64) async throws -> PutResult {
        let service = try install.service(.records)
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
        let service = try install.service(.records)
        switch items.delete(service, account: key, version: expect.map(Self.data)) {
        case .success: return true
        case .notFound: return expect == nil
        case let status: throw status.hookError
        }
    }

    public func keys(prefix: String) async throws -> [String] {
        let service = try install.service(.records)
        switch items.accounts(service) {
        case .success(let names): return names.filter { $0.hasPrefix(prefix) }
        case .failure(.notFound): return []
        case .failure(let status): throw status.hookError
        }
    }

    static func data(_ version: Int64) -> Data { withUnsafeBytes(of: version.bigEndian) { Data($0) } }

    private static func version(_ data: Data) -> Int64? {
        let version = data.reduce(Int64(0)) { $0 << 8 | Int64($1) }
        return data.count == 8 && version > 0 ? version : nil
    }
}
