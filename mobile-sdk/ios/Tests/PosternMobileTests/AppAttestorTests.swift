import Foundation
import PosternMobileFFI
import XCTest

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

@testable import PosternMobile

/// What is kept of a key of App Attest, and what is told when Apple's server or the app's own cannot be reached.
final class AppAttestorTests: XCTestCase {
    private let folder = Folder()
    private let apple = FakeAttestation()

    private func attestor(
        _ exchange: @escaping @Sendable (AppAttestEvidence) async throws -> Evidence = { evidence in
            Evidence(attestation: Data(evidence.keyID.utf8), proof: evidence.attestation ?? Data())
        }
    ) throws -> AppAttestor {
        AppAttestor(store: try FileStore(folder: folder.url), service: apple, exchange: exchange)
    }

    private func attest(_ attestor: AppAttestor, _ challenge: String = "c") async -> Result<Evidence, HookError> {
        do {
            return .success(try await attestor.attest(challenge: Data(challenge.utf8), thumbprint: "t"))
        } catch {
            return .failure(error as? HookError ?? .unknown)
        }
    }

    func testAKeyIsMadeAndAttestedOnce() async throws {
        let first = await attest(try attestor())
        XCTAssertEqual(first, .success(Evidence(attestation: Data("key1".utf8), proof: Data("word".utf8))))
        let second = await attest(try attestor())
        XCTAssertEqual(second, .success(Evidence(attestation: Data("key1".utf8), proof: Data())))
        XCTAssertEqual(apple.asked, ["generate", "attest key1", "assert key1", "assert key1"])
    }

    func testWhereAppleCannotBeReachedTheSameKeyIsTriedLater() async throws {
        apple.failure = .serverUnavailable
        for _ in 0..<2 {
            let offline = await attest(try attestor())
            XCTAssertEqual(offline, .failure(.io))
        }
        apple.failure = nil
        let later = await attest(try attestor())
        XCTAssertEqual(later, .success(Evidence(attestation: Data("key1".utf8), proof: Data("word".utf8))))
        XCTAssertEqual(apple.asked, ["generate", "attest key1", "attest key1", "attest key1", "assert key1"])
        let names = try await FileStore(folder: folder.url).keys(prefix: "")
        XCTAssertEqual(names, ["app-attest"])
    }

    /// It was attested, which is done once, and nobody has heard of it.
    func testAKeyThatTheServerHasNotAcceptedIsNotTriedAgain() async throws {
        apple.failure = .serverUnavailable
        _ = await attest(try attestor())
        apple.failure = nil
        do {
            _ = try await attestor { _ in throw URLError(.notConnectedToInternet) }.attest(challenge: Data(), thumbprint: "t")
            XCTFail("offline")
        } catch {
            XCTAssertEqual((error as? URLError)?.code, .notConnectedToInternet)
        }
        let later = await attest(try attestor())
        XCTAssertEqual(later, .success(Evidence(attestation: Data("key2".utf8), proof: Data("word".utf8))))
    }

    func testAKeyThatAppleRefusesIsForgotten() async throws {
        _ = await attest(try attestor())
        apple.failure = .invalidKey
        let gone = await attest(try attestor())
        XCTAssertEqual(gone, .failure(.unavailable))
        apple.failure = nil
        let next = await attest(try attestor())
        XCTAssertEqual(next, .success(Evidence(attestation: Data("key2".utf8), proof: Data("word".utf8))))
    }

    func testWhatElseAppleSaysIsNoEvidenceAndKeepsTheKey() async throws {
        _ = await attest(try attestor())
        apple.failure = .other
        let none = await attest(try attestor())
        XCTAssertEqual(none, .failure(.unavailable))
        apple.isSupported = false
        let never = await attest(try attestor())
        XCTAssertEqual(never, .failure(.unavailable))
        (apple.failure, apple.isSupported) = (nil, true)
        let next = await attest(try attestor())
        XCTAssertEqual(next, .success(Evidence(attestation: Data("key1".utf8), proof: Data())))
    }
}

/// Apple's service, which is somewhere else.
private final class FakeAttestation: AppAttestService, @unchecked Sendable {
    var isSupported = true
    var failure: AppAttestFailure?
    private(set) var asked: [String] = []
    private var keys = 0

    func clientDataHash(_ data: Data) -> Data { data }

    func generateKey() async throws -> String {
        asked.append("generate")
        keys += 1
        return "key\(keys)"
    }

    func attestKey(_ key: String, _ hash: Data) async throws -> Data {
        asked.append("attest " + key)
        if let failure { throw failure }
        return Data("word".utf8)
    }

    func generateAssertion(_ key: String, _ hash: Data) async throws -> Data {
        asked.append("assert " + key)
        if let failure { throw failure }
        return Data("assertion".utf8)
    }
}
