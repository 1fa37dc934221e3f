package dev.postern.mobile.file

import java.io.File
import java.nio.channels.FileChannel
import java.nio.channels.FileLock
import java.nio.channels.OverlappingFileLockException
import java.nio.file.StandardOpenOption.CREATE
import java.nio.file.StandardOpenOption.WRITE
import java.util.concurrent.ConcurrentHashMap
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.TimeSource
import kotlinx.coroutines.delay
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

/**
 * A lock in a file. The operating system keeps it between processes and drops it when its process ends; within one process
 * it would throw, so a mutex stands before it.
 */
internal class FolderLock(private val file: File) {
    private val here = mutexes.computeIfAbsent(file.canonicalPath) { Mutex() }

    /** Runs what is short. */
    suspend fun <T> locked(work: () -> T): T = here.withLock {
        open().use { channel -> channel.lock().use { work() } }
    }

    /** Takes it in this time, or not at all. What is given has to be called to give it back. */
    suspend fun take(wait: Duration): (() -> Unit)? {
        val began = TimeSource.Monotonic.markNow()
        while (true) {
            attempt()?.let { return it }
            if (began.elapsedNow() >= wait) return null
            delay(10.milliseconds)
        }
    }

    /** Without a pause in which it could be cancelled, and keep half of it. */
    private fun attempt(): (() -> Unit)? {
        if (!here.tryLock()) return null
        var channel: FileChannel? = null
        var lock: FileLock? = null
        try {
            channel = open()
            lock = channel.tryLock()
        } catch (_: OverlappingFileLockException) {
            // Another class loader of this process has it.
        } finally {
            if (lock == null) {
                channel?.close()
                here.unlock()
            }
        }
        return lock?.let { { it.acquiredBy().close(); here.unlock() } }
    }

    private fun open() = file.openPrivately(CREATE, WRITE)

    private companion object {
        val mutexes = ConcurrentHashMap<String, Mutex>()
    }
}
