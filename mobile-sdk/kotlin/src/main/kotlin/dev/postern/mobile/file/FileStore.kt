package dev.postern.mobile.file

import dev.postern.mobile.HookError
import dev.postern.mobile.HookException
import dev.postern.mobile.Lease
import dev.postern.mobile.SecureStore
import dev.postern.mobile.Versioned
import java.io.File
import java.net.URLDecoder
import java.nio.ByteBuffer
import java.security.MessageDigest
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.time.Duration
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/** What a record is on the disk. */
public interface Seal {
    /** To be stored under this name only. */
    public fun seal(name: String, value: ByteArray): ByteArray

    /** What was sealed; [HookError.CORRUPT] if it was not, or under another name. */
    public fun open(name: String, sealed: ByteArray): ByteArray

    /** As it is: for what the file system protects well enough. */
    public object None : Seal {
        override fun seal(name: String, value: ByteArray): ByteArray = value

        override fun open(name: String, sealed: ByteArray): ByteArray = sealed
    }
}

/** Records in the files of one folder, shared by the processes of an app. */
public class FileStore(folder: File, private val seal: Seal = Seal.None) : SecureStore {
    private val folder by lazy { privateFolder(folder) }
    private val swap by lazy { FolderLock(File(this.folder, "swap.lock")) }

    override suspend fun get(key: String): Versioned? = onDisk {
        file(key).bytesOrNull()?.let { Versioned(seal.open(key, it), version(it)) }
    }

    override suspend fun put(key: String, value: ByteArray, expect: Long): Long? = onDisk {
        if (value.size > MOST) throw HookException(HookError.IO)
        swap.locked {
            if (versionOf(key) != expect) return@locked null
            val sealed = seal.seal(key, value)
            file(key).replaceWith(sealed)
            version(sealed)
        }
    }

    override suspend fun delete(key: String, expect: Long?): Boolean = onDisk {
        swap.locked {
            val asExpected = expect == null || versionOf(key) == expect
            if (asExpected) file(key).deleteForGood()
            asExpected
        }
    }

    override suspend fun keys(prefix: String): List<String> = onDisk {
        val names = folder.list() ?: throw HookException(HookError.IO)
        names.filter { it.startsWith(RECORD) }
            .map { URLDecoder.decode(it.removePrefix(RECORD), "UTF-8") }
            .filter { it.startsWith(prefix) }
    }

    override suspend fun lease(name: String, ttl: Duration, wait: Duration): Lease? = onDisk {
        val giveBack = FolderLock(File(folder, fileName("lease-", name))).take(wait) ?: return@onDisk null
        val held = AtomicBoolean(true)
        val release = { if (held.compareAndSet(true, false)) giveBack() }
        val fall = CoroutineScope(Dispatchers.IO).launch {
            delay(ttl)
            release()
        }
        Lease {
            fall.cancel()
            release()
        }
    }

    private fun file(key: String) = File(folder, fileName(RECORD, key))

    private fun versionOf(key: String) = file(key).bytesOrNull()?.let(::version) ?: 0

    private suspend fun <T> onDisk(work: suspend () -> T): T = withContext(Dispatchers.IO) { work() }

    private companion object {
        const val RECORD = "record-"
        const val MOST = 65536

        /** 63 bits of the digest: the same only for the same bytes. */
        fun version(bytes: ByteArray): Long {
            val digest = MessageDigest.getInstance("SHA-256").digest(bytes)
            return (ByteBuffer.wrap(digest).getLong() and Long.MAX_VALUE).coerceAtLeast(1)
        }
    }
}
