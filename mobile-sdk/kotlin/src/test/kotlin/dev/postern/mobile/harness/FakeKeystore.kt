package dev.postern.mobile.harness

import dev.postern.mobile.KeyLevel
import dev.postern.mobile.keystore.KeystoreDevice
import java.io.InputStream
import java.io.OutputStream
import java.security.Key
import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.KeyPairGeneratorSpi
import java.security.KeyStoreSpi
import java.security.PrivateKey
import java.security.Provider
import java.security.ProviderException
import java.security.PublicKey
import java.security.SecureRandom
import java.security.cert.Certificate
import java.security.spec.AlgorithmParameterSpec
import java.security.spec.ECGenParameterSpec
import java.util.Collections
import java.util.Date
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicInteger
import javax.crypto.KeyGenerator
import javax.crypto.KeyGeneratorSpi
import javax.crypto.SecretKey

/** What the keystore of a device is to Java: a provider of that name, whose keys are in memory here. */
class FakeKeystore : Provider("AndroidKeyStore", "1", "for tests"), KeystoreDevice {
    /** Key, public half, in its own chip. */
    val made = ConcurrentHashMap<String, Triple<Key, PublicKey?, Boolean>>()

    /** Thrown by every look at a key. */
    @Volatile var fault: Exception? = null

    /** Thrown when a key is made in the device's own chip. */
    @Volatile var chipFault: ProviderException? = null

    /** The device's own chip makes keys that do not sign. */
    @Volatile var chipIsFaulty = false

    /** For which of the next calls the service is away, the first of them being 1: no key is there then, and none is made. */
    @Volatile var away: Set<Int> = emptySet()
        set(calls) {
            asked.set(0)
            field = calls
        }
    private val asked = AtomicInteger()

    private fun isAway() = asked.incrementAndGet() in away

    private fun making() {
        if (isAway()) throw ProviderException("the service does not answer")
    }

    @Volatile override var hasStrongBox = true
    override val provider: String get() = name

    init {
        service("KeyStore", name) { Store() }
        service("KeyPairGenerator", "EC") { Pairs() }
        service("KeyGenerator", "AES") { Secrets() }
    }

    override fun signingKey(alias: String, strongBox: Boolean) = Spec(alias, strongBox)

    fun secretKey(alias: String) = Spec(alias, false)

    /** A device without any hardware for keys. */
    @Volatile var isSoftware = false

    override fun level(key: PrivateKey): KeyLevel =
        if (isSoftware) KeyLevel.SOFTWARE else if (made.values.any { it.first == key && it.third }) KeyLevel.STRONG_BOX else KeyLevel.TEE

    class Spec(val alias: String, val strongBox: Boolean) : AlgorithmParameterSpec

    private fun service(type: String, algorithm: String, make: () -> Any) = putService(
        object : Service(this, type, algorithm, "fake", null, null) {
            override fun newInstance(parameter: Any?) = make()
        },
    )

    private inner class Pairs : KeyPairGeneratorSpi() {
        private lateinit var spec: Spec

        override fun initialize(size: Int, random: SecureRandom?) = throw UnsupportedOperationException()

        override fun initialize(parameters: AlgorithmParameterSpec, random: SecureRandom?) {
            spec = parameters as Spec
        }

        override fun generateKeyPair(): KeyPair {
            making()
            if (spec.strongBox) chipFault?.let { throw it }
            val pair = KeyPairGenerator.getInstance("EC", "SunEC").run {
                initialize(ECGenParameterSpec("secp256r1"))
                generateKeyPair()
            }
            val private = if (spec.strongBox && chipIsFaulty) Unusable() else pair.private
            made[spec.alias] = Triple(private, pair.public, spec.strongBox)
            return pair
        }
    }

    private inner class Secrets : KeyGeneratorSpi() {
        private lateinit var spec: Spec

        override fun engineInit(random: SecureRandom?) = throw UnsupportedOperationException()

        override fun engineInit(size: Int, random: SecureRandom?) = throw UnsupportedOperationException()

        override fun engineInit(parameters: AlgorithmParameterSpec, random: SecureRandom?) {
            spec = parameters as Spec
        }

        override fun engineGenerateKey(): SecretKey {
            making()
            return KeyGenerator.getInstance("AES", "SunJCE").apply { init(256) }.generateKey()
                .also { made[spec.alias] = Triple(it, null, false) }
        }
    }

    private class Unusable : PrivateKey {
        override fun getAlgorithm() = "EC"

        override fun getFormat() = null

        override fun getEncoded() = null
    }

    private class Public(private val key: PublicKey) : Certificate("fake") {
        override fun getPublicKey() = key

        override fun getEncoded() = ByteArray(0)

        override fun verify(key: PublicKey?) = Unit

        override fun verify(key: PublicKey?, provider: String?) = Unit

        override fun toString() = "Public"
    }

    private inner class Store : KeyStoreSpi() {
        override fun engineGetKey(alias: String, password: CharArray?): Key? {
            fault?.let { throw it }
            return if (isAway()) null else made[alias]?.first
        }

        override fun engineGetCertificate(alias: String): Certificate? =
            if (isAway()) null else made[alias]?.second?.let { Public(it) }

        override fun engineContainsAlias(alias: String) = !isAway() && made.containsKey(alias)

        override fun engineDeleteEntry(alias: String) {
            made.remove(alias)
        }

        override fun engineLoad(stream: InputStream?, password: CharArray?) = Unit

        override fun engineAliases() = Collections.enumeration(made.keys)

        override fun engineSize() = made.size

        override fun engineIsKeyEntry(alias: String) = made.containsKey(alias)

        override fun engineIsCertificateEntry(alias: String) = false

        override fun engineGetCertificateChain(alias: String) = null

        override fun engineGetCreationDate(alias: String): Date? = null

        override fun engineSetKeyEntry(alias: String, key: Key, password: CharArray?, chain: Array<Certificate>?) = unsupported()

        override fun engineSetKeyEntry(alias: String, key: ByteArray, chain: Array<Certificate>?) = unsupported()

        override fun engineSetCertificateEntry(alias: String, certificate: Certificate) = unsupported()

        override fun engineGetCertificateAlias(certificate: Certificate) = null

        override fun engineStore(stream: OutputStream?, password: CharArray?) = unsupported()

        private fun unsupported(): Nothing = throw UnsupportedOperationException()
    }
}
