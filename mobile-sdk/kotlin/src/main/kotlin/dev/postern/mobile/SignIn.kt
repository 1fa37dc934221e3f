package dev.postern.mobile

import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds

/** A sign-in that waits for its browser. It is stored: another process can finish it. */
public class AuthorizationReady internal constructor(ready: dev.postern.mobile.ffi.AuthorizationReady) {
    /** To be opened in the system browser. */
    public val url: String = ready.url

    /** Where the browser comes back to. */
    public val redirectUri: String = ready.redirectUri

    /** Names it, for [MobileAuth.closed]. */
    public val flowId: String = ready.flowId

    override fun toString(): String = "AuthorizationReady($redirectUri)"
}

/** A sign-in that waits for another device (RFC 8628). It is stored, too. Who sees its code can confirm it: it does not print. */
public class DeviceReady internal constructor(ready: dev.postern.mobile.ffi.DeviceReady) {
    /** What the person types in. */
    public val userCode: String = ready.userCode

    /** Where. */
    public val verificationUri: String = ready.verificationUri

    /** The same with the code in it, to be shown as a picture. */
    public val verificationUriComplete: String? = ready.verificationUriComplete

    /** For how long the code is good. */
    public val expiresIn: Duration = ready.expiresInMs.toLong().milliseconds

    internal val flowId: String = ready.flowId

    override fun toString(): String = "DeviceReady($verificationUri)"
}

/** What came of a sign-in. */
public sealed interface SignIn

/** Somebody signed in. */
public class SignedIn internal constructor(public val session: Session) : SignIn

/** Nobody did; `error.action` says what to do. */
public class SignInFailed internal constructor(public val error: AuthException) : SignIn
