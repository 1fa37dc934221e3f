package dev.postern.mobile

import dev.postern.mobile.harness.Device
import dev.postern.mobile.harness.failure
import java.io.IOException
import java.security.MessageDigest
import java.util.Base64
import java.util.concurrent.CopyOnWriteArrayList
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Of Play Integrity there is what the app has of it: a function that gives a token. */
class AttestationTest {
    private val issuer = "https://id.example"
    private val pushed = CopyOnWriteArrayList<HttpRequest>()

    /** A server that takes evidence. */
    private val server = HttpClient { request ->
        val body = when (request.url.removePrefix(issuer)) {
            "/.well-known/openid-configuration" -> """{"issuer":"$issuer","authorization_endpoint":"$issuer/authorize",
                "token_endpoint":"$issuer/token","pushed_authorization_request_endpoint":"$issuer/par",
                "challenge_endpoint":"$issuer/challenge","code_challenge_methods_supported":["S256"],
                "authorization_response_iss_parameter_supported":true,"dpop_signing_alg_values_supported":["ES256"]}"""
            "/challenge" -> """{"attestation_challenge":"once"}"""
            "/par" -> """{"request_uri":"urn:r","expires_in":60}""".also {
                // It is wiped when it has been sent.
                pushed += request.copy(
                    headers = request.headers.map { it.copy(value = it.value.copyOf()) }, body = request.body.copyOf(),
                )
            }
            else -> error(request.url)
        }
        HttpResult.Answered(HttpResponse(200u, emptyList(), body.encodeToByteArray()))
    }

    private fun device(policy: AttestationPolicy) =
        Device(AuthConfig(issuer, "app", "https://app.example/callback", attestation = policy))

    private fun header(name: String) = pushed.last().headers.find { it.name == name }?.value?.decodeToString()

    @Test
    fun `Play's word is about the server's challenge and the key that tokens are bound to`() = runBlocking {
        device(AttestationPolicy.REQUIRED).use { device ->
            val seen = CopyOnWriteArrayList<PlayIntegrityEvidence>()
            val attestor = PlayIntegrityAttestor({ hash -> "play:$hash" }) {
                seen += it
                Evidence("attestation of ${it.token}".encodeToByteArray(), "proof".encodeToByteArray())
            }
            device.app(http = server, attestor = attestor).auth.beginAuthorization()
            val evidence = seen.single()
            assertTrue("dpop_jkt=${evidence.jkt}" in pushed.single().body.decodeToString().split('&'))
            val about = MessageDigest.getInstance("SHA-256").digest("once${evidence.jkt}".encodeToByteArray())
            assertEquals(Base64.getUrlEncoder().withoutPadding().encodeToString(about), evidence.requestHash)
            assertEquals("once" to "play:${evidence.requestHash}", evidence.challenge to evidence.token)
            assertEquals("attestation of ${evidence.token}", header("OAuth-Client-Attestation"))
            assertEquals("proof", header("OAuth-Client-Attestation-PoP"))
            assertFalse(evidence.token in "$evidence")
        }
    }

    @Test
    fun `without Play there is no sign-in where it is required, and one with an event where it is preferred`() = runBlocking {
        val faults = mapOf(IOException("no network") to Action.RETRY_LATER, Exception("-16") to Action.CONTACT_SUPPORT)
        for ((fault, action) in faults) {
            val attestor = PlayIntegrityAttestor({ throw fault }) { error("there is nothing to exchange") }
            device(AttestationPolicy.REQUIRED).use { device ->
                val app = device.app(http = server, attestor = attestor)
                assertEquals(action, failure { app.auth.beginAuthorization() }.action, "$fault")
                assertTrue(pushed.isEmpty())
            }
            device(AttestationPolicy.PREFERRED).use { device ->
                val app = device.app(http = server, attestor = attestor)
                app.auth.beginAuthorization()
                assertEquals(null, header("OAuth-Client-Attestation"))
                assertEquals(listOf<AuthEvent>(AuthEvent.AttestationSkipped), app.heard)
                pushed.clear()
            }
        }
    }
}
