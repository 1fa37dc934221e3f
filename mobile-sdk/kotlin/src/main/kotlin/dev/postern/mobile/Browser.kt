package dev.postern.mobile

/** Shows a person the pages of the server, in the system browser. */
public fun interface Browser {
    /** Opens the URL, and returns the URL that the browser came back with. A closed one: [HookError.CANCELLED]. */
    public suspend fun open(ready: AuthorizationReady): String
}
