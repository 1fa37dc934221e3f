package dev.postern.mobile.keystore

import dev.postern.mobile.HookError
import dev.postern.mobile.HookException
import dev.postern.mobile.file.Seal
import java.security.spec.AlgorithmParameterSpec
import javax.crypto.AEADBadTagException
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/**
 * Seals records with AES-256-GCM under a key that never leaves the keystore. The record's name is part of what is
 * authenticated: one record cannot be put in another's place. Its version is the digest of what is sealed.
 */
public class KeystoreSeal(
    private val provider: String,
    private val alias: String = "postern.store",
    private val secretKey: (alias: String) -> AlgorithmParameterSpec,
) : Seal {
    override fun seal(name: String, value: ByteArray): ByteArray = inKeystore {
        // The store's lock is held: no other process makes a key at the same time. One that is there is never made anew,
        // since nobody could read any record then.
        val cipher = cipher(Cipher.ENCRYPT_MODE, key() ?: make(alias), name, null)
        byteArrayOf(FORM) + cipher.iv + cipher.doFinal(value)
    }

    override fun open(name: String, sealed: ByteArray): ByteArray = inKeystore {
        if (sealed.size < 1 + IV + TAG || sealed[0] != FORM) throw HookException(HookError.CORRUPT)
        // Nobody reads it any more, nor ever will.
        val key = key() ?: throw HookException(HookError.CORRUPT)
        try {
            cipher(Cipher.DECRYPT_MODE, key, name, GCMParameterSpec(8 * TAG, sealed, 1, IV))
                .doFinal(sealed, 1 + IV, sealed.size - 1 - IV)
        } catch (wrong: AEADBadTagException) {
            throw HookException(HookError.CORRUPT, wrong)
        }
    }

    private fun cipher(mode: Int, key: SecretKey, name: String, iv: GCMParameterSpec?) =
        Cipher.getInstance("AES/GCM/NoPadding").apply {
            // The keystore draws the initialization vector.
            if (iv == null) init(mode, key) else init(mode, key, iv)
            updateAAD("postern\u0000$name".encodeToByteArray())
        }

    private fun key() = Keys(provider).find(alias) { make(it) } as SecretKey?

    private fun make(alias: String): SecretKey = KeyGenerator.getInstance("AES", provider).run {
        init(secretKey(alias))
        generateKey()
    }

    private companion object {
        const val FORM: Byte = 1
        const val IV = 12
        const val TAG = 16
    }
}
