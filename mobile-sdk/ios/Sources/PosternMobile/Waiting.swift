import Foundation

/// One who waits, and the first thing that comes: it is told once.
final class Place<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var waiting: CheckedContinuation<Value, Never>?
    private var came: Value?
    private var isOver = false

    func wait(_ continuation: CheckedContinuation<Value, Never>) {
        let there: Value? = lock.withLock {
            if came == nil { waiting = continuation }
            return came
        }
        if let there { continuation.resume(returning: there) }
    }

    func tell(_ value: Value) {
        let told: CheckedContinuation<Value, Never>? = lock.withLock {
            if isOver { return nil }
            isOver = true
            came = value
            defer { waiting = nil }
            return waiting
        }
        told?.resume(returning: value)
    }
}

/// Waits for work that others may wait for too. Who is cancelled stops waiting; the work goes on.
func join<Value: Sendable>(_ work: Task<Result<Value, AuthError>, Never>) async throws(AuthError) -> Value {
    let place = Place<Result<Value, AuthError>>()
    let result = await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
            place.wait(continuation)
            Task.detached { place.tell(await work.value) }
        }
    } onCancel: {
        place.tell(.failure(.cancelled))
    }
    return try result.get()
}

/// What work comes to, or `late` when it takes too long. The work is not stopped, and nobody hears of it again.
func bounded<Value: Sendable>(
    _ limit: Duration, late: Value, _ work: @escaping @Sendable () async -> Value
) async -> Value {
    let place = Place<Value>()
    return await withCheckedContinuation { continuation in
        place.wait(continuation)
        let clock = Task.detached {
            try? await Task.sleep(for: limit)
            if !Task.isCancelled { place.tell(late) }
        }
        Task.detached {
            place.tell(await work())
            clock.cancel()
        }
    }
}
