#if canImport(Security)
import Foundation
import Security

/// Generic passwords of the keychain, in an access group if several processes share them.
struct SecItems: KeychainItems {
    let accessGroup: String?

    func add(_ item: KeychainItem) -> KeychainStatus {
        var attributes = query(item.service, account: item.account, version: item.version)
        attributes[kSecValueData] = item.value
        attributes[kSecAttrAccessible] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
        return Self.status(SecItemAdd(attributes as CFDictionary, nil))
    }

    func find(_ service: String, account: String) -> Result<KeychainItem, KeychainStatus> {
        var query = query(service, account: account)
        query[kSecReturnData] = true
        query[kSecReturnAttributes] = true
        query[kSecMatchLimit] = kSecMatchLimitOne
        var found: CFTypeRef?
        let status = Self.status(SecItemCopyMatching(query as CFDictionary, &found))
        guard status == .success else { return .failure(status) }
        guard let item = found as? [String: Any], let value = item[kSecValueData as String] as? Data else {
            return .failure(.other(errSecDecode))
        }
        let version = item[kSecAttrGeneric as String] as? Data ?? Data()
        return .success(KeychainItem(service: service, account: account, value: value, version: version))
    }

    func accounts(_ service: String) -> Result<[String], KeychainStatus> {
        var query = query(service)
        query[kSecReturnAttributes] = true
        query[kSecMatchLimit] = kSecMatchLimitAll
        var found: CFTypeRef?
        let status = Self.status(SecItemCopyMatching(query as CFDictionary, &found))
        guard status == .success else { return .failure(status) }
        let items = found as? [[String: Any]] ?? []
        return .success(items.compactMap { $0[kSecAttrAccount as String] as? String })
    }

    func update(_ service: String, account: String, version: Data, to item: KeychainItem) -> KeychainStatus {
        let change: [CFString: Any] = [kSecValueData: item.value, kSecAttrGeneric: item.version]
        let query = query(service, account: account, version: version)
        return Self.status(SecItemUpdate(query as CFDictionary, change as CFDictionary))
    }

    func delete(_ service: String, account: String?, version: Data?) -> KeychainStatus {
        Self.status(SecItemDelete(query(service, account: account, version: version) as CFDictionary))
    }

    private func query(_ service: String, account: String? = nil, version: Data? = nil) -> [CFString: Any] {
        var query: [CFString: Any] = [
            kSecClass: kSecClassGenericPassword,
            kSecAttrService: service,
            kSecAttrSynchronizable: false,
            // The keychain of iOS also on a Mac.
            kSecUseDataProtectionKeychain: true,
        ]
        query[kSecAttrAccount] = account
        query[kSecAttrGeneric] = version
        query[kSecAttrAccessGroup] = accessGroup
        return query
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
