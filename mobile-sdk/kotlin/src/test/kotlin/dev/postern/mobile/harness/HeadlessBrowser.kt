package dev.postern.mobile.harness

import dev.postern.mobile.AuthorizationReady
import dev.postern.mobile.Browser
import java.net.URI
import java.net.URLEncoder
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse

/** A person's browser: cookies, redirects and forms. */
class HeadlessBrowser(private val issuer: String, private val email: String) : Browser {
    private val cookies = sortedMapOf<String, String>()
    private val client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()

    override suspend fun open(ready: AuthorizationReady): String = allow(ready.url)

    /** Signs in where asked, and allows; where the app gets its answer. */
    fun allow(url: String): String = checkNotNull(visit(url)) { "no way back to the app" }

    /** Fills in and presses what there is, until nothing is asked any more; the URL of an app, if it ended there. */
    fun visit(url: String): String? {
        var answer = send(HttpRequest.newBuilder(URI(url)))
        repeat(20) {
            val to = answer.headers().firstValue("location").orElse(null)
            answer = if (answer.statusCode() in 300..399 && to != null) {
                val there = if (to.startsWith("/")) issuer + to else to
                if (!there.startsWith(issuer)) return there
                send(HttpRequest.newBuilder(URI(there)))
            } else {
                submit(answer.body()) ?: return null
            }
        }
        error("it asks again and again")
    }

    private fun submit(page: String): HttpResponse<String>? {
        val filledIn = mapOf(
            "/sign-in" to mapOf("email" to email, "password" to Server.PASSWORD),
            "/consent" to mapOf("decision" to "allow"),
            "/device" to emptyMap(),
            "/device/decide" to mapOf("decision" to "allow"),
            "/logout/confirm" to emptyMap(),
        )
        val form = FORM.findAll(page).firstOrNull { it.groupValues[1] in filledIn } ?: return null
        val (action, inside) = form.destructured
        val fields = INPUT.findAll(inside).map { it.value }
            .mapNotNull { input -> attribute(input, "name")?.let { it to attribute(input, "value").orEmpty() } }.toMap()
        val body = (fields + filledIn.getValue(action)).entries
            .joinToString("&") { (name, value) -> "$name=${URLEncoder.encode(value, "UTF-8")}" }
        val request = HttpRequest.newBuilder(URI(issuer + action))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString(body))
        return send(request)
    }

    private fun send(request: HttpRequest.Builder): HttpResponse<String> {
        request.header("Origin", issuer).header("Sec-Fetch-Site", "same-origin").header("Accept", "text/html")
        if (cookies.isNotEmpty()) request.header("Cookie", cookies.entries.joinToString("; ") { "${it.key}=${it.value}" })
        val answer = client.send(request.build(), HttpResponse.BodyHandlers.ofString())
        for (set in answer.headers().allValues("set-cookie")) {
            val (name, value) = set.substringBefore(';').split("=", limit = 2)
            cookies[name] = value
        }
        return answer
    }

    private fun attribute(tag: String, name: String) =
        Regex(" $name=\"([^\"]*)\"").find(tag)?.groupValues?.get(1)?.let(::plain)

    private fun plain(text: String) = ENTITIES.fold(text) { so, (from, to) -> so.replace(from, to) }

    private companion object {
        val FORM = Regex("<form[^>]* action=\"([^\"]*)\"[^>]*>(.*?)</form>", RegexOption.DOT_MATCHES_ALL)
        val INPUT = Regex("<input[^>]*>")
        val ENTITIES = listOf("&quot;" to "\"", "&#x2f;" to "/", "&#39;" to "'", "&lt;" to "<", "&gt;" to ">", "&amp;" to "&")
    }
}
