package dev.postern.mobile

import java.io.IOException
import java.io.InputStream
import java.net.HttpRetryException
import java.net.HttpURLConnection
import java.net.ProtocolException
import java.net.URL
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/**
 * The platform's own client, with its trust store, proxies and network rules. (An app that sets a `CookieHandler` for the
 * whole process gives its cookies to these requests too.)
 *
 * The JDK's, unlike Android's, sends no PATCH: that is an [IllegalArgumentException], as is any method that the platform does not
 * know.
 */
public class PlatformHttp(
    private val toConnect: Duration = 10.seconds,
    private val inAll: Duration = 30.seconds,
) : HttpClient {
    override suspend fun send(request: HttpRequest): HttpResult = withContext(Dispatchers.IO) {
        val connection = URL(request.url).openConnection() as HttpURLConnection
        connection.prepare(request)
        coroutineScope {
            // A server that sends a byte now and then would never run into a read's own limit.
            val limit = launch {
                delay(inAll)
                connection.disconnect()
            }
            try {
                talk(connection, request)
            } finally {
                limit.cancel()
                connection.disconnect()
            }
        }
    }

    private fun HttpURLConnection.prepare(request: HttpRequest) {
        try {
            requestMethod = request.method
        } catch (_: ProtocolException) {
            throw IllegalArgumentException("the platform's client does not send this method")
        }
        instanceFollowRedirects = false
        useCaches = false
        connectTimeout = toConnect.inWholeMilliseconds.toInt()
        readTimeout = inAll.inWholeMilliseconds.toInt()
        request.headers.forEach { addRequestProperty(it.name, it.value.decodeToString()) }
        // A connection of its own: one that was kept may be dead, and then nobody knows whether the request arrived.
        setRequestProperty("Connection", "close")
        setRequestProperty("Accept-Encoding", "identity")
        if (request.method != "GET" && request.method != "HEAD") {
            doOutput = true
            // The platform repeats a body that it has kept, but not one that it streams.
            setFixedLengthStreamingMode(request.body.size)
        }
    }

    private fun talk(connection: HttpURLConnection, request: HttpRequest): HttpResult {
        try {
            connection.connect()
        } catch (_: IOException) {
            return HttpResult.NotSent
        }
        return try {
            if (connection.doOutput) connection.outputStream.use { it.write(request.body) }
            HttpResult.Answered(answer(connection))
        } catch (_: IOException) {
            HttpResult.Ambiguous
        }
    }

    private fun answer(connection: HttpURLConnection): HttpResponse {
        val status = try {
            connection.responseCode
        } catch (refused: HttpRetryException) {
            // The JDK reads no body of a 401 to what was streamed; the headers are there. Android does.
            return HttpResponse(refused.responseCode().toUShort(), connection.lines(), ByteArray(0))
        }
        if (status !in 100..599) throw IOException("not HTTP")
        val body = if (status >= 400) connection.errorStream else connection.inputStream
        return HttpResponse(status.toUShort(), connection.lines(), body?.use { bounded(it) } ?: ByteArray(0))
    }

    /** Not by `headerFields`, which reads the body's stream once more. */
    private fun HttpURLConnection.lines(): List<Header> = generateSequence(0) { it + 1 }
        .map { getHeaderFieldKey(it) to getHeaderField(it) }
        .takeWhile { (_, value) -> value != null }
        .filter { (name, _) -> name != null }
        .map { (name, value) -> Header(name, value.encodeToByteArray()) }
        .toList()

    private fun bounded(stream: InputStream): ByteArray {
        var body = ByteArray(8192)
        var length = 0
        while (true) {
            val read = stream.read(body, length, body.size - length)
            if (read < 0) return body.copyOf(length)
            length += read
            if (length > MOST) throw IOException("too long")
            if (length == body.size) body = body.copyOf(2 * body.size)
        }
    }

    private companion object {
        const val MOST = 1 shl 20
    }
}
