package dev.postern.mobile

import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

/** Which access token is wanted. */
public data class Want(
    /** How long it has to be good still; with [Duration.ZERO] any that is good now will do. */
    val minTtl: Duration = 30.seconds,
    /** For which API (RFC 8707); without one the server's default for the app. */
    val resource: String? = null,
    /** Narrower than the session's scopes. */
    val scopes: Set<String>? = null,
    /** Not one that is there already. */
    val fresh: Boolean = false,
) {
    internal fun toCore() = dev.postern.mobile.ffi.Want(
        // To the core 0 is 30 s.
        minTtl.inWholeMilliseconds.coerceAtLeast(1).toULong(), resource, scopes?.toList(), fresh,
    )
}
