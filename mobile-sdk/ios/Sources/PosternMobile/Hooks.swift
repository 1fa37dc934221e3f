import Foundation
import PosternMobileFFI

/// A request that the core wants sent as it is.
public typealias HttpRequest = PosternMobileFFI.HttpRequest

/// What came back: status, all headers, and the body, whatever the status is.
public typealias HttpResponse = PosternMobileFFI.HttpResponse

/// A header: its name in any case, and its value as bytes.
public typealias HttpHeader = PosternMobileFFI.Header

/// Why there is no answer: `notSent` when no byte can have arrived, else `ambiguous`.
public typealias HttpFailure = PosternMobileFFI.HttpFailure

/// The public half of a key, and where it lives.
public typealias KeyInfo = PosternMobileFFI.KeyInfo

/// Where a key lives: in the Secure Enclave, or in software. (Android has the other two.)
public typealias KeyLevel = PosternMobileFFI.KeyLevel

/// Where a key has to live: `preferHardware` is in hardware where there is any, `requireHardware` there or nowhere.
public typealias KeyPolicy = PosternMobileFFI.KeyPolicy

/// Evidence of an attestor (draft-ietf-oauth-attestation-based-client-auth): two headers.
public typealias Evidence = PosternMobileFFI.Evidence

/// What the clocks say.
public typealias Moment = PosternMobileFFI.Moment

/// Why a hook could not; what it throws. It has no text, which could hold a secret. A `URLError`
/// counts as `io`, any other error as `unknown`.
public typealias HookError = PosternMobileFFI.HookError
extension HookError: Error {}

/// A record and its version.
public struct Versioned: Sendable, Equatable {
    /// What was put there.
    public var value: Data
    /// Never 0, and never the same for two different values of a record.
    public var version: Int64

    /// What a store has found.
    public init(value: Data, version: Int64) {
        self.value = value
        self.version = version
    }
}

/// What came of a write.
public enum PutResult: Sendable, Equatable {
    /// It is written and survives a power cut; this is its version.
    case stored(version: Int64)
    /// Another version is there, or none.
    case conflict
}

/// Keeps records of at most 64 KiB. Shared by all processes of the app.
///
/// A device that is locked throws `HookError.locked`; that is never "there is none".
public protocol SecureStore: Sendable {
    /// `nil`: there is none.
    func get(_ key: String) async throws -> Versioned?
    /// Writes durably and as a whole, if the version that is there is the expected one; 0 is "there is none".
    func put(_ key: String, _ value: Data, expect: Int64) async throws -> PutResult
    /// Deletes, if the version that is there is the expected one; `nil` is whatever is there. Whether it is gone.
    func delete(_ key: String, expect: Int64?) async throws -> Bool
    /// The names that begin so, in any order.
    func keys(prefix: String) async throws -> [String]
}

/// A lock that other processes see. It saves requests; nothing that is right depends on it.
public protocol Lease: Sendable {
    /// Takes it, or waits for it that long at most. It falls after `ttl`, whatever becomes of its holder.
    func take(_ name: String, ttl: Duration, wait: Duration) async -> Bool
    /// Gives it back. What was taken over by another meanwhile is not this one's to give.
    func give(_ name: String) async
}

/// Keys on the curve P-256 that never leave where they live.
public protocol DpopSigner: Sendable {
    /// Makes a key, or finds the one of this name.
    func ensureKey(_ id: String, policy: KeyPolicy) async throws -> KeyInfo
    /// Signs with ES256 what is not hashed yet: DER or r || s. `HookError.notFound` where there is no such key, `keyLost`
    /// where it is gone for good.
    func sign(_ id: String, _ message: Data) async throws -> Data
    /// Deletes a key; that there is none is no error.
    func deleteKey(_ id: String) async throws
}

/// Proves that this is the app on a real device.
public protocol Attestor: Sendable {
    /// The evidence is about the DPoP key with this thumbprint (RFC 7638).
    func attest(challenge: Data, thumbprint: String) async throws -> Evidence
}

/// What came of a request.
public enum HttpResult: Sendable, Equatable {
    /// The server's answer, also one that is an error.
    case response(HttpResponse)
    /// There is none.
    case failed(HttpFailure)
}

/// Sends requests: no redirect followed, no cookies, no cache, no repetition, at most 1 MiB of answer, 10 s to connect and
/// 30 s in all.
public protocol HttpClient: Sendable {
    /// Sends it once. It throws nothing: whether it can have arrived decides what the core does next.
    func send(_ request: HttpRequest) async -> HttpResult
}

/// The clocks of the device.
public protocol DeviceClock: Sendable {
    /// The monotonic clock goes on in sleep and is the same in all processes.
    func now() -> Moment
    /// Returns when the time is over, or earlier where its task is cancelled.
    func sleep(_ duration: Duration) async
}

/// What the app gives to the SDK. `Hooks.apple()` has all of it for Apple's systems.
public struct Hooks: Sendable {
    /// Keeps the records.
    public var store: any SecureStore
    /// Has the keys.
    public var signer: any DpopSigner
    /// Lets one process refresh at a time.
    public var lease: any Lease
    /// Speaks to the authorization server. (Requests to APIs are `Session.data`'s, by `URLSession`.)
    public var http: any HttpClient
    /// Proves that this is the app; `nil`: nobody does.
    public var attestor: (any Attestor)?
    /// The clocks.
    public var clock: any DeviceClock
    /// How long a hook may take; one that takes longer has failed, and whatever it still does is taken up later.
    public var patience: Duration = .seconds(60)
    var random: @Sendable (Int) -> Data = Hooks.systemRandom

    /// Hooks of the app's own; HTTP and clock are the system's unless given.
    public init(
        store: any SecureStore, signer: any DpopSigner, lease: any Lease, http: any HttpClient = URLSessionHttp(),
        attestor: (any Attestor)? = nil, clock: any DeviceClock = SystemClock()
    ) {
        self.store = store
        self.signer = signer
        self.lease = lease
        self.http = http
        self.attestor = attestor
        self.clock = clock
    }

    /// The system's generator is a cryptographic one on every platform that Swift supports.
    static let systemRandom: @Sendable (Int) -> Data = { count in
        var generator = SystemRandomNumberGenerator()
        return Data((0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }
}
