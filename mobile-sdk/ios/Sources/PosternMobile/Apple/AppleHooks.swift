#if canImport(CryptoKit) && canImport(Security)
import Foundation

extension Hooks {
    /// Keychain, Secure Enclave, URLSession. With an app group (`group.com.example.app`) the app's extensions share the
    /// sessions: it is the keychain's access group, and its folder has the lease. Without one the access group is the app's
    /// own, which no other app has.
    ///
    /// Throws where the app has no such group, a mistake in its entitlements. Folders are made when they are needed.
    ///
    /// `attestor` makes the attestor, with the store of the other hooks.
    public static func apple(
        appGroup: String? = nil, attestor: ((any SecureStore) -> any Attestor)? = nil
    ) throws -> Hooks {
        let bundle = Bundle.main.bundleIdentifier ?? ProcessInfo.processInfo.processName
        let folder = try folder(appGroup, bundle)
        let install = KeychainInstall(
            items: SecItems(accessGroup: appGroup, bundle: bundle),
            // Where the app's own group cannot be told: apps of one team may share another.
            service: "dev.postern.mobile." + (appGroup ?? bundle),
            marker: folder.appendingPathComponent("marker"))
        let store = KeychainStore(install)
        return Hooks(
            store: store,
            signer: SecureEnclaveSigner(install),
            lease: awake(FileLease(lazily: folder)),
            attestor: attestor?(store))
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

    private static func folder(_ appGroup: String?, _ bundle: String) throws -> URL {
        if let appGroup {
            let group = FileManager.default.containerURL(forSecurityApplicationGroupIdentifier: appGroup)
            guard let group else { throw CocoaError(.fileNoSuchFile) }
            return group.appendingPathComponent("Library/Application Support/Postern", isDirectory: true)
        }
        // On a Mac apps without a sandbox share that folder.
        return URL.applicationSupportDirectory.appendingPathComponent("Postern/" + bundle, isDirectory: true)
    }
}
#endif
