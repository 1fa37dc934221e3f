import Foundation
import PosternMobileFFI

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// What went wrong, and what the app does about it. It holds no secret.
///
/// Only the action `signIn` means that the session is over; whatever else happens, it is kept. `docs/ERRORS.md` has all of
/// them.
public struct AuthError: Error, Sendable, Equatable {
    /// Everything that can go wrong.
    public typealias Code = PosternMobileFFI.ErrorCode
    /// What the app does about it: `signIn` means that the session is over, `retryLater` that nothing is lost.
    public typealias Action = PosternMobileFFI.Action

    /// What went wrong.
    public let code: Code
    /// The same as a number that stays.
    public let number: UInt32
    /// What the app does.
    public let action: Action
    /// When it may work.
    public let retryAfter: Duration?
    /// What the server said: for logs, never believed.
    public let details: String?
    /// The caller's task was cancelled. What it had asked for goes on without it; the code is `noAnswer`.
    public let isCancelled: Bool

    init(_ error: SdkError, isCancelled: Bool = false) {
        code = error.code
        number = error.number
        action = error.action
        retryAfter = error.retryAfterMs.map { .milliseconds(Int64(clamping: $0)) }
        details = error.details
        self.isCancelled = isCancelled
    }

    // The errors that the driver finds itself.
    static let cancelled = AuthError(errorOf(code: .noAnswer), isCancelled: true)
    static let userCancelled = AuthError(errorOf(code: .userCancelled))
    static let invalidArgument = AuthError(errorOf(code: .invalidArgument))
    static let notSupported = AuthError(errorOf(code: .notSupported))
    static let internalError = AuthError(errorOf(code: .internal))

    /// What the API wants is in its challenge: `acr_values`, `max_age`. Of what was sent to it nothing is in it any more.
    static func stepUpRequired(_ response: URLResponse, sent request: URLRequest) -> AuthError {
        var error = errorOf(code: .stepUpRequired)
        let challenge = (response as? HTTPURLResponse)?.value(forHTTPHeaderField: "WWW-Authenticate")
        let secrets = ["Authorization", "DPoP"].compactMap { request.value(forHTTPHeaderField: $0)?.split(separator: " ").last }
        error.details = challenge.map { challenge in
            let plain = String(String.UnicodeScalarView(challenge.unicodeScalars.filter { (" "..."~").contains($0) }))
            let tame = secrets.reduce(plain) { $0.replacingOccurrences(of: $1, with: "[secret]") }
            return String(tame.prefix(256))
        }
        return AuthError(error)
    }
}

extension AuthError: LocalizedError {
    /// The code and its number, for reports.
    public var errorDescription: String? { "\(code) (\(number))" }
}
