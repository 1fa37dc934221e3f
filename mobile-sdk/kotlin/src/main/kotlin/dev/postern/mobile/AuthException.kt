package dev.postern.mobile

import dev.postern.mobile.ffi.SdkError
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds

/**
 * An error that says what the app does about it. Only [Action.SIGN_IN] means that the session is over, but for
 * [ErrorCode.STEP_UP_REQUIRED], which wants a stronger sign-in; whatever else happens, it is kept.
 */
public class AuthException internal constructor(
    public val code: ErrorCode,
    /** The same as a number that stays. */
    public val number: Int,
    public val action: Action,
    /** When it may work. */
    public val retryAfter: Duration? = null,
    /** What the server said: for logs, never believed. */
    public val details: String? = null,
) : Exception("$code ($number): $action") {
    internal constructor(error: SdkError) : this(
        error.code, error.number.toInt(), error.action, error.retryAfterMs?.toLong()?.milliseconds, error.details,
    )

    internal companion object {
        fun internal() = AuthException(ErrorCode.INTERNAL, 1904, Action.REPORT)
        fun hookMisbehaved() = AuthException(ErrorCode.HOOK_MISBEHAVED, 1902, Action.REPORT)
        fun cancelled() = AuthException(ErrorCode.USER_CANCELLED, 1001, Action.SHOW_LOGIN)
        fun offline() = AuthException(ErrorCode.OFFLINE, 1401, Action.RETRY_LATER)
        fun noAnswer() = AuthException(ErrorCode.NO_ANSWER, 1402, Action.RETRY_LATER)
        fun stepUp() = AuthException(ErrorCode.STEP_UP_REQUIRED, 1305, Action.SIGN_IN)
    }
}
