package dev.postern.mobile.internal

import dev.postern.mobile.ffi.Token
import dev.postern.mobile.ffi.Want
import java.util.concurrent.ConcurrentHashMap
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.async
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

/** Token requests that are under way: who wants the same joins, and one account has one at a time. */
internal class Flights(private val scope: CoroutineScope) {
    private val underWay = HashMap<Pair<String, Want>, Deferred<Token>>()
    private val accounts = ConcurrentHashMap<String, Mutex>()

    suspend fun join(account: String, want: Want, work: suspend () -> Token): Token {
        val name = account to want
        val flight = synchronized(underWay) {
            underWay.getOrPut(name) {
                // It begins when it is noted, and is forgotten before anybody hears of its end.
                scope.async(start = CoroutineStart.LAZY) {
                    try {
                        lock(account).withLock { work() }
                    } finally {
                        synchronized(underWay) { underWay.remove(name) }
                    }
                }
            }
        }
        return scope.join(flight)
    }

    /** While no other of the account is under way. */
    suspend fun <T> alone(account: String, work: suspend () -> T): T =
        scope.join(scope.async { lock(account).withLock { work() } })

    private fun lock(account: String) = accounts.computeIfAbsent(account) { Mutex() }
}
