#if canImport(DeviceCheck) && canImport(CryptoKit) && os(iOS)
import CryptoKit
import DeviceCheck
import Foundation

/// What App Attest says about this app, for the server that makes a client attestation of it.
public struct AppAttestEvidence: Sendable {
    /// The key of App Attest.
    public let keyID: String
    /// The first time: Apple's word for the key. Later `nil`.
    public let attestation: Data?
    /// The key's word for this challenge and DPoP key.
    public let assertion: Data
    /// SHA-256 of the challenge and the thumbprint of the DPoP key: the evidence is about that key and no other.
    public let clientDataHash: Data
}

/// Evidence by App Attest. Apple's format is not the header that the authorization server reads
/// (draft-ietf-oauth-attestation-based-client-auth): `exchange` hands it to the app's own server, which checks it and
/// answers with the client attestation and its proof.
public struct AppAttestor: Attestor {
    private let store: any SecureStore
    private let exchange: @Sendable (AppAttestEvidence) async throws -> Evidence

    public init(
        store: any SecureStore, exchange: @escaping @Sendable (AppAttestEvidence) async throws -> Evidence
    ) {
        self.store = store
        self.exchange = exchange
    }

    public func attest(challenge: Data, thumbprint: String) async throws -> Evidence {
        let service = DCAppAttestService.shared
        guard service.isSupported else { throw HookError.unavailable }
        let hash = Data(SHA256.hash(data: challenge + Data(thumbprint.utf8)))
        let found = try await store.get(Self.record)
        do {
            let keyID: String
            var attestation: Data?
            if let found {
                keyID = String(decoding: found.value, as: UTF8.self)
            } else {
                keyID = try await service.generateKey()
                attestation = try await service.attestKey(keyID, clientDataHash: hash)
            }
            let assertion = try await service.generateAssertion(keyID, clientDataHash: hash)
            let evidence = try await exchange(
                AppAttestEvidence(keyID: keyID, attestation: attestation, assertion: assertion, clientDataHash: hash))
            // Only what the server has accepted is kept: a key is attested once.
            if attestation != nil { _ = try await store.put(Self.record, Data(keyID.utf8), expect: 0) }
            return evidence
        } catch let error as DCError {
            // The key went with a restore or a new installation: the next time there is another one.
            if error.code == .invalidKey { _ = try await store.delete(Self.record, expect: found?.version) }
            throw HookError.unavailable
        }
    }

    private static let record = "app-attest"
}
#endif
