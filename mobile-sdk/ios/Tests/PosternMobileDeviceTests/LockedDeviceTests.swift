#if canImport(UIKit) && canImport(Security) && os(iOS)
import UIKit
import XCTest

@testable import PosternMobile

/// With somebody who locks the device: `TEST_RUNNER_POSTERN_LOCK=1 xcodebuild test ..`, and within a minute of the test's start
/// the side button; the device needs a code.
///
/// No test runs before the first unlock after a restart. By hand: sign in with the sample, restart the iPhone, and do not unlock
/// it; a background fetch or a push starts the app, whose log says `deviceLocked`; after the unlock the session is there.
final class LockedDeviceTests: XCTestCase {
    private let place = TestPlace()

    override func tearDown() { place.clear() }

    @MainActor func testALockedDeviceRefreshesInTheBackground() async throws {
        try XCTSkipUnless(ProcessInfo.processInfo.environment["POSTERN_LOCK"] == "1", "nobody is here to lock the device")
        let (store, signer) = (KeychainStore(place.install), SecureEnclaveSigner(place.install))
        guard case .stored(let version) = try await store.put("account/a", Data("0".utf8), expect: 0) else {
            return XCTFail("there was none")
        }
        _ = try await signer.ensureKey("key/a", policy: .requireHardware)

        let app = UIApplication.shared
        let task = app.beginBackgroundTask()
        defer { app.endBackgroundTask(task) }
        let clock = ContinuousClock()
        let latest = clock.now + .seconds(90)
        while app.isProtectedDataAvailable && clock.now < latest { try await Task.sleep(for: .milliseconds(100)) }
        XCTAssertFalse(app.isProtectedDataAvailable, "nobody has locked it")

        let found = try await store.get("account/a")
        XCTAssertEqual(found?.version, version)
        _ = try await signer.sign("key/a", Data("x".utf8))
        guard case .stored = try await store.put("account/a", Data("1".utf8), expect: version) else {
            return XCTFail("it was the version")
        }
    }
}
#endif
