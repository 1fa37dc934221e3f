package dev.postern.mobile.android

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Context
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import dev.postern.mobile.AuthorizationReady

/**
 * Stands between the app and the browser, and shows nothing itself. It takes the redirect from the Auth Tab or from
 * [RedirectActivity], and passes it on to the app's first activity; all checks are in the core.
 */
public class BrowserActivity : Activity() {
    private var opened = false
    private var left = false

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        opened = saved?.getBoolean(OPENED) ?: false
        // Made anew because the device was turned, or because the process was killed.
        left = opened
        if (!passOn(intent) && !opened) open()
    }

    private fun open() {
        val url = intent.getStringExtra(URL) ?: return finish()
        val redirectUri = intent.getStringExtra(REDIRECT_URI).orEmpty()
        opened = true
        try {
            @Suppress("DEPRECATION")
            startActivityForResult(browserIntent(packageManager, url, redirectUri, intent.getBooleanExtra(EPHEMERAL, false)), 0)
        } catch (_: ActivityNotFoundException) {
            // No browser: the app is where it was.
            finish()
        }
    }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putBoolean(OPENED, opened)
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        passOn(intent)
    }

    @Deprecated("The successor is androidx's")
    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        if (result == RESULT_OK) passOn(data)
    }

    override fun onPause() {
        super.onPause()
        left = true
    }

    override fun onResume() {
        super.onResume()
        // Back from the browser with nothing: it was closed.
        if (left) finish()
    }

    private fun passOn(from: Intent?): Boolean {
        val redirect = from?.data ?: return false
        packageManager.getLaunchIntentForPackage(packageName)?.let { first ->
            first.setAction(REDIRECT).setData(redirect)
            startActivity(first.addFlags(Intent.FLAG_ACTIVITY_CLEAR_TOP or Intent.FLAG_ACTIVITY_SINGLE_TOP))
        }
        finish()
        return true
    }

    internal companion object {
        const val REDIRECT = "dev.postern.mobile.REDIRECT"
        private const val URL = "url"
        private const val REDIRECT_URI = "redirect_uri"
        private const val EPHEMERAL = "ephemeral"
        private const val OPENED = "opened"

        fun intent(context: Context, ready: AuthorizationReady, ephemeral: Boolean): Intent =
            Intent(context, BrowserActivity::class.java).putExtra(URL, ready.url).putExtra(REDIRECT_URI, ready.redirectUri)
                .putExtra(EPHEMERAL, ephemeral)

        fun back(context: Context, redirect: Uri): Intent = Intent(context, BrowserActivity::class.java).setData(redirect)
            .addFlags(Intent.FLAG_ACTIVITY_CLEAR_TOP or Intent.FLAG_ACTIVITY_SINGLE_TOP)
    }
}
