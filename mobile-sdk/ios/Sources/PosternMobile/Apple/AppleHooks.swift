#if canImport(CryptoKit) && canImport(Security)
import Foundation

extension Hooks {
    /// Keychain, Secure Enclave, URLSession. With an app group (`group.com.example.app`) the app's extensions share the
    /// sessions: it is the keychain's access group, and its folder has the lease.
    public static func apple(appGroup: String? = nil, attestor: (any Attestor)? = nil) throws -> Hooks {
        let items = SecItems(accessGroup: appGroup)
        let folder = try folder(appGroup)
        // Without a group a query looks into all groups of the app, and apps of one team may share the first of them: a name
        // of its own, so that it finds, and at its first start deletes, its own only.
        let service = "dev.postern.mobile." + (appGroup ?? Bundle.main.bundleIdentifier ?? ProcessInfo.processInfo.processName)
        return Hooks(
            store: KeychainStore(items: items, service: service, marker: folder.appendingPathComponent("marker")),
            signer: SecureEnclaveSigner(items: items, service: KeychainStore.keyService(service)),
            lease: awake(try FileLease(folder: folder)),
            attestor: attestor)
    }

    private static func awake(_ lease: FileLease) -> any Lease {
        #if os(macOS)
        // Nobody is suspended there.
        return lease
        #else
        return AwakeLease(lease) { block in
            ProcessInfo.processInfo.performExpiringActivity(withReason: "Refreshing a session", using: block)
        }
        #endif
    }

    private static func folder(_ appGroup: String?) throws -> URL {
        if let appGroup {
            let group = FileManager.default.containerURL(forSecurityApplicationGroupIdentifier: appGroup)
            guard let group else { throw CocoaError(.fileNoSuchFile) }
            return group.appendingPathComponent("Library/Application Support/Postern", isDirectory: true)
        }
        return try FileManager.default.url(
            for: .applicationSupportDirectory, in: .userDomainMask, appropriateFor: nil, create: true
        ).appendingPathComponent("Postern", isDirectory: true)
    }
}
#endif
