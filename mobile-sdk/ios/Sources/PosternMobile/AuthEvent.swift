import Foundation
import PosternMobileFFI

/// What happened, for the app's log and its screens. No secret is in it.
public typealias AuthEvent = PosternMobileFFI.Event

/// Why a session is over.
public typealias EndReason = PosternMobileFFI.EndReason

/// Tells everybody who listens.
final class Events: @unchecked Sendable {
    private let lock = NSLock()
    private var listeners: [UUID: AsyncStream<AuthEvent>.Continuation] = [:]

    func tell(_ events: [AuthEvent]) {
        if events.isEmpty { return }
        let listening = lock.withLock { Array(listeners.values) }
        for event in events {
            for listener in listening { listener.yield(event) }
        }
    }

    func stream() -> AsyncStream<AuthEvent> {
        let id = UUID()
        // Who never reads keeps no more than the last of them.
        let (stream, listener) = AsyncStream.makeStream(of: AuthEvent.self, bufferingPolicy: .bufferingNewest(64))
        listener.onTermination = { [weak self] _ in self?.forget(id) }
        lock.withLock { listeners[id] = listener }
        return stream
    }

    private func forget(_ id: UUID) {
        _ = lock.withLock { listeners.removeValue(forKey: id) }
    }

    deinit {
        for listener in listeners.values { listener.finish() }
    }
}
