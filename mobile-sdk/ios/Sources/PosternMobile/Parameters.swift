import Foundation
import PosternMobileFFI

/// Names an account on this device, as `Session.account` gives it. It says nothing about the person.
public typealias AccountID = String

/// How to sign out: `session` here and at the server, `sessionAndBrowser` also the browser session that it came from (if it
/// cannot be ended at once, there is an event `browserSessionKept`), `localOnly` here only.
public typealias LogoutMode = PosternMobileFFI.LogoutMode

/// A sign-in that waits for its browser.
public typealias AuthorizationReady = PosternMobileFFI.AuthorizationReady

/// A sign-in that waits for another device (RFC 8628).
public typealias DeviceReady = PosternMobileFFI.DeviceReady

/// What a sign-in may ask for besides the configuration.
public struct AuthorizeParams: Sendable, Equatable {
    /// Whom the server shall suggest.
    public var loginHint: String?
    /// `login`, `consent`, `select_account`, `none`.
    public var prompt: String?
    /// Authentication context classes that are enough, in order (RFC 9470).
    public var acrValues: String?
    /// At most this many seconds since the person proved who they are.
    public var maxAge: UInt32?
    /// Languages of the pages.
    public var uiLocales: String?
    /// Instead of the configured scopes.
    public var scopes: [String]?
    /// Other parameters of the authorization request, as some servers have them. One that the SDK sets itself is
    /// `invalidArgument`.
    public var extra: [String: String]

    /// Nothing besides the configuration, unless it is given.
    public init(
        loginHint: String? = nil, prompt: String? = nil, acrValues: String? = nil, maxAge: UInt32? = nil,
        uiLocales: String? = nil, scopes: [String]? = nil, extra: [String: String] = [:]
    ) {
        self.loginHint = loginHint
        self.prompt = prompt
        self.acrValues = acrValues
        self.maxAge = maxAge
        self.uiLocales = uiLocales
        self.scopes = scopes
        self.extra = extra
    }

    var forCore: PosternMobileFFI.AuthorizeParams {
        PosternMobileFFI.AuthorizeParams(
            loginHint: loginHint, prompt: prompt, acrValues: acrValues, maxAge: maxAge, uiLocales: uiLocales,
            scopes: scopes, extra: extra)
    }
}

/// Whom it suggests, and what the app adds, are no text for logs: it prints which there are, and nothing of them.
extension AuthorizeParams: CustomStringConvertible, CustomReflectable {
    public var description: String {
        let fields = [
            ("loginHint", loginHint != nil), ("prompt", prompt != nil), ("acrValues", acrValues != nil),
            ("maxAge", maxAge != nil), ("uiLocales", uiLocales != nil), ("scopes", scopes != nil), ("extra", !extra.isEmpty),
        ]
        return "[parameters of a sign-in: \(fields.filter(\.1).map(\.0).joined(separator: ", "))]"
    }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Which access token is wanted.
public struct Want: Sendable, Equatable {
    /// How long it has to be good still.
    public var minTTL: Duration
    /// For which API (RFC 8707). `nil`: the server's default for the app.
    public var resource: String?
    /// Narrower than the session's scopes.
    public var scopes: [String]?
    /// Not one that is there already.
    public var fresh: Bool

    /// A token of the session's own scopes that is good for half a minute still, unless said otherwise.
    public init(
        minTTL: Duration = .seconds(30), resource: String? = nil, scopes: [String]? = nil, fresh: Bool = false
    ) {
        self.minTTL = minTTL
        self.resource = resource
        self.scopes = scopes
        self.fresh = fresh
    }

    var forCore: PosternMobileFFI.Want {
        PosternMobileFFI.Want(
            minTtlMs: UInt64(clamping: minTTL.milliseconds), resource: resource, scopes: scopes, fresh: fresh)
    }
}

/// An access token: good for this device's requests to an API, and nobody else's where it is bound to a key.
public struct AccessToken: Sendable, Equatable {
    /// What goes into the header.
    public let value: String
    /// `DPoP` or `Bearer`: the scheme of the header `Authorization`.
    public let type: String
    /// For how long it is good still.
    public let expiresIn: Duration
    /// What it allows, as far as it is known.
    public let scopes: [String]

    init(_ token: Token) {
        value = String(decoding: token.value, as: UTF8.self)
        type = token.tokenType
        expiresIn = .milliseconds(Int64(clamping: token.expiresInMs))
        scopes = token.scopes
    }
}

/// It prints no secret, however it is printed.
extension AccessToken: CustomStringConvertible, CustomReflectable {
    public var description: String { "[access token, \(type), good for \(expiresIn)]" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Tokens that another SDK has kept.
public struct StoredTokens: Sendable {
    let refreshToken: String
    let idToken: String?

    /// The ID token says whose they are; without it the person is unknown until the next sign-in.
    public init(refreshToken: String, idToken: String? = nil) {
        self.refreshToken = refreshToken
        self.idToken = idToken
    }

    var forCore: PosternMobileFFI.StoredTokens {
        PosternMobileFFI.StoredTokens(refreshToken: Data(refreshToken.utf8), idToken: idToken.map { Data($0.utf8) })
    }
}

extension StoredTokens: CustomStringConvertible, CustomReflectable {
    public var description: String { "[stored tokens]" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// What an app of the same maker needs to sign the person in (OpenID Connect Native SSO for Mobile Apps 1.0). To be put
/// where only those can read it: a keychain group.
public struct SharedSession: Sendable, Codable {
    /// Says whose session it is.
    public let idToken: Data
    /// Proves that it is of this device: a secret.
    public let deviceSecret: Data

    init(_ sso: NativeSso) {
        idToken = sso.idToken
        deviceSecret = sso.deviceSecret
    }

    var forCore: NativeSso { NativeSso(idToken: idToken, deviceSecret: deviceSecret) }
}

extension SharedSession: CustomStringConvertible, CustomReflectable {
    public var description: String { "[shared session]" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension Duration {
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return overflow ? (seconds < 0 ? .min : .max) : whole &+ attoseconds / 1_000_000_000_000_000
    }
}

// A URL may have `state` or `nonce` in it, and whoever knows a user code can use it: they are not for logs.

extension PosternMobileFFI.AuthorizationReady: CustomStringConvertible, CustomReflectable {
    public var description: String { "[a sign-in that waits for its browser, \(flowId)]" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension PosternMobileFFI.DeviceReady: CustomStringConvertible, CustomReflectable {
    public var description: String { "[a sign-in that waits for another device, \(flowId)]" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
