package dev.postern.mobile

/**
 * Sends one request: no redirects followed, no cookies, no cache, no repetition, 10 s to connect and 30 s in all, at most
 * 1 MiB of answer.
 */
public fun interface HttpClient {
    /**
     * The request as it is, once. What can never be sent, such as a method that the client does not know, is an
     * [IllegalArgumentException].
     */
    public suspend fun send(request: HttpRequest): HttpResult
}

/** What came of a request. */
public sealed interface HttpResult {
    /** The server answered. */
    public class Answered(public val response: HttpResponse) : HttpResult

    /** No byte can have arrived: no network, no address, no connection, no TLS. */
    public data object NotSent : HttpResult

    /** It may have arrived. */
    public data object Ambiguous : HttpResult
}
