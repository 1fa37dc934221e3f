package dev.postern.mobile

import dev.postern.mobile.ffi.SdkError
import dev.postern.mobile.ffi.errorOf
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds

/**
 * An error that says what the app does about it. Only [Action.SIGN_IN] means that the session is over, but for
 * [ErrorCode.STEP_UP_REQUIRED], which wants a stronger sign-in; whatever else happens, it is kept.
 */
public class AuthException internal constructor(error: SdkError) :
    Exception("${error.code} (${error.number}): ${error.action}") {
    /** What went wrong; `docs/ERRORS.md` has the list. */
    public val code: ErrorCode = error.code

    /** The same as a number that stays. */
    public val number: Int = error.number.toInt()

    /** What the app does about it. */
    public val action: Action = error.action

    /** When it may work. */
    public val retryAfter: Duration? = error.retryAfterMs?.toLong()?.milliseconds

    /** What the server or the API said: for logs, never believed. */
    public val details: String? = error.details

    /** One that the driver finds itself. */
    internal constructor(code: ErrorCode) : this(errorOf(code))

    internal companion object {
        /** What the API wants is in its challenges; of what was sent to it nothing is in them any more. */
        fun stepUp(answer: HttpResponse, sent: List<Header>): AuthException {
            val challenges = answer.headers.filter { it.name.equals("WWW-Authenticate", ignoreCase = true) }
                .joinToString(", ") { it.value.decodeToString() }.filter { it in ' '..'~' }
            val echoed = sent.map { it.value.decodeToString().substringAfter(' ') }
            val tame = echoed.fold(challenges) { so, secret -> so.replace(secret, "[secret]") }.take(256)
            return AuthException(errorOf(ErrorCode.STEP_UP_REQUIRED).copy(details = tame))
        }
    }
}
