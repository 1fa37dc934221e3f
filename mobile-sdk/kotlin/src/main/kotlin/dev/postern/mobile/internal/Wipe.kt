package dev.postern.mobile.internal

import dev.postern.mobile.HttpRequest
import dev.postern.mobile.ffi.HookError
import dev.postern.mobile.ffi.Input

/** Secrets go out of memory when they have been passed on, as far as a JVM can promise that. */
internal fun Input.wipe() {
    when (this) {
        is Input.Http -> response.body.fill(0)
        is Input.Value -> value.fill(0)
        is Input.Random -> bytes.fill(0)
        is Input.Attested -> {
            evidence.attestation.fill(0)
            evidence.proof.fill(0)
        }
        else -> {}
    }
}

internal fun HttpRequest.wipe() {
    body.fill(0)
    headers.forEach { it.value.fill(0) }
}

/** The hook may be at work with it still. */
internal fun Input.isTimeout() = this is Input.Failed && error == HookError.TIMEOUT
