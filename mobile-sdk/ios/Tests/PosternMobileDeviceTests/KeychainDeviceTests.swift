#if canImport(Security) && os(iOS)
import Foundation
import Security
import XCTest

@testable import PosternMobile

/// What the keychain of a device does, which `KeychainStoreTests` take for granted.
final class KeychainDeviceTests: XCTestCase {
    private let place = TestPlace()

    override func tearDown() { place.clear() }

    func testAnUpdateFindsTheExpectedVersionAndNothingElse() {
        let items = place.items
        let item = { (version: UInt8, value: String) in
            KeychainItem(service: self.place.service, account: "a", value: Data(value.utf8), version: Data(repeating: version, count: 8))
        }
        let there = { items.find(self.place.service, account: "a") }
        XCTAssertEqual(there(), .failure(.notFound))
        XCTAssertEqual(items.update(place.service, account: "a", version: item(1, "").version, to: item(2, "b")), .notFound)
        XCTAssertEqual(items.add(item(1, "a")), .success)
        XCTAssertEqual(items.add(item(2, "b")), .duplicate)
        XCTAssertEqual(items.update(place.service, account: "a", version: item(3, "").version, to: item(2, "b")), .notFound)
        XCTAssertEqual(there(), .success(item(1, "a")))
        XCTAssertEqual(items.update(place.service, account: "a", version: item(1, "").version, to: item(2, "b")), .success)
        XCTAssertEqual(there(), .success(item(2, "b")))
        XCTAssertEqual(items.update(place.service, account: "a", version: item(1, "").version, to: item(3, "c")), .notFound)
        XCTAssertEqual(items.delete(place.service, account: "a", version: item(1, "").version), .notFound)
        XCTAssertEqual(there(), .success(item(2, "b")))
        XCTAssertEqual(items.delete(place.service, account: "a", version: item(2, "").version), .success)
        XCTAssertEqual(there(), .failure(.notFound))
    }

    func testOfAllWhoWriteOneWins() async throws {
        let install = place.install
        guard case .stored(var version) = try await KeychainStore(install).put("account/a", Data("0".utf8), expect: 0) else {
            return XCTFail("there was none")
        }
        for round in 1...20 {
            let expect = version
            let results = try await withThrowingTaskGroup(of: PutResult.self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        try await KeychainStore(install).put("account/a", Data("\(round) \(writer)".utf8), expect: expect)
                    }
                }
                return try await group.reduce(into: [PutResult]()) { $0.append($1) }
            }
            let won = results.filter { $0 != .conflict }
            XCTAssertEqual(won.count, 1)
            guard case .stored(let next) = won.first else { return }
            version = next
            let found = try await KeychainStore(install).get("account/a")
            XCTAssertEqual(found?.version, version)
        }
    }

    func testARecordStaysOnThisDeviceInTheAppsOwnGroup() async throws {
        _ = try await KeychainStore(place.install).put("account/a", Data("0".utf8), expect: 0)
        let query: [CFString: Any] = [
            kSecClass: kSecClassGenericPassword, kSecAttrService: try place.install.service(.records),
            kSecUseDataProtectionKeychain: true, kSecAttrSynchronizable: kSecAttrSynchronizableAny,
            kSecReturnAttributes: true, kSecMatchLimit: kSecMatchLimitAll,
        ]
        var found: CFTypeRef?
        XCTAssertEqual(SecItemCopyMatching(query as CFDictionary, &found), errSecSuccess)
        let all = try XCTUnwrap(found as? [[String: Any]])
        XCTAssertEqual(all.count, 1)
        let item = try XCTUnwrap(all.first)
        XCTAssertEqual(
            item[kSecAttrAccessible as String] as? String, kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly as String)
        XCTAssertNotEqual(item[kSecAttrSynchronizable as String] as? Bool, true)
        let group = try XCTUnwrap(item[kSecAttrAccessGroup as String] as? String)
        XCTAssertTrue(group.hasSuffix("." + (Bundle.main.bundleIdentifier ?? "?")), group)
    }

    func testTheFirstStartOfAnotherInstallationTakesAwayWhatIsLeft() async throws {
        let (store, signer) = (KeychainStore(place.install), SecureEnclaveSigner(place.install))
        _ = try await store.put("account/a", Data("0".utf8), expect: 0)
        _ = try await signer.ensureKey("key/a", policy: .preferHardware)
        let left = [try place.install.service(.records), try place.install.service(.keys)]
        XCTAssertEqual(place.items.accounts(left[1]), .success(["key/a"]))
        // As when the app is deleted.
        try FileManager.default.removeItem(at: place.install.marker)
        let found = try await store.get("account/a")
        XCTAssertNil(found)
        for service in left { XCTAssertEqual(place.items.accounts(service), .failure(.notFound), service) }
        do {
            _ = try await signer.sign("key/a", Data("x".utf8))
            XCTFail("it is the other installation's")
        } catch {
            XCTAssertEqual(error as? HookError, .notFound)
        }
    }
}

/// A place of a test's own in the keychain and on the disk.
struct TestPlace {
    let service = "dev.postern.mobile.test." + UUID().uuidString
    let items: SecItems
    let install: KeychainInstall

    init() {
        items = SecItems(accessGroup: nil, bundle: Bundle.main.bundleIdentifier ?? "")
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(service)
        install = KeychainInstall(items: items, service: service, marker: folder.appendingPathComponent("marker"))
    }

    func clear() {
        for part in KeychainInstall.Part.allCases {
            if let service = try? install.service(part) { _ = items.delete(service, account: nil, version: nil) }
        }
        _ = items.delete(service, account: nil, version: nil)
        try? FileManager.default.removeItem(at: install.marker.deletingLastPathComponent())
    }
}
#endif
