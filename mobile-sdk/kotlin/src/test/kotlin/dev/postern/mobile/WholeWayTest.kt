package dev.postern.mobile

import dev.postern.mobile.harness.Device
import dev.postern.mobile.harness.FRESH
import dev.postern.mobile.harness.Server
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class WholeWayTest {
    @Test
    fun `the whole way from sign-in to logout`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                val app = device.app()
                assertNull(app.auth.session())
                val session = app.auth.signIn(server.browser())
                assertEquals(session, app.auth.session())
                assertEquals(listOf(AuthEvent.AccountAdded(session.account)), app.heard)

                val answer = session.fetch("${server.issuer}/userinfo")
                assertEquals(200, answer.status.toInt())
                assertTrue("\"sub\"" in answer.body.decodeToString())
                assertTrue("\"sub\"" in session.claims())

                val first = session.accessToken()
                assertEquals("DPoP", first.type)
                assertEquals(first.reveal(), session.accessToken().reveal())
                assertNotEquals(first.reveal(), session.accessToken(FRESH).reveal())
                assertTrue(AuthEvent.TokensRotated(session.account) in app.heard)

                session.logout(LogoutMode.SESSION_AND_BROWSER)
                assertNull(app.auth.session())
                assertEquals(emptyList<Any>(), device.files("key-"))
                assertTrue(device.files("record-").all { it.name.startsWith("record-default") })
                assertEquals(1, server.count("logged_out"))
            }
        }
    }

    @Test
    fun `a process that was not there at the beginning finishes the sign-in`() = runBlocking {
        Server().use { server ->
            Device(server.config()).use { device ->
                val back = device.app().use { server.browser().allow(it.auth.beginAuthorization().url) }
                val auth = device.app().auth
                val came = assertInstanceOf(SignedIn::class.java, auth.handleRedirect(back))
                assertEquals(200, came.session.fetch("${server.issuer}/userinfo").status.toInt())
                val again = assertInstanceOf(SignInFailed::class.java, auth.handleRedirect(back))
                assertEquals(Action.SHOW_LOGIN, again.error.action)
                val forged = assertInstanceOf(SignInFailed::class.java, auth.handleRedirect("$back&state=x"))
                assertEquals(ErrorCode.REDIRECT_DUPLICATE_PARAM, forged.error.code)
            }
        }
    }
}
