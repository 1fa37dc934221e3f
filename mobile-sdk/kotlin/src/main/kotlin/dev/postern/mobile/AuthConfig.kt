package dev.postern.mobile

import dev.postern.mobile.ffi.Config
import dev.postern.mobile.ffi.ConfigException

/** What an app is at a server. Everything else is asked for. */
public data class AuthConfig(
    /** The server's URL, as its discovery document has it. */
    val issuer: String,
    /** The app's id there. */
    val clientId: String,
    /** Where the browser comes back to: https first; a custom scheme needs [allowCustomScheme]. */
    val redirectUri: String,
    /** What the app asks for. `offline_access` lets the session outlive the access token. */
    val scopes: Set<String> = setOf("openid", "offline_access"),
    /** The APIs that the app calls (RFC 8707). */
    val resources: List<String> = emptyList(),
    /** Whether tokens are bound to a key of the device (RFC 9449). */
    val dpop: DpopPolicy = DpopPolicy.REQUIRED,
    /** Whether requests are pushed to the server before the browser opens (RFC 9126). */
    val par: ParPolicy = ParPolicy.REQUIRED,
    /** Whether the app proves that it is itself, by [Hooks.attestor]. */
    val attestation: AttestationPolicy = AttestationPolicy.OFF,
    /** Whether keys have to live in hardware. */
    val requireHardwareKey: Boolean = false,
    /** A redirect URI like `com.example.app:/callback`, which other apps can claim (RFC 8252 section 7.1). */
    val allowCustomScheme: Boolean = false,
    /** http to this machine, for tests and desktops. */
    val allowLoopback: Boolean = false,
    /** This process (a widget) uses tokens and never refreshes. */
    val readOnly: Boolean = false,
    /** Which version the app is, for the server's list of sessions: letters, digits and `. _ + -`, at most 32. */
    val appVersion: String? = null,
) {
    internal fun toCore() = Config(
        issuer, clientId, redirectUri, scopes.toList(), resources, dpop, par, attestation,
        requireHardwareKey, allowCustomScheme, allowLoopback, readOnly, appVersion,
    )
}

/** What is wrong with a configuration, in words. */
internal fun ConfigException.explain(): String = when (this) {
    is ConfigException.Issuer -> "issuer is not an https URL without query and fragment; http to this machine needs allowLoopback"
    is ConfigException.ClientId -> "clientId is empty or not ASCII"
    is ConfigException.RedirectUri -> "redirectUri is not an https URL"
    is ConfigException.CustomScheme -> "redirectUri has a custom scheme: it needs allowCustomScheme and a name with a dot"
    is ConfigException.Scope -> "scopes has one that is none"
    is ConfigException.Resource -> "resources has one that is not an absolute URI without a fragment"
    is ConfigException.Attestation -> "attestation can only be REQUIRED where dpop is: it is evidence of the key"
}
