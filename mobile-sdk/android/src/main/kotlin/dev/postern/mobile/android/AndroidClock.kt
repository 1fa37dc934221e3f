package dev.postern.mobile.android

import android.content.Context
import android.os.SystemClock
import android.provider.Settings
import dev.postern.mobile.Clock
import dev.postern.mobile.Moment
import java.util.UUID

/** The monotonic clock of Android goes on in sleep; its boots are counted. For a [dev.postern.mobile.Hooks] of the app's own. */
public class AndroidClock(private val context: Context) : Clock {
    // Where they are not counted, each process is one: it believes no stored access token.
    private val boot by lazy {
        val count = Settings.Global.getInt(context.contentResolver, Settings.Global.BOOT_COUNT, 0)
        if (count > 0) count.toString() else UUID.randomUUID().toString()
    }

    override fun now(): Moment = Moment(System.currentTimeMillis(), SystemClock.elapsedRealtime(), boot)
}
