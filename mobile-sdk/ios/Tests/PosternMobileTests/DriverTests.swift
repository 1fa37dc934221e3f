import Foundation
import PosternMobileFFI
import XCTest

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

@testable import PosternMobile

/// What the driver adds to the core: one refresh for all who ask, callers who leave, hooks that do not behave.
final class DriverTests: XCTestCase {
    private let folder = Folder()
    private let server = FakeServer()

    private func hooks() throws -> Hooks {
        try Hooks(
            store: FileStore(folder: folder.url), signer: NoSigner(), lease: FileLease(folder: folder.url), http: server, clock: Hand())
    }

    /// Alice, who comes from another SDK.
    private func signedIn(lease: (any Lease)? = nil) async throws -> (MobileAuth, Session) {
        var hooks = try hooks()
        if let lease { hooks.lease = lease }
        let auth = try MobileAuth(FakeServer.config, hooks: hooks)
        return (auth, try await auth.adopt(StoredTokens(refreshToken: "CANARY-rt0")))
    }

    private func stored() async throws -> String {
        let store = try FileStore(folder: folder.url)
        let names = try await store.keys(prefix: "account/")
        XCTAssertEqual(names.count, 1)
        let record = try await store.get(names.first ?? "")
        return String(decoding: record?.value ?? Data(), as: UTF8.self)
    }

    func testFiveHundredCallersAreOneRequestThatNoneOfThemCancels() async throws {
        let (_, session) = try await signedIn()
        await server.hold()
        let first = Task { try await session.accessToken() }
        await server.arrival()
        let others = (0..<499).map { _ in Task { try await session.accessToken() } }
        for caller in others.dropLast() { caller.cancel() }
        first.cancel()
        // They stop waiting at once: the answer is still held back.
        for caller in others.dropLast() + [first] {
            let result = await caller.result
            guard case .failure(let error as AuthError) = result else { return XCTFail("\(result)") }
            XCTAssertTrue(error.isCancelled)
            XCTAssertEqual(error.action, .retryLater)
        }
        await server.release()
        let token = try await others[498].value
        XCTAssertEqual(token.value, "CANARY-at1")
        let refreshes = await server.refreshes
        XCTAssertEqual(refreshes, 1)
        let record = try await stored()
        XCTAssertTrue(record.contains("CANARY-rt1"))
    }

    func testARefreshThatEverybodyHasLeftIsStored() async throws {
        let (_, session) = try await signedIn()
        await server.hold()
        let only = Task { try await session.accessToken() }
        await server.arrival()
        only.cancel()
        _ = await only.result
        await server.release()
        // Who comes later finds it done, or waits for it.
        let token = try await session.accessToken()
        XCTAssertEqual(token.value, "CANARY-at1")
        let record = try await stored()
        XCTAssertTrue(record.contains("CANARY-rt1"))
    }

    func testARefreshThatPausesGoesOnWhenWhoBeganItHasLeft() async throws {
        let clock = Television()
        var hooks = try hooks()
        hooks.clock = clock
        let session = try await MobileAuth(FakeServer.config, hooks: hooks).adopt(StoredTokens(refreshToken: "CANARY-rt0"))
        await server.fail(.notSent)
        let first = Task { try await session.accessToken() }
        await clock.asleep()
        let before = clock.looks
        let other = Task { try await session.accessToken() }
        // It has looked for a token that is good still, and found none.
        while clock.looks == before { await Task.yield() }
        first.cancel()
        _ = await first.result
        await server.fail(nil)
        await clock.wake()
        let token = try await other.value
        XCTAssertEqual(token.value, "CANARY-at1")
    }

    func testWhoIsCancelledAtAnyEffectEndsNothing() async throws {
        for number in 1...12 {
            let (folder, server, trip) = (Folder(), FakeServer(), Trip(number))
            let store = Hooked(store: try FileStore(folder: folder.url)) { trip.hit() }
            let hooks = Hooks(
                store: store, signer: NoSigner(), lease: try FileLease(folder: folder.url),
                http: Counted(server: server, trip: trip), clock: Hand())
            let session = try await MobileAuth(FakeServer.config, hooks: hooks)
                .adopt(StoredTokens(refreshToken: "CANARY-rt0"))
            let caller = Task {
                await trip.armed()
                return try await session.accessToken()
            }
            trip.arm { caller.cancel() }
            _ = await caller.result
            let token = try await session.accessToken()
            XCTAssertEqual(token.value, "CANARY-at1", "\(number)")
            let refreshes = await server.refreshes
            XCTAssertEqual(refreshes, 1, "\(number)")
        }
    }

    func testWhatElseIsWantedOfAnAccountComesAfterwards() async throws {
        let (_, session) = try await signedIn()
        try await withThrowingTaskGroup(of: AccessToken.self) { group in
            for number in 0..<5 {
                for _ in 0..<20 {
                    group.addTask { try await session.accessToken(Want(resource: "https://api\(number).example")) }
                }
            }
            try await group.waitForAll()
        }
        let (refreshes, mostAtOnce) = await (server.refreshes, server.mostAtOnce)
        XCTAssertEqual(refreshes, 5)
        XCTAssertEqual(mostAtOnce, 1)
    }

    /// A request to an API and an exchange need a token, too.
    func testWhoeverNeedsATokenWaitsForTheOneRefresh() async throws {
        let lease = Everybodys()
        let (auth, session) = try await signedIn(lease: lease)
        let hand = await auth.driver.hooks.clock as? Hand
        let clock = try XCTUnwrap(hand)
        await server.hold()
        let first = Task { try await session.accessToken() }
        await server.arrival()
        let before = clock.looks
        let url = try XCTUnwrap(URL(string: "https://api.example/notes"))
        let others = (0..<30).map { number in
            Task {
                switch number % 3 {
                case 0: _ = try await session.exchange(audience: "notes")
                case 1: _ = try await session.accessToken(Want(resource: "https://api.example"))
                default:
                    var request = URLRequest(url: url)
                    try await session.authorize(&request, Want(resource: "https://api.example"))
                    XCTAssertTrue(request.value(forHTTPHeaderField: "Authorization")?.hasPrefix("Bearer CANARY-at") ?? false)
                }
            }
        }
        // Each has looked for a token that is good still, and found none.
        while clock.looks < before + others.count { await Task.yield() }
        await server.release()
        _ = try await first.value
        for other in others { try await other.value }
        // That of the first, and that of the other API: whoever goes past them takes a lease.
        let (leases, refreshes, atOnce) = await (lease.taken, server.refreshes, server.mostAtOnce)
        XCTAssertEqual(leases, 2)
        XCTAssertEqual(refreshes, 2)
        XCTAssertEqual(atOnce, 1)
        // A fresh one is fetched once, too.
        var request = URLRequest(url: url)
        try await session.authorize(&request, Want(fresh: true))
        XCTAssertEqual(request.value(forHTTPHeaderField: "Authorization"), "Bearer CANARY-at3")
        let exchanges = await server.forms.filter { $0.contains("token-exchange") }
        XCTAssertEqual(exchanges.count, 10)
        XCTAssertTrue(exchanges.allSatisfy { $0.contains("subject_token=CANARY-at1&") }, "\(exchanges)")
    }

    func testATokenThatAnAPIHasRefusedIsReplacedOnce() async throws {
        let (auth, session) = try await signedIn(lease: Everybodys())
        let account = session.account
        _ = try await session.accessToken()
        let url = try XCTUnwrap(URL(string: "https://api.example/notes"))
        let refusal = [HttpHeader(name: "WWW-Authenticate", value: Data(#"Bearer error="invalid_token""#.utf8))]
        let now = await auth.driver.hooks.clock.now()
        let verdict = await auth.core.responseSeen(
            account: account, url: url.absoluteString, status: 401, headers: refusal, tries: 0, now: now)
        XCTAssertEqual(verdict, .retry)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    if number.isMultiple(of: 2) {
                        _ = try await session.exchange(audience: "notes")
                    } else {
                        var request = URLRequest(url: url)
                        try await session.authorize(&request)
                        XCTAssertEqual(request.value(forHTTPHeaderField: "Authorization"), "Bearer CANARY-at2")
                    }
                }
            }
            try await group.waitForAll()
        }
        let refreshes = await server.refreshes
        XCTAssertEqual(refreshes, 2)
    }

    func testTheServerIsToldWhichVersionOfTheAppAsks() async throws {
        var config = FakeServer.config
        XCTAssertEqual(config.appVersion, AuthConfig.bundleVersion)
        config.appVersion = "4.2.1"
        let auth = try MobileAuth(config, hooks: hooks())
        _ = try await auth.adopt(StoredTokens(refreshToken: "CANARY-rt0")).accessToken()
        let forms = await server.forms
        let form = try XCTUnwrap(forms.last)
        XCTAssertTrue(form.contains("app_version=4.2.1"), form)
    }

    func testASignInHasTheAppsOwnParametersAndNoneOfTheSDKs() async throws {
        let auth = try MobileAuth(FakeServer.config, hooks: hooks())
        let ready = try await auth.beginAuthorization(AuthorizeParams(extra: ["tenant": "a b"]))
        let items = URLComponents(string: ready.url)?.queryItems ?? []
        XCTAssertEqual(items.filter { $0.name == "tenant" }.map(\.value), ["a b"])
        do {
            _ = try await auth.beginAuthorization(AuthorizeParams(extra: ["code_challenge": "x"]))
            XCTFail("it is the SDK's")
        } catch {
            XCTAssertEqual(error.code, .invalidArgument)
        }
    }

    /// Whoever asks for a fresh token is given another one each time.
    func testWhoAsksAnewIsNotGivenWhatCameBefore() async throws {
        let (_, session) = try await signedIn(lease: Everybodys())
        for number in 1...100 {
            let token = try await session.accessToken(Want(fresh: true))
            XCTAssertEqual(token.value, "CANARY-at\(number)")
        }
    }

    func testAFreshTokenIsGivenWithoutAnybody() async throws {
        let (_, session) = try await signedIn()
        let token = try await session.accessToken()
        await server.fail(.notSent)
        let again = try await session.accessToken()
        XCTAssertEqual(token.value, again.value)
        do {
            _ = try await session.accessToken(Want(fresh: true))
            XCTFail("offline")
        } catch {
            XCTAssertEqual(error.code, .offline)
            XCTAssertEqual(error.action, .retryLater)
        }
    }

    /// Who waits for another device and leaves is asked for no more; a later wait goes on with it.
    func testWhoLeavesADeviceGrantIsNotSignedInBehindTheirBack() async throws {
        let television = Television()
        var hooks = try hooks()
        (hooks.http, hooks.clock) = (television, television)
        var config = FakeServer.config
        config.scopes = ["notes"]
        let auth = try MobileAuth(config, hooks: hooks)
        let ready = try await auth.beginDevice()
        let first = Task { try await auth.awaitDevice(ready) }
        await television.asleep()
        first.cancel()
        let left = await first.result
        guard case .failure(let error as AuthError) = left, error.isCancelled else { return XCTFail("\(left)") }
        await television.wake()
        let polls = await television.settled()
        XCTAssertEqual(polls, 0)
        let session = try await auth.awaitDevice(ready)
        let there = try await auth.session()
        XCTAssertEqual(there, session)
    }

    func testALockedDeviceIsNotSignedOut() async throws {
        _ = try await signedIn()
        var hooks = try hooks()
        hooks.store = Hooked(store: try FileStore(folder: folder.url)) { throw HookError.locked }
        let locked = try MobileAuth(FakeServer.config, hooks: hooks)
        do {
            _ = try await locked.session()
            XCTFail("locked")
        } catch {
            XCTAssertEqual(error.code, .deviceLocked)
            XCTAssertEqual(error.action, .waitForUnlock)
        }
        let unlocked = try MobileAuth(FakeServer.config, hooks: self.hooks())
        let session = try await unlocked.session()
        XCTAssertNotNil(session)
    }

    func testAHookThatThrowsOrNeverReturnsIsAnError() async throws {
        struct Unheard: Error {}
        _ = try await signedIn()
        var hooks = try hooks()
        hooks.patience = .milliseconds(50)
        hooks.store = Hooked(store: try FileStore(folder: folder.url)) { throw Unheard() }
        try await expect(.hookMisbehaved, hooks)
        hooks.store = Hooked(store: try FileStore(folder: folder.url)) { throw URLError(.notConnectedToInternet) }
        try await expect(.storageUnavailable, hooks)
        // Not the person's word: nobody here has cancelled anything.
        hooks.store = Hooked(store: try FileStore(folder: folder.url)) { throw CancellationError() }
        try await expect(.hookTimeout, hooks)
        hooks.store = Hooked(store: try FileStore(folder: folder.url)) {
            // Cancelling does not help here: nobody ever answers.
            await withCheckedContinuation { continuation in Forever.shared.keep(continuation) }
        }
        try await expect(.hookTimeout, hooks)
    }

    private func expect(_ code: AuthError.Code, _ hooks: Hooks) async throws {
        do {
            _ = try await MobileAuth(FakeServer.config, hooks: hooks).session()
            XCTFail("\(code)")
        } catch let error as AuthError {
            XCTAssertEqual(error.code, code)
        }
    }

    func testEverybodyWhoListensIsTold() async throws {
        let auth = try MobileAuth(FakeServer.config, hooks: hooks())
        var (one, other) = (auth.events.makeAsyncIterator(), auth.events.makeAsyncIterator())
        let session = try await auth.adopt(StoredTokens(refreshToken: "CANARY-rt0"))
        _ = try await session.accessToken()
        try await session.logout(.localOnly)
        let expected: [AuthEvent] = [
            .accountAdded(account: session.account), .tokensRotated(account: session.account),
            .accountRemoved(account: session.account),
        ]
        for event in expected {
            let (first, second) = (await one.next(), await other.next())
            XCTAssertEqual(first, event)
            XCTAssertEqual(second, event)
        }
        let left = try await auth.session()
        XCTAssertNil(left)
    }

    func testNothingThatIsPrintedHoldsASecret() async throws {
        let (auth, session) = try await signedIn()
        let token = try await session.accessToken()
        var events = auth.events.makeAsyncIterator()
        let ready = try await auth.beginAuthorization(AuthorizeParams(loginHint: "CANARY-hint"))
        XCTAssertTrue(ready.url.contains("CANARY-hint"))
        XCTAssertEqual(token.value, "CANARY-at1")
        // A server that sends the token back.
        let echo = "CANARY-" + String(repeating: "x", count: 40)
        let url = try XCTUnwrap(URL(string: "https://api.example"))
        let challenge = HTTPURLResponse(
            url: url, statusCode: 401, httpVersion: nil, headerFields: ["WWW-Authenticate": "DPoP \(echo)"])
        var request = URLRequest(url: url)
        request.setValue("DPoP \(echo)", forHTTPHeaderField: "Authorization")
        var errors: [AuthError] = [.stepUpRequired(try XCTUnwrap(challenge), sent: request), .cancelled]
        for refusal in ["invalid_scope", "invalid_grant"] {
            await server.refuse(#"{"error":"\#(refusal)","error_description":"it was \#(echo)"}"#)
            do {
                _ = try await session.accessToken(Want(fresh: true))
                XCTFail("it is refused")
            } catch {
                errors.append(error)
            }
        }
        XCTAssertEqual(errors.map(\.details), ["DPoP [secret]", nil, "invalid_scope: it was [long]", nil])
        let ended = await events.next()
        XCTAssertEqual(ended, .sessionEnded(account: session.account, reason: .refused))
        let asked = AuthorizeParams(loginHint: "CANARY-hint", extra: ["tenant": "CANARY-tenant"])
        XCTAssertEqual("\(asked)", "[parameters of a sign-in: loginHint, extra]")
        let things: [Any] = [
            asked,
            errors, errors.map(\.localizedDescription), ended as Any, FakeServer.config,
            token, StoredTokens(refreshToken: "CANARY-rt0", idToken: "CANARY-id"), session, auth, ready,
            SharedSession(NativeSso(idToken: Data("CANARY-id".utf8), deviceSecret: Data("CANARY-ds".utf8))),
            DeviceReady(
                userCode: "CANARY-code", verificationUri: "https://id.example", verificationUriComplete: "CANARY-uri",
                flowId: "f", expiresInMs: 1),
        ]
        for thing in things {
            var text = String(describing: thing) + String(reflecting: thing) + "\(thing)"
            dump(thing, to: &text)
            XCTAssertFalse(text.contains("CANARY"), text)
        }
    }

    func testAnAccountThatIsNotThereHasNoSession() async throws {
        let (auth, session) = try await signedIn()
        let there = try await auth.session(for: session.account)
        XCTAssertEqual(there, session)
        let nobody = try await auth.session(for: "nobody")
        XCTAssertNil(nobody)
    }

    func testWhoNeverReadsKeepsTheLastEventsOnly() async throws {
        let events = Events()
        var heard = events.stream().makeAsyncIterator()
        for number in 1...100 { events.tell([.accountAdded(account: "\(number)")]) }
        let first = await heard.next()
        XCTAssertEqual(first, .accountAdded(account: "37"))
    }

    func testAMistakeInTheConfigurationIsNamed() throws {
        var config = FakeServer.config
        config.redirectURI = "app:/callback"
        XCTAssertThrowsError(try MobileAuth(config, hooks: hooks())) { error in
            XCTAssertEqual(error as? ConfigError, .CustomScheme)
        }
    }
}

/// Does something at the effect of this number, once it is armed.
private final class Trip: @unchecked Sendable {
    private let lock = NSLock()
    private var left: Int
    private var act: (@Sendable () -> Void)?

    init(_ number: Int) { left = number }
    func arm(_ act: @escaping @Sendable () -> Void) { lock.withLock { self.act = act } }
    func armed() async { while lock.withLock({ act == nil }) { await Task.yield() } }

    func hit() {
        let due: (@Sendable () -> Void)? = lock.withLock {
            guard let act else { return nil }
            left -= 1
            return left == 0 ? act : nil
        }
        due?()
    }
}

private struct Counted: HttpClient {
    let server: FakeServer
    let trip: Trip

    func send(_ request: HttpRequest) async -> HttpResult {
        trip.hit()
        return await server.send(request)
    }
}

/// Keeps those to whom nobody answers.
private final class Forever: @unchecked Sendable {
    static let shared = Forever()
    private let lock = NSLock()
    private var kept: [CheckedContinuation<Void, Never>] = []
    func keep(_ continuation: CheckedContinuation<Void, Never>) { lock.withLock { kept.append(continuation) } }
}

/// A server with the device grant, and a clock whose first sleep is as long as the test says.
private actor Television: HttpClient, DeviceClock {
    private var polls = 0
    private var isAwake = false
    private var sleeper: CheckedContinuation<Void, Never>?
    private var watcher: CheckedContinuation<Void, Never>?
    private nonisolated let hand = Hand()

    nonisolated var looks: Int { hand.looks }
    nonisolated func now() -> Moment { hand.now() }

    func sleep(_ duration: Duration) async {
        if isAwake { return }
        await withCheckedContinuation {
            sleeper = $0
            watcher?.resume()
            watcher = nil
        }
    }

    func asleep() async {
        if sleeper == nil { await withCheckedContinuation { watcher = $0 } }
    }

    func wake() {
        isAwake = true
        sleeper?.resume()
    }

    /// How often the server was asked, when whoever was woken has had time to ask.
    func settled() async -> Int {
        for _ in 0..<1000 { await Task.yield() }
        return polls
    }

    func send(_ request: HttpRequest) async -> HttpResult {
        let body: String
        if request.url.hasSuffix("/token") {
            polls += 1
            body = #"{"access_token":"at","token_type":"Bearer","expires_in":300,"refresh_token":"rt"}"#
        } else if request.url.hasSuffix("/device") {
            body = """
                {"device_code":"d","user_code":"U","verification_uri":"https://id.example/d","expires_in":600,"interval":5}
                """
        } else {
            body = """
                {"issuer":"https://id.example","authorization_endpoint":"https://id.example/authorize",
                "token_endpoint":"https://id.example/token","code_challenge_methods_supported":["S256"],
                "device_authorization_endpoint":"https://id.example/device"}
                """
        }
        let headers = [HttpHeader(name: "Content-Type", value: Data("application/json".utf8))]
        return .response(HttpResponse(status: 200, headers: headers, body: Data(body.utf8)))
    }
}

/// Keeps nobody waiting.
private actor Everybodys: Lease {
    private(set) var taken = 0

    func take(_ name: String, ttl: Duration, wait: Duration) async -> Bool {
        taken += 1
        return true
    }
    func give(_ name: String) async {}
}
