package dev.postern.mobile

import dev.postern.mobile.ffi.Token
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds

/** An access token. It does not print; [reveal] it where it is sent. */
public class AccessToken internal constructor(private val token: Token) {
    /** `DPoP` or `Bearer`. A `DPoP` token is worth nothing without a proof: [Session.authorize] makes both. */
    public val type: String get() = token.tokenType

    /** For how long it was good still when it was given. */
    public val expiresIn: Duration get() = token.expiresInMs.toLong().milliseconds

    /** What it allows, as far as it is known. */
    public val scopes: List<String> get() = token.scopes

    /** The token itself. */
    public fun reveal(): String = token.value.decodeToString()

    override fun toString(): String = "AccessToken([secret], $type, $expiresIn)"
}
