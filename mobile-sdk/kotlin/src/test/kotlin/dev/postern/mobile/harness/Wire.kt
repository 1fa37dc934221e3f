package dev.postern.mobile.harness

import dev.postern.mobile.HttpClient
import dev.postern.mobile.HttpRequest
import dev.postern.mobile.HttpResult
import dev.postern.mobile.PlatformHttp
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicInteger

/** The network, with a hand in it. */
class Wire : HttpClient {
    private val platform = PlatformHttp()
    private val paths = CopyOnWriteArrayList<String>()

    /** How many requests came to their end, whatever it was. */
    val ended = AtomicInteger()

    /** What is done with a request; to send it is `send`. */
    @Volatile var instead: suspend (HttpRequest, send: suspend () -> HttpResult) -> HttpResult = { _, send -> send() }

    override suspend fun send(request: HttpRequest): HttpResult {
        paths += request.url.substringAfter("://").substringAfter('/').substringBefore('?')
        return instead(request) { platform.send(request) }.also { ended.incrementAndGet() }
    }

    /** How many requests went there; all without a path. */
    fun count(path: String? = null): Int = paths.count { path == null || it == path }

    fun offline() {
        instead = { _, _ -> HttpResult.NotSent }
    }

    fun online() {
        instead = { _, send -> send() }
    }
}
