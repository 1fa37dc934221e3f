package dev.postern.mobile.file

import dev.postern.mobile.DpopSigner
import dev.postern.mobile.HookError
import dev.postern.mobile.HookException
import dev.postern.mobile.KeyInfo
import dev.postern.mobile.KeyLevel
import dev.postern.mobile.KeyPolicy
import dev.postern.mobile.keystore.keyInfo
import java.io.File
import java.security.GeneralSecurityException
import java.security.KeyFactory
import java.security.KeyPairGenerator
import java.security.Signature
import java.security.interfaces.ECPublicKey
import java.security.spec.ECGenParameterSpec
import java.security.spec.PKCS8EncodedKeySpec
import java.security.spec.X509EncodedKeySpec
import java.util.Base64
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/** Keys in the files of one folder: where there is no hardware for them. */
public class FileSigner(folder: File) : DpopSigner {
    private val folder by lazy { privateFolder(folder) }
    private val making by lazy { FolderLock(File(this.folder, "swap.lock")) }

    override suspend fun ensureKey(id: String, policy: KeyPolicy): KeyInfo = withContext(Dispatchers.IO) {
        if (policy == KeyPolicy.REQUIRE_HARDWARE) throw HookException(HookError.UNAVAILABLE)
        val halves = making.locked { halves(id) ?: make(id) }
        val public = KeyFactory.getInstance("EC").generatePublic(X509EncodedKeySpec(halves.first()))
        keyInfo(public as ECPublicKey, KeyLevel.SOFTWARE)
    }

    override suspend fun sign(id: String, message: ByteArray): ByteArray = withContext(Dispatchers.IO) {
        val halves = halves(id) ?: throw HookException(HookError.NOT_FOUND)
        val private = try {
            KeyFactory.getInstance("EC").generatePrivate(PKCS8EncodedKeySpec(halves.last()))
        } catch (spoilt: GeneralSecurityException) {
            throw HookException(HookError.KEY_LOST, spoilt)
        }
        Signature.getInstance("SHA256withECDSA").run {
            initSign(private)
            update(message)
            sign()
        }
    }

    override suspend fun deleteKey(id: String): Unit = withContext(Dispatchers.IO) {
        making.locked { file(id).deleteForGood() }
    }

    /** The public half and the private one. */
    private fun halves(id: String) =
        file(id).bytesOrNull()?.decodeToString()?.trim()?.lines()?.map { Base64.getDecoder().decode(it) }

    private fun make(id: String): List<ByteArray> {
        val pair = KeyPairGenerator.getInstance("EC").apply { initialize(ECGenParameterSpec("secp256r1")) }.generateKeyPair()
        val halves = listOf(pair.public.encoded, pair.private.encoded)
        file(id).replaceWith(halves.joinToString("\n") { Base64.getEncoder().encodeToString(it) }.encodeToByteArray())
        return halves
    }

    private fun file(id: String) = File(folder, fileName("key-", id))
}
