package dev.postern.mobile

import dev.postern.mobile.file.FileSigner
import dev.postern.mobile.file.FileStore
import dev.postern.mobile.harness.Device
import dev.postern.mobile.harness.FRESH
import dev.postern.mobile.harness.Server
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class CancellingTest {
    /** Stops at the hook of this number, and says that it has. */
    private class Gate(private val at: Int) {
        val calls = AtomicInteger()
        val reached = CompletableDeferred<Unit>()
        val open = CompletableDeferred<Unit>()

        suspend fun pass() {
            if (calls.getAndIncrement() == at) {
                reached.complete(Unit)
                open.await()
            }
        }
    }

    private class GatedStore(private val inner: SecureStore, private val gate: Gate) : SecureStore by inner {
        override suspend fun get(key: String) = gate.pass().let { inner.get(key) }

        override suspend fun put(key: String, value: ByteArray, expect: Long) = gate.pass().let { inner.put(key, value, expect) }
    }

    private class GatedSigner(private val inner: DpopSigner, private val gate: Gate) : DpopSigner by inner {
        override suspend fun sign(id: String, message: ByteArray) = gate.pass().let { inner.sign(id, message) }
    }

    private fun gated(device: Device, gate: Gate) = device.app(
        GatedStore(FileStore(device.folder), gate),
        GatedSigner(FileSigner(device.folder), gate),
        { request -> gate.pass().let { device.wire.send(request) } },
    )

    @Test
    fun `a caller that is cancelled at any step of a refresh cancels nothing but its waiting`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                val account = device.signedIn(server).session().account
                val whole = Gate(Int.MAX_VALUE)
                val steps = gated(device, whole).use {
                    val session = checkNotNull(it.auth.session(account))
                    val before = whole.calls.get()
                    session.accessToken(FRESH)
                    before until whole.calls.get()
                }
                assertTrue(steps.count() >= 5)
                for (step in steps) {
                    val gate = Gate(step)
                    gated(device, gate).use { app ->
                        val session = checkNotNull(app.auth.session(account))
                        val ended = device.wire.ended.get()
                        val asked = device.wire.count()
                        val caller = launch { session.accessToken(FRESH) }
                        gate.reached.await()
                        caller.cancelAndJoin()
                        gate.open.complete(Unit)
                        // Another token of the account comes after what is under way.
                        session.accessToken(Want(scopes = setOf("openid"), fresh = true))
                        assertEquals(device.wire.count() - asked, device.wire.ended.get() - ended, "step $step")
                        assertEquals(2, app.heard.count { it is AuthEvent.TokensRotated }, "step $step")
                    }
                }
                assertEquals(0, server.count("session.ended"))
            }
        }
    }

    @Test
    fun `nothing is left of a sign-in whose caller is cancelled, or whose browser throws what nobody knows`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                val auth = device.app().auth
                val opened = CompletableDeferred<Unit>()
                val waits = launch { auth.signIn({ opened.complete(Unit).let { awaitCancellation() } }) }
                opened.await()
                assertEquals(1 to 1, device.files("key-").size to device.files("record-pending").size)
                waits.cancelAndJoin()
                assertEquals(0 to 0, device.files("key-").size to device.files("record-pending").size)

                val crash = IllegalStateException("the browser's own")
                assertEquals(crash, runCatching { auth.signIn({ throw crash }) }.exceptionOrNull())
                assertEquals(0 to 0, device.files("key-").size to device.files("record-pending").size)

                // While the request is pushed, its key is there.
                val pushed = CompletableDeferred<Unit>()
                val open = CompletableDeferred<Unit>()
                device.wire.instead = { _, send -> pushed.complete(Unit); open.await(); send() }
                val early = launch { auth.signIn(server.browser()) }
                pushed.await()
                assertEquals(1, device.files("key-").size)
                early.cancelAndJoin()
                open.complete(Unit)
                withTimeout(30.seconds) { while (device.files("key-").isNotEmpty()) delay(5.milliseconds) }
                assertEquals(0, device.files("record-pending").size)

                device.wire.online()
                assertEquals("DPoP", auth.signIn(server.browser()).accessToken(FRESH).type)
            }
        }
    }

    @Test
    fun `a closed door says so, and the session is there for the next process`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                device.signedIn(server).close()
                val store = FileStore(device.folder)
                val given = CompletableDeferred<Unit>()
                val app = device.app(object : SecureStore by store {
                    override suspend fun lease(name: String, ttl: Duration, wait: Duration) = store.lease(name, ttl, wait)?.let {
                        Lease { it.release().also { given.complete(Unit) } }
                    }
                })
                val session = app.session()
                val gate = CompletableDeferred<Unit>()
                device.wire.instead = { _, send -> gate.complete(Unit); send() }
                val caller = launch {
                    try {
                        session.accessToken(FRESH)
                    } catch (closed: IllegalStateException) {
                        assertEquals("MobileAuth is closed", closed.message)
                    }
                }
                gate.await()
                app.close()
                caller.join()
                // What it held is given back.
                withTimeout(30.seconds) { given.await() }
                device.app().session().accessToken(FRESH)
                assertEquals(0, server.count("session.ended"))
            }
        }
    }
}
