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

    public init() {}

    public func send(_ request: HttpRequest) async -> HttpResult {
        guard let url = URL(string: request.url) else { return .failed(.notSent) }
        var sent = URLRequest(url: url)
        sent.httpMethod = request.method
        sent.httpShouldHandleCookies = false
        for header in request.headers {
            sent.setValue(String(decoding: header.value, as: UTF8.self), forHTTPHeaderField: header.name)
        }
        if !request.body.isEmpty { sent.httpBody = request.body }
        return await Exchange().run(sent)
    }

    static var configuration: URLSessionConfiguration {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpCookieStorage = nil
        configuration.httpShouldSetCookies = false
        configuration.httpCookieAcceptPolicy = .never
        configuration.urlCache = nil
        configuration.urlCredentialStorage = nil
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        configuration.timeoutIntervalForRequest = 10
        configuration.timeoutIntervalForResource = 30
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
    private var bytesLeft = false
    private var isTooLong = false

    func run(_ request: URLRequest) async -> HttpResult {
        let session = URLSession(configuration: URLSessionHttp.configuration, delegate: self, delegateQueue: nil)
        defer { session.finishTasksAndInvalidate() }
        return await withCheckedContinuation { continuation in
            lock.withLock { told = continuation }
            session.dataTask(with: request).resume()
        }
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        // The redirect itself is the answer.
        completionHandler(nil)
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
            body.append(data)
            self.isTooLong = body.count > URLSessionHttp.mostBytes
            return self.isTooLong
        }
        if isTooLong { dataTask.cancel() }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        let continuation: CheckedContinuation<HttpResult, Never>? = lock.withLock {
            defer { told = nil }
            return told
        }
        continuation?.resume(returning: lock.withLock { result(error) })
    }

    private func result(_ error: (any Error)?) -> HttpResult {
        if let error {
            let before = URLSessionHttp.isBeforeSending(error) && !bytesLeft && response == nil
            return .failed(before ? .notSent : .ambiguous)
        }
        guard let response, !isTooLong else { return .failed(.ambiguous) }
        return .response(
            HttpResponse(status: UInt16(clamping: response.statusCode), headers: response.headersForCore, body: body))
    }
}
