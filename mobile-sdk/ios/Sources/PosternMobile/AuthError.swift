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

    /// What the API wants is in its challenge: `acr_values`, `max_age`.
    static func stepUpRequired(_ response: URLResponse) -> AuthError {
        var error = errorOf(code: .stepUpRequired)
        error.details = (response as? HTTPURLResponse)?.value(forHTTPHeaderField: "WWW-Authenticate").map(tame)
        return AuthError(error)
    }
}

/// Text of somebody else's, as the core tames it: printable ASCII, not long, and no word that is long enough for a token,
/// which may have been echoed.
private func tame(_ text: String) -> String {
    let plain = String(String.UnicodeScalarView(text.unicodeScalars.filter { (" "..."~").contains($0) }.prefix(256)))
    let words = plain.split(separator: " ", omittingEmptySubsequences: false)
    return words.map { $0.count > 40 ? "[long]" : String($0) }.joined(separator: " ")
}

extension AuthError: LocalizedError {
    /// The code and its number, for reports.
    public var errorDescription: String? { "\(code) (\(number))" }
}
