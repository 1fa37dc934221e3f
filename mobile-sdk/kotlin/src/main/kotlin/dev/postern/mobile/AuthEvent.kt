package dev.postern.mobile

import dev.postern.mobile.ffi.Event
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds

/** What happened on the way, for the app's log and for its screens. No secret is in it. */
public sealed interface AuthEvent {
    /** Somebody signed in. */
    public data class AccountAdded(val account: String) : AuthEvent

    /** An account is gone from this device. */
    public data class AccountRemoved(val account: String) : AuthEvent

    /** The session has new tokens, and they are stored. */
    public data class TokensRotated(val account: String) : AuthEvent

    /** The session is over. */
    public data class SessionEnded(val account: String, val reason: EndReason) : AuthEvent

    /** The new tokens could not be stored yet; they are in memory, and the session is safe. */
    public data class StorageDegraded(val account: String) : AuthEvent

    /** They are stored now. */
    public data class StorageRecovered(val account: String) : AuthEvent

    /** The device's clock is wrong. Nothing is to be done. */
    public data class ClockSkewDetected(val offset: Duration) : AuthEvent

    /** A redirect was refused: somebody may be trying something. */
    public data class RedirectRejected(val code: ErrorCode) : AuthEvent

    /** The server was not asked to end a session; it will be when it can be reached. */
    public data class RevocationQueued(val account: String) : AuthEvent

    /** Who signed out with the browser is still signed in there: the server could not be asked at once, or says no. */
    public data class BrowserSessionKept(val account: String) : AuthEvent

    /** The attestor failed and the policy says to go on without. */
    public data object AttestationSkipped : AuthEvent
}

internal fun Event.toAuthEvent(): AuthEvent = when (this) {
    is Event.AccountAdded -> AuthEvent.AccountAdded(account)
    is Event.AccountRemoved -> AuthEvent.AccountRemoved(account)
    is Event.TokensRotated -> AuthEvent.TokensRotated(account)
    is Event.SessionEnded -> AuthEvent.SessionEnded(account, reason)
    is Event.StorageDegraded -> AuthEvent.StorageDegraded(account)
    is Event.StorageRecovered -> AuthEvent.StorageRecovered(account)
    is Event.ClockSkewDetected -> AuthEvent.ClockSkewDetected(offsetMs.milliseconds)
    is Event.RedirectRejected -> AuthEvent.RedirectRejected(code)
    is Event.RevocationQueued -> AuthEvent.RevocationQueued(account)
    is Event.BrowserSessionKept -> AuthEvent.BrowserSessionKept(account)
    is Event.AttestationSkipped -> AuthEvent.AttestationSkipped
}
