package dev.postern.mobile

import dev.postern.mobile.file.FileStore
import dev.postern.mobile.harness.Device
import dev.postern.mobile.harness.FRESH
import dev.postern.mobile.harness.Server
import dev.postern.mobile.harness.jvm
import java.io.File
import java.nio.file.Files
import kotlin.random.Random
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class ProcessesTest {
    private val refreshes = Integer.getInteger("postern.refreshes", 100)

    @Test
    fun `two processes on one store, killed at random, with half of the answers lost, keep the session`() = runBlocking {
        Server().use { server ->
            Device(server.config(setOf("openid", "offline_access"))).use { device ->
                device.signedIn(server).close()
                val log = File(device.folder, "log")
                val (asked, got, forced, rotated) = listOf("asked", "got", "forced", "rotated").map { File(device.folder, it) }
                fun start() = jvm("dev.postern.mobile.processes.RefreshingKt", server.issuer, device.folder.path, log = log)
                val processes = mutableListOf(start(), start())
                var kills = 0
                try {
                    // Three times at least, each when the two have got on.
                    while (asked.length() < refreshes || kills < 3) {
                        val next = asked.length() + Random.nextInt(5, 30)
                        while (asked.length() < next) {
                            check(processes.all { it.isAlive }) { log.readText() }
                            Thread.sleep(Random.nextLong(5, 50))
                        }
                        val victim = Random.nextInt(processes.size)
                        processes[victim].destroyForcibly().waitFor()
                        processes[victim] = start()
                        kills++
                    }
                } finally {
                    processes.forEach { it.destroyForcibly().waitFor() }
                }
                device.app().session().accessToken(FRESH)
                assertTrue(got.length() > 0)
                assertFalse(forced.exists()) { forced.readText() }
                assertEquals(0, server.count("session.ended"))
                assertEquals(0, server.count("refresh_reuse"))
                // One rotation at the server for each that was stored; who is killed in between has not counted it, and the last
                // one is that of a moment ago.
                val (stored, made) = rotated.length() to device.rotations()
                assertTrue(made in stored + 1..stored + 1 + kills + processes.size, "$made at the server, $stored stored")
                val logged = log.readText() + server.log() + server.events()
                assertFalse(Regex("pst_(?:rt|ac|ds)_\\w|eyJ[\\w-]{8,}\\.").containsMatchIn(logged))
            }
        }
    }

    @Test
    fun `a lease keeps another process out, and falls with its holder`() = runBlocking {
        val folder = Files.createTempDirectory("postern-lease").toFile()
        val holder = jvm("dev.postern.mobile.processes.HoldingKt", folder.path)
        try {
            assertEquals("held", holder.inputStream.bufferedReader().readLine())
            val store = FileStore(folder)
            assertNull(store.lease("refresh/a", 1.minutes, 20.milliseconds))
            assertNotNull(store.lease("refresh/b", 1.minutes, 20.milliseconds))
            holder.destroyForcibly().waitFor()
            assertNotNull(store.lease("refresh/a", 1.minutes, 10.seconds))
        } finally {
            holder.destroyForcibly().waitFor()
            folder.deleteRecursively()
        }
    }
}
