package dev.postern.mobile.harness

import dev.postern.mobile.Attestor
import dev.postern.mobile.AuthConfig
import dev.postern.mobile.AuthEvent
import dev.postern.mobile.AuthException
import dev.postern.mobile.Clock
import dev.postern.mobile.DpopSigner
import dev.postern.mobile.Hooks
import dev.postern.mobile.HttpClient
import dev.postern.mobile.MobileAuth
import dev.postern.mobile.SecureStore
import dev.postern.mobile.Session
import dev.postern.mobile.SystemClock
import dev.postern.mobile.Want
import dev.postern.mobile.file.FileSigner
import dev.postern.mobile.file.FileStore
import java.io.File
import java.nio.ByteBuffer
import java.nio.file.Files
import java.util.Base64
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.launch

/** A device and the processes of the app on it: each [app] is one. */
class Device(private val config: AuthConfig) : AutoCloseable {
    val folder: File = Files.createTempDirectory("postern-device").toFile()
    val wire = Wire()
    private val apps = CopyOnWriteArrayList<App>()

    fun app(
        store: SecureStore = FileStore(folder),
        signer: DpopSigner = FileSigner(folder),
        http: HttpClient = wire,
        attestor: Attestor? = null,
        clock: Clock = SystemClock(),
        timeout: Duration = 60.seconds,
        config: AuthConfig = this.config,
    ): App = App(MobileAuth.create(config, Hooks(store, signer, http, attestor, clock, timeout))).also { apps += it }

    /** Alice signs in. */
    suspend fun signedIn(server: Server): App = app().apply { auth.signIn(server.browser()) }

    /** What lies on the disk. */
    fun files(kind: String): List<File> = folder.listFiles { _, name -> name.startsWith(kind) }.orEmpty().toList()

    /** How often the server has rotated what is stored: it is in the refresh token, and that of the sign-in has 1. */
    fun rotations(): Int {
        val token = Regex("pst_rt_([\\w-]+)").find(files("record-account").single().readText())!!.groupValues[1]
        return ByteBuffer.wrap(Base64.getUrlDecoder().decode(token)).getInt(41) - 1
    }

    override fun close() {
        apps.forEach { it.close() }
        folder.deleteRecursively()
    }
}

/** A process of the app, and what it was told. */
class App(val auth: MobileAuth) : AutoCloseable {
    val heard = CopyOnWriteArrayList<AuthEvent>()
    private val listening = Job()

    init {
        CoroutineScope(Dispatchers.Unconfined + listening).launch(start = CoroutineStart.UNDISPATCHED) {
            auth.events.collect(heard::add)
        }
    }

    suspend fun session(): Session = checkNotNull(auth.session())

    /** Closed is as good as killed: nothing is finished. */
    override fun close() {
        listening.cancel()
        auth.close()
    }
}

val FRESH = Want(fresh = true)

/** What went wrong with it. */
suspend fun failure(work: suspend () -> Unit): AuthException = try {
    work()
    throw AssertionError("it did not fail")
} catch (failed: AuthException) {
    failed
}
