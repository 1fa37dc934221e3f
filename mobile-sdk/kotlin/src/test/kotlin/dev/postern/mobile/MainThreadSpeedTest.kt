package dev.postern.mobile

import dev.postern.mobile.file.FileSigner
import dev.postern.mobile.file.FileStore
import dev.postern.mobile.harness.Device
import dev.postern.mobile.harness.FRESH
import dev.postern.mobile.harness.Server
import java.lang.management.ManagementFactory
import java.util.concurrent.Executors
import kotlin.coroutines.CoroutineContext
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Runnable
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.condition.EnabledIfSystemProperty

/** For how long API calls keep the main thread, as a table: `tests/soak main-thread`. */
@EnabledIfSystemProperty(named = "postern.calls", matches = "\\d+")
class MainThreadSpeedTest {
    /** How long a piece of work has kept the thread, and how long it has computed, in nanoseconds. */
    private data class Piece(val kept: Long, val computed: Long)

    /** A main thread that notes its pieces of work. */
    private class Main : CoroutineDispatcher(), AutoCloseable {
        private val thread = Executors.newSingleThreadExecutor()
        private val clock = ManagementFactory.getThreadMXBean()
        private var pieces = mutableListOf<Piece>()

        override fun dispatch(context: CoroutineContext, block: Runnable) = thread.execute {
            val (began, computed) = System.nanoTime() to clock.currentThreadCpuTime
            block.run()
            pieces += Piece(System.nanoTime() - began, clock.currentThreadCpuTime - computed)
        }

        /** The pieces of a call, from where it is made to where its result is there. */
        suspend fun of(call: suspend () -> Unit): List<Piece> {
            thread.submit { pieces = mutableListOf() }.get()
            withContext(this) { call() }
            return thread.submit<List<Piece>> { pieces }.get()
        }

        override fun close() {
            thread.shutdown()
        }
    }

    private val calls = Integer.getInteger("postern.calls", 1)
    private fun micros(nanos: Long) = "%.0f µs".format(nanos / 1000.0)

    private suspend fun row(name: String, main: Main, times: Int = calls, call: suspend () -> Unit): String {
        val each = List(times) { main.of(call) }
        val whole = each.map { pieces -> pieces.sumOf { it.kept } }
        val sorted = whole.sorted()
        val longest = each.drop(1).flatten().maxByOrNull { it.kept } ?: Piece(0, 0)
        return listOf(
            "`$name`", "$times", micros(whole.first()), micros(sorted[times / 2]), micros(sorted[times * 99 / 100]),
            micros(longest.kept), micros(longest.computed),
        ).joinToString(" | ", "| ", " |")
    }

    @Test
    fun `what API calls cost the main thread`() = runBlocking {
        val rows = mutableListOf<String>()
        Server().use { server ->
            Device(server.config()).use { device ->
                Main().use { main ->
                    rows += row("MobileAuth.create", main) {
                        MobileAuth.create(server.config(), Hooks(FileStore(device.folder), FileSigner(device.folder))).close()
                    }
                    val app = device.app()
                    val auth = app.auth
                    val few = (calls / 10).coerceAtLeast(1)
                    rows += row("beginAuthorization", main, few) { auth.cancel(auth.beginAuthorization()) }
                    val session = auth.signIn(server.browser())
                    rows += row("session", main) { auth.session() }
                    rows += row("accessToken, at hand", main) { session.accessToken() }
                    rows += row("accessToken, refreshed", main, few) { session.accessToken(FRESH) }
                    rows += row("authorize", main) { session.authorize("GET", "${server.issuer}/userinfo") }
                    rows += row("fetch", main, few) { session.fetch("${server.issuer}/userinfo") }
                    assertTrue(app.heard.count { it is AuthEvent.TokensRotated } == few)
                }
            }
        }
        println("| call | times | the first | median | 99 of 100 | longest piece but for the first call | of it computing |")
        println("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        rows.forEach(::println)
    }
}
