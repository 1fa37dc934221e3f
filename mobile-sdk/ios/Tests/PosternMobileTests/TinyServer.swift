import Foundation

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#endif

/// Answers requests on this machine with the bytes that it is told, one connection after the other.
final class TinyServer: @unchecked Sendable {
    private let lock = NSLock()
    private var isStopped = false
    private var asked: [String] = []
    let port: UInt16

    /// `nil`: the connection is closed without an answer. With `drip` the answer comes byte by byte, with pauses.
    init(drip: Bool = false, _ answer: @escaping @Sendable (_ request: String, _ number: Int) -> Data?) throws {
        let listening: Int32
        (listening, port) = try listenOnThisMachine(queue: 16)
        Thread.detachNewThread { [self] in
            while true {
                let connection = accept(listening, nil, nil)
                if connection < 0 || lock.withLock({ isStopped }) {
                    // By nobody else, or another server gets its number while it is still used here.
                    if connection >= 0 { close(connection) }
                    close(listening)
                    return
                }
                let request = Self.read(connection)
                let number = lock.withLock {
                    asked.append(request)
                    return asked.count
                }
                if let bytes = answer(request, number) {
                    bytes.withUnsafeBytes { bytes in
                        var sent = 0
                        while sent < bytes.count {
                            let most = drip ? 1 : bytes.count - sent
                            if drip { usleep(2000) }
                            let some = send(connection, bytes.baseAddress! + sent, most, Self.quietly)
                            if some <= 0 { break }
                            sent += some
                        }
                    }
                }
                close(connection)
            }
        }
    }

    #if canImport(Darwin)
    private static let quietly: Int32 = 0
    #else
    private static let quietly = Int32(MSG_NOSIGNAL)
    #endif

    var requests: [String] { lock.withLock { asked } }
    func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    func stop() {
        lock.withLock { isStopped = true }
        // Its thread wakes up, closes the socket and ends.
        _ = isListening(port)
    }

    /// The head and as much body as it says.
    private static func read(_ connection: Int32) -> String {
        var bytes: [UInt8] = []
        var some = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(connection, &some, some.count, 0)
            if count <= 0 { break }
            bytes += some[..<count]
            let text = String(decoding: bytes, as: UTF8.self)
            guard let head = text.range(of: "\r\n\r\n") else { continue }
            let line = text[..<head.lowerBound].split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
            let length = line.flatMap { Int($0.split(separator: ":")[1].trimmingCharacters(in: .whitespaces)) } ?? 0
            if text[head.upperBound...].utf8.count >= length { break }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Where connections come to and nobody takes them: its queue is full.
final class FullServer {
    private let listening: Int32
    private var waiting: [Int32] = []
    let port: UInt16

    init() throws {
        (listening, port) = try listenOnThisMachine(queue: 0)
        // Each that waits here takes a place; those who find none hear nothing.
        for _ in 0..<4 {
            let one = newSocket()
            _ = fcntl(one, F_SETFL, fcntl(one, F_GETFL) | O_NONBLOCK)
            _ = connectTo(port, one)
            waiting.append(one)
        }
    }

    var url: String { "http://127.0.0.1:\(port)/" }

    deinit {
        for one in waiting + [listening] { close(one) }
    }
}

private func newSocket() -> Int32 {
    #if canImport(Darwin)
    socket(AF_INET, SOCK_STREAM, 0)
    #else
    socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #endif
}

private func addressOnThisMachine(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = port.bigEndian
    return address
}

private func connectTo(_ port: UInt16, _ socket: Int32) -> Bool {
    var address = addressOnThisMachine(port)
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}

func isListening(_ port: UInt16) -> Bool {
    let one = newSocket()
    defer { close(one) }
    return connectTo(port, one)
}

/// A socket at a port that was free.
private func listenOnThisMachine(queue: Int32) throws -> (Int32, UInt16) {
    let listening = newSocket()
    var address = addressOnThisMachine(0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(listening, $0, size) == 0 && listen(listening, queue) == 0 && getsockname(listening, $0, &size) == 0
        }
    }
    guard isBound else { throw CocoaError(.fileReadUnknown) }
    return (listening, UInt16(bigEndian: address.sin_port))
}

/// A port where nobody listens.
func freePort() throws -> UInt16 {
    let (listening, port) = try listenOnThisMachine(queue: 1)
    close(listening)
    return port
}

func answer(_ status: String, _ headers: [String] = [], _ body: String = "") -> Data {
    let lines = ["HTTP/1.1 \(status)"] + headers + ["Content-Length: \(body.utf8.count)", "Connection: close", "", body]
    return Data(lines.joined(separator: "\r\n").utf8)
}
