package dev.postern.mobile.android

/** Whether a URL is an answer to a sign-in; of which one, and whether it is true, only the core can say. */
internal fun isAnswer(url: String): Boolean {
    val names = url.substringBefore('#').substringAfter('?', "").split('&')
        .filterNot { it.endsWith('=') || '=' !in it }.map { it.substringBefore('=') }
    return "state" in names && ("code" in names || "error" in names)
}

/** Whether a URL is the redirect URI, with what the server has added to its query. */
internal fun comesBackTo(url: String, redirectUri: String): Boolean {
    val added = if ('?' in redirectUri) '&' else '?'
    return url.startsWith(redirectUri + added)
}
