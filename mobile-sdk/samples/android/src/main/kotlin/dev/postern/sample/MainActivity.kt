package dev.postern.sample

import android.app.Activity
import android.content.Intent
import android.os.Bundle
import android.widget.Button
import android.widget.LinearLayout
import android.widget.TextView
import dev.postern.mobile.Action
import dev.postern.mobile.AuthEvent
import dev.postern.mobile.AuthException
import dev.postern.mobile.SignInFailed
import dev.postern.mobile.SignedIn
import dev.postern.mobile.Want
import dev.postern.mobile.android.handleReturn
import dev.postern.mobile.android.launchBrowser
import dev.postern.mobile.android.takeReturn
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Job
import kotlinx.coroutines.MainScope
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch

class MainActivity : Activity() {
    private val auth get() = (application as SampleApp).auth
    private val scope = MainScope()
    private lateinit var says: TextView
    private var looking: Job? = null

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        says = TextView(this)
        setContentView(
            LinearLayout(this).apply {
                orientation = LinearLayout.VERTICAL
                setPadding(48, 96, 48, 48)
                addView(says)
                button("Sign in") { auth.launchBrowser(this@MainActivity, auth.beginAuthorization()) }
                button("Who am I?") { callApi() }
                button("Refresh") { refresh() }
                button("Sign out") { auth.session()?.logout(); show("Signed out.") }
            },
        )
        listen()
        if (saved == null && comeBack(intent)) return
        showWho()
    }

    /**
     * What an activity before this one began goes on, though that one waits no more: the device was turned. From before the
     * first look, so that nothing happens in between.
     */
    private fun listen() {
        scope.launch(start = CoroutineStart.UNDISPATCHED) {
            auth.events.collect { if (it is AuthEvent.AccountAdded || it is AuthEvent.SessionEnded) showWho() }
        }
    }

    private fun showWho() {
        // An older look may have seen less.
        looking?.cancel()
        looking = doing { show(auth.session()?.let { "Signed in: ${it.account}" } ?: "Nobody is signed in.") }
    }

    /** The browser comes back or was closed, perhaps to a process that has just been started. */
    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        comeBack(intent)
    }

    private fun comeBack(intent: Intent): Boolean {
        val back = takeReturn(intent) ?: return false
        doing {
            when (val came = auth.handleReturn(back)) {
                is SignedIn -> showWho()
                is SignInFailed -> throw came.error
            }
        }
        return true
    }

    private suspend fun callApi() {
        val session = auth.session() ?: return show("Nobody is signed in.")
        val answer = session.fetch("$ISSUER/userinfo")
        show("${answer.status}: ${answer.body.decodeToString()}")
    }

    private suspend fun refresh() {
        val session = auth.session() ?: return show("Nobody is signed in.")
        show("A new token for ${session.accessToken(Want(fresh = true)).expiresIn}.")
    }

    /** Each error says what to do; most of them say that nothing is lost. */
    private fun doing(work: suspend () -> Unit): Job = scope.launch {
        try {
            work()
        } catch (failed: AuthException) {
            show(
                when (failed.action) {
                    Action.SHOW_LOGIN, Action.SIGN_IN -> "Please sign in. (${failed.code})"
                    Action.RETRY_LATER -> "No connection; you stay signed in. (${failed.code})"
                    Action.WAIT_FOR_UNLOCK, Action.UNLOCK -> "Please unlock the device. (${failed.code})"
                    Action.UPDATE_APP -> "Please update the app. (${failed.code})"
                    Action.CONTACT_SUPPORT, Action.FIX_CONFIGURATION, Action.REPORT -> "This is our fault. (${failed.code})"
                },
            )
        }
    }

    private fun LinearLayout.button(name: String, work: suspend () -> Unit) =
        addView(Button(context).apply { text = name; setOnClickListener { doing(work) } })

    private fun show(text: String) {
        says.text = text
    }

    override fun onDestroy() {
        // Who waits here stops waiting. What is under way goes on.
        scope.cancel()
        super.onDestroy()
    }
}
