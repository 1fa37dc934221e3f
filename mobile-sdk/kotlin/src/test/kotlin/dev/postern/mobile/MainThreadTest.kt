package dev.postern.mobile

import dev.postern.mobile.file.FileSigner
import dev.postern.mobile.file.FileStore
import dev.postern.mobile.harness.Device
import dev.postern.mobile.harness.FRESH
import dev.postern.mobile.harness.Server
import java.util.concurrent.CopyOnWriteArraySet
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import kotlin.time.Duration
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.async
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Test

class MainThreadTest {
    private val threads = CopyOnWriteArraySet<Thread>()

    private fun seen() {
        threads += Thread.currentThread()
    }

    private fun watched(device: Device) = device.app(
        store = FileStore(device.folder).let { store ->
            object : SecureStore by store {
                override suspend fun get(key: String) = seen().let { store.get(key) }

                override suspend fun put(key: String, value: ByteArray, expect: Long) =
                    seen().let { store.put(key, value, expect) }

                override suspend fun keys(prefix: String) = seen().let { store.keys(prefix) }

                override suspend fun delete(key: String, expect: Long?) = seen().let { store.delete(key, expect) }

                override suspend fun lease(name: String, ttl: Duration, wait: Duration) =
                    seen().let { store.lease(name, ttl, wait) }
            }
        },
        signer = FileSigner(device.folder).let { signer ->
            object : DpopSigner by signer {
                override suspend fun ensureKey(id: String, policy: KeyPolicy) = seen().let { signer.ensureKey(id, policy) }

                override suspend fun sign(id: String, message: ByteArray) = seen().let { signer.sign(id, message) }

                override suspend fun deleteKey(id: String) = seen().let { signer.deleteKey(id) }
            }
        },
        http = { seen().let { _ -> device.wire.send(it) } },
        clock = SystemClock().let { clock -> Clock { seen().let { clock.now() } } },
    )

    @Test
    fun `no hook and no clock is called on the main thread`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                Executors.newSingleThreadExecutor().asCoroutineDispatcher().use { main ->
                    withContext(main) {
                        val mainThread = Thread.currentThread()
                        val app = watched(device)
                        val session = app.auth.signIn(server.browser())
                        session.accessToken(FRESH)
                        session.accessToken()
                        session.fetch("${server.issuer}/userinfo")
                        session.logout()
                        assertFalse(mainThread in threads)
                        assertFalse(threads.isEmpty())
                    }
                }
            }
        }
    }

    @Test
    fun `while the disk stands still the main thread goes on`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                device.signedIn(server).close()
                Executors.newSingleThreadExecutor().asCoroutineDispatcher().use { main ->
                    val store = FileStore(device.folder)
                    val standsStill = CountDownLatch(1)
                    val app = device.app(object : SecureStore by store {
                        override suspend fun get(key: String) = standsStill.await().let { store.get(key) }
                    })
                    withContext(main) {
                        val token = async { app.session().accessToken() }
                        // If the main thread waited for the disk, nobody would ever start it again.
                        launch { standsStill.countDown() }
                        assertEquals("DPoP", token.await().type)
                    }
                }
            }
        }
    }
}
