import Foundation
import PosternMobileFFI

@testable import PosternMobile

/// A host that does what it did when the conversation was recorded, and notes when it is asked for something else.
final class Scripted: SecureStore, Lease, DpopSigner, Attestor, HttpClient, DeviceClock, @unchecked Sendable {
    private let lock = NSLock()
    private let steps: [JSON]
    /// Whether its process is killed at the end: what comes after that never happened.
    private let isKilled: Bool
    private var at = -1
    private var noted: [String] = []

    init(_ steps: [JSON]) {
        self.steps = steps
        isKilled = steps.last.map { $0["effect"] != .null } ?? false
    }

    var differences: [String] { lock.withLock { noted } }
    var isOver: Bool { lock.withLock { isKilled ? at >= steps.count : at == steps.count - 1 } }

    var hooks: Hooks {
        var hooks = Hooks(store: self, signer: self, lease: self, http: self, attestor: self, clock: self)
        hooks.random = { [self] in
            (try? asked(.of("random", ["len": .number(Int64($0))])))?["bytes"].bytes ?? Data()
        }
        return hooks
    }

    private func asked(_ effect: JSON) throws -> JSON {
        let step: JSON? = lock.withLock {
            guard at < steps.count else { return nil }
            let step = steps[at]
            if step["effect"] != effect { noted.append("step \(at + 1): asked for \(effect), not \(step["effect"])") }
            return step
        }
        guard let input = step?["input"] else { throw HookError.unknown }
        let errors: [String: HookError] = [
            "locked": .locked, "not_found": .notFound, "cancelled": .cancelled, "key_lost": .keyLost,
            "corrupt": .corrupt, "io": .io, "timeout": .timeout, "unavailable": .unavailable, "unknown": .unknown,
        ]
        if input["type"].text == "failed" { throw errors[input["error"].text ?? ""] ?? .unknown }
        return input
    }

    func now() -> Moment {
        lock.withLock {
            at += 1
            if at >= steps.count {
                if !isKilled { noted.append("a step too many") }
                at = isKilled ? steps.count : steps.count - 1
            }
            return Moment(steps[min(at, steps.count - 1)]["now"])
        }
    }

    func sleep(_ duration: Duration) async {
        _ = try? asked(.of("sleep", ["ms": .number(duration.milliseconds)]))
    }

    func get(_ key: String) async throws -> Versioned? {
        let input = try asked(.of("get", ["key": .text(key)]))
        if input["type"].text == "absent" { return nil }
        return Versioned(value: input["value"].bytes, version: input["version"].number)
    }

    func put(_ key: String, _ value: Data, expect: Int64) async throws -> PutResult {
        let members: [String: JSON] = ["key": .text(key), "value": JSON(value), "expect": .number(expect)]
        let input = try asked(.of("put", members))
        return input["type"].text == "stored" ? .stored(version: input["version"].number) : .conflict
    }

    func delete(_ key: String, expect: Int64?) async throws -> Bool {
        let expected: JSON = expect.map { .number($0) } ?? .null
        return try asked(.of("delete", ["key": .text(key), "expect": expected]))["type"].text == "done"
    }

    func keys(prefix: String) async throws -> [String] {
        try asked(.of("keys", ["prefix": .text(prefix)]))["keys"].texts ?? []
    }

    func take(_ name: String, ttl: Duration, wait: Duration) async -> Bool {
        let members: [String: JSON] = [
            "name": .text(name), "ttl_ms": .number(ttl.milliseconds), "wait_ms": .number(wait.milliseconds),
        ]
        return (try? asked(.of("lock", members)))?["type"].text == "lock_held"
    }

    func give(_ name: String) async {
        _ = try? asked(.of("unlock", ["name": .text(name)]))
    }

    func ensureKey(_ id: String, policy: KeyPolicy) async throws -> KeyInfo {
        let input = try asked(.of("key_ensure", ["key": .text(id), "policy": .name(policy)]))
        let levels: [String: KeyLevel] = [
            "secure_enclave": .secureEnclave, "strong_box": .strongBox, "tee": .tee, "software": .software,
        ]
        return KeyInfo(x: input["x"].bytes, y: input["y"].bytes, level: levels[input["level"].text ?? ""] ?? .software)
    }

    func sign(_ id: String, _ message: Data) async throws -> Data {
        try asked(.of("sign", ["key": .text(id), "message": JSON(message)]))["signature"].bytes
    }

    func deleteKey(_ id: String) async throws {
        _ = try asked(.of("key_delete", ["key": .text(id)]))
    }

    func attest(challenge: Data, thumbprint: String) async throws -> Evidence {
        let input = try asked(.of("attest", ["challenge": JSON(challenge), "jkt": .text(thumbprint)]))
        return Evidence(attestation: input["attestation"].bytes, proof: input["proof"].bytes)
    }

    func send(_ request: HttpRequest) async -> HttpResult {
        let effect = JSON.of(
            "http",
            [
                "method": .text(request.method), "url": .text(request.url), "headers": JSON(request.headers),
                "body": JSON(request.body),
            ])
        guard let input = try? asked(effect) else { return .failed(.ambiguous) }
        if input["type"].text == "http_failed" {
            return .failed(input["failure"].text == "not_sent" ? .notSent : .ambiguous)
        }
        let headers = input["headers"].list.map { HttpHeader(name: $0.list[0].text ?? "", value: $0.list[1].bytes) }
        return .response(
            HttpResponse(status: UInt16(input["status"].number), headers: headers, body: input["body"].bytes))
    }
}
