package dev.postern.mobile.keystore

import dev.postern.mobile.DpopSigner
import dev.postern.mobile.HookError
import dev.postern.mobile.HookException
import dev.postern.mobile.KeyInfo
import dev.postern.mobile.KeyLevel
import dev.postern.mobile.KeyPolicy
import java.security.GeneralSecurityException
import java.security.KeyPairGenerator
import java.security.PrivateKey
import java.security.ProviderException
import java.security.Signature
import java.security.interfaces.ECPublicKey
import java.security.spec.AlgorithmParameterSpec
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.TimeSource
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/** What a device's keystore can do that Java's does not know. */
public interface KeystoreDevice {
    /** The provider's name and that of its keystore. */
    public val provider: String

    /** How to make a signing key of this name, in the device's own chip or not. */
    public fun signingKey(alias: String, strongBox: Boolean): AlgorithmParameterSpec

    /** Whether there is a chip of its own. */
    public val hasStrongBox: Boolean

    /** Where a key lives. */
    public fun level(key: PrivateKey): KeyLevel
}

/**
 * Signing keys of a keystore that never leave it. A key is made in the device's own chip if one signature of it is fast
 * enough, else in the trusted environment.
 */
public class KeystoreKeys(
    private val device: KeystoreDevice,
    private val fastEnough: Duration = 150.milliseconds,
    private val time: TimeSource = TimeSource.Monotonic,
) : DpopSigner {
    private val keys = Keys(device.provider)

    override suspend fun ensureKey(id: String, policy: KeyPolicy): KeyInfo = inside {
        val info = find(id) ?: make(id)
        if (policy == KeyPolicy.REQUIRE_HARDWARE && info.level == KeyLevel.SOFTWARE) {
            keys.delete(alias(id))
            throw HookException(HookError.UNAVAILABLE)
        }
        info
    }

    override suspend fun sign(id: String, message: ByteArray): ByteArray = inside {
        val key = keys.find(alias(id)) { generate(it, strongBox = false) }
        signature(key as PrivateKey? ?: throw HookException(HookError.NOT_FOUND), message)
    }

    override suspend fun deleteKey(id: String): Unit = inside { keys.delete(alias(id)) }

    private fun find(id: String): KeyInfo? {
        val private = privateKey(id) ?: return null
        return keyInfo(keys.certificate(alias(id)).publicKey as ECPublicKey, device.level(private))
    }

    private fun make(id: String): KeyInfo {
        if (device.hasStrongBox) {
            try {
                generate(alias(id), strongBox = true)
                val began = time.markNow()
                signature(privateKey(id) ?: throw ProviderException("made and not there"), ByteArray(32))
                if (began.elapsedNow() <= fastEnough) return find(id) ?: throw HookException(HookError.IO)
            } catch (_: ProviderException) {
                // Full, or not there after all. The key of the same name takes its place.
            } catch (_: GeneralSecurityException) {
                // A chip that makes keys and cannot sign.
            }
        }
        generate(alias(id), strongBox = false)
        return find(id) ?: throw HookException(HookError.IO)
    }

    private fun generate(alias: String, strongBox: Boolean) {
        KeyPairGenerator.getInstance("EC", device.provider).run {
            initialize(device.signingKey(alias, strongBox))
            generateKeyPair()
        }
    }

    private fun signature(key: PrivateKey, message: ByteArray): ByteArray =
        // Without a provider's name: Java finds the one that the key belongs to.
        Signature.getInstance("SHA256withECDSA").run {
            initSign(key)
            update(message)
            sign()
        }

    private fun privateKey(id: String) = keys.look(alias(id)) as PrivateKey?

    private suspend fun <T> inside(work: () -> T): T = withContext(Dispatchers.IO) { inKeystore(work) }

    private fun alias(id: String) = "postern.$id"
}
