package dev.postern.mobile.harness

import dev.postern.mobile.AuthEvent
import dev.postern.mobile.AuthException
import dev.postern.mobile.ffi.AttestationPolicy
import dev.postern.mobile.ffi.AuthorizeParams
import dev.postern.mobile.ffi.Config
import dev.postern.mobile.ffi.Core
import dev.postern.mobile.ffi.DpopPolicy
import dev.postern.mobile.ffi.ErrorCode
import dev.postern.mobile.ffi.ExchangeParams
import dev.postern.mobile.ffi.Header
import dev.postern.mobile.ffi.LogoutMode
import dev.postern.mobile.ffi.Moment
import dev.postern.mobile.ffi.NativeSso
import dev.postern.mobile.ffi.Operation
import dev.postern.mobile.ffi.Outcome
import dev.postern.mobile.ffi.ParPolicy
import dev.postern.mobile.ffi.StoredTokens
import dev.postern.mobile.ffi.Want
import java.io.File
import java.lang.reflect.Modifier
import java.nio.ByteBuffer
import java.nio.charset.CharacterCodingException
import java.util.Base64

typealias Members = Map<String, Any?>

/** A conversation of the core with its host that was recorded; `transcripts/README.md` says how. */
class Transcript(file: File) {
    private val json = members(Json.parse(file.readText()))
    val name: String = file.name
    val turns: List<Members> = (json["turns"] as List<*>).map(::members)

    fun core(): Core {
        val it = members(json["config"])
        return Core(
            Config(
                it.text("issuer"), it.text("client_id"), it.text("redirect_uri"), texts(it["scopes"]).orEmpty(),
                texts(it["resources"]).orEmpty(), constant<DpopPolicy>(it["dpop"]), constant<ParPolicy>(it["par"]),
                constant<AttestationPolicy>(it["attestation"]), it["require_hardware_key"] == true,
                it["allow_custom_scheme"] == true, it["allow_loopback"] == true, it["read_only"] == true,
            ),
        )
    }

    companion object {
        fun all(): List<Transcript> =
            File("../transcripts").listFiles { _, name -> name.endsWith(".json") }.orEmpty().sorted().map(::Transcript)
    }
}

@Suppress("UNCHECKED_CAST")
fun members(json: Any?): Members = json as Members

fun texts(json: Any?): List<String>? = (json as List<*>?)?.map { it as String }

fun Members.text(name: String): String = getValue(name) as String

fun Members.textOrNull(name: String): String? = this[name] as String?

fun Members.number(name: String): Long = getValue(name) as Long

/** Text where it is text, else base64url. */
fun bytes(json: Any?): ByteArray =
    if (json is String) json.encodeToByteArray() else Base64.getUrlDecoder().decode(members(json).text("base64url"))

fun json(bytes: ByteArray): Any {
    val text = try {
        Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString()
    } catch (_: CharacterCodingException) {
        null
    }
    return text?.takeIf { it.none(Char::isISOControl) }
        ?: mapOf("base64url" to Base64.getUrlEncoder().withoutPadding().encodeToString(bytes))
}

fun json(headers: List<Header>): Any = headers.map { listOf(it.name, json(it.value)) }

fun headers(json: Any?): List<Header> =
    (json as List<*>).map { it as List<*> }.map { (name, value) -> Header(name as String, bytes(value)) }

fun moment(json: Any?): Moment = members(json).run { Moment(number("wall_ms"), number("monotonic_ms"), text("boot_id")) }

inline fun <reified T : Enum<T>> constant(json: Any?): T = enumValueOf((json as String).uppercase())

fun name(constant: Enum<*>): String = constant.name.lowercase()

/** `SOME_NAME` as `SomeName`. */
private fun title(constant: Enum<*>) =
    constant.name.lowercase().split('_').joinToString("") { it.replaceFirstChar(Char::uppercase) }

/** Starts the operation of a call. */
fun Core.start(call: Members): Operation {
    val account = call.textOrNull("account")
    return when (val type = call.text("type")) {
        "begin" -> begin(params(call))
        "begin_device" -> beginDevice(params(call))
        "handle_redirect" -> handleRedirect(bytes(call["url"]))
        "cancel" -> cancel(call.text("flow_id"))
        "poll_device" -> pollDevice(call.text("flow_id"))
        "access_token" -> accessToken(account, want(call))
        "authorize_request" -> authorizeRequest(account, call.text("method"), call.text("url"), want(call))
        "logout" -> logout(account, constant<LogoutMode>(call["mode"]))
        "end_session_url" -> endSessionUrl(account, call.textOrNull("then"), call.textOrNull("state"))
        "exchange" -> exchange(
            account, ExchangeParams(call.textOrNull("audience"), call.textOrNull("resource"), texts(call["scopes"])),
        )
        "native_sso" -> nativeSso(NativeSso(bytes(call["id_token"]), bytes(call["device_secret"])))
        "share" -> share(account)
        "set_default" -> setDefault(call.text("account"))
        "adopt" -> adopt(StoredTokens(bytes(call["refresh_token"]), call["id_token"]?.let(::bytes)))
        "id_claims" -> idClaims(account)
        "accounts" -> accounts()
        "resume" -> resume()
        else -> error("$type is not a call")
    }
}

private fun params(call: Members) = AuthorizeParams(
    call.textOrNull("login_hint"), call.textOrNull("prompt"), call.textOrNull("acr_values"),
    (call["max_age"] as Long?)?.toUInt(), call.textOrNull("ui_locales"), texts(call["scopes"]),
)

private fun want(call: Members) =
    Want(call.number("min_ttl_ms").toULong(), call.textOrNull("resource"), texts(call["scopes"]), call["fresh"] == true)

private fun of(type: String, vararg members: Pair<String, Any?>): Members = mapOf("type" to type, *members)

fun json(outcome: Outcome): Members = when (outcome) {
    is Outcome.AuthorizationReady -> outcome.ready.run {
        of("authorization_ready", "url" to url, "redirect_uri" to redirectUri, "flow_id" to flowId)
    }
    is Outcome.SignedIn -> of("signed_in", "account" to outcome.account)
    is Outcome.Token -> outcome.token.run {
        of("token", "value" to json(value), "token_type" to tokenType, "expires_in_ms" to expiresInMs.toLong(), "scopes" to scopes)
    }
    is Outcome.Headers -> of("headers", "headers" to json(outcome.headers.headers))
    is Outcome.Accounts -> of("accounts", "accounts" to outcome.accounts, "default" to outcome.default)
    is Outcome.Url -> of("url", "url" to outcome.url)
    is Outcome.Claims -> of("claims", "json" to json(outcome.json))
    is Outcome.DeviceReady -> outcome.ready.run {
        of(
            "device_ready", "user_code" to userCode, "verification_uri" to verificationUri,
            "verification_uri_complete" to verificationUriComplete, "flow_id" to flowId, "expires_in_ms" to expiresInMs.toLong(),
        )
    }
    is Outcome.Shared -> outcome.sso.run { of("shared", "id_token" to json(idToken), "device_secret" to json(deviceSecret)) }
    Outcome.Done -> of("done")
}

fun json(error: AuthException): Members = mapOf(
    "code" to title(error.code), "number" to error.number.toLong(), "action" to title(error.action),
    "retry_after_ms" to error.retryAfter?.inWholeMilliseconds, "details" to error.details,
)

/** By the names of its members, so that none is left out. */
fun json(event: AuthEvent): Members {
    val members = event.javaClass.declaredFields.filterNot { Modifier.isStatic(it.modifiers) }.associate { field ->
        field.isAccessible = true
        field.name to field.get(event)
    }
    val type = event.javaClass.simpleName.replace(Regex("(?<=.)[A-Z]"), "_$0").lowercase()
    if (event is AuthEvent.ClockSkewDetected) return of(type, "offset_ms" to event.offset.inWholeMilliseconds)
    return of(type) + members.mapValues { (_, value) ->
        when (value) {
            is ErrorCode -> title(value)
            is Enum<*> -> name(value)
            else -> value
        }
    }
}
