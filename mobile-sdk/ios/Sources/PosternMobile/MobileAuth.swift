import Foundation
import PosternMobileFFI

/// One app at one server: signs people in through the system's browser, and keeps their sessions.
///
/// Make one and keep it. Nothing that matters is in memory: a process that is killed anywhere goes on where it was.
public actor MobileAuth {
    let core: PosternMobileFFI.Core
    let driver: Driver
    private var flights: [AccountID: Flight] = [:]

    /// What is under way and may refresh.
    private struct Flight {
        /// The token that comes of it; `nil` where something else does.
        let want: Want?
        let work: Task<Result<Outcome, AuthError>, Never>
    }

    /// Throws `ConfigError`.
    public init(_ config: AuthConfig, hooks: Hooks) throws {
        core = try PosternMobileFFI.Core(config: config.forCore)
        driver = Driver(hooks: hooks)
    }

    /// What happens from now on. Each time it is read it is a stream of its own.
    public nonisolated var events: AsyncStream<AuthEvent> { driver.events.stream() }

    // MARK: Signing in

    /// Begins a sign-in, which is stored before its URL is known to anybody: show it with `present`, or open `url` in the
    /// system's browser and hand the way back to `handleRedirect`.
    public func beginAuthorization(
        _ params: AuthorizeParams = .init()
    ) async throws(AuthError) -> AuthorizationReady {
        guard case .authorizationReady(let ready) = try await finish(core.begin(params: params.forCore)) else {
            throw .internalError
        }
        return ready
    }

    /// Finishes a sign-in with the URL that the browser came back to, in this process or another (`onOpenURL`).
    public func handleRedirect(_ url: URL) async throws(AuthError) -> Session {
        try await signedIn(core.handleRedirect(url: Data(url.absoluteString.utf8)))
    }

    /// Forgets a sign-in that the person has given up.
    public func cancel(_ ready: AuthorizationReady) async throws(AuthError) {
        _ = try await finish(core.cancel(flowId: ready.flowId))
    }

    /// Begins a sign-in on another device (RFC 8628): show the code, and wait with `awaitDevice`.
    public func beginDevice(_ params: AuthorizeParams = .init()) async throws(AuthError) -> DeviceReady {
        guard case .deviceReady(let ready) = try await finish(core.beginDevice(params: params.forCore)) else {
            throw .internalError
        }
        return ready
    }

    /// Waits until the person has confirmed the code on the other device. Who is cancelled stops the asking, too; to call it
    /// again goes on with it.
    public func awaitDevice(_ ready: DeviceReady) async throws(AuthError) -> Session {
        let work = driver.start(core.pollDevice(flowId: ready.flowId))
        do throws(AuthError) {
            guard case .signedIn(let account) = try await join(work) else { throw AuthError.internalError }
            return Session(auth: self, account: account)
        } catch {
            if error.isCancelled { work.cancel() }
            throw error
        }
    }

    /// Takes over, once, what another SDK has stored, so that nobody signs in again. An account that is there already stays.
    public func adopt(_ tokens: StoredTokens) async throws(AuthError) -> Session {
        try await signedIn(core.adopt(tokens: tokens.forCore))
    }

    /// Signs in the person of another app of the same maker (OpenID Connect Native SSO for Mobile Apps 1.0).
    public func signIn(with shared: SharedSession) async throws(AuthError) -> Session {
        try await signedIn(core.nativeSso(sso: shared.forCore))
    }

    // MARK: Sessions

    /// The session of an account, or the default one. `nil` means that nobody is signed in, never that the device is locked.
    public func session(for account: AccountID? = nil) async throws(AuthError) -> Session? {
        let (accounts, chosen) = try await accounts()
        guard let id = account ?? chosen, accounts.contains(id) else { return nil }
        return Session(auth: self, account: id)
    }

    /// Everybody who is signed in here.
    public func sessions() async throws(AuthError) -> [Session] {
        try await accounts().all.map { Session(auth: self, account: $0) }
    }

    /// Whom `session()` means from now on.
    public func makeDefault(_ account: AccountID) async throws(AuthError) {
        _ = try await finish(core.setDefault(account: account))
    }

    /// Finishes what was cut off: revocations that wait, sign-ins that were given up. At the start of the app, and when the
    /// network comes back.
    public func resume() async throws(AuthError) {
        _ = try await finish(core.resume())
    }

    private func accounts() async throws(AuthError) -> (all: [AccountID], chosen: AccountID?) {
        guard case .accounts(let accounts, let chosen) = try await finish(core.accounts()) else {
            throw .internalError
        }
        return (accounts, chosen)
    }

    private func signedIn(_ operation: PosternMobileFFI.Operation) async throws(AuthError) -> Session {
        guard case .signedIn(let account) = try await finish(operation) else { throw .internalError }
        return Session(auth: self, account: account)
    }

    nonisolated func finish(_ operation: PosternMobileFFI.Operation) async throws(AuthError) -> Outcome {
        try await join(driver.start(operation))
    }

    // MARK: Tokens

    /// A token. Of all who ask at the same time one asks the server, in a task that none of them can cancel.
    func token(of account: AccountID, _ want: Want) async throws(AuthError) -> AccessToken {
        while true {
            let now = driver.hooks.clock.now()
            if !want.fresh, let token = core.cachedToken(account: account, want: want.forCore, now: now) {
                return AccessToken(token)
            }
            guard let other = flights[account], other.want != want else { break }
            try await over(other)
        }
        let flight =
            flights[account] ?? takeOff(account, want, core.accessToken(account: account, want: want.forCore))
        guard case .token(let token) = try await join(flight.work) else { throw .internalError }
        return AccessToken(token)
    }

    /// What uses a token, and would get itself one: it finds it there.
    func withToken(
        of account: AccountID, _ want: Want, _ operation: @Sendable (Want) -> PosternMobileFFI.Operation
    ) async throws(AuthError) -> Outcome {
        _ = try await token(of: account, want)
        var kept = want
        // It has just been got.
        kept.fresh = false
        while true {
            let now = driver.hooks.clock.now()
            if core.cachedToken(account: account, want: kept.forCore, now: now) != nil {
                return try await finish(operation(kept))
            }
            // An API has refused it meanwhile, or it was too short-lived to be kept for long.
            guard let other = flights[account] else { break }
            try await over(other)
        }
        return try await join(takeOff(account, nil, operation(kept)).work)
    }

    /// One at a time for each account: what is wanted besides comes after it, whatever came of it.
    private func over(_ other: Flight) async throws(AuthError) {
        do { _ = try await join(other.work) } catch where error.isCancelled { throw error } catch {}
    }

    private func takeOff(
        _ account: AccountID, _ want: Want?, _ operation: PosternMobileFFI.Operation
    ) -> Flight {
        let driver = driver
        let flight = Flight(
            want: want,
            work: Task.detached { [weak self] in
                let result = await driver.run(operation)
                // Before anybody hears of it: who asks then asks anew.
                await self?.landed(account)
                return result
            })
        flights[account] = flight
        return flight
    }

    private func landed(_ account: AccountID) {
        flights[account] = nil
    }
}

/// It prints nothing of its hooks, which may hold anything.
extension MobileAuth: CustomStringConvertible, CustomReflectable {
    public nonisolated var description: String { "[sign-ins and sessions of one app at one server]" }
    public nonisolated var customMirror: Mirror { Mirror(self, children: [:]) }
}
