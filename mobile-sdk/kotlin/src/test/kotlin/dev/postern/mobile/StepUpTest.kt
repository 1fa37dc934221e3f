package dev.postern.mobile

import dev.postern.mobile.harness.Device
import dev.postern.mobile.harness.FRESH
import dev.postern.mobile.harness.Server
import dev.postern.mobile.harness.failure
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class StepUpTest {
    private fun wants(vararg challenges: String) = HttpResult.Answered(
        HttpResponse(401u, challenges.map { Header("www-authenticate", it.encodeToByteArray()) }, ByteArray(0)),
    )

    @Test
    fun `an API that wants a stronger sign-in says which, prints no token, and the session lives`() = runBlocking<Unit> {
        Server().use { server ->
            Device(server.config()).use { device ->
                val app = device.signedIn(server)
                val session = app.session()
                val challenge = "error=\"insufficient_user_authentication\", " +
                    "acr_values=\"https://refeds.org/profile/mfa\", max_age=\"5\""
                device.wire.instead = { request, send ->
                    if (request.url.endsWith("/userinfo")) {
                        val token = request.headers.single { it.name == "Authorization" }.value.decodeToString()
                        val broken = token.take(20) + "\u202e\n" + token.drop(20)
                        wants("DPoP algs=\"ES256\", $challenge", "Bearer token=\"$broken\", ${"x".repeat(300)}")
                    } else {
                        send()
                    }
                }
                val failed = failure { session.fetch("${server.issuer}/userinfo") }
                assertEquals(ErrorCode.STEP_UP_REQUIRED to Action.SIGN_IN, failed.code to failed.action)
                assertEquals(1305, failed.number)
                val details = checkNotNull(failed.details)
                assertTrue(challenge in details, details)
                assertFalse(session.accessToken().reveal() in details, details)
                assertTrue("[secret]" in details && details.length == 256 && details.all { it in ' '..'~' }, details)
                device.wire.online()
                assertEquals(session, app.auth.session())
                session.accessToken(FRESH)
            }
        }
    }
}
