import Foundation

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The clocks of the system.
public struct SystemClock: DeviceClock {
    /// There is nothing to set.
    public init() {}

    public func now() -> Moment {
        Moment(
            wallMs: Int64(Date().timeIntervalSince1970 * 1000), monotonicMs: Self.monotonicMs, bootId: Self.bootID)
    }

    public func sleep(_ duration: Duration) async {
        try? await Task.sleep(for: duration)
    }

    /// Goes on in sleep. On Apple's systems CLOCK_MONOTONIC follows the wall clock, its RAW sister does not.
    static var monotonicMs: Int64 {
        var time = timespec()
        #if canImport(Darwin)
        clock_gettime(CLOCK_MONOTONIC_RAW, &time)
        #else
        clock_gettime(CLOCK_BOOTTIME, &time)
        #endif
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    static let bootID: String = {
        #if canImport(Darwin)
        return systemText("kern.bootsessionuuid") ?? bootTime()
        #else
        let text = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
        return text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "unknown"
        #endif
    }()

    #if canImport(Darwin)
    private static func systemText(_ name: String) -> String? {
        var size = 0
        guard sysctlbyname(name, nil, &size, nil, 0) == 0, size > 1 else { return nil }
        var text = [UInt8](repeating: 0, count: size)
        guard sysctlbyname(name, &text, &size, nil, 0) == 0 else { return nil }
        return String(decoding: text.prefix(size).prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Where the other is not told: it also changes when the clock is set, which costs one refresh and nothing else.
    private static func bootTime() -> String {
        var time = timeval()
        var size = MemoryLayout<timeval>.size
        guard sysctlbyname("kern.boottime", &time, &size, nil, 0) == 0 else { return "unknown" }
        return String(time.tv_sec)
    }
    #endif
}
