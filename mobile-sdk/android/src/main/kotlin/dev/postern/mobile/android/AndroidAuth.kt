package dev.postern.mobile.android

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Context
import android.content.Intent
import dev.postern.mobile.Attestor
import dev.postern.mobile.AuthConfig
import dev.postern.mobile.AuthorizationReady
import dev.postern.mobile.Hooks
import dev.postern.mobile.HttpClient
import dev.postern.mobile.MobileAuth
import dev.postern.mobile.PlatformHttp

/** One for each process, in the `Application`: what is stored is sealed by the Keystore, and keys never leave it. */
public fun MobileAuth.Companion.create(
    context: Context,
    config: AuthConfig,
    http: HttpClient = PlatformHttp(),
    attestor: Attestor? = null,
): MobileAuth = context.applicationContext.let { app ->
    create(config, Hooks(KeystoreStore(app), keystoreSigner(app), http, attestor, AndroidClock(app)))
}

/**
 * Shows the browser: an Auth Tab, else a Custom Tab, else the browser itself. What it comes back with is given to the app's
 * first activity, whether the process has lived on or not: see [redirectOf].
 *
 * An [ephemeral] tab knows no cookies and leaves none: the person signs in anew, and nobody after them is signed in there. Where
 * [hasEphemeralTabs] says that the person's browser has none, it is an ordinary one.
 *
 * @throws ActivityNotFoundException if there is no browser.
 */
public fun MobileAuth.launchBrowser(activity: Activity, ready: AuthorizationReady, ephemeral: Boolean = false) {
    val browser = browserIntent(activity.packageManager, ready.url, ready.redirectUri, ephemeral)
    if (browser.resolveActivity(activity.packageManager) == null) throw ActivityNotFoundException("there is no browser")
    activity.startActivity(BrowserActivity.intent(activity, ready, ephemeral))
}

/** Whether the person's browser has tabs that remember nothing (Chrome from 136 on). */
public fun hasEphemeralTabs(context: Context): Boolean = customTab(context.packageManager)?.hasEphemeralTabs() == true

/** The URL for [MobileAuth.handleRedirect] if the intent has one: in `onCreate` and `onNewIntent` of the first activity. */
public fun redirectOf(intent: Intent?): String? = intent?.takeIf { it.action == BrowserActivity.REDIRECT }?.dataString
