package dev.postern.mobile

import dev.postern.mobile.harness.Device
import dev.postern.mobile.harness.FRESH
import dev.postern.mobile.harness.Server
import dev.postern.mobile.harness.app
import dev.postern.mobile.harness.failure
import java.io.ByteArrayOutputStream
import java.io.PrintStream
import java.net.URLDecoder
import java.util.concurrent.CopyOnWriteArraySet
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class CanaryTest {
    private val secrets = CopyOnWriteArraySet<String>()

    /** Every secret that goes over the wire, either way. */
    private fun listen(device: Device) {
        device.wire.instead = { request, send ->
            val form = request.body.decodeToString().split('&').filter { '=' in it }
                .associate { it.substringBefore('=') to URLDecoder.decode(it.substringAfter('='), "UTF-8") }
            secrets += SENT.mapNotNull { form[it] }
            secrets += request.headers.filter { it.name in setOf("DPoP", "Authorization") }.map { it.value.decodeToString() }
            send().also { result ->
                if (result is HttpResult.Answered) {
                    val body = result.response.body.decodeToString()
                    secrets += GIVEN.findAll(body).map { it.groupValues[2] }
                }
            }
        }
    }

    @Test
    fun `no secret is in anything that prints`() = runBlocking {
        val printed = ByteArrayOutputStream()
        val (out, err) = System.out to System.err
        val said = StringBuilder()
        val tv = app("tv", "openid", "--dpop", "required", "--grant-type", "urn:ietf:params:oauth:grant-type:device_code")
        Server(tv).use { server ->
            Device(server.config()).use { device ->
                listen(device)
                System.setOut(PrintStream(printed, true))
                System.setErr(PrintStream(printed, true))
                try {
                    val app = device.app()
                    val ready = app.auth.beginAuthorization(AuthorizeParams(loginHint = "alice@example.com"))
                    val back = server.browser().allow(ready.url)
                    secrets += back.substringAfter("code=").substringBefore('&')
                    secrets += back.substringAfter("state=").substringBefore('&')
                    val signedIn = app.auth.handleRedirect(back)
                    val again = app.auth.handleRedirect(back) as SignInFailed
                    val session = (signedIn as SignedIn).session
                    val token = session.accessToken(FRESH)
                    secrets += token.reveal()
                    val headers = session.authorize("GET", "${server.issuer}/userinfo")
                    session.fetch("${server.issuer}/userinfo")
                    val shared = runCatching { session.share() }
                    val code = device.app(config = server.config(setOf("openid"), "tv")).auth.beginDevice()
                    assertFalse(code.userCode in "$code")
                    secrets += checkNotNull(code.verificationUriComplete)
                    server.run("session", "end", "--user", "alice@example.com")
                    val ended = failure { session.accessToken(FRESH) }
                    listOf(
                        ready, code, signedIn, again, again.error.stackTraceToString(), session, token, headers,
                        ended.stackTraceToString(), ended.details, app.heard, app.auth, shared, device.wire, server.config(),
                        server.log(), server.events(),
                    ).forEach { said.append(it).append('\n') }
                } finally {
                    System.setOut(out)
                    System.setErr(err)
                }
            }
        }
        // Of all kinds: verifier, state, nonce, code, tokens, proofs.
        assertTrue(secrets.size >= 10, "only ${secrets.size}")
        val text = said.toString() + printed
        assertEquals(emptyList<Any>(), secrets.filter { it.length > 12 && it in text }.map { it.take(8) })
    }

    @Test
    fun `token and proof of a request to an API are wiped when it has come back, and the app's own headers are not`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                val session = device.signedIn(server).session()
                val mine = Header("X-One", "1".encodeToByteArray())
                val tries = mutableListOf<List<Header>>()
                val request = HttpRequest("GET", "${server.issuer}/userinfo", listOf(mine), ByteArray(0))
                session.fetch(request) {
                    assertTrue(it.headers.all { header -> header.value.any { byte -> byte != 0.toByte() } })
                    tries += it.headers
                    val again = listOf(Header("WWW-Authenticate", "DPoP error=\"invalid_token\"".encodeToByteArray()))
                    if (tries.size == 1) HttpResponse(401u, again, ByteArray(0)) else HttpResponse(200u, emptyList(), ByteArray(0))
                }
                assertEquals(2, tries.size)
                for (headers in tries) {
                    val left = headers.filter { header -> header.value.any { it != 0.toByte() } }.map { it.name }
                    assertEquals(listOf("X-One"), left)
                    assertEquals(setOf("X-One", "Authorization", "DPoP"), headers.map { it.name }.toSet())
                }
            }
        }
    }

    @Test
    fun `of what a sign-in asks for the names are printed, and nothing else`() {
        val asked = AuthorizeParams(loginHint = "alice@example.com", extra = mapOf("tenant" to "acme"))
        assertEquals("AuthorizeParams(loginHint, extra)", "$asked")
    }

    private companion object {
        val SENT = listOf("code", "code_verifier", "state", "nonce", "refresh_token", "token", "code_challenge")
        val GIVEN = Regex("\"(access_token|refresh_token|id_token|device_secret)\":\"([^\"]+)\"")
    }
}
