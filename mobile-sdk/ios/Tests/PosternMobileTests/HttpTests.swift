import Foundation
import XCTest

@testable import PosternMobile

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The rules that every HTTP adapter keeps.
final class HttpTests: XCTestCase {
    private func send(
        _ server: TinyServer, _ path: String = "/", _ body: String = "", _ http: URLSessionHttp = URLSessionHttp()
    ) async -> HttpResult {
        let headers = body.isEmpty ? [] : [HttpHeader(name: "Content-Type", value: Data("text/plain".utf8))]
        let request = HttpRequest(
            method: body.isEmpty ? "GET" : "POST", url: server.url(path), headers: headers, body: Data(body.utf8))
        return await http.send(request)
    }

    func testARedirectIsTheAnswer() async throws {
        for status in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
            let server = try TinyServer { _, _ in answer(status, ["Location: /elsewhere"]) }
            defer { server.stop() }
            for body in ["", "grant_type=refresh_token"] {
                guard case .response(let response) = await send(server, "/", body) else { return XCTFail("no answer") }
                XCTAssertTrue(status.hasPrefix("\(response.status)"))
            }
            XCTAssertEqual(server.requests.count, 2)
        }
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
        let request = HttpRequest(
            method: "POST", url: "http://127.0.0.1:\(try freePort())/token", headers: [], body: Data("a=b".utf8))
        let result = await URLSessionHttp().send(request)
        XCTAssertEqual(result, .failed(.notSent))
    }

    /// Also not because somebody asks for a password, or has waited for too long.
    func testAChallengeIsAnAnswer() async throws {
        let challenges = [#"Basic realm="r""#, #"Bearer error="invalid_token""#, #"DPoP error="use_dpop_nonce""#]
        let server = try TinyServer { _, number in
            number <= challenges.count
                ? answer("401 Unauthorized", ["WWW-Authenticate: \(challenges[number - 1])"], #"{"error":"invalid_client"}"#)
                : answer("408 Request Timeout")
        }
        defer { server.stop() }
        for status: UInt16 in [401, 401, 401, 408] {
            guard case .response(let response) = await send(server, "/token", "a=b") else { return XCTFail("no answer") }
            XCTAssertEqual(response.status, status)
            XCTAssertEqual(response.body.isEmpty, status == 408)
        }
        XCTAssertEqual(server.requests.count, 4)
    }

    func testAnAnswerOfMoreThanAMebibyteIsNone() async throws {
        for (count, fits) in [(1 << 20, true), ((1 << 20) + 1, false), (8 << 20, false)] {
            let server = try TinyServer { _, _ in
                Data("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".utf8) + Data(repeating: 0x61, count: count)
            }
            defer { server.stop() }
            switch await send(server) {
            case .response(let response): XCTAssertTrue(fits && response.body.count == count, "\(count)")
            case .failed(let failure): XCTAssertTrue(!fits && failure == .ambiguous, "\(count)")
            }
        }
    }

    func testAPackedAnswerIsUnpackedAndABombIsNot() async throws {
        let small = try XCTUnwrap(Data(base64Encoded: "H4sIAAAAAAACA6tWSlSyUkqiACjVAgCWrIuLRAAAAA=="))
        // Four mebibytes of zeros.
        let head = try XCTUnwrap(Data(base64Encoded: "H4sIAAAAAAACA+3BAQEAAACCIP+vbkhAAQ=="))
        let end = try XCTUnwrap(Data(base64Encoded: "fBtqQEcRAABAAA=="))
        let bomb = head + Data(count: 4063) + end
        let server = try TinyServer { request, number in
            let body = number == 1 ? small : bomb
            let lines = [
                "HTTP/1.1 200 OK", "Content-Type: application/json", "Content-Encoding: gzip",
                "Content-Length: \(body.count)", "Connection: close", "", "",
            ]
            return Data(lines.joined(separator: "\r\n").utf8) + body
        }
        defer { server.stop() }
        guard case .response(let response) = await send(server) else { return XCTFail("no answer") }
        XCTAssertEqual(String(decoding: response.body, as: UTF8.self), #"{"a":"\#(String(repeating: "b", count: 60))"}"#)
        let result = await send(server)
        XCTAssertEqual(result, .failed(.ambiguous))
    }

    func testASlowServerIsLeft() async throws {
        let impatient = URLSessionHttp(toBegin: .milliseconds(150), inAll: .milliseconds(300))
        // It takes the request and says nothing.
        let stopped = DispatchSemaphore(value: 0)
        let silent = try TinyServer { _, _ in
            stopped.wait()
            return nil
        }
        defer { silent.stop() }
        for body in ["", "grant_type=refresh_token"] {
            let result = await send(silent, "/token", body, impatient)
            XCTAssertEqual(result, .failed(.ambiguous))
            stopped.signal()
        }
        // It never stops to say something: of its head, or of its body.
        for text in [String(repeating: "X: y\r\n", count: 20_000), "Content-Length: 100000\r\n\r\n" + String(repeating: "x", count: 100_000)] {
            let dripping = try TinyServer(drip: true) { _, _ in Data("HTTP/1.1 200 OK\r\n\(text)".utf8) }
            defer { dripping.stop() }
            let result = await send(dripping, "/token", "a=b", impatient)
            XCTAssertEqual(result, .failed(.ambiguous))
        }
        // It does not even take the connection: what there is in all is not waited for.
        let full = try FullServer()
        let request = HttpRequest(method: "GET", url: full.url, headers: [], body: Data())
        let result = await URLSessionHttp(toBegin: .milliseconds(150), inAll: .seconds(3600)).send(request)
        XCTAssertEqual(result, .failed(.ambiguous))
    }

    func testASlowServerThatIsQuickEnoughIsHeard() async throws {
        let patient = URLSessionHttp(toBegin: .seconds(20), inAll: .seconds(60))
        let server = try TinyServer(drip: true) { _, _ in answer("200 OK", [], "slow") }
        defer { server.stop() }
        guard case .response(let response) = await send(server, "/token", "a=b", patient) else {
            return XCTFail("no answer")
        }
        XCTAssertEqual(response.body, Data("slow".utf8))
    }

    func testNoSuchNameAndNoTLSIsNothingSent() async throws {
        let server = try TinyServer { _, _ in answer("400 Bad Request") }
        defer { server.stop() }
        let urls = ["http://nobody.invalid/", server.url("/").replacingOccurrences(of: "http:", with: "https:")]
        for url in urls {
            let result = await URLSessionHttp().send(
                HttpRequest(method: "POST", url: url, headers: [], body: Data("a=b".utf8)))
            XCTAssertEqual(result, .failed(.notSent), url)
        }
    }

    /// A page in the place of the server's own answer, whatever it calls itself.
    func testWhatIsNotTheServersIsNoAnswer() async throws {
        let pages = [
            ("text/html", "<html>Welcome to our hotel</html>"), ("application/json", "\u{FEFF}{}"),
            ("text/plain", #"{"issuer":"http://localhost"}"#), ("application/json", "{"),
            ("application/json", "\u{FEFF}<html>"),
        ]
        for (type, page) in pages {
            let server = try TinyServer { _, _ in answer("200 OK", ["Content-Type: \(type)"], page) }
            defer { server.stop() }
            let folder = Folder()
            let hooks = Hooks(
                store: try FileStore(folder: folder.url), signer: NoSigner(), lease: try FileLease(folder: folder.url))
            var config = FakeServer.config
            config.issuer = server.url("")
            config.allowLoopback = true
            do {
                _ = try await MobileAuth(config, hooks: hooks).beginAuthorization()
                XCTFail(page)
            } catch let error as AuthError {
                XCTAssertTrue([.retryLater, .fixConfiguration].contains(error.action), "\(error)")
            }
        }
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

    func testATokenDoesNotFollowARedirect() async throws {
        let elsewhere = try TinyServer { _, _ in answer("200 OK") }
        defer { elsewhere.stop() }
        let there = elsewhere.url("/")
        let api = try TinyServer { _, _ in answer("307 Temporary Redirect", ["Location: \(there)"]) }
        defer { api.stop() }
        let folder = Folder()
        let url = try XCTUnwrap(URL(string: api.url("/notes")))
        let (_, response) = try await session(folder).data(for: URLRequest(url: url))
        XCTAssertEqual((response as? HTTPURLResponse)?.statusCode, 307)
        XCTAssertEqual(elsewhere.requests, [])
    }

    func testWhoLeavesDoesNotWaitForTheAPI() async throws {
        let (asked, stopped) = (XCTestExpectation(description: "asked"), DispatchSemaphore(value: 0))
        let api = try TinyServer { _, _ in
            asked.fulfill()
            stopped.wait()
            return nil
        }
        defer { api.stop() }
        let folder = Folder()
        let (url, session) = (try XCTUnwrap(URL(string: api.url("/notes"))), try await session(folder))
        let caller = Task { try await session.data(for: URLRequest(url: url)) }
        await fulfillment(of: [asked], timeout: 60)
        caller.cancel()
        guard case .failure(let error as URLError) = await caller.result else { return XCTFail("an answer") }
        XCTAssertEqual(error.code, .cancelled)
        stopped.signal()
    }

    func testAnAPIThatWantsAStrongerSignInSaysWhich() async throws {
        let challenge = #"Bearer error="insufficient_user_authentication", acr_values="https://refeds.org/profile/mfa", max_age="60""#
        // With the token of the request, as some servers say what they have refused.
        let api = try TinyServer { request, _ in
            let line = request.split(separator: "\r\n").first { $0.lowercased().hasPrefix("authorization:") } ?? ""
            let token = line.split(separator: " ").last ?? ""
            let long = String(repeating: "x", count: 300)
            return answer("401 Unauthorized", ["WWW-Authenticate: \(challenge), token=\(token) \u{202E}\(long)"])
        }
        defer { api.stop() }
        let folder = Folder()
        let url = try XCTUnwrap(URL(string: api.url("/notes")))
        do {
            _ = try await session(folder).data(for: URLRequest(url: url))
            XCTFail("not strong enough")
        } catch let error as AuthError {
            XCTAssertEqual(error.code, .stepUpRequired)
            XCTAssertEqual(error.number, 1305)
            XCTAssertEqual(error.action, .signIn)
            let details = try XCTUnwrap(error.details)
            XCTAssertTrue(details.hasPrefix("\(challenge), token=[secret] x"), details)
            XCTAssertEqual(details.count, 256)
        }
    }
}
