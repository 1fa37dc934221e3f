#if canImport(AuthenticationServices) && (os(iOS) || os(macOS) || os(visionOS))
import AuthenticationServices
import Foundation

extension MobileAuth {
    /// Shows a sign-in in the system's browser, and finishes it when the browser comes back. With `ephemeral` the browser
    /// forgets: the person types in everything, and nobody else is signed in there.
    ///
    /// An https redirect URI needs iOS 17.4 or macOS 14.4 and its host among the app's associated domains
    /// (`webcredentials:`). Where nothing can be shown it throws `notSupported`, and the sign-in goes on waiting: open
    /// `ready.url` with the system and hand the universal link to `handleRedirect`.
    @MainActor public func present(
        _ ready: AuthorizationReady, anchor: ASPresentationAnchor, ephemeral: Bool = false
    ) async throws(AuthError) -> Session {
        let browser = try Browser(ready, anchor)
        switch await browser.run(ephemeral) {
        case .success(let url): return try await handleRedirect(url)
        case .failure(.notSupported): throw .notSupported
        case .failure(let error):
            // It may be finished by another process still, which is no reason to say something else.
            try? await cancel(ready)
            throw error
        }
    }
}

/// One visit of the browser.
@MainActor private final class Browser: NSObject, ASWebAuthenticationPresentationContextProviding {
    private let url: URL
    private let redirect: URLComponents
    private let anchor: ASPresentationAnchor
    private var session: ASWebAuthenticationSession?

    init(_ ready: AuthorizationReady, _ anchor: ASPresentationAnchor) throws(AuthError) {
        guard let url = URL(string: ready.url), let redirect = URLComponents(string: ready.redirectUri) else {
            throw .internalError
        }
        self.url = url
        self.redirect = redirect
        self.anchor = anchor
    }

    func run(_ ephemeral: Bool) async -> Result<URL, AuthError> {
        // Whoever speaks first: the browser, a start that fails, the task that is cancelled.
        let place = Place<Result<URL, AuthError>>()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                place.wait(continuation)
                start(ephemeral, place)
            }
        } onCancel: {
            place.tell(.failure(.cancelled))
        }
        // Nobody waits for it any more, but it is on the screen still.
        if case .failure(.cancelled) = result { session?.cancel() }
        session = nil
        return result
    }

    private func start(_ ephemeral: Bool, _ place: Place<Result<URL, AuthError>>) {
        // Sendable: it is called on any thread, and must not be taken for the main actor's.
        let completed: @Sendable (URL?, (any Error)?) -> Void = { url, error in place.tell(Self.result(url, error)) }
        guard let session = makeSession(completed) else { return place.tell(.failure(.notSupported)) }
        session.presentationContextProvider = self
        session.prefersEphemeralWebBrowserSession = ephemeral
        self.session = session
        if !session.start() { place.tell(.failure(.notSupported)) }
    }

    private func makeSession(
        _ completed: @escaping @Sendable (URL?, (any Error)?) -> Void
    ) -> ASWebAuthenticationSession? {
        guard let scheme = redirect.scheme else { return nil }
        guard scheme == "https" else {
            return ASWebAuthenticationSession(url: url, callbackURLScheme: scheme, completionHandler: completed)
        }
        guard #available(iOS 17.4, macOS 14.4, visionOS 1.1, *), let host = redirect.host else { return nil }
        return ASWebAuthenticationSession(
            url: url, callback: .https(host: host, path: redirect.path), completionHandler: completed)
    }

    nonisolated private static func result(_ url: URL?, _ error: (any Error)?) -> Result<URL, AuthError> {
        if let url { return .success(url) }
        let isCancelled = (error as? ASWebAuthenticationSessionError)?.code == .canceledLogin
        return .failure(isCancelled ? .userCancelled : .internalError)
    }

    func presentationAnchor(for session: ASWebAuthenticationSession) -> ASPresentationAnchor { anchor }
}
#endif
