package dev.postern.mobile

import dev.postern.mobile.file.FileSigner
import dev.postern.mobile.file.FileStore
import dev.postern.mobile.harness.Device
import dev.postern.mobile.harness.FRESH
import dev.postern.mobile.harness.Server
import dev.postern.mobile.harness.failure
import java.io.IOException
import java.util.concurrent.CountDownLatch
import kotlin.coroutines.resume
import kotlin.coroutines.suspendCoroutine
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class HooksTest {
    private class Unheard : Throwable("of")

    private val faults: Map<String, suspend () -> Nothing> = mapOf(
        "an exception" to { throw IllegalStateException("pst_rt_secret") },
        "an error" to { throw StackOverflowError() },
        "a throwable of its own" to { throw Unheard() },
        "a cancellation" to { throw CancellationException("not by us") },
        "silence" to { awaitCancellation() },
    )

    private fun store(device: Device, fault: suspend () -> Nothing, isOn: () -> Boolean): SecureStore {
        val store = FileStore(device.folder)
        return object : SecureStore by store {
            override suspend fun get(key: String) = if (isOn()) fault() else store.get(key)

            override suspend fun put(key: String, value: ByteArray, expect: Long) =
                if (isOn()) fault() else store.put(key, value, expect)
        }
    }

    private fun signer(device: Device, fault: suspend () -> Nothing, isOn: () -> Boolean): DpopSigner {
        val signer = FileSigner(device.folder)
        return object : DpopSigner by signer {
            override suspend fun sign(id: String, message: ByteArray) = if (isOn()) fault() else signer.sign(id, message)
        }
    }

    @Test
    fun `whatever a hook throws is a typed error, and the session lives`() = runBlocking {
        Server().use { server ->
            for ((name, fault) in faults) {
                Device(server.config()).use { device ->
                    val account = device.signedIn(server).session().account
                    var on = false
                    val quick = 2.seconds
                    val apps = listOf(
                        device.app(store(device, fault) { on }, timeout = quick),
                        device.app(signer = signer(device, fault) { on }, timeout = quick),
                        device.app(http = { if (on) fault() else device.wire.send(it) }, timeout = quick),
                    )
                    for (app in apps) {
                        val session = checkNotNull(app.auth.session(account))
                        on = true
                        val failed = failure { session.accessToken(FRESH) }
                        on = false
                        assertNotEquals(Action.SIGN_IN, failed.action, name)
                        assertTrue("secret" !in failed.stackTraceToString(), name)
                        session.accessToken(FRESH)
                    }
                }
            }
            assertEquals(0, server.count("session.ended"))
        }
    }

    @Test
    fun `a client that fails at a request to an API is a typed error, too`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                device.signedIn(server).close()
                val api = "${server.issuer}/userinfo"
                for ((name, fault) in faults) {
                    val app = device.app(http = { if (it.url == api) fault() else device.wire.send(it) }, timeout = 2.seconds)
                    val failed = failure { app.session().fetch(api) }
                    assertTrue(failed.action in setOf(Action.REPORT, Action.RETRY_LATER), "$name: $failed")
                }
                assertEquals(200, device.app().session().fetch(api).status.toInt())
            }
        }
    }

    @Test
    fun `a client that loses the connection is no fault of the app, and a method that it does not know is`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                device.signedIn(server).close()
                val api = "${server.issuer}/userinfo"
                val faults = mapOf(
                    IOException("pst_at_secret") to ErrorCode.NO_ANSWER,
                    IllegalArgumentException("pst_at_secret") to ErrorCode.INVALID_ARGUMENT,
                )
                for ((fault, code) in faults) {
                    val failed = failure {
                        device.app(http = { if (it.url == api) throw fault else device.wire.send(it) }).session().fetch(api)
                    }
                    assertEquals(code, failed.code)
                    assertTrue("secret" !in failed.stackTraceToString())
                }
                // As the JDK's own does.
                assertEquals(ErrorCode.INVALID_ARGUMENT, failure { device.app().session().fetch(api, "PATCH") }.code)
            }
        }
    }

    @Test
    fun `a hook that blocks its thread for good holds up nobody else`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                device.signedIn(server).close()
                val never = CountDownLatch(1)
                val store = FileStore(device.folder)
                var blocks = false
                val app = device.app(
                    object : SecureStore by store {
                        override suspend fun get(key: String): Versioned? {
                            if (blocks) never.await()
                            return store.get(key)
                        }
                    },
                    timeout = 2.seconds,
                )
                val session = app.session()
                blocks = true
                assertEquals(ErrorCode.HOOK_TIMEOUT, failure { session.accessToken(FRESH) }.code)
                blocks = false
                session.accessToken(FRESH)
                // Nor a client that stands still at the app's own request.
                val api = "${server.issuer}/userinfo"
                val still = device.app(
                    http = { if (it.url == api) never.await().let { HttpResult.NotSent } else device.wire.send(it) },
                    timeout = 2.seconds,
                )
                assertEquals(ErrorCode.NO_ANSWER, failure { still.session().fetch(api) }.code)
                never.countDown()
            }
        }
    }

    @Test
    fun `garbage in place of keys and signatures is noticed, and nothing is left of it`() = runBlocking {
        val garbage = listOf<(DpopSigner) -> DpopSigner>(
            { inner ->
                object : DpopSigner by inner {
                    override suspend fun ensureKey(id: String, policy: KeyPolicy) =
                        KeyInfo(ByteArray(31), ByteArray(33), KeyLevel.TEE)
                }
            },
            { inner ->
                object : DpopSigner by inner {
                    override suspend fun ensureKey(id: String, policy: KeyPolicy) =
                        KeyInfo(ByteArray(32), ByteArray(32), KeyLevel.TEE)
                }
            },
            { inner ->
                object : DpopSigner by inner {
                    override suspend fun sign(id: String, message: ByteArray) = ByteArray(7)
                }
            },
            { inner ->
                object : DpopSigner by inner {
                    override suspend fun sign(id: String, message: ByteArray) = ByteArray(64)
                }
            },
        )
        Server().use { server ->
            for (spoil in garbage) {
                Device(server.config()).use { device ->
                    val spoilt = device.app(signer = spoil(FileSigner(device.folder)))
                    val failed = failure { spoilt.auth.signIn(server.browser()) }
                    assertNotEquals(ErrorCode.INTERNAL, failed.code)
                    assertEquals(null, spoilt.auth.session())
                    device.signedIn(server).session().accessToken(FRESH)
                }
            }
        }
    }

    @Test
    fun `a clock that throws, a store that lies, a hook that answers twice`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                device.signedIn(server).close()
                val store = FileStore(device.folder)
                assertEquals(
                    ErrorCode.HOOK_MISBEHAVED,
                    failure { device.app(clock = { throw IllegalStateException() }).auth.session() }.code,
                )
                val zero = device.app(object : SecureStore by store {
                    override suspend fun get(key: String) = store.get(key)?.let { Versioned(it.value, 0) }
                })
                assertEquals(ErrorCode.HOOK_MISBEHAVED, failure { zero.auth.session() }.code)
                val twice = device.app(http = { request ->
                    val result = device.wire.send(request)
                    suspendCoroutine {
                        it.resume(result)
                        runCatching { it.resume(result) }
                    }
                })
                twice.session().accessToken(FRESH)
                val lost = device.app(object : SecureStore by store {
                    override suspend fun put(key: String, value: ByteArray, expect: Long): Long? = null
                })
                // It is always told that somebody else was faster: it gives up, and the session stays.
                assertEquals(ErrorCode.BUSY, failure { lost.session().accessToken(FRESH) }.code)
                device.app().session().accessToken(FRESH)
                assertEquals(0, server.count("session.ended"))
            }
        }
    }
}
