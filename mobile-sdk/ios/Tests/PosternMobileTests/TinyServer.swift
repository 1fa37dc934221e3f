import Foundation

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#endif

/// Answers requests on this machine with the bytes that it is told, one connection after the other.
final class TinyServer: @unchecked Sendable {
    private let lock = NSLock()
    private let listening: Int32
    private var asked: [String] = []
    let port: UInt16

    /// `nil`: the connection is closed without an answer.
    init(_ answer: @escaping @Sendable (_ request: String, _ number: Int) -> Data?) throws {
        #if canImport(Darwin)
        let listening = socket(AF_INET, SOCK_STREAM, 0)
        #else
        let listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listening, $0, size) == 0 && listen(listening, 16) == 0 && getsockname(listening, $0, &size) == 0
            }
        }
        guard isBound else { throw CocoaError(.fileReadUnknown) }
        self.listening = listening
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in
            while true {
                let connection = accept(listening, nil, nil)
                if connection < 0 { return }
                let request = Self.read(connection)
                let number = lock.withLock {
                    asked.append(request)
                    return asked.count
                }
                if let bytes = answer(request, number) {
                    bytes.withUnsafeBytes { bytes in
                        var sent = 0
                        while sent < bytes.count {
                            let some = send(connection, bytes.baseAddress! + sent, bytes.count - sent, Self.quietly)
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
        shutdown(listening, Int32(SHUT_RDWR))
        close(listening)
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

func answer(_ status: String, _ headers: [String] = [], _ body: String = "") -> Data {
    let lines = ["HTTP/1.1 \(status)"] + headers + ["Content-Length: \(body.utf8.count)", "Connection: close", "", body]
    return Data(lines.joined(separator: "\r\n").utf8)
}
