import Foundation
import PosternMobileFFI

@testable import PosternMobile

/// JSON as it is.
enum JSON: Equatable, Sendable, Decodable {
    case null, bool(Bool), number(Int64), text(String), list([JSON]), object([String: JSON])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let number = try? value.decode(Int64.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let list = try? value.decode([JSON].self) {
            self = .list(list)
        } else {
            self = .object(try value.decode([String: JSON].self))
        }
    }

    subscript(name: String) -> JSON {
        if case .object(let members) = self { members[name] ?? .null } else { .null }
    }

    var list: [JSON] { if case .list(let list) = self { list } else { [] } }
    var text: String? { if case .text(let text) = self { text } else { nil } }
    var number: Int64 { if case .number(let number) = self { number } else { 0 } }
    var flag: Bool { self == .bool(true) }
    var texts: [String]? { if case .list(let list) = self { list.compactMap(\.text) } else { nil } }

    /// Text where it is text, else base64url.
    var bytes: Data {
        if let text { return Data(text.utf8) }
        var base64 = (self["base64url"].text ?? "").replacingOccurrences(of: "-", with: "+")
            .replacingOccurrences(of: "_", with: "/")
        base64 += String(repeating: "=", count: (4 - base64.count % 4) % 4)
        return Data(base64Encoded: base64) ?? Data()
    }

    init(_ bytes: Data) {
        if let text = String(data: bytes, encoding: .utf8),
            !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        {
            self = .text(text)
        } else {
            let base64 = bytes.base64EncodedString().replacingOccurrences(of: "+", with: "-")
                .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
            self = .object(["base64url": .text(base64)])
        }
    }

    init(_ headers: [HttpHeader]) {
        self = .list(headers.map { .list([.text($0.name), JSON($0.value)]) })
    }

    init(_ texts: [String]) { self = .list(texts.map { .text($0) }) }
    init(_ text: String?) { self = text.map { .text($0) } ?? .null }
    init(_ number: UInt64?) { self = number.map { .number(Int64($0)) } ?? .null }

    static func of(_ type: String, _ members: [String: JSON] = [:]) -> JSON {
        .object(members.merging(["type": .text(type)]) { $1 })
    }

    /// `someName` as `some_name`.
    static func name(_ variant: some Any) -> JSON {
        .text("\(variant)".reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) })
    }

    /// `someName` as `SomeName`.
    static func title(_ variant: some Any) -> JSON {
        let name = "\(variant)"
        return .text(name.prefix(1).uppercased() + name.dropFirst())
    }
}

/// A recorded conversation.
struct Transcript {
    let config: PosternMobileFFI.Config
    let turns: [JSON]

    static var folder: URL {
        URL(fileURLWithPath: #filePath).appendingPathComponent("../../../../transcripts").standardizedFileURL
    }

    static func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".json") }.sorted()
    }

    init(_ name: String) throws {
        let file = try Data(contentsOf: Self.folder.appendingPathComponent(name))
        let json = try JSONDecoder().decode(JSON.self, from: file)
        let it = json["config"]
        config = PosternMobileFFI.Config(
            issuer: it["issuer"].text ?? "", clientId: it["client_id"].text ?? "",
            redirectUri: it["redirect_uri"].text ?? "", scopes: it["scopes"].texts ?? [],
            resources: it["resources"].texts ?? [],
            dpop: it["dpop"].text == "required" ? .required : it["dpop"].text == "off" ? .off : .preferred,
            par: it["par"].text == "required" ? .required : it["par"].text == "off" ? .off : .preferred,
            attestation: it["attestation"].text == "required" ? .required : it["attestation"].text == "off" ? .off : .preferred,
            requireHardwareKey: it["require_hardware_key"].flag, allowCustomScheme: it["allow_custom_scheme"].flag,
            allowLoopback: it["allow_loopback"].flag, readOnly: it["read_only"].flag)
        turns = json["turns"].list
    }
}

extension Moment {
    init(_ json: JSON) {
        self.init(
            wallMs: json["wall_ms"].number, monotonicMs: json["monotonic_ms"].number, bootId: json["boot_id"].text ?? "")
    }
}

extension PosternMobileFFI.Core {
    /// Starts the operation of a call.
    func start(_ call: JSON) -> PosternMobileFFI.Operation? {
        let account = call["account"].text
        let params = PosternMobileFFI.AuthorizeParams(
            loginHint: call["login_hint"].text, prompt: call["prompt"].text, acrValues: call["acr_values"].text,
            maxAge: call["max_age"] == .null ? nil : UInt32(call["max_age"].number), uiLocales: call["ui_locales"].text,
            scopes: call["scopes"].texts)
        let want = PosternMobileFFI.Want(
            minTtlMs: UInt64(call["min_ttl_ms"].number), resource: call["resource"].text, scopes: call["scopes"].texts,
            fresh: call["fresh"].flag)
        switch call["type"].text {
        case "begin": return begin(params: params)
        case "handle_redirect": return handleRedirect(url: call["url"].bytes)
        case "cancel": return cancel(flowId: call["flow_id"].text ?? "")
        case "begin_device": return beginDevice(params: params)
        case "poll_device": return pollDevice(flowId: call["flow_id"].text ?? "")
        case "access_token": return accessToken(account: account, want: want)
        case "authorize_request":
            return authorizeRequest(
                account: account, method: call["method"].text ?? "", url: call["url"].text ?? "", want: want)
        case "logout":
            let modes: [String: LogoutMode] = [
                "session": .session, "session_and_browser": .sessionAndBrowser, "local_only": .localOnly,
            ]
            return modes[call["mode"].text ?? ""].map { logout(account: account, mode: $0) }
        case "end_session_url":
            return endSessionUrl(account: account, then: call["then"].text, state: call["state"].text)
        case "accounts": return accounts()
        case "set_default": return setDefault(account: account ?? "")
        case "id_claims": return idClaims(account: account)
        case "adopt":
            let idToken = call["id_token"] == .null ? nil : call["id_token"].bytes
            let tokens = PosternMobileFFI.StoredTokens(refreshToken: call["refresh_token"].bytes, idToken: idToken)
            return adopt(tokens: tokens)
        case "exchange":
            let params = ExchangeParams(
                audience: call["audience"].text, resource: call["resource"].text, scopes: call["scopes"].texts)
            return exchange(account: account, params: params)
        case "share": return share(account: account)
        case "native_sso":
            return nativeSso(sso: NativeSso(idToken: call["id_token"].bytes, deviceSecret: call["device_secret"].bytes))
        case "resume": return resume()
        default: return nil
        }
    }

    func seen(_ call: JSON, _ now: Moment) -> JSON {
        let headers = call["headers"].list.map { HttpHeader(name: $0.list[0].text ?? "", value: $0.list[1].bytes) }
        return .name(
            responseSeen(
                account: call["account"].text, url: call["url"].text ?? "", status: UInt16(call["status"].number),
                headers: headers, tries: UInt32(call["tries"].number), now: now))
    }
}

extension Event {
    var json: JSON {
        switch self {
        case .accountAdded(let account): .of("account_added", ["account": .text(account)])
        case .accountRemoved(let account): .of("account_removed", ["account": .text(account)])
        case .tokensRotated(let account): .of("tokens_rotated", ["account": .text(account)])
        case .sessionEnded(let account, let reason):
            .of("session_ended", ["account": .text(account), "reason": .name(reason)])
        case .storageDegraded(let account): .of("storage_degraded", ["account": .text(account)])
        case .storageRecovered(let account): .of("storage_recovered", ["account": .text(account)])
        case .clockSkewDetected(let offsetMs): .of("clock_skew_detected", ["offset_ms": .number(offsetMs)])
        case .redirectRejected(let code): .of("redirect_rejected", ["code": .title(code)])
        case .revocationQueued(let account): .of("revocation_queued", ["account": .text(account)])
        case .browserSessionKept(let account): .of("browser_session_kept", ["account": .text(account)])
        case .attestationSkipped: .of("attestation_skipped")
        }
    }
}

extension Outcome {
    var json: JSON {
        switch self {
        case .authorizationReady(let ready):
            .of(
                "authorization_ready",
                ["url": .text(ready.url), "redirect_uri": .text(ready.redirectUri), "flow_id": .text(ready.flowId)])
        case .deviceReady(let ready):
            .of(
                "device_ready",
                [
                    "user_code": .text(ready.userCode), "verification_uri": .text(ready.verificationUri),
                    "verification_uri_complete": JSON(ready.verificationUriComplete), "flow_id": .text(ready.flowId),
                    "expires_in_ms": JSON(ready.expiresInMs),
                ])
        case .signedIn(let account): .of("signed_in", ["account": .text(account)])
        case .token(let token):
            .of(
                "token",
                [
                    "value": JSON(token.value), "token_type": .text(token.tokenType),
                    "expires_in_ms": JSON(token.expiresInMs), "scopes": JSON(token.scopes),
                ])
        case .headers(let headers): .of("headers", ["headers": JSON(headers.headers)])
        case .accounts(let accounts, let chosen): .of("accounts", ["accounts": JSON(accounts), "default": JSON(chosen)])
        case .url(let url): .of("url", ["url": .text(url)])
        case .claims(let json): .of("claims", ["json": JSON(json)])
        case .shared(let sso): .of("shared", ["id_token": JSON(sso.idToken), "device_secret": JSON(sso.deviceSecret)])
        case .done: .of("done")
        }
    }
}

extension AuthError {
    var json: JSON {
        let wait = retryAfter.map { UInt64($0.milliseconds) }
        return .object([
            "code": .title(code), "number": .number(Int64(number)), "action": .title(action),
            "retry_after_ms": JSON(wait), "details": JSON(details),
        ])
    }
}
