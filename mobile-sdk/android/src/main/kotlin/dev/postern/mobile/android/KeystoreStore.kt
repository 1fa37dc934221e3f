package dev.postern.mobile.android

import android.content.Context
import android.os.UserManager
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import dev.postern.mobile.HookError
import dev.postern.mobile.HookException
import dev.postern.mobile.Lease
import dev.postern.mobile.SecureStore
import dev.postern.mobile.Versioned
import dev.postern.mobile.file.FileStore
import dev.postern.mobile.keystore.KeystoreSeal
import java.io.File
import kotlin.time.Duration

/**
 * Records in files that are in no backup, sealed under a key of the Keystore. They can be read after the first unlock, so
 * that work in the background can refresh.
 */
public class KeystoreStore(private val context: Context) : SecureStore {
    // The folder is on the disk: not before it is used.
    private val files by lazy {
        FileStore(File(context.noBackupFilesDir, "postern"), KeystoreSeal(ANDROID_KEYSTORE, secretKey = ::secretKey))
    }

    override suspend fun get(key: String): Versioned? = unlocked().get(key)

    override suspend fun put(key: String, value: ByteArray, expect: Long): Long? = unlocked().put(key, value, expect)

    override suspend fun delete(key: String, expect: Long?): Boolean = unlocked().delete(key, expect)

    override suspend fun keys(prefix: String): List<String> = unlocked().keys(prefix)

    override suspend fun lease(name: String, ttl: Duration, wait: Duration): Lease? = unlocked().lease(name, ttl, wait)

    /** Before the first unlock there are no files, which is not the same as none. */
    private fun unlocked(): FileStore {
        if (context.getSystemService(UserManager::class.java)?.isUserUnlocked == false) throw HookException(HookError.LOCKED)
        return files
    }
}

private fun secretKey(alias: String) =
    KeyGenParameterSpec.Builder(alias, KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT)
        .setKeySize(256)
        .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
        .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
        .build()
