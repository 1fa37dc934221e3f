package dev.postern.mobile

import dev.postern.mobile.file.FileSigner
import dev.postern.mobile.file.FileStore
import java.io.File
import java.security.SecureRandom
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.delay

/**
 * What the SDK uses of its host. Hooks are never called on the caller's thread; what they throw is a [HookException], or
 * counts as a fault of theirs. One that does not answer in [timeout] is left behind.
 */
public class Hooks(
    public val store: SecureStore,
    public val signer: DpopSigner,
    public val http: HttpClient = PlatformHttp(),
    public val attestor: Attestor? = null,
    public val clock: Clock = SystemClock(),
    public val timeout: Duration = 60.seconds,
) {
    // What no host has to care for. Tests that hold a recorded conversation again put theirs in its place.
    internal var random: (length: Int) -> ByteArray = { ByteArray(it).also(SecureRandom()::nextBytes) }
    internal var pause: suspend (Duration) -> Unit = { delay(it) }

    public companion object {
        /** Records and keys in files that only this user reads: for desktops, servers and tests. */
        public fun inFolder(folder: File): Hooks = Hooks(FileStore(folder), FileSigner(folder))
    }
}

/** Why a hook could not. */
public class HookException(public val reason: HookError, cause: Throwable? = null) : Exception(reason.name, cause)
