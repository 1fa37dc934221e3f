import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

extension URLSession {
    /// An answer, which may be a redirect.
    func unredirected(_ request: URLRequest) async throws -> (Data, URLResponse) {
        #if canImport(Darwin)
        return try await data(for: request, delegate: NoRedirects())
        #else
        // Here only a session's own delegate is asked about redirects. The connection: see `URLSessionHttp`.
        let collector = Collector()
        let session = URLSession(configuration: configuration, delegate: collector, delegateQueue: nil)
        defer { session.finishTasksAndInvalidate() }
        var request = request
        request.setValue("close", forHTTPHeaderField: "Connection")
        let task = session.dataTask(with: request)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { collector.start(task, $0) }
        } onCancel: {
            task.cancel()
            collector.finish(nil, URLError(.cancelled))
        }
        #endif
    }
}

#if canImport(Darwin)
private final class NoRedirects: NSObject, URLSessionTaskDelegate, Sendable {
    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }
}
#else
private final class Collector: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    private let lock = NSLock()
    private var data = Data()
    private var told: CheckedContinuation<(Data, URLResponse), any Error>?
    private var isOver = false

    func start(_ task: URLSessionTask, _ continuation: CheckedContinuation<(Data, URLResponse), any Error>) {
        let isOver = lock.withLock {
            if !self.isOver { told = continuation }
            return self.isOver
        }
        if isOver { return continuation.resume(throwing: URLError(.cancelled)) }
        task.resume()
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        lock.withLock { self.data.append(data) }
    }

    /// A challenge is an answer too; whom nobody answers here waits for ever.
    func urlSession(
        _ session: URLSession, task: URLSessionTask, didReceive challenge: URLAuthenticationChallenge,
        completionHandler: @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
    ) {
        finish(challenge.failureResponse ?? task.response, nil)
        completionHandler(.cancelAuthenticationChallenge, nil)
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        finish(task.response, error)
    }

    /// Once: who comes later is not heard.
    func finish(_ response: URLResponse?, _ error: (any Error)?) {
        let (continuation, data) = lock.withLock {
            defer { told = nil }
            isOver = true
            return (told, self.data)
        }
        if let response, error == nil {
            continuation?.resume(returning: (data, response))
        } else {
            continuation?.resume(throwing: error ?? URLError(.badServerResponse))
        }
    }
}
#endif
