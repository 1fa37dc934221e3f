package dev.postern.mobile

import java.io.File
import java.util.UUID

/** The device's clocks. */
public fun interface Clock {
    /** What they say. The monotonic one goes on in sleep, and is the same in all processes of a boot. */
    public fun now(): Moment
}

/**
 * The clocks of a Linux machine. Elsewhere the monotonic one is this process's own: another process believes no access
 * token that this one has stored, and gets its own.
 */
public class SystemClock : Clock {
    private val boot = read("/proc/sys/kernel/random/boot_id")?.trim()
    private val process = UUID.randomUUID().toString()

    override fun now(): Moment {
        val wall = System.currentTimeMillis()
        val uptime = boot?.let { read("/proc/uptime")?.substringBefore(' ')?.toDoubleOrNull() }
        return if (boot != null && uptime != null) {
            Moment(wall, (uptime * 1000).toLong(), boot)
        } else {
            Moment(wall, System.nanoTime() / 1_000_000, process)
        }
    }

    private fun read(path: String): String? = try {
        File(path).readText()
    } catch (_: java.io.IOException) {
        null
    }
}
