package dev.postern.mobile

import dev.postern.mobile.harness.ScriptedServer
import dev.postern.mobile.harness.Device
import dev.postern.mobile.harness.failure
import java.io.ByteArrayOutputStream
import java.io.InputStream
import java.net.CacheRequest
import java.net.CacheResponse
import java.net.ResponseCache
import java.net.ServerSocket
import java.net.URI
import java.net.URL
import java.net.URLConnection
import java.util.concurrent.atomic.AtomicInteger
import java.util.zip.GZIPOutputStream
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class PlatformHttpTest {
    private val http = PlatformHttp()

    private fun get(url: String) = HttpRequest("GET", url, listOf(Header("X-One", "1".encodeToByteArray())), ByteArray(0))

    private fun post(url: String) = HttpRequest("POST", url, emptyList(), "a=b".encodeToByteArray())

    private fun answered(result: HttpResult) = assertInstanceOf(HttpResult.Answered::class.java, result).response

    private fun HttpResponse.header(name: String) =
        headers.filter { it.name.equals(name, ignoreCase = true) }.map { it.value.decodeToString() }

    @Test
    fun `what is sent arrives as it is, and so does the answer`() = runBlocking {
        ScriptedServer {
            "HTTP/1.1 200 OK\r\nDate: today\r\nDPoP-Nonce: n\r\nX: 1\r\nX: 2\r\nContent-Length: 2\r\n\r\nok"
        }.use { server ->
            val response = answered(http.send(get(server.url)))
            assertEquals(200, response.status.toInt())
            assertEquals("ok", response.body.decodeToString())
            assertEquals(listOf("n"), response.header("dpop-nonce"))
            assertEquals(listOf("1", "2"), response.header("X"))
            http.send(post(server.url))
            val (first, second) = server.requests
            assertTrue("X-One: 1" in first)
            assertTrue(second.startsWith("POST") && second.endsWith("\r\n\r\na=b"))
        }
    }

    @Test
    fun `redirects are answers`() = runBlocking {
        ScriptedServer { "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n" }.use { server ->
            assertEquals(302, answered(http.send(get(server.url))).status.toInt())
            assertEquals(302, answered(http.send(post(server.url))).status.toInt())
            assertEquals(2, server.requests.size)
        }
    }

    @Test
    fun `no cookie of an answer goes into the next request`() = runBlocking {
        ScriptedServer { "HTTP/1.1 200 OK\r\nSet-Cookie: session=1\r\nContent-Length: 0\r\n\r\n" }.use { server ->
            repeat(2) { http.send(post(server.url)) }
            assertTrue(server.requests.none { "cookie" in it.lowercase() })
            assertEquals(2, server.requests.size)
        }
    }

    /** What an app has installed for its whole process. */
    private class Cache(private val text: String) : ResponseCache() {
        val put = AtomicInteger()

        override fun get(uri: URI, method: String, headers: Map<String, List<String>>) = object : CacheResponse() {
            override fun getHeaders(): Map<String?, List<String>> = mapOf(null to listOf("HTTP/1.1 200 OK"))

            override fun getBody(): InputStream = text.byteInputStream()
        }

        override fun put(uri: URI, connection: URLConnection): CacheRequest? {
            put.incrementAndGet()
            return null
        }
    }

    @Test
    fun `nothing comes from the cache of the process, and nothing goes there`() = runBlocking {
        val cache = Cache("old")
        ResponseCache.setDefault(cache)
        try {
            ScriptedServer { "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: 3\r\n\r\nnew" }.use { server ->
                assertEquals("old", URL(server.url).openStream().use { it.readBytes().decodeToString() })
                repeat(2) { assertEquals("new", answered(http.send(get(server.url))).body.decodeToString()) }
                assertEquals(2, server.requests.size)
                assertEquals(0, cache.put.get())
            }
        } finally {
            ResponseCache.setDefault(null)
        }
    }

    @Test
    fun `a request whose answer is cut off is not sent again`() = runBlocking {
        ScriptedServer { "" }.use { server ->
            assertEquals(HttpResult.Ambiguous, http.send(post(server.url)))
            assertEquals(1, server.requests.size)
        }
    }

    @Test
    fun `a refusal keeps its headers, and its body where the platform reads it`() = runBlocking {
        ScriptedServer {
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: DPoP error=\"use_dpop_nonce\"\r\nDPoP-Nonce: n\r\n" +
                "Content-Length: 2\r\n\r\nno"
        }.use { server ->
            val got = answered(http.send(get(server.url)))
            assertEquals(401 to "no", got.status.toInt() to got.body.decodeToString())
            val posted = answered(http.send(post(server.url)))
            assertEquals(401, posted.status.toInt())
            assertEquals(listOf("n"), posted.header("DPoP-Nonce"))
            assertEquals(2, server.requests.size)
        }
    }

    @Test
    fun `a body of more than a mebibyte is no answer`() = runBlocking {
        ScriptedServer { "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + "x".repeat(1 shl 20) }.use {
            assertEquals(1 shl 20, answered(http.send(get(it.url))).body.size)
        }
        ScriptedServer { "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + "x".repeat((1 shl 20) + 1) }.use {
            assertEquals(HttpResult.Ambiguous, http.send(get(it.url)))
        }
    }

    @Test
    fun `a packed bomb is not unpacked`() = runBlocking {
        val packed = ByteArrayOutputStream()
        GZIPOutputStream(packed).use { it.write(ByteArray(1 shl 22)) }
        val bomb = packed.toByteArray()
        val head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.size}\r\n\r\n"
        ScriptedServer { head + bomb.toString(Charsets.ISO_8859_1) }.use { server ->
            assertArrayEquals(bomb, answered(http.send(get(server.url))).body)
            assertTrue("Accept-Encoding: identity" in server.requests.single())
        }
    }

    @Test
    fun `a server that drips its answer is left`() = runBlocking {
        val impatient = PlatformHttp(inAll = 300.milliseconds)
        ScriptedServer(drip = true) { "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + "x".repeat(100_000) }.use { server ->
            assertEquals(HttpResult.Ambiguous, impatient.send(get(server.url)))
        }
    }

    @Test
    fun `nobody there, no such name, no TLS - nothing was sent`() = runBlocking {
        val closed = ServerSocket(0).use { it.localPort }
        assertEquals(HttpResult.NotSent, http.send(get("http://127.0.0.1:$closed/")))
        assertEquals(HttpResult.NotSent, http.send(get("http://nobody.invalid/")))
        ScriptedServer { "HTTP/1.1 400 Bad Request\r\n\r\n" }.use { server ->
            assertEquals(HttpResult.NotSent, http.send(post(server.url.replace("http:", "https:"))))
        }
    }

    @Test
    fun `a page in place of the server's own answer signs nobody out`() = runBlocking {
        val pages = listOf(
            "text/html" to "<html>Welcome to our hotel</html>",
            "application/json" to "\uFEFF{}",
            "text/plain" to "{\"issuer\":\"http://localhost\"}",
            "application/json" to "{",
        )
        for ((type, page) in pages) {
            val body = page.encodeToByteArray().toString(Charsets.ISO_8859_1)
            ScriptedServer {
                "HTTP/1.1 200 OK\r\nContent-Type: $type\r\nContent-Length: ${body.length}\r\n\r\n$body"
            }.use { server ->
                val config = AuthConfig(server.url.trimEnd('/'), "app", "http://127.0.0.1/callback", allowLoopback = true)
                Device(config).use { device ->
                    val failed = failure { device.app().auth.beginAuthorization() }
                    assertTrue(failed.action in setOf(Action.RETRY_LATER, Action.FIX_CONFIGURATION), "$failed")
                }
            }
        }
    }
}
