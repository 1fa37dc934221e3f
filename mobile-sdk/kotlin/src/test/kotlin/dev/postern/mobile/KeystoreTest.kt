package dev.postern.mobile

import dev.postern.mobile.file.FileStore
import dev.postern.mobile.harness.Device
import dev.postern.mobile.harness.FRESH
import dev.postern.mobile.harness.FakeKeystore
import dev.postern.mobile.harness.Server
import dev.postern.mobile.harness.failure
import dev.postern.mobile.keystore.KeystoreKeys
import dev.postern.mobile.keystore.KeystoreSeal
import java.io.File
import java.security.InvalidKeyException
import java.security.KeyStoreException
import java.security.ProviderException
import java.security.Security
import java.security.UnrecoverableKeyException
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.TimeMark
import kotlin.time.TimeSource
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test

class KeystoreTest {
    private val keystore = FakeKeystore()
    private val seal = KeystoreSeal("AndroidKeyStore", secretKey = keystore::secretKey)

    // Of the names that Android's own have.
    private class KeyPermanentlyInvalidatedException : InvalidKeyException()
    private class UserNotAuthenticatedException : InvalidKeyException()
    private class StrongBoxUnavailableException : ProviderException()

    /** Everything takes as long. */
    private class Lasting(private val time: Duration) : TimeSource {
        override fun markNow() = object : TimeMark {
            override fun elapsedNow() = time
        }
    }

    @BeforeEach
    fun register() {
        Security.addProvider(keystore)
    }

    @AfterEach
    fun remove() = Security.removeProvider(keystore.name)

    private fun keys(signature: Duration = 1.milliseconds) = KeystoreKeys(keystore, time = Lasting(signature))

    private suspend fun reason(work: suspend () -> Unit): HookError = try {
        work()
        throw AssertionError("it did not fail")
    } catch (failed: HookException) {
        failed.reason
    }

    @Test
    fun `a key is made in the device's own chip, where that is fast enough`() = runBlocking {
        val made = keys().ensureKey("a", KeyPolicy.PREFER_HARDWARE)
        assertEquals(KeyLevel.STRONG_BOX, made.level)
        assertEquals(32 to 32, made.x.size to made.y.size)
        val found = keys().ensureKey("a", KeyPolicy.REQUIRE_HARDWARE)
        assertTrue(made.x.contentEquals(found.x) && made.y.contentEquals(found.y))
        assertEquals(KeyLevel.TEE, keys(151.milliseconds).ensureKey("slow", KeyPolicy.PREFER_HARDWARE).level)
        keystore.chipFault = StrongBoxUnavailableException()
        assertEquals(KeyLevel.TEE, keys().ensureKey("full", KeyPolicy.PREFER_HARDWARE).level)
        keystore.chipFault = null
        keystore.chipIsFaulty = true
        assertEquals(KeyLevel.TEE, keys().ensureKey("faulty", KeyPolicy.PREFER_HARDWARE).level)
        keys().sign("faulty", ByteArray(1))
        keystore.hasStrongBox = false
        assertEquals(KeyLevel.TEE, keys().ensureKey("none", KeyPolicy.PREFER_HARDWARE).level)
        assertEquals(setOf("a", "slow", "full", "faulty", "none").map { "postern.$it" }.toSet(), keystore.made.keys.toSet())
    }

    @Test
    fun `where hardware is required a key in software is none, and nothing is left of it`() = runBlocking {
        keystore.hasStrongBox = false
        keystore.isSoftware = true
        assertEquals(HookError.UNAVAILABLE, reason { keys().ensureKey("a", KeyPolicy.REQUIRE_HARDWARE) })
        assertTrue(keystore.made.isEmpty())
        assertEquals(KeyLevel.SOFTWARE, keys().ensureKey("a", KeyPolicy.PREFER_HARDWARE).level)
    }

    @Test
    fun `what a keystore throws is told apart, and no key is given up for what nobody knows`() = runBlocking {
        val keys = keys()
        assertEquals(HookError.NOT_FOUND, reason { keys.sign("a", ByteArray(1)) })
        keys.ensureKey("a", KeyPolicy.PREFER_HARDWARE)
        val faults = mapOf(
            UnrecoverableKeyException().apply { initCause(KeyPermanentlyInvalidatedException()) } to HookError.KEY_LOST,
            ProviderException(UserNotAuthenticatedException()) to HookError.LOCKED,
            UnrecoverableKeyException("the service does not answer") to HookError.IO,
            ProviderException("no idea") to HookError.IO,
        )
        for ((fault, expected) in faults) {
            keystore.fault = fault
            assertEquals(expected, reason { keys.sign("a", ByteArray(1)) })
            keystore.fault = null
            keys.sign("a", ByteArray(1))
        }
        keys.deleteKey("a")
        keys.deleteKey("a")
        assertTrue(keystore.made.isEmpty())
    }

    @Test
    fun `a sealed record opens under its own name only, and not when a bit of it has changed`() = runBlocking {
        val sealed = seal.seal("account/a", "secret".encodeToByteArray())
        assertFalse("secret" in sealed.toString(Charsets.ISO_8859_1))
        assertEquals("secret", seal.open("account/a", sealed).decodeToString())
        assertEquals(HookError.CORRUPT, reason { seal.open("account/b", sealed) })
        for (at in sealed.indices) {
            val spoilt = sealed.copyOf().apply { this[at] = (this[at].toInt() xor 1).toByte() }
            assertEquals(HookError.CORRUPT, reason { seal.open("account/a", spoilt) }, "byte $at")
        }
        for (length in sealed.indices) assertEquals(HookError.CORRUPT, reason { seal.open("account/a", sealed.copyOf(length)) })
        assertFalse(sealed.contentEquals(seal.seal("account/a", "secret".encodeToByteArray())))
        keystore.fault = KeyStoreException("the service does not answer")
            .let { UnrecoverableKeyException().apply { initCause(it) } }
        assertEquals(HookError.IO, reason { seal.open("account/a", sealed) })
        keystore.fault = null
        keystore.made.clear()
        assertEquals(HookError.CORRUPT, reason { seal.open("account/a", sealed) })
    }

    @Test
    fun `a keystore that is away for a moment has lost nothing`() = runBlocking {
        val keys = keys()
        keys.ensureKey("a", KeyPolicy.PREFER_HARDWARE)
        val sealed = seal.seal("account/a", "secret".encodeToByteArray())
        val there = keystore.made.toMap()
        val unlessAway = { work: suspend () -> Unit ->
            runBlocking {
                try {
                    work()
                } catch (failed: HookException) {
                    assertEquals(HookError.IO, failed.reason)
                }
            }
        }
        // All the time, or at the first call and at another.
        for (calls in (1..8).map { (1..it).toSet() } + (2..8).map { setOf(1, it) }) {
            val works = listOf<suspend () -> Unit>(
                { keys.sign("a", ByteArray(1)) },
                { assertEquals("secret", seal.open("account/a", sealed).decodeToString()) },
                { seal.seal("account/b", ByteArray(1)) },
            )
            for (work in works) {
                keystore.away = calls
                unlessAway(work)
                keystore.away = emptySet()
                work()
                assertEquals(there, keystore.made - "postern.probe", "away at calls $calls")
            }
        }
        // What is gone for good is, and nothing is left of looking for it.
        keystore.made.clear()
        assertEquals(HookError.NOT_FOUND, reason { keys.sign("a", ByteArray(1)) })
        assertEquals(HookError.CORRUPT, reason { seal.open("account/a", sealed) })
        assertTrue(keystore.made.isEmpty())
        assertEquals("new", seal.open("account/a", seal.seal("account/a", "new".encodeToByteArray())).decodeToString())
    }

    @Test
    fun `a session lives in the keystore, and ends with its key and with nothing less`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                val app = device.app(FileStore(device.folder, seal), keys())
                val session = app.auth.signIn(server.browser())
                assertFalse(device.files("record-").map(File::readText).any { "pst_" in it })
                session.accessToken(FRESH)
                keystore.fault = UnrecoverableKeyException("the service does not answer")
                assertEquals(Action.RETRY_LATER, failure { session.accessToken(FRESH) }.action)
                keystore.fault = null
                session.accessToken(FRESH)
                // The key that signs is gone, that of the records is there.
                keystore.made.keys.removeIf { it != "postern.store" }
                val failed = failure { session.accessToken(FRESH) }
                assertEquals(ErrorCode.KEY_LOST to Action.SIGN_IN, failed.code to failed.action)
                val ends = app.heard.filterIsInstance<AuthEvent.SessionEnded>()
                assertEquals(listOf(AuthEvent.SessionEnded(session.account, EndReason.KEY_LOST)), ends)
                assertEquals(null, app.auth.session())
                // What was refused was given back.
                assertEquals(1, server.count("session.ended"))
            }
        }
    }
}
