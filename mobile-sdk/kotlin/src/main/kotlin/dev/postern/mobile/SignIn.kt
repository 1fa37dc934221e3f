package dev.postern.mobile

/** A sign-in that waits for its browser. It is stored: another process can finish it. */
public class AuthorizationReady internal constructor(ready: dev.postern.mobile.ffi.AuthorizationReady) {
    /** To be opened in the system browser. */
    public val url: String = ready.url

    /** Where the browser comes back to. */
    public val redirectUri: String = ready.redirectUri

    internal val flowId: String = ready.flowId

    override fun toString(): String = "AuthorizationReady($redirectUri)"
}

/** What came of a sign-in. */
public sealed interface SignIn

/** Somebody signed in. */
public class SignedIn internal constructor(public val session: Session) : SignIn

/** Nobody did; `error.action` says what to do. */
public class SignInFailed internal constructor(public val error: AuthException) : SignIn
