package dev.postern.sample

import android.app.Application
import dev.postern.mobile.AuthConfig
import dev.postern.mobile.MobileAuth
import dev.postern.mobile.android.create
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.launch

/** `adb reverse tcp:8080 tcp:8080` makes the demo of the developer's machine the device's own. */
const val ISSUER = "http://localhost:8080"

class SampleApp : Application() {
    /** One for the whole process. */
    val auth by lazy {
        MobileAuth.create(
            this,
            AuthConfig(
                issuer = ISSUER,
                clientId = "sample",
                // An app that is shipped has an https address here, and neither of the two flags.
                redirectUri = "dev.postern.sample:/callback",
                allowCustomScheme = true,
                allowLoopback = true,
            ),
        )
    }

    override fun onCreate() {
        super.onCreate()
        // What was cut off last time is finished now, such as a sign-out without a network.
        CoroutineScope(Dispatchers.Default).launch { runCatching { auth.resume() } }
    }
}
