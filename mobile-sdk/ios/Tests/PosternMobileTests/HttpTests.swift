import Foundation
import XCTest

@testable import PosternMobile

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The rules that every HTTP adapter keeps.
final class HttpTests: XCTestCase {
    private func send(_ server: TinyServer, _ path: String = "/", _ body: String = "") async -> HttpResult {
        let headers = body.isEmpty ? [] : [HttpHeader(name: "Content-Type", value: Data("text/plain".utf8))]
        let request = HttpRequest(
            method: body.isEmpty ? "GET" : "POST", url: server.url(path), headers: headers, body: Data(body.utf8))
        return await URLSessionHttp().send(request)
    }

    func testARedirectIsTheAnswer() async throws {
        let server = try TinyServer { _, _ in answer("302 Found", ["Location: /elsewhere"]) }
        defer { server.stop() }
        guard case .response(let response) = await send(server) else { return XCTFail("no answer") }
        XCTAssertEqual(response.status, 302)
        XCTAssertEqual(server.requests.count, 1)
    }

    func testThereAreNoCookiesAndNoCache() async throws {
        let server = try TinyServer { _, number in
            answer("200 OK", ["Set-Cookie: a=b; Path=/", "Cache-Control: max-age=600", "ETag: \"e\""], "\(number)")
        }
        defer { server.stop() }
        for number in 1...2 {
            guard case .response(let response) = await send(server) else { return XCTFail("no answer") }
            XCTAssertEqual(String(decoding: response.body, as: UTF8.self), "\(number)")
        }
        XCTAssertEqual(server.requests.count, 2)
        XCTAssertFalse(server.requests[1].lowercased().contains("cookie:"))
        XCTAssertFalse(server.requests[1].lowercased().contains("if-none-match:"))
    }

    func testWhatWasSentIsNotSentAgain() async throws {
        let server = try TinyServer { _, _ in nil }
        defer { server.stop() }
        let result = await send(server, "/token", "grant_type=refresh_token")
        XCTAssertEqual(result, .failed(.ambiguous))
        XCTAssertEqual(server.requests.count, 1)
        XCTAssertTrue(server.requests[0].hasSuffix("grant_type=refresh_token"))
    }

    func testWhereNobodyListensNothingWasSent() async throws {
        let server = try TinyServer { _, _ in nil }
        server.stop()
        let result = await send(server, "/token", "grant_type=refresh_token")
        XCTAssertEqual(result, .failed(.notSent))
    }

    func testAnAnswerWithoutEndIsCutOff() async throws {
        let server = try TinyServer { _, _ in
            Data("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".utf8) + Data(repeating: 0x61, count: (1 << 20) + 1)
        }
        defer { server.stop() }
        let result = await send(server)
        XCTAssertEqual(result, .failed(.ambiguous))
    }

    func testErrorsAreAnswers() async throws {
        let server = try TinyServer { _, _ in
            answer("503 Busy", ["Retry-After: 7", "Content-Type: text/html", "DPoP-Nonce: n"], "\u{FEFF}<html>")
        }
        defer { server.stop() }
        guard case .response(let response) = await send(server, "/token", "a=b") else { return XCTFail("no answer") }
        XCTAssertEqual(response.status, 503)
        let found = response.headers.filter { ["retry-after", "dpop-nonce"].contains($0.name.lowercased()) }
        XCTAssertEqual(found.count, 2)
        XCTAssertEqual(response.body, Data("\u{FEFF}<html>".utf8))
    }

    private func session(_ folder: Folder) async throws -> Session {
        var config = FakeServer.config
        config.allowLoopback = true
        let hooks = Hooks(
            store: try FileStore(folder: folder.url), signer: NoSigner(), lease: try FileLease(folder: folder.url),
            http: FakeServer(), clock: Hand())
        return try await MobileAuth(config, hooks: hooks).adopt(StoredTokens(refreshToken: "CANARY-rt0"))
    }

    func testAnAPIIsAskedOnceMoreAfterItHasRefusedTheToken() async throws {
        let api = try TinyServer { request, number in
            number == 1
                ? answer("401 Unauthorized", [#"WWW-Authenticate: Bearer error="invalid_token""#])
                : answer("200 OK", [], request.contains("Bearer CANARY-at2") ? "new" : "old")
        }
        defer { api.stop() }
        let folder = Folder()
        let url = try XCTUnwrap(URL(string: api.url("/notes")))
        let (data, response) = try await session(folder).data(for: URLRequest(url: url))
        XCTAssertEqual((response as? HTTPURLResponse)?.statusCode, 200)
        XCTAssertEqual(String(decoding: data, as: UTF8.self), "new")
        XCTAssertEqual(api.requests.count, 2)
    }

    func testAnAPIThatWantsAStrongerSignInSaysWhich() async throws {
        let challenge = #"Bearer error="insufficient_user_authentication", acr_values="aal2""#
        let api = try TinyServer { _, _ in answer("401 Unauthorized", ["WWW-Authenticate: \(challenge)"]) }
        defer { api.stop() }
        let folder = Folder()
        let url = try XCTUnwrap(URL(string: api.url("/notes")))
        do {
            _ = try await session(folder).data(for: URLRequest(url: url))
            XCTFail("not strong enough")
        } catch let error as AuthError {
            XCTAssertEqual(error.code, .stepUpRequired)
            XCTAssertEqual(error.details, challenge)
        }
    }
}
