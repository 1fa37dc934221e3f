package dev.postern.mobile.android

import android.content.Intent
import android.content.pm.PackageManager
import android.content.pm.ResolveInfo
import android.net.Uri
import android.os.Bundle

// The names that androidx.browser has published for browsers: used as they are, the SDK needs nothing of androidx.
private const val CUSTOM_TABS_SERVICE = "android.support.customtabs.action.CustomTabsService"
private const val CUSTOM_TABS_SESSION = "android.support.customtabs.extra.SESSION"
private const val AUTH_TAB = "androidx.browser.auth.category.AuthTab"
private const val LAUNCH_AUTH_TAB = "androidx.browser.auth.extra.LAUNCH_AUTH_TAB"
private const val REDIRECT_SCHEME = "androidx.browser.auth.extra.REDIRECT_SCHEME"
private const val REDIRECT_HOST = "androidx.browser.auth.extra.HTTPS_REDIRECT_HOST"
private const val REDIRECT_PATH = "androidx.browser.auth.extra.HTTPS_REDIRECT_PATH"
private const val EPHEMERAL_TABS = "androidx.browser.customtabs.category.EphemeralBrowsing"
private const val BE_EPHEMERAL = "androidx.browser.customtabs.extra.ENABLE_EPHEMERAL_BROWSING"

/**
 * An Auth Tab, which gives the redirect to nobody but us; else a Custom Tab; else the browser. Only of the person's own
 * browser: any app may say that it has Custom Tabs, or that it opens the server's address, and would be shown the password.
 * Where the person has not chosen a browser the system asks, and offers browsers only.
 */
internal fun browserIntent(packages: PackageManager, url: String, redirectUri: String, ephemeral: Boolean): Intent {
    val view = view(Uri.parse(url))
    val browser = ownBrowser(packages) ?: return view.apply { selector = view(ANY) }
    view.setPackage(browser)
    val tab = customTab(packages) ?: return view
    view.putExtras(Bundle().apply { putBinder(CUSTOM_TABS_SESSION, null) })
    if (ephemeral && tab.hasEphemeralTabs()) view.putExtra(BE_EPHEMERAL, true)
    if (tab.hasAuthTab()) view.asAuthTab(Uri.parse(redirectUri))
    return view
}

/** That of the person's own browser, if it has them. */
internal fun customTab(packages: PackageManager): ResolveInfo? {
    val tabs = packages.queryIntentServices(Intent(CUSTOM_TABS_SERVICE), PackageManager.GET_RESOLVED_FILTER)
    val theirs = ownBrowser(packages)
    return tabs.firstOrNull { it.serviceInfo.packageName == theirs }
}

/** Null also where it would be the system that asks which one. */
private fun ownBrowser(packages: PackageManager): String? {
    val browsers = packages.queryIntentActivities(view(ANY), PackageManager.MATCH_ALL).map { it.activityInfo.packageName }
    return packages.resolveActivity(view(ANY), PackageManager.MATCH_DEFAULT_ONLY)?.activityInfo?.packageName
        ?.takeIf { it in browsers }
}

internal fun ResolveInfo.hasEphemeralTabs() = filter?.hasCategory(EPHEMERAL_TABS) == true

/** Of no host: who opens that opens any, as only browsers do. */
private val ANY: Uri get() = Uri.fromParts("https", "", null)

private fun view(url: Uri) = Intent(Intent.ACTION_VIEW, url).addCategory(Intent.CATEGORY_BROWSABLE)

private fun ResolveInfo.hasAuthTab() = filter?.hasCategory(AUTH_TAB) == true

private fun Intent.asAuthTab(redirect: Uri) {
    putExtra(LAUNCH_AUTH_TAB, true)
    if (redirect.scheme == "https") {
        putExtra(REDIRECT_HOST, redirect.host)
        putExtra(REDIRECT_PATH, redirect.path)
    } else {
        putExtra(REDIRECT_SCHEME, redirect.scheme)
    }
}
