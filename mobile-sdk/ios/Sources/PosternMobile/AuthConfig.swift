import Foundation
import PosternMobileFFI

/// Whether tokens are bound to a key of this device (RFC 9449): `required`, `preferred` is where the server can, or `off`.
public typealias DpopPolicy = PosternMobileFFI.DpopPolicy

/// Whether requests are pushed (RFC 9126): `required`, `preferred` is where the server can, or `off`.
public typealias ParPolicy = PosternMobileFFI.ParPolicy

/// What happens when there is no evidence that this is the app: with `required` nothing works, with `preferred` it goes on
/// without, with an event; with `off` it is not asked for.
public typealias AttestationPolicy = PosternMobileFFI.AttestationPolicy

/// What is wrong with a configuration: a mistake of the developer, found at the first start.
public typealias ConfigError = PosternMobileFFI.ConfigError

/// What an app says about itself.
public struct AuthConfig: Sendable, Equatable {
    /// The server, as its discovery document names it.
    public var issuer: String
    /// The app's id there.
    public var clientID: String
    /// Where the browser comes back to: https first.
    public var redirectURI: String
    /// What the tokens allow. Without `offline_access` a server may give no refresh token.
    public var scopes: [String]
    /// The APIs that the app calls (RFC 8707).
    public var resources: [String]
    /// Whether tokens are bound to a key of this device (RFC 9449).
    public var dpop: DpopPolicy
    /// Whether requests are pushed (RFC 9126).
    public var par: ParPolicy
    /// Whether the app proves that it is itself.
    public var attestation: AttestationPolicy
    /// Whether a key in software is no key. The simulator has no Secure Enclave on every Mac.
    public var requireHardwareKey: Bool
    /// A redirect URI like `com.example.app:/callback`, which other apps can claim.
    public var allowCustomScheme: Bool
    /// http to this machine, for tests and `postern demo`.
    public var allowLoopback: Bool
    /// This process (a widget, an extension) uses tokens and never refreshes.
    public var readOnly: Bool
    /// Which version of the app this is, for the server's lists of sessions: with Postern at most 32 letters, digits and
    /// `. _ + -`. Unless it is given it is the bundle's `CFBundleShortVersionString`.
    public var appVersion: String?

    /// DPoP and pushed requests are required unless said otherwise.
    public init(
        issuer: String,
        clientID: String,
        redirectURI: String,
        scopes: [String] = ["openid", "offline_access"],
        resources: [String] = [],
        dpop: DpopPolicy = .required,
        par: ParPolicy = .required,
        attestation: AttestationPolicy = .off,
        requireHardwareKey: Bool = false,
        allowCustomScheme: Bool = false,
        allowLoopback: Bool = false,
        readOnly: Bool = false,
        appVersion: String? = AuthConfig.bundleVersion
    ) {
        self.issuer = issuer
        self.clientID = clientID
        self.redirectURI = redirectURI
        self.scopes = scopes
        self.resources = resources
        self.dpop = dpop
        self.par = par
        self.attestation = attestation
        self.requireHardwareKey = requireHardwareKey
        self.allowCustomScheme = allowCustomScheme
        self.allowLoopback = allowLoopback
        self.readOnly = readOnly
        self.appVersion = appVersion
    }

    /// `nil` where a program has no bundle.
    public static var bundleVersion: String? {
        Bundle.main.object(forInfoDictionaryKey: "CFBundleShortVersionString") as? String
    }

    var forCore: PosternMobileFFI.Config {
        PosternMobileFFI.Config(
            issuer: issuer, clientId: clientID, redirectUri: redirectURI, scopes: scopes, resources: resources,
            dpop: dpop, par: par, attestation: attestation, requireHardwareKey: requireHardwareKey,
            allowCustomScheme: allowCustomScheme, allowLoopback: allowLoopback, readOnly: readOnly,
            appVersion: appVersion)
    }
}
