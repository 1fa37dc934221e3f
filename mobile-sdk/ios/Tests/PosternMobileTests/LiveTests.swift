import Foundation
import XCTest

@testable import PosternMobile

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// With the real server, whose binary `POSTERN` names; `ios/test` finds the one that cargo has built.
final class LiveTests: XCTestCase {
    private let folder = Folder()

    /// A process of the app.
    private func app(_ server: LiveServer) throws -> MobileAuth {
        let hooks = Hooks(
            store: try FileStore(folder: folder.url), signer: OpenSSLSigner(folder: folder.url),
            lease: try FileLease(folder: folder.url))
        return try MobileAuth(server.config, hooks: hooks)
    }

    private func files(_ prefix: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.url.path).filter { $0.hasPrefix(prefix) }
    }

    private func userinfo(_ session: Session, _ server: LiveServer) async throws -> String {
        let url = try XCTUnwrap(URL(string: server.issuer + "/userinfo"))
        let (data, response) = try await session.data(for: URLRequest(url: url))
        XCTAssertEqual((response as? HTTPURLResponse)?.statusCode, 200)
        return String(decoding: data, as: UTF8.self)
    }

    func testTheWholeWayFromSignInToLogout() async throws {
        let server = try LiveServer()
        let auth = try app(server)
        var events = auth.events.makeAsyncIterator()
        let nobody = try await auth.session()
        XCTAssertNil(nobody)

        let ready = try await auth.beginAuthorization()
        let session = try await auth.handleRedirect(HeadlessBrowser(server).allow(ready.url))
        let added = await events.next()
        XCTAssertEqual(added, .accountAdded(account: session.account))
        let first = try await userinfo(session, server)
        XCTAssertTrue(first.contains(#""sub""#), first)
        let claims = try await session.claims()
        XCTAssertTrue(String(decoding: claims, as: UTF8.self).contains(#""sub""#))

        let token = try await session.accessToken()
        XCTAssertEqual(token.type, "DPoP")
        let same = try await session.accessToken()
        XCTAssertEqual(same, token)
        let fresh = try await session.accessToken(Want(fresh: true))
        XCTAssertNotEqual(fresh.value, token.value)
        let rotated = await events.next()
        XCTAssertEqual(rotated, .tokensRotated(account: session.account))

        // The next start of the app.
        let there = try await app(server).session()
        let again = try XCTUnwrap(there)
        XCTAssertEqual(again.account, session.account)
        let second = try await userinfo(again, server)
        XCTAssertEqual(second, first)

        try await again.logout(.sessionAndBrowser)
        let gone = try await app(server).session()
        XCTAssertNil(gone)
        XCTAssertEqual(try files("key-"), [])
        XCTAssertEqual(try server.count("logged_out"), 1)
    }

    func testAProcessThatWasNotThereAtTheBeginningFinishesTheSignIn() async throws {
        let server = try LiveServer()
        let ready = try await app(server).beginAuthorization()
        let back = try await HeadlessBrowser(server).allow(ready.url)
        let auth = try app(server)
        let session = try await auth.handleRedirect(back)
        _ = try await userinfo(session, server)
        for (url, code) in [(back.absoluteString, AuthError.Code.redirectStateUnknown), (back.absoluteString + "&state=x", .redirectDuplicateParam)] {
            do {
                _ = try await auth.handleRedirect(XCTUnwrap(URL(string: url)))
                XCTFail("a second time")
            } catch let error as AuthError {
                XCTAssertEqual(error.code, code)
                XCTAssertEqual(error.action, .showLogin)
            }
        }
        // The session is none the worse for it.
        _ = try await session.accessToken(Want(fresh: true))
    }

    func testManyWhoRefreshAtOnceInTwoProcessesEndNothing() async throws {
        let server = try LiveServer()
        let ready = try await app(server).beginAuthorization()
        let back = try await HeadlessBrowser(server).allow(ready.url)
        let session = try await app(server).handleRedirect(back)
        // Two processes of which neither knows of the other.
        let others = [try app(server), try app(server)]
        try await withThrowingTaskGroup(of: AccessToken.self) { group in
            for number in 0..<20 {
                let auth = others[number % 2]
                group.addTask { try await Session(auth: auth, account: session.account).accessToken(Want(fresh: true)) }
            }
            try await group.waitForAll()
        }
        _ = try await userinfo(session, server)
        XCTAssertEqual(try server.count("session.ended"), 0)
    }
}
