package dev.postern.mobile.processes

import dev.postern.mobile.Action
import dev.postern.mobile.AuthConfig
import dev.postern.mobile.AuthEvent
import dev.postern.mobile.AuthException
import dev.postern.mobile.Hooks
import dev.postern.mobile.HttpResult
import dev.postern.mobile.MobileAuth
import dev.postern.mobile.PlatformHttp
import dev.postern.mobile.Want
import dev.postern.mobile.file.FileSigner
import dev.postern.mobile.file.FileStore
import java.io.File
import kotlin.random.Random
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch

/** Refreshes until it is killed; half of the answers are lost. What it has stored it counts in `rotated`. */
suspend fun main(arguments: Array<String>) {
    val (issuer, path) = arguments
    val folder = File(path)
    val platform = PlatformHttp()
    val half = dev.postern.mobile.HttpClient { request ->
        val answer = platform.send(request)
        if (request.url.endsWith("/token")) {
            File(folder, "asked").appendText(".")
            if (Random.nextBoolean()) return@HttpClient HttpResult.Ambiguous
        }
        answer
    }
    val config = AuthConfig(issuer, "app", "http://127.0.0.1/callback", allowLoopback = true)
    val auth = MobileAuth.create(config, Hooks(FileStore(folder), FileSigner(folder), half))
    CoroutineScope(Dispatchers.Unconfined).launch(start = CoroutineStart.UNDISPATCHED) {
        auth.events.collect { if (it is AuthEvent.TokensRotated) File(folder, "rotated").appendText(".") }
    }
    while (true) {
        try {
            checkNotNull(auth.session()).accessToken(Want(fresh = true))
            File(folder, "got").appendText(".")
        } catch (failed: AuthException) {
            println(failed.stackTraceToString())
            if (failed.action != Action.RETRY_LATER) {
                File(folder, "forced").appendText("${failed.code}\n")
                delay(1000)
            }
        }
    }
}
