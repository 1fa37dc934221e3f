package dev.postern.mobile

import dev.postern.mobile.ffi.Core
import dev.postern.mobile.harness.Members
import dev.postern.mobile.harness.Recorded
import dev.postern.mobile.harness.Transcript
import dev.postern.mobile.harness.headers
import dev.postern.mobile.harness.json
import dev.postern.mobile.harness.members
import dev.postern.mobile.harness.moment
import dev.postern.mobile.harness.name
import dev.postern.mobile.harness.number
import dev.postern.mobile.harness.start
import dev.postern.mobile.harness.text
import dev.postern.mobile.harness.textOrNull
import dev.postern.mobile.internal.Driver
import java.util.concurrent.CopyOnWriteArrayList
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The conversations that the Rust core has recorded, held again by this driver with the core behind the bindings. */
class TranscriptTest {
    private class Process(transcript: Transcript) : AutoCloseable {
        val host = Recorded()
        val core: Core = transcript.core()
        private val driver = Driver(core, host.hooks)

        /** How a turn ends, and what was heard meanwhile. */
        suspend fun hold(turn: Members): Pair<Members, List<Members>> = runBlocking {
            val heard = CopyOnWriteArrayList<AuthEvent>()
            val listening = launch(Dispatchers.Unconfined, CoroutineStart.UNDISPATCHED) { driver.events.collect(heard::add) }
            host.hold((turn["steps"] as List<*>).map(::members))
            val end = try {
                mapOf("done" to json(driver.run { it.start(members(turn["call"])) }))
            } catch (failed: AuthException) {
                mapOf("failed" to json(failed))
            }
            listening.cancel()
            end to heard.map { json(it) }
        }

        fun seen(turn: Members): String {
            val call = members(turn["call"])
            return name(
                core.responseSeen(
                    call.textOrNull("account"), call.text("url"), call.number("status").toUShort(), headers(call["headers"]),
                    call.number("tries").toUInt(), moment(turn["now"]),
                ),
            )
        }

        override fun close() = driver.close()
    }

    private suspend fun hold(transcript: Transcript) {
        var process = Process(transcript)
        var number = 1L
        for ((index, turn) in transcript.turns.withIndex()) {
            val place = "${transcript.name}, turn ${index + 1}"
            if (turn["process"] != number) {
                process.close()
                process = Process(transcript)
                number = turn.number("process")
            }
            if (members(turn["call"])["type"] == "response_seen") {
                assertEquals(turn["verdict"], process.seen(turn), place)
                continue
            }
            val steps = (turn["steps"] as List<*>).map(::members)
            val (end, heard) = process.hold(turn)
            assertEquals(emptyList<String>(), process.host.differences, place)
            assertTrue(process.host.isOver, place)
            assertEquals(steps.flatMap { it["events"] as List<*> }, heard, place)
            // Without an end it was killed.
            if ("effect" !in steps.last()) end.forEach { (name, value) -> assertEquals(steps.last()[name], value, place) }
            assertEquals(0, process.host.arrays.count { array -> array.any { it != 0.toByte() } }, "$place: not wiped")
        }
        process.close()
    }

    @Test
    fun `every conversation is held as it was recorded, and nothing secret is left in the host's arrays`() = runBlocking {
        val all = Transcript.all()
        assertTrue(all.size > 10)
        all.forEach { hold(it) }
    }

    @Test
    fun `something else that is asked for is noticed`() = runBlocking {
        val transcript = Transcript.all().first { it.name == "sign-in-to-logout.json" }
        val turn = transcript.turns.first()
        val steps = (turn["steps"] as List<*>).map(::members)
        val other = steps.first() + ("effect" to members(steps.first()["effect"]) + ("method" to "PUT"))
        Process(transcript).use { process ->
            process.hold(turn + ("steps" to listOf(other) + steps.drop(1)))
            assertEquals(1, process.host.differences.size)
            assertFalse(process.host.arrays.isEmpty())
        }
    }
}
