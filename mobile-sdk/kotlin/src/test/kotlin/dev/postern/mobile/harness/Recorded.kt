package dev.postern.mobile.harness

import dev.postern.mobile.Attestor
import dev.postern.mobile.Clock
import dev.postern.mobile.DpopSigner
import dev.postern.mobile.Evidence
import dev.postern.mobile.HookError
import dev.postern.mobile.HookException
import dev.postern.mobile.Hooks
import dev.postern.mobile.HttpClient
import dev.postern.mobile.HttpRequest
import dev.postern.mobile.HttpResponse
import dev.postern.mobile.HttpResult
import dev.postern.mobile.KeyInfo
import dev.postern.mobile.KeyLevel
import dev.postern.mobile.KeyPolicy
import dev.postern.mobile.Lease
import dev.postern.mobile.Moment
import dev.postern.mobile.SecureStore
import dev.postern.mobile.Versioned
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.time.Duration

/**
 * A host that answers what it answered when the conversation was recorded, notes what else it is asked for, and keeps the arrays
 * that went through its hands.
 */
class Recorded : SecureStore, DpopSigner, HttpClient, Attestor, Clock {
    private var steps: List<Members> = emptyList()
    private var at = -1

    /** What was asked for and not recorded. */
    val differences = CopyOnWriteArrayList<String>()

    /** Of those that hold secrets. */
    val arrays = CopyOnWriteArrayList<ByteArray>()

    val hooks = Hooks(this, this, this, this, this).also {
        it.random = { length -> kept(bytes(asked("random", "len" to length.toLong())["bytes"])) }
        it.pause = { time -> asked("sleep", "ms" to time.inWholeMilliseconds) }
    }

    /** The steps of the next turn. */
    fun hold(steps: List<Members>) {
        this.steps = steps
        at = -1
    }

    val isOver: Boolean get() = at >= steps.lastIndex

    override fun now(): Moment {
        // Killed there.
        check(++at < steps.size)
        return moment(steps[at]["now"])
    }

    private fun kept(array: ByteArray) = array.also { arrays += it }

    private fun asked(type: String, vararg members: Pair<String, Any?>): Members {
        val effect = mapOf("type" to type, *members)
        val step = steps[at]
        if (step["effect"] != effect) differences += "step ${at + 1}\nrecorded ${step["effect"]}\nnow      $effect"
        val input = members(step["input"])
        if (input["type"] == "failed") throw HookException(constant<HookError>(input["error"]))
        return input
    }

    override suspend fun get(key: String): Versioned? = asked("get", "key" to key)
        .takeIf { it["type"] == "value" }?.let { Versioned(kept(bytes(it["value"])), it.number("version")) }

    override suspend fun put(key: String, value: ByteArray, expect: Long): Long? =
        asked("put", "key" to key, "value" to json(kept(value)), "expect" to expect)["version"] as Long?

    override suspend fun delete(key: String, expect: Long?): Boolean =
        asked("delete", "key" to key, "expect" to expect)["type"] == "done"

    override suspend fun keys(prefix: String): List<String> = texts(asked("keys", "prefix" to prefix)["keys"]).orEmpty()

    override suspend fun lease(name: String, ttl: Duration, wait: Duration): Lease? {
        val input = asked("lock", "name" to name, "ttl_ms" to ttl.inWholeMilliseconds, "wait_ms" to wait.inWholeMilliseconds)
        return if (input["type"] == "lock_held") Lease { asked("unlock", "name" to name) } else null
    }

    override suspend fun ensureKey(id: String, policy: KeyPolicy): KeyInfo =
        asked("key_ensure", "key" to id, "policy" to name(policy))
            .let { KeyInfo(bytes(it["x"]), bytes(it["y"]), constant<KeyLevel>(it["level"])) }

    override suspend fun sign(id: String, message: ByteArray): ByteArray =
        bytes(asked("sign", "key" to id, "message" to json(message))["signature"])

    override suspend fun deleteKey(id: String) {
        asked("key_delete", "key" to id)
    }

    override suspend fun attest(challenge: ByteArray, jkt: String): Evidence =
        asked("attest", "challenge" to json(challenge), "jkt" to jkt).let { Evidence(bytes(it["attestation"]), bytes(it["proof"])) }

    override suspend fun send(request: HttpRequest): HttpResult {
        kept(request.body)
        request.headers.forEach { kept(it.value) }
        val input = asked(
            "http", "method" to request.method, "url" to request.url, "headers" to json(request.headers),
            "body" to json(request.body),
        )
        return when (input["type"]) {
            "http" -> {
                val (status, headers) = input.number("status").toUShort() to headers(input["headers"])
                HttpResult.Answered(HttpResponse(status, headers, kept(bytes(input["body"]))))
            }
            else -> if (input["failure"] == "not_sent") HttpResult.NotSent else HttpResult.Ambiguous
        }
    }
}
