#if canImport(DeviceCheck) && canImport(CryptoKit) && os(iOS)
import CryptoKit
import DeviceCheck
import Foundation

extension AppAttestor {
    /// With App Attest of this device. `exchange` throws a `URLError`, or `HookError.io`, for what another try may cure.
    public init(
        store: any SecureStore, exchange: @escaping @Sendable (AppAttestEvidence) async throws -> Evidence
    ) {
        self.init(store: store, service: DeviceCheckAttest(), exchange: exchange)
    }
}

/// Apple's.
private struct DeviceCheckAttest: AppAttestService {
    var isSupported: Bool { DCAppAttestService.shared.isSupported }

    func clientDataHash(_ data: Data) -> Data { Data(SHA256.hash(data: data)) }

    func generateKey() async throws -> String {
        do { return try await DCAppAttestService.shared.generateKey() } catch { throw Self.failure(error) }
    }

    func attestKey(_ key: String, _ hash: Data) async throws -> Data {
        do {
            return try await DCAppAttestService.shared.attestKey(key, clientDataHash: hash)
        } catch { throw Self.failure(error) }
    }

    func generateAssertion(_ key: String, _ hash: Data) async throws -> Data {
        do {
            return try await DCAppAttestService.shared.generateAssertion(key, clientDataHash: hash)
        } catch { throw Self.failure(error) }
    }

    private static func failure(_ error: any Error) -> AppAttestFailure {
        switch (error as? DCError)?.code {
        case .serverUnavailable: .serverUnavailable
        case .invalidKey: .invalidKey
        default: .other
        }
    }
}
#endif
