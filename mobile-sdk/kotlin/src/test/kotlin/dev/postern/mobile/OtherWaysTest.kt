package dev.postern.mobile

import dev.postern.mobile.file.FileStore
import dev.postern.mobile.harness.Device
import dev.postern.mobile.harness.FRESH
import dev.postern.mobile.harness.Server
import dev.postern.mobile.harness.app
import dev.postern.mobile.harness.failure
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.time.Duration
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class OtherWaysTest {
    @Test
    fun `a television signs in with a code, though the first who waited has left`() = runBlocking {
        val tv = app(
            "tv", SCOPE, "--dpop", "required", "--grant-type", "refresh_token",
            "--grant-type", "urn:ietf:params:oauth:grant-type:device_code",
        )
        Server(tv).use { server ->
            Device(server.config(clientId = "tv")).use { device ->
                val ready = device.app().auth.beginDevice()
                val waits = CompletableDeferred<Unit>()
                val store = FileStore(device.folder)
                val left = device.app(object : SecureStore by store {
                    override suspend fun get(key: String) = store.get(key).also { waits.complete(Unit) }
                })
                val first = launch(start = CoroutineStart.UNDISPATCHED) { left.auth.awaitDevice(ready) }
                waits.await()
                first.cancelAndJoin()
                server.browser().visit(checkNotNull(ready.verificationUriComplete))
                val session = device.app().auth.awaitDevice(ready)
                session.accessToken(FRESH)
                assertEquals(emptyList<Any>(), left.heard)
            }
        }
    }

    @Test
    fun `an app signs in by another of its maker`() = runBlocking {
        val maker = arrayOf(*REDIRECT, "--dpop", "required", "--sso-group", "acme")
        val mine = app("mail", "$SCOPE device_sso", *maker)
        val other = app(
            "chat", SCOPE, *maker, "--grant-type", "authorization_code", "--grant-type", "refresh_token",
            "--grant-type", "urn:ietf:params:oauth:grant-type:token-exchange",
        )
        Server(mine, other).use { server ->
            val scopes = setOf("openid", "profile", "offline_access")
            Device(server.config(scopes + "device_sso", "mail")).use { mail ->
                Device(server.config(scopes, "chat")).use { chat ->
                    val shared = mail.signedIn(server).session().share()
                    val session = chat.app().auth.signInWith(shared)
                    session.accessToken(FRESH)
                    assertEquals(ErrorCode.NOT_SUPPORTED, failure { session.share() }.code)
                }
            }
        }
    }

    @Test
    fun `what another SDK has stored is taken over, and nobody signs in`() = runBlocking {
        Server(app("old", SCOPE, *REDIRECT, "--dpop", "allowed")).use { server ->
            val config = server.config(clientId = "old")
            Device(config.copy(dpop = DpopPolicy.OFF)).use { old ->
                old.signedIn(server).close()
                val record = old.files("record-account").single().readText()
                val token = { name: String ->
                    checkNotNull(Regex("\"$name\":\"([^\"]+)\"").find(record)).groupValues[1].encodeToByteArray()
                }
                Device(config).use { device ->
                    val session = device.app().auth.adopt(StoredTokens(token("refresh_token"), token("id_token")))
                    assertEquals("Bearer", session.accessToken(FRESH).type)
                    assertEquals(session, device.app().auth.session())
                }
            }
        }
    }

    @Test
    fun `the browser signs the person out, and the session is over`() = runBlocking {
        val notes = app("notes", SCOPE, *REDIRECT, "--dpop", "required", "--post-logout-redirect-uri", "http://127.0.0.1/bye")
        Server(notes).use { server ->
            Device(server.config(clientId = "notes")).use { device ->
                val browser = server.browser()
                val session = device.app().auth.signIn(browser)
                val back = browser.allow(session.endSessionUrl("http://127.0.0.1/bye", "a b"))
                assertEquals("http://127.0.0.1/bye?state=a+b", back)
                assertEquals(ErrorCode.SESSION_REVOKED, failure { session.accessToken(FRESH) }.code)
            }
        }
    }

    @Test
    fun `an exchange that the server refuses, and a browser that is closed, cost nothing`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                val app = device.signedIn(server)
                val session = app.session()
                val refused = failure { session.exchange(ExchangeParams("https://stock.example", null, null)) }
                assertEquals(Action.FIX_CONFIGURATION, refused.action)
                val records = device.files("record-").size
                val closed = failure { app.auth.signIn({ throw HookException(HookError.CANCELLED) }) }
                assertEquals(ErrorCode.USER_CANCELLED to Action.SHOW_LOGIN, closed.code to closed.action)
                assertEquals(records, device.files("record-").size)
                assertEquals(1, device.files("key-").size)
                session.accessToken(FRESH)
                assertTrue(runCatching { device.app(config = server.config().copy(issuer = "http://id.example")) }
                    .exceptionOrNull() is IllegalArgumentException)
            }
        }
    }

    @Test
    fun `the server is told which version the app is, and what the app adds to a sign-in`() = runBlocking {
        Server().use { server ->
            Device(server.config().copy(appVersion = "2.4.1 beta")).use { device ->
                val bodies = CopyOnWriteArrayList<String>()
                device.wire.instead = { request, send -> bodies += request.body.decodeToString(); send() }
                val auth = device.app().auth
                val session = auth.signIn(server.browser(), AuthorizeParams(extra = mapOf("audience" to "notes")))
                session.accessToken(FRESH)
                assertEquals(1, bodies.count { "&audience=notes" in it })
                assertEquals(2, bodies.count { "app_version=2.4.1-beta" in it })
                val taken = failure { auth.beginAuthorization(AuthorizeParams(extra = mapOf("state" to "mine"))) }
                assertEquals(ErrorCode.INVALID_ARGUMENT, taken.code)
            }
        }
    }

    @Test
    fun `a browser that was closed while nobody waited ends its sign-in only`() = runBlocking<Unit> {
        Server().use { server ->
            Device(server.config()).use { device ->
                val session = device.signedIn(server).session()
                val records = device.files("record-").size
                val left = device.app().auth.beginAuthorization()
                val other = device.app().auth.beginAuthorization()
                // In a process that was not there at the beginning.
                val closed = device.app().auth.closed(left.flowId)
                assertEquals(ErrorCode.USER_CANCELLED to Action.SHOW_LOGIN, closed.error.code to closed.error.action)
                assertEquals(1001, closed.error.number)
                assertEquals(records + 1, device.files("record-").size)
                device.app().auth.closed("nobody's")
                val late = device.app().auth.handleRedirect(server.browser().allow(left.url)) as SignInFailed
                assertEquals(ErrorCode.REDIRECT_STATE_UNKNOWN, late.error.code)
                assertTrue(device.app().auth.handleRedirect(server.browser().allow(other.url)) is SignedIn)
                session.accessToken(FRESH)
            }
        }
    }

    @Test
    fun `any token that is good now is good enough for who asks for no more`() {
        assertEquals(1uL, Want(minTtl = Duration.ZERO).toCore().minTtlMs)
        assertEquals(30_000uL, Want().toCore().minTtlMs)
    }

    @Test
    fun `two people on one device, and each goes alone`() = runBlocking {
        Server().use { server ->
            server.run("user", "add", "bob@example.com", "--password-stdin", given = Server.PASSWORD)
            Device(server.config()).use { device ->
                val auth = device.signedIn(server).auth
                val alice = checkNotNull(auth.session())
                val bob = auth.signIn(server.browser("bob@example.com"))
                assertEquals(setOf(alice, bob), auth.sessions().toSet())
                assertEquals(alice, auth.session())
                auth.setDefault(bob)
                assertEquals(bob, device.app().auth.session())
                assertEquals(null, auth.session("nobody"))
                bob.logout()
                assertEquals(listOf(alice), auth.sessions())
                assertEquals(alice, auth.session())
                alice.accessToken(FRESH)
                assertEquals(Action.SIGN_IN, failure { bob.accessToken() }.action)
            }
        }
    }

    @Test
    fun `a widget that may not refresh uses what its app has got`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                val session = device.signedIn(server).session()
                val widget = checkNotNull(device.app(config = server.config().copy(readOnly = true)).auth.session())
                val before = device.wire.count()
                assertEquals(session.accessToken().reveal(), widget.accessToken().reveal())
                val failed = failure { widget.accessToken(FRESH) }
                assertEquals(ErrorCode.READ_ONLY to Action.RETRY_LATER, failed.code to failed.action)
                assertEquals(before, device.wire.count())
            }
        }
    }

    private companion object {
        val REDIRECT = arrayOf("--redirect-uri", "http://127.0.0.1/callback")
        const val SCOPE = "openid profile offline_access"
    }
}
