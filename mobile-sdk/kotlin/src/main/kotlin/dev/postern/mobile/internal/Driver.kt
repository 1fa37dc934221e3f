package dev.postern.mobile.internal

import dev.postern.mobile.AuthEvent
import dev.postern.mobile.AuthException
import dev.postern.mobile.ErrorCode
import dev.postern.mobile.ExchangeParams
import dev.postern.mobile.Header
import dev.postern.mobile.Hooks
import dev.postern.mobile.HttpRequest
import dev.postern.mobile.HttpResponse
import dev.postern.mobile.HttpResult
import dev.postern.mobile.Verdict
import dev.postern.mobile.toAuthEvent
import dev.postern.mobile.ffi.Answer
import dev.postern.mobile.ffi.Core
import dev.postern.mobile.ffi.Effect
import dev.postern.mobile.ffi.InternalException
import dev.postern.mobile.ffi.Next
import dev.postern.mobile.ffi.Operation
import dev.postern.mobile.ffi.Outcome
import dev.postern.mobile.ffi.Token
import dev.postern.mobile.ffi.Want
import java.io.IOException
import java.util.concurrent.atomic.AtomicBoolean
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineName
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.cancel
import kotlinx.coroutines.channels.BufferOverflow
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.MutableSharedFlow
import kotlinx.coroutines.flow.asSharedFlow
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeoutOrNull

/** Does what the core asks for, in a scope of its own that no caller can cancel. */
internal class Driver(private val core: Core, private val hooks: Hooks) : AutoCloseable {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.IO + CoroutineName("postern"))
    private val flights = Flights(scope)
    private val told = MutableSharedFlow<AuthEvent>(extraBufferCapacity = 256, onBufferOverflow = BufferOverflow.DROP_OLDEST)
    val events = told.asSharedFlow()

    /** An operation to its end. Who is cancelled stops waiting; it goes on. */
    suspend fun run(start: (Core) -> Operation): Outcome = inScope { toTheEnd({ start(core) }) }

    /** The same, but what comes of it is undone when nobody waits for it any more. */
    suspend fun runOrUndo(start: (Core) -> Operation, undo: (Core, Outcome) -> Operation): Outcome {
        val work = scope.async { toTheEnd({ start(core) }) }
        try {
            return scope.join(work)
        } catch (cancelled: CancellationException) {
            scope.launch { runCatching { work.await().let { left -> toTheEnd({ undo(core, left) }) } } }
            throw cancelled
        }
    }

    /** The same, but it stops after a pause when nobody waits for it any more. */
    suspend fun runWhileWanted(start: (Core) -> Operation): Outcome {
        val wanted = AtomicBoolean(true)
        try {
            return inScope { toTheEnd({ start(core) }, wanted::get) }
        } catch (cancelled: CancellationException) {
            wanted.set(false)
            throw cancelled
        }
    }

    /** All who want the same token of an account share one operation, and those of one account follow each other. */
    suspend fun token(account: String, want: Want): Token =
        inScope { cached(account, want) } ?: flights.join(account, want) {
            (toTheEnd({ core.accessToken(account, want) }) as Outcome.Token).token
        }

    suspend fun headers(account: String, method: String, url: String, want: Want): List<Header> {
        token(account, want)
        val there = want.copy(fresh = false)
        val signed = suspend { toTheEnd({ core.authorizeRequest(account, method, url, there) }) as Outcome.Headers }
        val ended = if (inScope { cached(account, there) } != null) inScope(signed) else flights.alone(account, signed)
        return ended.headers.headers
    }

    /** It refreshes too, so it is one of the account's. */
    suspend fun exchange(account: String, params: ExchangeParams): Token =
        flights.alone(account) { (toTheEnd({ core.exchange(account, params) }) as Outcome.Token).token }

    suspend fun judge(account: String, url: String, status: Int, headers: List<Header>, tries: Int): Verdict =
        inScope { guarded { core.responseSeen(account, url, status.toUShort(), headers, tries.toUInt(), now()) } }

    /** A request of the app's by the SDK's client. Like any hook it may block its thread for good: then it is left behind. */
    suspend fun send(request: HttpRequest): HttpResponse = inScope {
        val asked = scope.async { runCatching { hooks.http.send(request) } }
        val result = withTimeoutOrNull(hooks.timeout) { asked.await() }
        if (result == null) asked.cancel()
        val came = result ?: Result.success(HttpResult.Ambiguous)
        when (val answer = came.getOrElse { throw AuthException(fault(it)) }) {
            is HttpResult.Answered -> answer.response
            HttpResult.NotSent -> throw AuthException(ErrorCode.OFFLINE)
            HttpResult.Ambiguous -> throw AuthException(ErrorCode.NO_ANSWER)
        }
    }

    /** Its words may have the request's secrets in them. */
    private fun fault(thrown: Throwable) = when (thrown) {
        is IllegalArgumentException -> ErrorCode.INVALID_ARGUMENT
        // It may have been sent before.
        is IOException -> ErrorCode.NO_ANSWER
        else -> ErrorCode.HOOK_MISBEHAVED
    }

    override fun close() {
        scope.cancel()
        core.close()
    }

    private fun cached(account: String, want: Want) = guarded { core.cachedToken(account, want, now()) }

    private suspend fun <T> inScope(work: suspend () -> T): T = scope.join(scope.async { work() })

    private suspend fun toTheEnd(start: () -> Operation, wanted: () -> Boolean = { true }): Outcome {
        val performer = Performer(hooks, scope)
        try {
            return guarded { start().use { loop(it, performer, wanted) } }
        } finally {
            performer.close()
        }
    }

    private inline fun <T> guarded(work: () -> T): T = try {
        work()
    } catch (_: InternalException) {
        // A panic in the core, whose words are nobody's business.
        throw AuthException(ErrorCode.INTERNAL)
    }

    private suspend fun loop(operation: Operation, performer: Performer, wanted: () -> Boolean): Outcome {
        var answer: Answer? = null
        while (true) {
            val step = try {
                operation.step(answer, now())
            } finally {
                answer?.input?.wipe()
            }
            step.events.forEach { told.tryEmit(it.toAuthEvent()) }
            when (val next = step.next) {
                is Next.Done -> return next.outcome
                is Next.Failed -> throw AuthException(next.error)
                is Next.Need -> {
                    answer = Answer(next.id, performer.perform(next.effect))
                    if (next.effect is Effect.Sleep && !wanted()) throw CancellationException("nobody waits for it")
                }
            }
        }
    }

    private fun now() = try {
        hooks.clock.now()
    } catch (_: Throwable) {
        throw AuthException(ErrorCode.HOOK_MISBEHAVED)
    }
}

/** Waits for what runs in a scope of ours: if that is closed, it is not the caller that was cancelled. */
internal suspend fun <T> CoroutineScope.join(work: Deferred<T>): T = try {
    work.await()
} catch (cancelled: CancellationException) {
    currentCoroutineContext().ensureActive()
    throw IllegalStateException("MobileAuth is closed", cancelled)
}
