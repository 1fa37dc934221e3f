package dev.postern.mobile

import kotlin.time.Duration

/** A record and its version: never 0, and never the same for two values of a record. */
public class Versioned(
    /** What was put. */
    public val value: ByteArray,
    /** For the next [SecureStore.put]. */
    public val version: Long,
)

/**
 * Records that survive the process, shared by all processes of the app. Arrays are wiped after use: give new ones, and copy
 * what you keep.
 */
public interface SecureStore {
    /** A record, or null if there is none. */
    public suspend fun get(key: String): Versioned?

    /**
     * Writes a record of at most 64 KiB, durably and as a whole, if the version that is there is [expect] (0: none).
     * Its new version, or null if another one is there.
     */
    public suspend fun put(key: String, value: ByteArray, expect: Long): Long?

    /** Deletes a record; false if another version than [expect] is there. */
    public suspend fun delete(key: String, expect: Long?): Boolean

    /** The names of records. */
    public suspend fun keys(prefix: String): List<String>

    /**
     * Takes a lease that other processes see, or null if it is not to be had in [wait]. It falls after [ttl], and when its
     * process ends. It saves requests; nothing depends on it.
     */
    public suspend fun lease(name: String, ttl: Duration, wait: Duration): Lease?
}

/** A lease that is held. */
public fun interface Lease {
    /** Gives it back; one that has fallen already is nobody's any more. */
    public suspend fun release()
}
