import Foundation
import PosternMobileFFI

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Does what the core asks for, one effect at a time, until an operation is over.
struct Driver: Sendable {
    let hooks: Hooks
    let events = Events()

    /// In a task of its own: who waits may leave, and the operation goes on. Only its process's end ends it. (Who cancels the
    /// task itself ends it where it would sleep.)
    func start(_ operation: PosternMobileFFI.Operation) -> Task<Result<Outcome, AuthError>, Never> {
        Task.detached { await run(operation) }
    }

    func run(_ operation: PosternMobileFFI.Operation) async -> Result<Outcome, AuthError> {
        var answer: Answer?
        while true {
            let step = operation.step(answer: answer, now: hooks.clock.now())
            events.tell(step.events)
            switch step.next {
            case .need(let id, .sleep(let ms)):
                if !Task.isCancelled { answer = Answer(id: id, input: await perform(.sleep(ms: ms))) }
                // Also after it: what comes next would be for somebody who has left.
                if Task.isCancelled { return .failure(.cancelled) }
            case .need(let id, let effect): answer = Answer(id: id, input: await perform(effect))
            case .done(let outcome): return .success(outcome)
            case .failed(let error): return .failure(AuthError(error))
            }
        }
    }

    /// What came of an effect. A hook that throws, or never returns, is an answer like any other.
    private func perform(_ effect: Effect) async -> Input {
        let limit: Duration
        switch effect {
        // The core says how long these may take.
        case .sleep(let ms): limit = hooks.patience + .milliseconds(Int64(clamping: ms))
        case .lock(_, _, let waitMs): limit = hooks.patience + .milliseconds(Int64(clamping: waitMs))
        default: limit = hooks.patience
        }
        let hooks = hooks
        return await bounded(limit, late: .failed(error: .timeout)) {
            do {
                return try await answer(to: effect, with: hooks)
            } catch let error as HookError {
                return .failed(error: error)
            } catch is CancellationError {
                // Nobody here has cancelled anything.
                return .failed(error: .timeout)
            } catch is URLError {
                // A hook that asks a server of the app's own.
                return .failed(error: .io)
            } catch {
                return .failed(error: .unknown)
            }
        }
    }
}

private func answer(to effect: Effect, with hooks: Hooks) async throws -> Input {
    switch effect {
    case .http(let request):
        switch await hooks.http.send(request) {
        case .response(let response): return .http(response: response)
        case .failed(let failure): return .httpFailed(failure: failure)
        }
    case .get(let key):
        guard let found = try await hooks.store.get(key) else { return .absent }
        return .value(value: found.value, version: found.version)
    case .put(let key, let value, let expect):
        switch try await hooks.store.put(key, value, expect: expect) {
        case .stored(let version): return .stored(version: version)
        case .conflict: return .conflict
        }
    case .delete(let key, let expect):
        return try await hooks.store.delete(key, expect: expect) ? .done : .conflict
    case .keys(let prefix):
        return .keys(keys: try await hooks.store.keys(prefix: prefix))
    case .lock(let name, let ttlMs, let waitMs):
        let held = await hooks.lease.take(
            name, ttl: .milliseconds(Int64(clamping: ttlMs)), wait: .milliseconds(Int64(clamping: waitMs)))
        return held ? .lockHeld : .lockTimeout
    case .unlock(let name):
        await hooks.lease.give(name)
        return .done
    case .keyEnsure(let key, let policy):
        return .key(key: try await hooks.signer.ensureKey(key, policy: policy))
    case .sign(let key, let message):
        return .signature(signature: try await hooks.signer.sign(key, message))
    case .keyDelete(let key):
        try await hooks.signer.deleteKey(key)
        return .done
    case .attest(let challenge, let jkt):
        guard let attestor = hooks.attestor else { throw HookError.unavailable }
        return .attested(evidence: try await attestor.attest(challenge: challenge, thumbprint: jkt))
    case .random(let len):
        return .random(bytes: hooks.random(Int(len)))
    case .sleep(let ms):
        await hooks.clock.sleep(.milliseconds(Int64(clamping: ms)))
        return .done
    }
}
