package dev.postern.mobile.android

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.os.Bundle

/**
 * Where the browser comes back to. Anybody may call it, with anything: what is no answer at an address that the app's manifest
 * has for it goes no further, and the browser stays open. The rest it passes on.
 */
public class RedirectActivity : Activity() {
    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        // On top of the tab, which goes with it.
        intent.data?.takeIf(::isOurs)?.let { startActivity(BrowserActivity.back(this, it)) }
        finish()
    }

    /** Also of one that named this activity, and so passed by the filters. */
    private fun isOurs(url: Uri): Boolean {
        val link = Intent(Intent.ACTION_VIEW, url).addCategory(Intent.CATEGORY_BROWSABLE).setPackage(packageName)
        val ours = packageManager.queryIntentActivities(link, 0).any { it.activityInfo.name == javaClass.name }
        return ours && isAnswer(url.toString())
    }
}
