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

/// App Attest as far as it is used here, so that what becomes of a key is tested where there is none. It throws
/// `AppAttestFailure`.
protocol AppAttestService: Sendable {
    var isSupported: Bool { get }
    /// SHA-256.
    func clientDataHash(_ data: Data) -> Data
    func generateKey() async throws -> String
    func attestKey(_ key: String, _ hash: Data) async throws -> Data
    func generateAssertion(_ key: String, _ hash: Data) async throws -> Data
}

enum AppAttestFailure: Error {
    /// Apple could not be reached: the same key is to be tried later.
    case serverUnavailable
    /// The key is gone, or good for nothing.
    case invalidKey
    case other
}

/// Evidence by App Attest. Apple's format is not the header that the authorization server reads
/// (draft-ietf-oauth-attestation-based-client-auth): `exchange` hands it to the app's own server, which checks it and
/// answers with the client attestation and its proof.
public struct AppAttestor: Attestor {
    private let store: any SecureStore
    private let service: any AppAttestService
    private let exchange: @Sendable (AppAttestEvidence) async throws -> Evidence

    init(
        store: any SecureStore, service: any AppAttestService,
        exchange: @escaping @Sendable (AppAttestEvidence) async throws -> Evidence
    ) {
        self.store = store
        self.service = service
        self.exchange = exchange
    }

    /// Throws `HookError.io` where Apple cannot be reached, which another try may cure, and what `exchange` throws.
    public func attest(challenge: Data, thumbprint: String) async throws -> Evidence {
        guard service.isSupported else { throw HookError.unavailable }
        let hash = service.clientDataHash(challenge + Data(thumbprint.utf8))
        let found = try await store.get(Self.record)
        do {
            let keyID: String
            var attestation: Data?
            if let found {
                keyID = String(decoding: found.value, as: UTF8.self)
            } else {
                (keyID, attestation) = try await attestedKey(hash)
            }
            let assertion = try await service.generateAssertion(keyID, hash)
            let evidence = try await exchange(
                AppAttestEvidence(keyID: keyID, attestation: attestation, assertion: assertion, clientDataHash: hash))
            // Only what the server has accepted is kept: a key is attested once.
            if attestation != nil { _ = try await store.put(Self.record, Data(keyID.utf8), expect: 0) }
            return evidence
        } catch AppAttestFailure.serverUnavailable {
            throw HookError.io
        } catch let failure as AppAttestFailure {
            // The key went with a restore or a new installation: the next time there is another one.
            if failure == .invalidKey { _ = try await store.delete(Self.record, expect: found?.version) }
            throw HookError.unavailable
        }
    }

    /// A key and Apple's word for it. One that Apple could not be asked about is tried again: each new one counts against the
    /// device.
    private func attestedKey(_ hash: Data) async throws -> (String, Data?) {
        let waiting = try await store.get(Self.waiting)
        let keyID: String
        if let waiting {
            keyID = String(decoding: waiting.value, as: UTF8.self)
        } else {
            keyID = try await service.generateKey()
        }
        do {
            let attestation = try await service.attestKey(keyID, hash)
            if let waiting { _ = try await store.delete(Self.waiting, expect: waiting.version) }
            return (keyID, attestation)
        } catch AppAttestFailure.serverUnavailable {
            if waiting == nil { _ = try await store.put(Self.waiting, Data(keyID.utf8), expect: 0) }
            throw AppAttestFailure.serverUnavailable
        } catch let failure as AppAttestFailure {
            if let waiting { _ = try await store.delete(Self.waiting, expect: waiting.version) }
            throw failure
        }
    }

    private static let record = "app-attest"
    private static let waiting = "app-attest-waiting"
}
