package dev.postern.mobile.internal

import dev.postern.mobile.HookException
import dev.postern.mobile.Hooks
import dev.postern.mobile.HttpResult
import dev.postern.mobile.Lease
import dev.postern.mobile.ffi.Effect
import dev.postern.mobile.ffi.HookError
import dev.postern.mobile.ffi.HttpFailure
import dev.postern.mobile.ffi.Input
import java.io.IOException
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.TimeoutCancellationException
import kotlinx.coroutines.async
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout

/** The effects of one operation, by the hooks. Whatever a hook does becomes an input. */
internal class Performer(private val hooks: Hooks, private val scope: CoroutineScope) {
    private val leases = HashMap<String, Lease>()

    suspend fun perform(effect: Effect): Input = when (effect) {
        is Effect.Http -> asked { http(effect) }.also { if (!it.isTimeout()) effect.request.wipe() }
        is Effect.Get -> asked { hooks.store.get(effect.key)?.let { Input.Value(it.value, it.version) } ?: Input.Absent }
        is Effect.Put -> asked {
            hooks.store.put(effect.key, effect.value, effect.expect)?.let { Input.Stored(it) } ?: Input.Conflict
        }.also { if (!it.isTimeout()) effect.value.fill(0) }
        is Effect.Delete -> asked { if (hooks.store.delete(effect.key, effect.expect)) Input.Done else Input.Conflict }
        is Effect.Keys -> asked { Input.Keys(hooks.store.keys(effect.prefix)) }
        is Effect.Lock -> lock(effect)
        is Effect.Unlock -> leases.remove(effect.name).let { lease -> asked { lease?.release(); Input.Done } }
        is Effect.KeyEnsure -> asked { Input.Key(hooks.signer.ensureKey(effect.key, effect.policy)) }
        is Effect.Sign -> asked { Input.Signature(hooks.signer.sign(effect.key, effect.message)) }
        is Effect.KeyDelete -> asked { hooks.signer.deleteKey(effect.key); Input.Done }
        is Effect.Attest -> asked {
            val attestor = hooks.attestor ?: throw HookException(HookError.UNAVAILABLE)
            Input.Attested(attestor.attest(effect.challenge, effect.jkt))
        }
        is Effect.Random -> Input.Random(hooks.random(effect.len.toInt()))
        is Effect.Sleep -> Input.Done.also { hooks.pause(effect.ms.toLong().milliseconds) }
    }

    /** Gives back what an operation that was cut off still holds. */
    suspend fun close(): Unit = withContext(NonCancellable) {
        leases.values.forEach { lease -> runCatching { withTimeout(hooks.timeout) { lease.release() } } }
        leases.clear()
    }

    private suspend fun http(effect: Effect.Http): Input = when (val result = hooks.http.send(effect.request)) {
        is HttpResult.Answered -> Input.Http(result.response)
        HttpResult.NotSent -> Input.HttpFailed(HttpFailure.NOT_SENT)
        HttpResult.Ambiguous -> Input.HttpFailed(HttpFailure.AMBIGUOUS)
    }

    private suspend fun lock(effect: Effect.Lock): Input {
        val wait = effect.waitMs.toLong().milliseconds
        var lease: Lease? = null
        val answer = asked(hooks.timeout + wait) {
            lease = hooks.store.lease(effect.name, effect.ttlMs.toLong().milliseconds, wait)
            if (lease == null) Input.LockTimeout else Input.LockHeld
        }
        if (answer is Input.LockHeld) lease?.let { leases[effect.name] = it }
        return answer
    }

    /** In a coroutine of its own: a hook that never comes back is left behind, and what it throws goes no further. */
    private suspend fun asked(limit: Duration = hooks.timeout, hook: suspend () -> Input): Input {
        val asked = scope.async { runCatching { hook() } }
        return try {
            withTimeout(limit) { asked.await() }.getOrElse { Input.Failed(reason(it)) }
        } catch (_: TimeoutCancellationException) {
            asked.cancel()
            Input.Failed(HookError.TIMEOUT)
        }
    }

    private fun reason(thrown: Throwable) = when (thrown) {
        is HookException -> thrown.reason
        is TimeoutCancellationException -> HookError.TIMEOUT
        is IOException -> HookError.IO
        else -> HookError.UNKNOWN
    }
}
