package dev.postern.mobile.android

import android.content.Context
import android.os.SystemClock
import android.provider.Settings
import dev.postern.mobile.Clock
import dev.postern.mobile.Moment

/** The monotonic clock of Android goes on in sleep; its boots are counted. */
internal class AndroidClock(private val context: Context) : Clock {
    private val boot by lazy { Settings.Global.getInt(context.contentResolver, Settings.Global.BOOT_COUNT).toString() }

    override fun now() = Moment(System.currentTimeMillis(), SystemClock.elapsedRealtime(), boot)
}
