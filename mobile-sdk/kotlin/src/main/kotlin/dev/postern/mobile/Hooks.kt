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
    /** Where sessions are kept. */
    public val store: SecureStore,
    /** Where the keys live that tokens are bound to. */
    public val signer: DpopSigner,
    /** Sends the requests to the server, and those of [Session.fetch]. */
    public val http: HttpClient = PlatformHttp(),
    /** Proves that the app is itself, for an [AuthConfig.attestation] that wants it. */
    public val attestor: Attestor? = null,
    /** Which tokens are good still. */
    public val clock: Clock = SystemClock(),
    /** How long one call of a hook may take; to wait for a lease comes on top. */
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
public class HookException(
    /** What the SDK goes by: some are worth another try, some end the session. */
    public val reason: HookError,
    cause: Throwable? = null,
) : Exception(reason.name, cause)
