package dev.postern.mobile

import dev.postern.mobile.file.FileStore
import dev.postern.mobile.harness.Device
import dev.postern.mobile.harness.FRESH
import dev.postern.mobile.harness.Server
import dev.postern.mobile.harness.failure
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.yield
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class SingleFlightTest {
    @Test
    fun `five hundred who ask at once are one request`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                val session = device.signedIn(server).session()
                val before = device.wire.count("token")
                val arrived = CompletableDeferred<Unit>()
                val go = CompletableDeferred<Unit>()
                device.wire.instead = { _, send -> arrived.complete(Unit); go.await(); send() }
                val asked = List(500) { async(start = CoroutineStart.UNDISPATCHED) { session.accessToken(FRESH).reveal() } }
                arrived.await()
                go.complete(Unit)
                assertEquals(1, asked.awaitAll().toSet().size)
                assertEquals(1, device.wire.count("token") - before)
            }
        }
    }

    @Test
    fun `all but one are cancelled, then that one, and the refresh ends and is stored`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                val app = device.signedIn(server)
                val session = app.session()
                val before = session.accessToken().reveal()
                val requests = device.wire.count("token")
                val arrived = CompletableDeferred<Unit>()
                val go = CompletableDeferred<Unit>()
                device.wire.instead = { _, send -> arrived.complete(Unit); go.await(); send() }
                val asked = List(500) { launch(start = CoroutineStart.UNDISPATCHED) { session.accessToken(FRESH) } }
                arrived.await()
                asked.drop(1).onEach { it.cancel() }.joinAll()
                asked.first().cancelAndJoin()
                go.complete(Unit)
                // Whoever comes now waits for what is under way, or finds what it has stored.
                val after = device.app().session().accessToken(FRESH).reveal()
                assertTrue(before != after)
                assertEquals(session.accessToken().reveal(), app.session().accessToken().reveal())
                assertTrue(device.wire.count("token") - requests <= 2)
                assertTrue(AuthEvent.TokensRotated(session.account) in app.heard)
                assertEquals(0, server.count("session.ended"))
            }
        }
    }

    @Test
    fun `a session that was ended at the server is over once, for a hundred who wait`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                val app = device.signedIn(server)
                val session = app.session()
                server.run("session", "end", "--user", "alice@example.com")
                val before = device.wire.count("token")
                val arrived = CompletableDeferred<Unit>()
                val go = CompletableDeferred<Unit>()
                device.wire.instead = { _, send -> arrived.complete(Unit); go.await(); send() }
                val asked = List(100) { async(start = CoroutineStart.UNDISPATCHED) { failure { session.accessToken(FRESH) } } }
                arrived.await()
                go.complete(Unit)
                val failures = asked.awaitAll()
                assertEquals(setOf(ErrorCode.SESSION_REVOKED), failures.map { it.code }.toSet())
                assertEquals(setOf(Action.SIGN_IN), failures.map { it.action }.toSet())
                assertEquals(1, device.wire.count("token") - before)
                assertEquals(1, app.heard.count { it is AuthEvent.SessionEnded })
                assertEquals(null, app.auth.session())
                assertEquals(emptyList<Any>(), device.files("key-"))
            }
        }
    }

    @Test
    fun `an exchange and a refresh of one account follow each other`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                val session = device.signedIn(server).session()
                val inside = AtomicInteger()
                val most = AtomicInteger()
                device.wire.instead = { _, send ->
                    most.accumulateAndGet(inside.incrementAndGet(), ::maxOf)
                    send().also { inside.decrementAndGet() }
                }
                val before = device.wire.count("token")
                val exchange = ExchangeParams("https://stock.example", null, null)
                withContext(Dispatchers.Default) {
                    List(5) { launch { failure { session.exchange(exchange) } } }.joinAll()
                    List(10) {
                        launch { if (it % 2 == 0) session.accessToken(FRESH) else failure { session.exchange(exchange) } }
                    }.joinAll()
                }
                assertTrue(device.wire.count("token") - before >= 11)
                assertEquals(1, most.get())
            }
        }
    }

    @Test
    fun `whoever needs a token waits for the one refresh, though no lease keeps them apart`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                device.signedIn(server).close()
                val (leases, looks) = AtomicInteger() to AtomicInteger()
                val (store, clock) = FileStore(device.folder) to SystemClock()
                val app = device.app(
                    object : SecureStore by store {
                        override suspend fun lease(name: String, ttl: Duration, wait: Duration) =
                            Lease {}.also { leases.incrementAndGet() }
                    },
                    clock = { clock.now().also { looks.incrementAndGet() } },
                )
                val session = app.session()
                val arrived = CompletableDeferred<Unit>()
                val go = CompletableDeferred<Unit>()
                device.wire.instead = { _, send -> arrived.complete(Unit); go.await(); send() }
                val (before, want) = device.wire.count("token") to Want(scopes = setOf("openid"))
                val first = launch { session.accessToken(want) }
                arrived.await()
                val looked = looks.get()
                val others = List(20) {
                    launch(Dispatchers.Default) {
                        if (it % 2 == 0) session.accessToken(want) else session.authorize("GET", server.issuer, want)
                    }
                }
                // Each has looked for a token that is good still, and found none.
                while (looks.get() < looked + others.size) yield()
                go.complete(Unit)
                (others + first).joinAll()
                assertEquals(1, leases.get())
                assertEquals(1, device.wire.count("token") - before)
                session.authorize("GET", server.issuer, FRESH)
                assertEquals(2, device.wire.count("token") - before)
            }
        }
    }

    @Test
    fun `requests to an API by many at once cost one refresh`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                val session = device.signedIn(server).session()
                device.app().use { other ->
                    val before = device.wire.count("token")
                    val same = checkNotNull(other.auth.session(session.account))
                    val want = Want(scopes = setOf("openid"))
                    val answers = withContext(Dispatchers.Default) {
                        List(20) { async { same.fetch("${server.issuer}/userinfo", want = want).status.toInt() } }.awaitAll()
                    }
                    assertEquals(setOf(200), answers.toSet())
                    assertEquals(1, device.wire.count("token") - before)
                }
            }
        }
    }
}
