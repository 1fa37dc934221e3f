#if canImport(CryptoKit) && canImport(Security)
import CryptoKit
import Foundation
import Security

/// Keys of the Secure Enclave; where there is none (some simulators and Macs) keys in software, unless hardware is required.
///
/// The keychain holds what the enclave has wrapped for itself: of no use to any other device, and readable after the first
/// unlock, so that a refresh in the background can sign.
public struct SecureEnclaveSigner: DpopSigner {
    private let install: KeychainInstall

    init(_ install: KeychainInstall) { self.install = install }

    public func ensureKey(_ id: String, policy: KeyPolicy) async throws -> KeyInfo {
        if let key = try find(id) { return key.info }
        let key = try known { try Key.make(policy) }
        let item = KeychainItem(
            service: try install.service(.keys), account: id, value: key.stored, version: KeychainStore.data(1))
        switch install.items.add(item) {
        case .success: return key.info
        case .duplicate:
            // Another process was faster: its key is the one.
            guard let key = try find(id) else { throw HookError.io }
            return key.info
        case let status: throw status.hookError
        }
    }

    public func sign(_ id: String, _ message: Data) async throws -> Data {
        guard let key = try find(id) else { throw HookError.notFound }
        return try known { try key.sign(message) }
    }

    public func deleteKey(_ id: String) async throws {
        let status = install.items.delete(try install.service(.keys), account: id, version: nil)
        guard status == .success || status == .notFound else { throw status.hookError }
    }

    /// A key that is there and cannot be used is an error, never a key that is not there: nobody deletes it for that. Neither
    /// is one not there that a locked keychain does not find.
    private func find(_ id: String) throws -> Key? {
        guard let item = try install.find(.keys, id) else { return nil }
        return try known { try Key(stored: item.value) }
    }
}

/// What CryptoKit throws says nothing that is sure of a key: only that it cannot be used now.
private func known<Value>(_ work: () throws -> Value) throws -> Value {
    do {
        return try work()
    } catch let error as HookError {
        throw error
    } catch {
        throw (error as NSError).code == Int(errSecInteractionNotAllowed) ? HookError.locked : HookError.unavailable
    }
}

/// A key and where it lives: one byte of that, and what is stored of it.
private enum Key {
    case enclave(SecureEnclave.P256.Signing.PrivateKey)
    case software(P256.Signing.PrivateKey)

    static func make(_ policy: KeyPolicy) throws -> Key {
        guard SecureEnclave.isAvailable else {
            if policy == .requireHardware { throw HookError.unavailable }
            return .software(P256.Signing.PrivateKey())
        }
        let access = SecAccessControlCreateWithFlags(
            nil, kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly, .privateKeyUsage, nil)
        guard let access else { throw HookError.io }
        return .enclave(try SecureEnclave.P256.Signing.PrivateKey(accessControl: access))
    }

    init(stored: Data) throws {
        switch stored.first {
        case 1: self = .enclave(try SecureEnclave.P256.Signing.PrivateKey(dataRepresentation: Data(stored.dropFirst())))
        case 2: self = .software(try P256.Signing.PrivateKey(rawRepresentation: Data(stored.dropFirst())))
        default: throw HookError.corrupt
        }
    }

    var stored: Data {
        switch self {
        case .enclave(let key): Data([1]) + key.dataRepresentation
        case .software(let key): Data([2]) + key.rawRepresentation
        }
    }

    /// The public key's coordinates are one after the other, 32 bytes each.
    var info: KeyInfo {
        let (point, level): (Data, KeyLevel) =
            switch self {
            case .enclave(let key): (key.publicKey.rawRepresentation, .secureEnclave)
            case .software(let key): (key.publicKey.rawRepresentation, .software)
            }
        return KeyInfo(x: Data(point.prefix(32)), y: Data(point.suffix(32)), level: level)
    }

    func sign(_ message: Data) throws -> Data {
        switch self {
        case .enclave(let key): try key.signature(for: message).rawRepresentation
        case .software(let key): try key.signature(for: message).rawRepresentation
        }
    }
}
#endif
