package dev.postern.mobile.processes

import dev.postern.mobile.file.FileStore
import java.io.File
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.awaitCancellation

/** Takes a lease, says so, and keeps it until it is killed. */
suspend fun main(arguments: Array<String>) {
    checkNotNull(FileStore(File(arguments.single())).lease("refresh/a", 10.minutes, 1.minutes))
    println("held")
    awaitCancellation()
}
