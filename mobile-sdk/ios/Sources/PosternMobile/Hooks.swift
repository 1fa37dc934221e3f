import Foundation
import PosternMobileFFI

public typealias HttpRequest = PosternMobileFFI.HttpRequest
public typealias HttpResponse = PosternMobileFFI.HttpResponse
public typealias HttpHeader = PosternMobileFFI.Header

/// Why there is no answer: `notSent` when no byte can have arrived, else `ambiguous`.
public typealias HttpFailure = PosternMobileFFI.HttpFailure

/// The public half of a key, and where it lives.
public typealias KeyInfo = PosternMobileFFI.KeyInfo
public typealias KeyLevel = PosternMobileFFI.KeyLevel
public typealias KeyPolicy = PosternMobileFFI.KeyPolicy

/// Evidence of an attestor (draft-ietf-oauth-attestation-based-client-auth): two headers.
public typealias Evidence = PosternMobileFFI.Evidence

/// What the clocks say.
public typealias Moment = PosternMobileFFI.Moment

/// Why a hook could not; what it throws. It has no text, which could hold a secret. A `URLError` counts
/// as `io`, any other error as `unknown`.
public typealias HookError = PosternMobileFFI.HookError
extension HookError: Error {}

/// A record and its version.
public struct Versioned: Sendable, Equatable {
    public var value: Data
    /// Never 0, and never the same for two different values of a record.
    public var version: Int64

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

public enum HttpResult: Sendable, Equatable {
    case response(HttpResponse)
    case failed(HttpFailure)
}

/// Sends requests: no redirect followed, no cookies, no cache, no repetition, at most 1 MiB of answer, 10 s to connect and
/// 30 s in all.
public protocol HttpClient: Sendable {
    func send(_ request: HttpRequest) async -> HttpResult
}

/// The clocks of the device.
public protocol DeviceClock: Sendable {
    /// The monotonic clock goes on in sleep and is the same in all processes.
    func now() -> Moment
    func sleep(_ duration: Duration) async
}

/// What the app gives to the SDK. `Hooks.apple()` has all of it for Apple's systems.
public struct Hooks: Sendable {
    public var store: any SecureStore
    public var signer: any DpopSigner
    public var lease: any Lease
    public var http: any HttpClient
    public var attestor: (any Attestor)?
    public var clock: any DeviceClock
    /// How long a hook may take; one that takes longer has failed, and whatever it still does is taken up later.
    public var patience: Duration = .seconds(60)
    var random: @Sendable (Int) -> Data = Hooks.systemRandom

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
