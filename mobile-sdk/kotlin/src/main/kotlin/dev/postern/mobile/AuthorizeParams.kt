package dev.postern.mobile

/** What a sign-in may ask for besides the configuration. */
public data class AuthorizeParams(
    /** Whom the server shall suggest. */
    val loginHint: String? = null,
    /** `login`, `consent`, `select_account`, `none`. */
    val prompt: String? = null,
    /** Authentication context classes that are enough, in order (RFC 9470). */
    val acrValues: String? = null,
    /** At most this many seconds since the person proved who they are. */
    val maxAge: Int? = null,
    /** Languages of the pages. */
    val uiLocales: String? = null,
    /** Instead of the configured scopes. */
    val scopes: Set<String>? = null,
    /** Other parameters that the server knows. None that the SDK sets itself. */
    val extra: Map<String, String> = emptyMap(),
) {
    /** Whom it suggests, and what the app adds, are no text for logs: it prints which there are, and nothing of them. */
    override fun toString(): String {
        val fields = mapOf(
            "loginHint" to loginHint, "prompt" to prompt, "acrValues" to acrValues, "maxAge" to maxAge,
            "uiLocales" to uiLocales, "scopes" to scopes, "extra" to extra.ifEmpty { null },
        )
        return "AuthorizeParams(${fields.filterValues { it != null }.keys.joinToString()})"
    }

    internal fun toCore() = dev.postern.mobile.ffi.AuthorizeParams(
        loginHint, prompt, acrValues, maxAge?.toUInt(), uiLocales, scopes?.toList(), extra,
    )
}
