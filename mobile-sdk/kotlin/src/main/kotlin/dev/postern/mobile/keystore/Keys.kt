package dev.postern.mobile.keystore

import dev.postern.mobile.HookError
import dev.postern.mobile.HookException
import java.security.Key
import java.security.KeyStore

/** The keys of a keystore. */
internal class Keys(private val provider: String) {
    /** Null says little: up to Android 11 that is also what comes while the keystore's service is away. */
    fun look(alias: String): Key? = keystore().getKey(alias, null)

    /**
     * A key, or null if it is gone for good: while the keystore does not have it, it has one that was made just before. It is
     * looked for after that once more, since the service may have come back just then. One that is away for a moment is
     * [HookError.IO].
     */
    fun find(alias: String, make: (alias: String) -> Unit): Key? {
        look(alias)?.let { return it }
        make(PROBE)
        val found = look(alias)
        val answers = look(PROBE) != null
        if (answers) delete(PROBE)
        if (found == null && !answers) throw HookException(HookError.IO)
        return found ?: look(alias)
    }

    fun certificate(alias: String) = keystore().getCertificate(alias) ?: throw HookException(HookError.IO)

    fun delete(alias: String): Unit = keystore().run { if (containsAlias(alias)) deleteEntry(alias) }

    private fun keystore() = KeyStore.getInstance(provider).apply { load(null) }

    private companion object {
        const val PROBE = "postern.probe"
    }
}
