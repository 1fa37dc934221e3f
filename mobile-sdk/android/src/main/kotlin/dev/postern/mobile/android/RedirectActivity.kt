package dev.postern.mobile.android

import android.app.Activity
import android.os.Bundle

/** Where the browser comes back to. Anybody may call it, so it does nothing but pass the URL on. */
public class RedirectActivity : Activity() {
    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        // On top of the tab, which goes with it.
        intent.data?.let { startActivity(BrowserActivity.back(this, it)) }
        finish()
    }
}
