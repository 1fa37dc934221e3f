package dev.postern.mobile

import dev.postern.mobile.file.FileStore
import dev.postern.mobile.harness.Device
import dev.postern.mobile.harness.FRESH
import dev.postern.mobile.harness.Server
import dev.postern.mobile.harness.failure
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class OfflineTest {
    @Test
    fun `offline a fresh token is given, and a stale one is no reason to sign out`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                val app = device.signedIn(server)
                val session = app.session()
                device.wire.offline()
                session.accessToken()
                val failed = failure { session.accessToken(FRESH) }
                assertEquals(ErrorCode.OFFLINE to Action.RETRY_LATER, failed.code to failed.action)
                device.wire.instead = { _, send -> send(); HttpResult.Ambiguous }
                assertEquals(ErrorCode.NO_ANSWER, failure { session.accessToken(FRESH) }.code)
                device.wire.online()
                session.accessToken(FRESH)
                assertEquals(0, app.heard.count { it is AuthEvent.SessionEnded })
                assertEquals(0, server.count("session.ended"))
            }
        }
    }

    @Test
    fun `a sign-out without a network takes everything away here, and a later process tells the server`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                val app = device.signedIn(server)
                device.wire.offline()
                app.session().logout()
                assertNull(app.auth.session())
                assertEquals(emptyList<Any>(), device.files("key-"))
                assertTrue(app.heard.any { it is AuthEvent.RevocationQueued })
                app.close()
                device.wire.online()
                assertEquals(0, server.count("session.ended"))
                device.app().auth.resume()
                assertEquals(1, server.count("session.ended"))
                assertTrue(device.files("record-").all { it.name.startsWith("record-default") })
            }
        }
    }

    @Test
    fun `a locked device is never signed out`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                device.signedIn(server).close()
                var locked = true
                val store = FileStore(device.folder)
                val app = device.app(object : SecureStore by store {
                    override suspend fun get(key: String) = if (locked) throw HookException(HookError.LOCKED) else store.get(key)
                })
                val failed = failure { app.auth.session() }
                assertEquals(ErrorCode.DEVICE_LOCKED to Action.WAIT_FOR_UNLOCK, failed.code to failed.action)
                locked = false
                assertNotNull(app.auth.session()?.accessToken(FRESH))
                assertEquals(0, server.count("session.ended"))
            }
        }
    }

    @Test
    fun `a write that fails after the rotation costs nothing`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                device.signedIn(server).close()
                var full = false
                val store = FileStore(device.folder)
                val app = device.app(object : SecureStore by store {
                    override suspend fun put(key: String, value: ByteArray, expect: Long) =
                        if (full) throw java.io.IOException("no space left") else store.put(key, value, expect)
                })
                val session = app.session()
                full = true
                session.accessToken(FRESH)
                assertTrue(AuthEvent.StorageDegraded(session.account) in app.heard)
                // Killed with the new tokens in memory: the old one brings the same successor.
                app.close()
                device.app().session().accessToken(FRESH)
                assertEquals(0, server.count("session.ended"))
            }
        }
    }
}
