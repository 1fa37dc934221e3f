import Foundation
import PosternMobileFFI

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Somebody who is signed in. It holds no token: to keep it, keep `account`, and ask `MobileAuth.session(for:)`.
public struct Session: Sendable {
    let auth: MobileAuth
    /// Names the account on this device.
    public let account: AccountID

    /// A token that is good for long enough. The refresh token is never given to anybody.
    public func accessToken(_ want: Want = .init()) async throws(AuthError) -> AccessToken {
        try await auth.token(of: account, want)
    }

    /// Adds `Authorization`, and `DPoP` where the token is bound to a key. A proof is good for one request: authorize again
    /// for the next one.
    public func authorize(_ request: inout URLRequest, _ want: Want = .init()) async throws(AuthError) {
        guard let url = request.url else { throw .invalidArgument }
        let (core, account, method) = (auth.core, account, request.httpMethod ?? "GET")
        let outcome = try await auth.withToken(of: account, want) { want in
            core.authorizeRequest(account: account, method: method, url: url.absoluteString, want: want.forCore)
        }
        guard case .headers(let headers) = outcome else { throw .internalError }
        for header in headers.headers {
            request.setValue(String(decoding: header.value, as: UTF8.self), forHTTPHeaderField: header.name)
        }
    }

    /// Sends a request to an API, authorized, and once more where the API asks for another proof or token. What the API
    /// answers is the app's, also errors; that it wants a stronger or fresher sign-in (RFC 9470) is `stepUpRequired`, with the
    /// API's challenge as its details.
    ///
    /// Redirects are not followed: a proof is good for one URL, and a token for one API. A body that is a stream is sent once.
    public func data(
        for request: URLRequest, _ want: Want = .init(), using session: URLSession = .shared
    ) async throws -> (Data, URLResponse) {
        var tries: UInt32 = 0
        while true {
            var authorized = request
            try await authorize(&authorized, want)
            let (data, response) = try await session.unredirected(authorized)
            switch verdict(on: response, to: authorized, tries) {
            case .pass: return (data, response)
            case .stepUp: throw AuthError.stepUpRequired(response, sent: authorized)
            case .retry where request.httpBodyStream != nil: return (data, response)
            case .retry: tries += 1
            }
        }
    }

    private func verdict(on response: URLResponse, to request: URLRequest, _ tries: UInt32) -> Verdict {
        guard let response = response as? HTTPURLResponse, let url = request.url else { return .pass }
        return auth.core.responseSeen(
            account: account, url: url.absoluteString, status: UInt16(clamping: response.statusCode),
            headers: response.headersForCore, tries: tries, now: auth.driver.hooks.clock.now())
    }

    /// The claims of the last ID token, as JSON.
    public func claims() async throws(AuthError) -> Data {
        guard case .claims(let json) = try await auth.finish(auth.core.idClaims(account: account)) else {
            throw .internalError
        }
        return json
    }

    /// Exchanges the access token for one of another API (RFC 8693); nothing of it is kept.
    public func exchange(
        audience: String? = nil, resource: String? = nil, scopes: [String]? = nil
    ) async throws(AuthError) -> AccessToken {
        let (core, account) = (auth.core, account)
        let params = ExchangeParams(audience: audience, resource: resource, scopes: scopes)
        let outcome = try await auth.withToken(of: account, Want()) { _ in
            core.exchange(account: account, params: params)
        }
        guard case .token(let token) = outcome else { throw .internalError }
        return AccessToken(token)
    }

    /// What an app of the same maker needs to sign the person in.
    public func share() async throws(AuthError) -> SharedSession {
        guard case .shared(let sso) = try await auth.finish(auth.core.share(account: account)) else {
            throw .internalError
        }
        return SharedSession(sso)
    }

    /// Signs out, also without a network: then the server is told when `resume` finds one.
    public func logout(_ mode: LogoutMode = .session) async throws(AuthError) {
        _ = try await auth.finish(auth.core.logout(account: account, mode: mode))
    }

    /// Where the browser signs the person out (OpenID Connect RP-Initiated Logout).
    public func endSessionURL(then: String? = nil, state: String? = nil) async throws(AuthError) -> URL {
        let operation = auth.core.endSessionUrl(account: account, then: then, state: state)
        guard case .url(let text) = try await auth.finish(operation), let url = URL(string: text) else {
            throw .internalError
        }
        return url
    }
}

extension Session: Hashable {
    public static func == (one: Session, other: Session) -> Bool {
        one.auth === other.auth && one.account == other.account
    }
    public func hash(into hasher: inout Hasher) { hasher.combine(account) }
}

extension HTTPURLResponse {
    var headersForCore: [HttpHeader] {
        allHeaderFields.compactMap { name, value in
            guard let name = name as? String, let value = value as? String else { return nil }
            return HttpHeader(name: name, value: Data(value.utf8))
        }
    }
}
