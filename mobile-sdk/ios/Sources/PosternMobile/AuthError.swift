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
    public typealias Code = PosternMobileFFI.ErrorCode
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

    init(_ error: SdkError) {
        code = error.code
        number = error.number
        action = error.action
        retryAfter = error.retryAfterMs.map { .milliseconds(Int64(clamping: $0)) }
        details = error.details
        isCancelled = false
    }

    init(_ code: Code, number: UInt32, action: Action, details: String? = nil, isCancelled: Bool = false) {
        self.code = code
        self.number = number
        self.action = action
        retryAfter = nil
        self.details = details
        self.isCancelled = isCancelled
    }

    // The errors that the driver finds itself, with the numbers of the core.
    static let cancelled = AuthError(.noAnswer, number: 1402, action: .retryLater, isCancelled: true)
    static let userCancelled = AuthError(.userCancelled, number: 1001, action: .showLogin)
    static let invalidArgument = AuthError(.invalidArgument, number: 1704, action: .fixConfiguration)
    static let notSupported = AuthError(.notSupported, number: 1705, action: .fixConfiguration)
    static let internalError = AuthError(.internal, number: 1904, action: .report)

    /// What the API wants is in its challenge: `acr_values`, `max_age`.
    static func stepUpRequired(_ response: URLResponse) -> AuthError {
        let challenge = (response as? HTTPURLResponse)?.value(forHTTPHeaderField: "WWW-Authenticate") ?? ""
        let tame = String(challenge.unicodeScalars.filter { (" "..."~").contains($0) }.prefix(256).map(Character.init))
        return AuthError(.stepUpRequired, number: 1305, action: .signIn, details: tame)
    }
}

extension AuthError: LocalizedError {
    public var errorDescription: String? { "\(code) (\(number))" }
}
