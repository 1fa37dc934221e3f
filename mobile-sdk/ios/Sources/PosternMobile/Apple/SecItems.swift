#if canImport(Security)
import Foundation
import Security

/// Generic passwords of the keychain, always in one access group: the one that several processes share, or the app's own.
final class SecItems: KeychainItems, @unchecked Sendable {
    private let bundle: String
    private let lock = NSLock()
    private var accessGroup: String?

    init(accessGroup: String?, bundle: String) {
        self.accessGroup = accessGroup
        self.bundle = bundle
    }

    func add(_ item: KeychainItem) -> KeychainStatus {
        asked(item.service, account: item.account, version: item.version) { query in
            var attributes = query
            attributes[kSecValueData] = item.value
            attributes[kSecAttrAccessible] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
            return SecItemAdd(attributes as CFDictionary, nil)
        }
    }

    func find(_ service: String, account: String) -> Result<KeychainItem, KeychainStatus> {
        var found: CFTypeRef?
        let status = asked(service, account: account) { query in
            var query = query
            query[kSecReturnData] = true
            query[kSecReturnAttributes] = true
            query[kSecMatchLimit] = kSecMatchLimitOne
            return SecItemCopyMatching(query as CFDictionary, &found)
        }
        guard status == .success else { return .failure(status) }
        guard let item = found as? [String: Any], let value = item[kSecValueData as String] as? Data else {
            return .failure(.other(errSecDecode))
        }
        let version = item[kSecAttrGeneric as String] as? Data ?? Data()
        return .success(KeychainItem(service: service, account: account, value: value, version: version))
    }

    func accounts(_ service: String) -> Result<[String], KeychainStatus> {
        var found: CFTypeRef?
        let status = asked(service) { query in
            var query = query
            query[kSecReturnAttributes] = true
            query[kSecMatchLimit] = kSecMatchLimitAll
            return SecItemCopyMatching(query as CFDictionary, &found)
        }
        guard status == .success else { return .failure(status) }
        let items = found as? [[String: Any]] ?? []
        return .success(items.compactMap { $0[kSecAttrAccount as String] as? String })
    }

    func update(_ service: String, account: String, version: Data, to item: KeychainItem) -> KeychainStatus {
        let change: [CFString: Any] = [kSecValueData: item.value, kSecAttrGeneric: item.version]
        return asked(service, account: account, version: version) { query in
            SecItemUpdate(query as CFDictionary, change as CFDictionary)
        }
    }

    func delete(_ service: String, account: String?, version: Data?) -> KeychainStatus {
        asked(service, account: account, version: version) { SecItemDelete($0 as CFDictionary) }
    }

    private func asked(
        _ service: String, account: String? = nil, version: Data? = nil, _ ask: ([CFString: Any]) -> OSStatus
    ) -> KeychainStatus {
        switch group() {
        case .success(let group):
            var query = Self.query(service)
            query[kSecAttrAccount] = account
            query[kSecAttrGeneric] = version
            query[kSecAttrAccessGroup] = group
            return Self.status(ask(query))
        case .failure(let status): return status
        }
    }

    private static func query(_ service: String) -> [CFString: Any] {
        [
            kSecClass: kSecClassGenericPassword,
            kSecAttrService: service,
            kSecAttrSynchronizable: false,
            // The keychain of iOS also on a Mac.
            kSecUseDataProtectionKeychain: true,
        ]
    }

    /// An app is not told its own access group: an item says in which group it is that names none. That is the first group
    /// of the app, and begins with its team. The item stays, and holds nothing.
    private func group() -> Result<String, KeychainStatus> {
        lock.lock()
        defer { lock.unlock() }
        if let accessGroup { return .success(accessGroup) }
        var query = Self.query("dev.postern.mobile.group")
        query[kSecAttrAccount] = bundle
        query[kSecReturnAttributes] = true
        var item = query
        item[kSecAttrAccessible] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
        item[kSecValueData] = Data([1])
        query[kSecMatchLimit] = kSecMatchLimitOne
        var found: CFTypeRef?
        var status = SecItemCopyMatching(query as CFDictionary, &found)
        if status == errSecItemNotFound { status = SecItemAdd(item as CFDictionary, &found) }
        // Another process was faster.
        if status == errSecDuplicateItem { status = SecItemCopyMatching(query as CFDictionary, &found) }
        guard status == errSecSuccess else { return .failure(Self.status(status)) }
        guard let seen = (found as? [String: Any])?[kSecAttrAccessGroup as String] as? String else {
            return .failure(.other(errSecDecode))
        }
        let group = ownAccessGroup(of: bundle, seen: seen) ?? seen
        accessGroup = group
        return .success(group)
    }

    private static func status(_ status: OSStatus) -> KeychainStatus {
        switch status {
        case errSecSuccess: .success
        case errSecDuplicateItem: .duplicate
        case errSecItemNotFound: .notFound
        case errSecInteractionNotAllowed, errSecNotAvailable: .locked
        default: .other(status)
        }
    }
}
#endif
