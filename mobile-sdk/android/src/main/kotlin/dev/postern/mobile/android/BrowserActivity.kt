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
 * [RedirectActivity], and passes it on to the activity that waits, else to the app's first one, or that the browser was closed; all
 * checks are in the core.
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
            // It has gone since it was looked for.
            tellClosed()
        }
    }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putBoolean(OPENED, opened)
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        // `this.intent` is still the one that it was started with. Of an activity that was killed with its task nobody knows
        // what was awaited: then the core says.
        val awaited = this.intent.getStringExtra(REDIRECT_URI)
        if (awaited == null || comesBackTo(intent.dataString.orEmpty(), awaited)) passOn(intent)
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
        if (left && !isFinishing) tellClosed()
    }

    private fun passOn(from: Intent?): Boolean {
        val redirect = from?.data ?: return false
        tell(REDIRECT) { setData(redirect) }
        return true
    }

    private fun tellClosed() = tell(CLOSED) { putExtra(FLOW, this@BrowserActivity.intent.getStringExtra(FLOW)) }

    private fun tell(what: String, say: Intent.() -> Unit) {
        val waiting = intent.getStringExtra(RETURN_TO)?.let { Intent().setClassName(packageName, it) }
        (waiting ?: packageManager.getLaunchIntentForPackage(packageName))?.let { back ->
            back.setAction(what).say()
            startActivity(back.addFlags(Intent.FLAG_ACTIVITY_CLEAR_TOP or Intent.FLAG_ACTIVITY_SINGLE_TOP))
        }
        finish()
    }

    internal companion object {
        const val REDIRECT = "dev.postern.mobile.REDIRECT"
        const val CLOSED = "dev.postern.mobile.CLOSED"
        const val FLOW = "dev.postern.mobile.flow"
        private const val URL = "url"
        private const val REDIRECT_URI = "redirect_uri"
        private const val EPHEMERAL = "ephemeral"
        private const val RETURN_TO = "return_to"
        private const val OPENED = "opened"

        fun intent(context: Context, ready: AuthorizationReady, ephemeral: Boolean, returnTo: Class<out Activity>?): Intent =
            Intent(context, BrowserActivity::class.java).putExtra(URL, ready.url).putExtra(REDIRECT_URI, ready.redirectUri)
                .putExtra(EPHEMERAL, ephemeral).putExtra(RETURN_TO, returnTo?.name).putExtra(FLOW, ready.flowId)

        fun back(context: Context, redirect: Uri): Intent = Intent(context, BrowserActivity::class.java).setData(redirect)
            .addFlags(Intent.FLAG_ACTIVITY_CLEAR_TOP or Intent.FLAG_ACTIVITY_SINGLE_TOP)
    }
}
