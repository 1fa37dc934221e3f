package dev.postern.mobile

import dev.postern.mobile.ffi.Outcome
import dev.postern.mobile.internal.Driver

/** A person's session. It holds nothing: all of them of an account are the same. */
public class Session internal constructor(private val driver: Driver, public val account: String) {
    /** A token that is good for long enough. However many ask, one request leaves the device. */
    public suspend fun accessToken(want: Want = Want()): AccessToken = AccessToken(driver.token(account, want.toCore()))

    /** The headers that make a request to an API an authorized one. Each is good for one request. */
    public suspend fun authorize(method: String, url: String, want: Want = Want()): List<Header> =
        driver.headers(account, method, url, want.toCore())

    /** What to do with the API's answer to a request that was authorized by [authorize] after that many tries (0 at first). */
    public suspend fun judge(url: String, status: Int, headers: List<Header>, tries: Int): Verdict =
        driver.judge(account, url, status, headers, tries)

    /**
     * Sends a request to an API: authorized, and once more if the API asks for another proof or token. [send] is the app's own
     * client, or the SDK's, which takes at most 1 MiB and sends no PATCH on a JDK ([ErrorCode.INVALID_ARGUMENT]); token and
     * proof are wiped when it has come back. An API that wants a stronger or fresher sign-in is [ErrorCode.STEP_UP_REQUIRED],
     * with its challenge (RFC 9470) in [AuthException.details]: begin one with [AuthorizeParams.acrValues] and
     * [AuthorizeParams.maxAge].
     */
    public suspend fun fetch(
        request: HttpRequest,
        want: Want = Want(),
        send: suspend (HttpRequest) -> HttpResponse = driver::send,
    ): HttpResponse {
        for (tries in 0..1) {
            val authorization = authorize(request.method, request.url, want)
            try {
                val response = send(request.copy(headers = request.headers + authorization))
                when (judge(request.url, response.status.toInt(), response.headers, tries)) {
                    Verdict.PASS -> return response
                    Verdict.STEP_UP -> throw AuthException.stepUp(response, authorization)
                    Verdict.RETRY -> continue
                }
            } finally {
                authorization.forEach { it.value.fill(0) }
            }
        }
        throw AuthException(ErrorCode.INTERNAL)
    }

    /** The same for what has no body of its own. */
    public suspend fun fetch(url: String, method: String = "GET", want: Want = Want()): HttpResponse =
        fetch(HttpRequest(method, url, emptyList(), ByteArray(0)), want)

    /** What the last ID token said, as JSON. */
    public suspend fun claims(): String =
        (driver.run { it.idClaims(account) } as Outcome.Claims).json.decodeToString()

    /** Exchanges the session's token for one of another API (RFC 8693). */
    public suspend fun exchange(params: ExchangeParams): AccessToken =
        AccessToken(driver.exchange(account, params))

    /** What an app of the same maker needs to sign the person in. */
    public suspend fun share(): NativeSso = (driver.run { it.share(account) } as Outcome.Shared).sso

    /** Where the browser signs the person out (OpenID Connect RP-Initiated Logout). */
    public suspend fun endSessionUrl(then: String? = null, state: String? = null): String =
        (driver.run { it.endSessionUrl(account, then, state) } as Outcome.Url).url

    /** Signs out: here at once, also without a network; the server is told when it can be. */
    public suspend fun logout(mode: LogoutMode = LogoutMode.SESSION) {
        driver.run { it.logout(account, mode) }
    }

    override fun equals(other: Any?): Boolean = other is Session && other.account == account

    override fun hashCode(): Int = account.hashCode()

    override fun toString(): String = "Session($account)"
}
