#if canImport(CryptoKit) && canImport(Security) && os(iOS)
import CryptoKit
import Foundation
import XCTest

@testable import PosternMobile

final class SecureEnclaveDeviceTests: XCTestCase {
    private let place = TestPlace()

    override func tearDown() { place.clear() }

    func testAKeyLivesInTheEnclaveAndIsTheSameAtTheNextStart() async throws {
        let made = try await SecureEnclaveSigner(place.install).ensureKey("key/a", policy: .requireHardware)
        XCTAssertEqual(made.level, .secureEnclave)
        // The next process has nothing but the keychain.
        let signer = SecureEnclaveSigner(place.install)
        let found = try await signer.ensureKey("key/a", policy: .requireHardware)
        XCTAssertEqual(found, made)
        let message = Data("header.payload".utf8)
        let signature = try P256.Signing.ECDSASignature(rawRepresentation: await signer.sign("key/a", message))
        let key = try P256.Signing.PublicKey(rawRepresentation: made.x + made.y)
        XCTAssertTrue(key.isValidSignature(signature, for: message))
        try await signer.deleteKey("key/a")
        try await signer.deleteKey("key/a")
        do {
            _ = try await signer.sign("key/a", message)
            XCTFail("it is gone")
        } catch {
            XCTAssertEqual(error as? HookError, .notFound)
        }
    }

    /// No limit: the figure is in the report of the run. Each request to an API with a bound token takes as long.
    func testHowLongASignatureTakes() async throws {
        let signer = SecureEnclaveSigner(place.install)
        _ = try await signer.ensureKey("key/a", policy: .requireHardware)
        let clock = ContinuousClock()
        var times: [Duration] = []
        for number in 0..<100 {
            let began = clock.now
            _ = try await signer.sign("key/a", Data("\(number)".utf8))
            times.append(clock.now - began)
        }
        times.sort()
        let figure = XCTAttachment(string: "100 signatures: median \(times[50]), longest \(times[99])")
        figure.name = "signature latency"
        figure.lifetime = .keepAlways
        add(figure)
        print(figure.name ?? "", times[50], times[99])
    }
}
#endif
