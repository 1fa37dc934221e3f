package dev.postern.mobile

import dev.postern.mobile.ffi.ConfigException
import dev.postern.mobile.ffi.Core
import dev.postern.mobile.ffi.Outcome
import dev.postern.mobile.internal.Driver
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.withContext

/**
 * One app at one server: the door to everything. Make one for each process and keep it.
 *
 * Every function may be called on the main thread: none does I/O there. To cancel a caller stops its waiting, never the
 * work: a refresh that is under way ends, and is stored.
 */
public class MobileAuth private constructor(private val driver: Driver) : AutoCloseable {
    public companion object {
        /** @throws IllegalArgumentException if the configuration is not one. */
        public fun create(config: AuthConfig, hooks: Hooks): MobileAuth {
            val core = try {
                Core(config.toCore())
            } catch (wrong: ConfigException) {
                throw IllegalArgumentException(wrong.explain())
            }
            return MobileAuth(Driver(core, hooks))
        }
    }

    /** What happens from now on, to any account. */
    public val events: Flow<AuthEvent> get() = driver.events

    /**
     * Begins a sign-in. What is needed to finish it is stored before this returns, and forgotten if the caller was cancelled
     * meanwhile: nobody could finish it.
     */
    public suspend fun beginAuthorization(params: AuthorizeParams = AuthorizeParams()): AuthorizationReady {
        val begun = driver.runOrUndo({ it.begin(params.toCore()) }) { core, left ->
            core.cancel((left as Outcome.AuthorizationReady).ready.flowId)
        }
        return AuthorizationReady((begun as Outcome.AuthorizationReady).ready)
    }

    /** Finishes a sign-in with the URL that the browser came back to, in this process or another. */
    public suspend fun handleRedirect(url: String): SignIn = try {
        SignedIn(session(driver.run { it.handleRedirect(url.encodeToByteArray()) } as Outcome.SignedIn))
    } catch (failed: AuthException) {
        SignInFailed(failed)
    }

    /** Forgets a sign-in that the person has given up. */
    public suspend fun cancel(ready: AuthorizationReady): Unit = forget(ready.flowId)

    /**
     * The same by [AuthorizationReady.flowId], which another process may have begun: what [signIn] would have failed with. For
     * browsers that this process does not wait for.
     */
    public suspend fun closed(flowId: String): SignInFailed {
        forget(flowId)
        return SignInFailed(AuthException(ErrorCode.USER_CANCELLED))
    }

    /**
     * The three above in one, for a browser that this process waits for. Whatever the browser throws, and if the caller is
     * cancelled, the sign-in is forgotten.
     */
    public suspend fun signIn(browser: Browser, params: AuthorizeParams = AuthorizeParams()): Session {
        val ready = beginAuthorization(params)
        val back = try {
            browser.open(ready)
        } catch (thrown: Throwable) {
            // What went wrong first is what the caller is told.
            withContext(NonCancellable) { runCatching { cancel(ready) } }
            if (thrown !is HookException) throw thrown
            val code = if (thrown.reason == HookError.CANCELLED) ErrorCode.USER_CANCELLED else ErrorCode.HOOK_MISBEHAVED
            throw AuthException(code)
        }
        return when (val came = handleRedirect(back)) {
            is SignedIn -> came.session
            is SignInFailed -> throw came.error
        }
    }

    /** Begins a sign-in on another device (RFC 8628): show its code. */
    public suspend fun beginDevice(params: AuthorizeParams = AuthorizeParams()): DeviceReady =
        DeviceReady((driver.run { it.beginDevice(params.toCore()) } as Outcome.DeviceReady).ready)

    /** Waits for the other device. To cancel this stops the asking; to call it again goes on with it. */
    public suspend fun awaitDevice(ready: DeviceReady): Session =
        session(driver.runWhileWanted { it.pollDevice(ready.flowId) } as Outcome.SignedIn)

    /** Takes over, once, what another SDK has stored, so that nobody signs in again. */
    public suspend fun adopt(tokens: StoredTokens): Session =
        session(driver.run { it.adopt(tokens) } as Outcome.SignedIn)

    /** Signs the person of another app of the same maker in (OpenID Connect Native SSO), with what [Session.share] gave it. */
    public suspend fun signInWith(shared: NativeSso): Session =
        session(driver.run { it.nativeSso(shared) } as Outcome.SignedIn)

    /**
     * The session of an account, or of the default one. Null means that there is none; a locked device throws, and is no
     * reason to sign in.
     */
    public suspend fun session(account: String? = null): Session? {
        val there = accounts()
        val id = if (account == null) there.default else account.takeIf { it in there.accounts }
        return id?.let { Session(driver, it) }
    }

    /** All of them, in the order of their ids. */
    public suspend fun sessions(): List<Session> = accounts().accounts.map { Session(driver, it) }

    /** Whose session [session] gives from now on. */
    public suspend fun setDefault(session: Session) {
        driver.run { it.setDefault(session.account) }
    }

    /** Finishes what was cut off, such as a sign-out without a network. At the start, and when the network comes back. */
    public suspend fun resume() {
        driver.run { it.resume() }
    }

    /** Ends the work that is under way; what is stored stays. */
    override fun close(): Unit = driver.close()

    private suspend fun forget(flowId: String) {
        driver.run { it.cancel(flowId) }
    }

    private suspend fun accounts() = driver.run { it.accounts() } as Outcome.Accounts

    private fun session(signedIn: Outcome.SignedIn) = Session(driver, signedIn.account)
}
