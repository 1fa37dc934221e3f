import Dispatch
import Foundation

/// A lease whose holder the system lets run on in the background, so that a refresh that was begun is stored before its
/// process is suspended. When the system wants no more it says so, and the process sleeps with its lease, which falls by
/// itself: nothing is held that a suspended process is killed for.
actor AwakeLease: Lease {
    /// Begins an activity: calls the block, lets the process run for as long as it does not return, and calls it with `true`
    /// when it has to.
    typealias Begin = @Sendable (_ block: @escaping @Sendable (_ isOver: Bool) -> Void) -> Void

    private let lease: any Lease
    private let begin: Begin
    private var ends: [String: DispatchSemaphore] = [:]

    init(_ lease: any Lease, begin: @escaping Begin) {
        self.lease = lease
        self.begin = begin
    }

    func take(_ name: String, ttl: Duration, wait: Duration) async -> Bool {
        guard await lease.take(name, ttl: ttl, wait: wait) else { return false }
        let end = DispatchSemaphore(value: 0)
        ends.updateValue(end, forKey: name)?.signal()
        let latest = DispatchTimeInterval.milliseconds(Int(clamping: ttl.milliseconds))
        begin { isOver in
            if isOver { end.signal() } else { _ = end.wait(timeout: .now() + latest) }
        }
        return true
    }

    func give(_ name: String) async {
        ends.removeValue(forKey: name)?.signal()
        await lease.give(name)
    }
}
