package dev.postern.mobile.android

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Context
import android.content.Intent
import dev.postern.mobile.Attestor
import dev.postern.mobile.AuthConfig
import dev.postern.mobile.AuthorizationReady
import dev.postern.mobile.ErrorCode
import dev.postern.mobile.Hooks
import dev.postern.mobile.HttpClient
import dev.postern.mobile.MobileAuth
import dev.postern.mobile.PlatformHttp
import dev.postern.mobile.SignIn

/**
 * One for each process, in the `Application`: what is stored is sealed by the Keystore, and keys never leave it. The server is
 * told the version that the app's manifest has, unless the configuration names another.
 */
public fun MobileAuth.Companion.create(
    context: Context,
    config: AuthConfig,
    http: HttpClient = PlatformHttp(),
    attestor: Attestor? = null,
): MobileAuth = context.applicationContext.let { app ->
    val versioned = config.copy(appVersion = config.appVersion ?: app.packageManager.getPackageInfo(app.packageName, 0).versionName)
    create(versioned, Hooks(KeystoreStore(app), keystoreSigner(app), http, attestor, AndroidClock(app)))
}

/**
 * Shows the browser: an Auth Tab, else a Custom Tab, else the browser itself. What it comes back with is given to [returnTo], an
 * activity of the app whose `launchMode` is `singleTop`, else to the app's first one, whether the process has lived on or not, and
 * also that it was closed: see [takeReturn]. If Android has ended even the task, it is the first one that gets it.
 *
 * An [ephemeral] tab knows no cookies and leaves none: the person signs in anew, and nobody after them is signed in there. Where
 * [hasEphemeralTabs] says that the person's browser has none, it is an ordinary one.
 *
 * @throws ActivityNotFoundException if there is no browser.
 */
public fun MobileAuth.launchBrowser(
    activity: Activity,
    ready: AuthorizationReady,
    ephemeral: Boolean = false,
    returnTo: Class<out Activity>? = null,
) {
    val browser = browserIntent(activity.packageManager, ready.url, ready.redirectUri, ephemeral)
    if (browser.resolveActivity(activity.packageManager) == null) throw ActivityNotFoundException("there is no browser")
    activity.startActivity(BrowserActivity.intent(activity, ready, ephemeral, returnTo))
}

/** Whether the person's browser has tabs that remember nothing (Chrome from 136 on). */
public fun hasEphemeralTabs(context: Context): Boolean = customTab(context.packageManager)?.hasEphemeralTabs() == true

/** What the browser came back with. */
public sealed interface BrowserReturn {
    /** For [MobileAuth.handleRedirect]. */
    public class Redirect internal constructor(public val url: String) : BrowserReturn

    /** The person closed it. For [MobileAuth.closed]. */
    public class Closed internal constructor(public val flowId: String) : BrowserReturn
}

/**
 * What the browser came back with, if that is what the intent is: in `onCreate` and `onNewIntent` of the first activity, and of that
 * which [launchBrowser] was told to return to. It is taken out of the intent, which an activity that is made anew has again.
 */
public fun takeReturn(intent: Intent?): BrowserReturn? {
    val came = when (intent?.action) {
        BrowserActivity.REDIRECT -> intent.dataString?.let { BrowserReturn.Redirect(it) }
        BrowserActivity.CLOSED -> intent.getStringExtra(BrowserActivity.FLOW)?.let { BrowserReturn.Closed(it) }
        else -> return null
    }
    intent.setAction(Intent.ACTION_MAIN).setData(null).removeExtra(BrowserActivity.FLOW)
    return came
}

/** What came of the sign-in: it is finished, or forgotten with [ErrorCode.USER_CANCELLED]. */
public suspend fun MobileAuth.handleReturn(came: BrowserReturn): SignIn = when (came) {
    is BrowserReturn.Redirect -> handleRedirect(came.url)
    is BrowserReturn.Closed -> closed(came.flowId)
}
