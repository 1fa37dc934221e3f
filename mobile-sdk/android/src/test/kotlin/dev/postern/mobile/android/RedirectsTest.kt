package dev.postern.mobile.android

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

/** What closes a browser that is open: anybody may send anything. */
class RedirectsTest {
    @Test
    fun `an answer has a state, and a code or an error`() {
        val answers = mapOf(
            "https://app.example/callback?code=c&state=s" to true,
            "https://app.example/callback?state=s&error=access_denied&iss=https://id.example" to true,
            "com.example.app:/callback?state=s&code=c#" to true,
            "https://app.example/callback" to false,
            "https://app.example/callback?" to false,
            "https://app.example/callback?code=c" to false,
            "https://app.example/callback?state=s" to false,
            "https://app.example/callback?state=&code=" to false,
            "https://app.example/callback?state&code" to false,
            "https://app.example/callback#code=c&state=s" to false,
            "https://app.example/callback?xstate=s&codex=c" to false,
        )
        for ((url, expected) in answers) assertEquals(expected, isAnswer(url), url)
    }

    @Test
    fun `what comes back begins with the redirect URI, to its last letter`() {
        val uri = "https://app.example/callback"
        val urls = mapOf(
            "$uri?code=c&state=s" to true,
            uri to false,
            "${uri}s?code=c" to false,
            "$uri/more?code=c" to false,
            "https://app.example.attacker.example/callback?code=c" to false,
            "https://app.example@attacker.example/callback?code=c" to false,
            "HTTPS://app.example/callback?code=c" to false,
            "" to false,
        )
        for ((url, expected) in urls) assertEquals(expected, comesBackTo(url, uri), url)
        assertEquals(true, comesBackTo("$uri?app=1&code=c", "$uri?app=1"))
        assertEquals(false, comesBackTo("$uri?app=12&code=c", "$uri?app=1"))
    }
}
