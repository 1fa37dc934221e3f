import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Requests by the system's own HTTP, with its proxies, its trust store and its rules (App Transport Security).
///
/// Each request has a session and a connection of its own: on a connection that is used again the system repeats requests
/// that were cut off, and the core wants to decide that.
public struct URLSessionHttp: HttpClient {
    /// Of an answer, after it is unpacked.
    static let mostBytes = 1 << 20

    private let toBegin: Duration
    private let inAll: Duration

    /// How long until something of the request has left or something has come, and how long for everything: a server that
    /// drips is no better than one that says nothing.
    public init(toBegin: Duration = .seconds(10), inAll: Duration = .seconds(30)) {
        self.toBegin = toBegin
        self.inAll = inAll
    }

    public func send(_ request: HttpRequest) async -> HttpResult {
        guard let url = URL(string: request.url) else { return .failed(.notSent) }
        var sent = URLRequest(url: url)
        sent.httpMethod = request.method
        sent.httpShouldHandleCookies = false
        for header in request.headers {
            sent.setValue(String(decoding: header.value, as: UTF8.self), forHTTPHeaderField: header.name)
        }
        #if !canImport(Darwin)
        // Here a session that is over keeps its connection, and turns round and round when the server closes it.
        sent.setValue("close", forHTTPHeaderField: "Connection")
        #endif
        if !request.body.isEmpty { sent.httpBody = request.body }
        return await Exchange().run(sent, toBegin: toBegin, inAll: inAll)
    }

    static var configuration: URLSessionConfiguration {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpCookieStorage = nil
        configuration.httpShouldSetCookies = false
        configuration.httpCookieAcceptPolicy = .never
        configuration.urlCache = nil
        configuration.urlCredentialStorage = nil
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        // The limits are kept by the exchange, everywhere in the same way.
        configuration.timeoutIntervalForRequest = 3600
        configuration.timeoutIntervalForResource = 3600
        #if canImport(Darwin)
        configuration.waitsForConnectivity = false
        configuration.tlsMinimumSupportedProtocolVersion = .TLSv12
        #endif
        return configuration
    }

    /// What can only happen before a byte of the request has left.
    static func isBeforeSending(_ error: any Error) -> Bool {
        let error = error as NSError
        guard error.domain == NSURLErrorDomain else { return false }
        let before = [
            NSURLErrorCannotFindHost, NSURLErrorCannotConnectToHost, NSURLErrorDNSLookupFailed,
            NSURLErrorNotConnectedToInternet, NSURLErrorInternationalRoamingOff, NSURLErrorCallIsActive,
            NSURLErrorDataNotAllowed, NSURLErrorSecureConnectionFailed, NSURLErrorServerCertificateHasBadDate,
            NSURLErrorServerCertificateUntrusted, NSURLErrorServerCertificateHasUnknownRoot,
            NSURLErrorServerCertificateNotYetValid, NSURLErrorClientCertificateRejected,
            NSURLErrorClientCertificateRequired, NSURLErrorBadURL, NSURLErrorUnsupportedURL,
            // Of App Transport Security, which Foundation has no name for elsewhere.
            -1022,
        ]
        return before.contains(error.code)
    }
}

/// One request and its answer.
private final class Exchange: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    private let lock = NSLock()
    private var told: CheckedContinuation<HttpResult, Never>?
    private var response: HTTPURLResponse?
    private var body = Data()
    private var hasBody = false
    private var bytesLeft = false

    func run(_ request: URLRequest, toBegin: Duration, inAll: Duration) async -> HttpResult {
        let session = URLSession(configuration: URLSessionHttp.configuration, delegate: self, delegateQueue: nil)
        let clock = Task.detached { [self] in
            guard await Self.slept(min(toBegin, inAll)) else { return }
            // Whether it has left is not known for sure, so it may have.
            if !hasBegun { return tell(.failed(.ambiguous)) }
            if await Self.slept(inAll - min(toBegin, inAll)) { tell(.failed(.ambiguous)) }
        }
        let result = await withCheckedContinuation { continuation in
            lock.withLock {
                told = continuation
                hasBody = request.httpBody != nil
            }
            session.dataTask(with: request).resume()
        }
        clock.cancel()
        session.invalidateAndCancel()
        return result
    }

    private static func slept(_ duration: Duration) async -> Bool {
        do {
            try await Task.sleep(for: duration)
            return true
        } catch {
            return false
        }
    }

    private var hasBegun: Bool { lock.withLock { bytesLeft || response != nil } }

    /// Once: who comes later is not heard.
    private func tell(_ result: HttpResult) {
        let continuation: CheckedContinuation<HttpResult, Never>? = lock.withLock {
            defer { told = nil }
            return told
        }
        continuation?.resume(returning: result)
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        // The redirect itself is the answer.
        completionHandler(nil)
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, didReceive challenge: URLAuthenticationChallenge,
        completionHandler: @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
    ) {
        let space = challenge.protectionSpace
        let isPassword = [
            NSURLAuthenticationMethodHTTPBasic, NSURLAuthenticationMethodHTTPDigest, NSURLAuthenticationMethodDefault,
        ].contains(space.authenticationMethod)
        // What a proxy asks for, and whether a certificate is good, is the system's.
        guard isPassword, !space.isProxy() else { return completionHandler(.performDefaultHandling, nil) }
        // The server's 401 itself is the answer.
        #if canImport(Darwin)
        completionHandler(.rejectProtectionSpace, nil)
        #else
        // Elsewhere it is asked for when the answer is there as a whole, and to reject it is an error.
        lock.withLock { response = response ?? challenge.failureResponse as? HTTPURLResponse }
        tell(lock.withLock { result(nil) })
        completionHandler(.cancelAuthenticationChallenge, nil)
        #endif
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, didSendBodyData bytesSent: Int64, totalBytesSent: Int64,
        totalBytesExpectedToSend: Int64
    ) {
        lock.withLock { bytesLeft = bytesLeft || totalBytesSent > 0 }
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        lock.withLock { self.response = response as? HTTPURLResponse }
        completionHandler(.allow)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let isTooLong = lock.withLock {
            let isTooLong = body.count + data.count > URLSessionHttp.mostBytes
            if !isTooLong { body.append(data) }
            return isTooLong
        }
        if isTooLong { tell(.failed(.ambiguous)) }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        tell(lock.withLock { result(error) })
    }

    private func isBeforeSending(_ error: any Error) -> Bool {
        #if !canImport(Darwin)
        // Here a handshake that fails has no name; a body is read when its connection is there, and not before.
        if (error as NSError).code == NSURLErrorUnknown, hasBody { return true }
        #endif
        return URLSessionHttp.isBeforeSending(error)
    }

    private func result(_ error: (any Error)?) -> HttpResult {
        if let error {
            return .failed(isBeforeSending(error) && !bytesLeft && response == nil ? .notSent : .ambiguous)
        }
        guard let response else { return .failed(.ambiguous) }
        return .response(
            HttpResponse(status: UInt16(clamping: response.statusCode), headers: response.headersForCore, body: body))
    }
}
