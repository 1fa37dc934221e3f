import Foundation
import XCTest

@testable import PosternMobile

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The real server: the `postern` binary that `POSTERN` names, as a process with a folder of its own. Alice and the app `app`
/// are known to it.
final class LiveServer: @unchecked Sendable {
    static let password = "correct horse battery staple"

    let issuer: String
    private let folder = Folder()
    private let program: String
    private let process = Process()

    init() throws {
        guard let program = ProcessInfo.processInfo.environment["POSTERN"] else {
            throw XCTSkip("POSTERN=FILE names the server's binary")
        }
        self.program = program
        try FileManager.default.createDirectory(at: folder.url, withIntermediateDirectories: true)
        let port = try freePort()
        issuer = "http://localhost:\(port)"
        _ = try run("init", "--public-url", issuer)
        _ = try run("user", "add", "alice@example.com", "--password-stdin", given: Self.password)
        _ = try run(
            "client", "add", "app", "--name", "Notes", "--redirect-uri", "http://127.0.0.1/callback", "--consent", "never",
            "--dpop", "required", "--may-end-browser-session")
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["serve", "--listen", "127.0.0.1:\(port)", "--data", data]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        while !isListening(port) {
            guard process.isRunning else { throw CocoaError(.executableLoad) }
            usleep(10_000)
        }
    }

    deinit {
        guard process.isRunning else { return }
        // Foundation's threads block what would ask it to end, and their children inherit that.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    private var data: String { folder.url.appendingPathComponent("data").path }

    /// What a command on the server's folder prints.
    @discardableResult func run(_ arguments: String..., given: String = "") throws -> String {
        String(decoding: try PosternMobileTests.run(program, arguments + ["--data", data], given: Data(given.utf8)), as: UTF8.self)
    }

    /// How often something happened.
    func count(_ event: String) throws -> Int {
        try run("events", "export", "--since", "2000-01-01T00:00:00Z").split(separator: "\n").filter { $0.contains(event) }.count
    }

    var config: AuthConfig {
        AuthConfig(
            issuer: issuer, clientID: "app", redirectURI: "http://127.0.0.1/callback",
            scopes: ["openid", "profile", "offline_access"], allowLoopback: true)
    }
}

/// Runs a program to its end: what it prints.
func run(_ program: String, _ arguments: [String], given: Data = Data()) throws -> Data {
    let process = Process()
    let (input, output, errors) = (Pipe(), Pipe(), Pipe())
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    (process.standardInput, process.standardOutput, process.standardError) = (input, output, errors)
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: given)
    try input.fileHandleForWriting.close()
    let printed = try output.fileHandleForReading.readToEnd() ?? Data()
    let complained = try errors.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    struct Failed: Error { let text: String }
    guard process.terminationStatus == 0 else {
        throw Failed(text: "\(program) \(arguments): \(String(decoding: complained, as: UTF8.self))")
    }
    return printed
}

/// Keys in files, which OpenSSL's program makes and uses: for tests where there is no Secure Enclave.
struct OpenSSLSigner: DpopSigner {
    let folder: URL

    private func file(_ id: String) -> String { folder.appendingPathComponent("key-" + fileName(id)).path }

    private func openssl(_ arguments: String..., given: Data = Data()) throws -> Data {
        try run("/usr/bin/env", ["openssl"] + arguments, given: given)
    }

    func ensureKey(_ id: String, policy: KeyPolicy) async throws -> KeyInfo {
        let file = file(id)
        if !FileManager.default.fileExists(atPath: file) {
            _ = try openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file)
        }
        // The point is at the end: x, then y.
        let point = try openssl("pkey", "-in", file, "-pubout", "-outform", "DER").suffix(64)
        return KeyInfo(x: Data(point.prefix(32)), y: Data(point.suffix(32)), level: .software)
    }

    func sign(_ id: String, _ message: Data) async throws -> Data {
        guard FileManager.default.fileExists(atPath: file(id)) else { throw HookError.notFound }
        return try openssl("dgst", "-sha256", "-sign", file(id), given: message)
    }

    func deleteKey(_ id: String) async throws {
        try? FileManager.default.removeItem(atPath: file(id))
    }
}

/// A person's browser: cookies, redirects and forms.
final class HeadlessBrowser {
    private let issuer: String
    private var cookies: [String: String] = [:]

    init(_ server: LiveServer) { issuer = server.issuer }

    /// Signs in where asked, and allows: where the app gets its answer.
    func allow(_ url: String) async throws -> URL {
        var answer = try await send("GET", url)
        for _ in 0..<20 {
            if (300..<400).contains(answer.status), let to = answer.location {
                let there = to.hasPrefix("/") ? issuer + to : to
                if !there.hasPrefix(issuer) { return try XCTUnwrap(URL(string: there)) }
                answer = try await send("GET", there)
            } else {
                answer = try await submit(answer.body)
            }
        }
        throw CocoaError(.userCancelled)
    }

    private func submit(_ page: String) async throws -> Answer {
        let filledIn: [String: [String: String]] = [
            "/sign-in": ["email": "alice@example.com", "password": LiveServer.password], "/consent": ["decision": "allow"],
        ]
        for form in page.components(separatedBy: "<form").dropFirst() {
            let tag = form.prefix { $0 != ">" }
            guard let action = attribute(tag, "action"), let more = filledIn[action] else { continue }
            let inside = form.components(separatedBy: "</form>")[0]
            var fields: [String: String] = [:]
            for input in inside.components(separatedBy: "<input").dropFirst() {
                let input = input.prefix { $0 != ">" }
                if let name = attribute(input, "name") { fields[name] = attribute(input, "value") ?? "" }
            }
            let body = fields.merging(more) { $1 }.map { "\($0)=\(fileName($1))" }.joined(separator: "&")
            return try await send("POST", issuer + action, body)
        }
        throw CocoaError(.formatting, userInfo: [NSDebugDescriptionErrorKey: "nothing to fill in: \(page)"])
    }

    private func attribute(_ tag: Substring, _ name: String) -> String? {
        guard let from = tag.range(of: " \(name)=\"") else { return nil }
        let value = tag[from.upperBound...].prefix { $0 != "\"" }
        let entities = [
            ("&quot;", "\""), ("&#x2f;", "/"), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"),
        ]
        return entities.reduce(String(value)) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
    }

    private struct Answer {
        let status: UInt16
        let location: String?
        let body: String
    }

    private func send(_ method: String, _ url: String, _ body: String = "") async throws -> Answer {
        var headers = ["Accept": "text/html", "Origin": issuer, "Sec-Fetch-Site": "same-origin"]
        if !body.isEmpty { headers["Content-Type"] = "application/x-www-form-urlencoded" }
        if !cookies.isEmpty { headers["Cookie"] = cookies.map { "\($0)=\($1)" }.joined(separator: "; ") }
        let request = HttpRequest(
            method: method, url: url, headers: headers.map { HttpHeader(name: $0, value: Data($1.utf8)) },
            body: Data(body.utf8))
        guard case .response(let response) = await URLSessionHttp().send(request), let from = URL(string: url) else {
            throw CocoaError(.fileReadUnknown)
        }
        let fields = Dictionary(
            response.headers.map { ($0.name.lowercased(), String(decoding: $0.value, as: UTF8.self)) },
            uniquingKeysWith: { $0 + ", " + $1 })
        let set = HTTPCookie.cookies(withResponseHeaderFields: ["Set-Cookie": fields["set-cookie"] ?? ""], for: from)
        for cookie in set { cookies[cookie.name] = cookie.value }
        return Answer(
            status: response.status, location: fields["location"], body: String(decoding: response.body, as: UTF8.self))
    }
}
