import Foundation

@testable import PosternMobile

/// A server that knows discovery, refreshes and exchanges, and can be made to keep an answer back.
actor FakeServer: HttpClient {
    static let config = AuthConfig(
        issuer: "https://id.example", clientID: "app", redirectURI: "https://app.example/cb", dpop: .off, par: .off)

    private(set) var forms: [String] = []
    private(set) var refreshes = 0
    private(set) var mostAtOnce = 0
    private var atOnce = 0
    private var isHeld = false
    private var held: [CheckedContinuation<Void, Never>] = []
    private var arrivals: [CheckedContinuation<Void, Never>] = []
    private var failure: HttpFailure?
    private var refusal: String?

    func hold() { isHeld = true }
    func fail(_ failure: HttpFailure?) { self.failure = failure }
    /// The answer to the next refreshes.
    func refuse(_ body: String) { refusal = body }

    func release() {
        isHeld = false
        for one in held { one.resume() }
        held = []
    }

    /// Waits until a refresh has arrived.
    func arrival() async {
        if refreshes == 0 { await withCheckedContinuation { arrivals.append($0) } }
    }

    func send(_ request: HttpRequest) async -> HttpResult {
        if let failure { return .failed(failure) }
        guard request.url.hasSuffix("/token") else { return answer(Self.discovery) }
        let form = String(decoding: request.body, as: UTF8.self)
        forms.append(form)
        if form.contains("token-exchange") {
            return answer(#"{"access_token":"CANARY-exchanged","token_type":"Bearer","expires_in":300}"#)
        }
        if let refusal { return answer(refusal, status: 400) }
        refreshes += 1
        let number = refreshes
        for one in arrivals { one.resume() }
        arrivals = []
        atOnce += 1
        mostAtOnce = max(mostAtOnce, atOnce)
        if isHeld { await withCheckedContinuation { held.append($0) } }
        atOnce -= 1
        return answer(
            #"{"access_token":"CANARY-at\#(number)","token_type":"Bearer","expires_in":300,"refresh_token":"CANARY-rt\#(number)"}"#)
    }

    private func answer(_ body: String, status: UInt16 = 200) -> HttpResult {
        let headers = [HttpHeader(name: "Content-Type", value: Data("application/json".utf8))]
        return .response(HttpResponse(status: status, headers: headers, body: Data(body.utf8)))
    }

    private static let discovery = """
        {"issuer":"https://id.example","authorization_endpoint":"https://id.example/authorize",
        "token_endpoint":"https://id.example/token","code_challenge_methods_supported":["S256"],
        "response_types_supported":["code"],"authorization_response_iss_parameter_supported":true}
        """
}

/// Where nothing is signed.
struct NoSigner: DpopSigner {
    func ensureKey(_ id: String, policy: KeyPolicy) async throws -> KeyInfo { throw HookError.unknown }
    func sign(_ id: String, _ message: Data) async throws -> Data { throw HookError.notFound }
    func deleteKey(_ id: String) async throws {}
}

/// A folder that goes with its test.
final class Folder: Sendable {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("postern-" + UUID().uuidString)
    deinit { try? FileManager.default.removeItem(at: url) }
}

/// A store that does something else first.
struct Hooked: SecureStore {
    let store: FileStore
    let before: @Sendable () async throws -> Void

    func get(_ key: String) async throws -> Versioned? {
        try await before()
        return try await store.get(key)
    }
    func put(_ key: String, _ value: Data, expect: Int64) async throws -> PutResult {
        try await before()
        return try await store.put(key, value, expect: expect)
    }
    func delete(_ key: String, expect: Int64?) async throws -> Bool {
        try await before()
        return try await store.delete(key, expect: expect)
    }
    func keys(prefix: String) async throws -> [String] {
        try await before()
        return try await store.keys(prefix: prefix)
    }
}
