import Observation
import PosternMobile
import UIKit

/// The app at the demo's server. An app that is shipped has https in both places, and neither of the two flags.
private let config = AuthConfig(
    issuer: "http://localhost:8080",
    clientID: "sample",
    redirectURI: "dev.postern.sample:/callback",
    allowCustomScheme: true,
    allowLoopback: true)

/// Everything that the sample does with the SDK.
@MainActor @Observable final class Model {
    enum Screen: Equatable {
        case starting
        case login
        case signedIn
        /// The device has not been unlocked since it was started. Nobody is signed out.
        case locked
        /// Whether somebody is signed in could not be found out: the disk is full, say.
        case unknown
    }

    private(set) var screen = Screen.starting
    private(set) var name = ""
    private(set) var message = ""

    /// One for the whole process.
    @ObservationIgnored private let auth: MobileAuth
    @ObservationIgnored private var session: Session?

    init() {
        do {
            auth = try MobileAuth(config, hooks: .apple())
        } catch {
            // A mistake in the configuration: it shows at the first start, on the developer's own device.
            fatalError("\(error)")
        }
    }

    func start() async {
        await attempt {
            if let session = try await self.auth.session() {
                await self.welcome(session)
            } else {
                self.screen = .login
            }
        }
        // It needs the network, and nobody waits for it.
        try? await auth.resume()
    }

    /// A session may end at any time: an administrator, another device, a lost key.
    func listen() async {
        for await event in auth.events {
            switch event {
            case .sessionEnded(let account, _) where account == session?.account:
                session = nil
                screen = .login
            case .browserSessionKept:
                message = "The browser could not be reached: it may still know you."
            default: break
            }
        }
    }

    func signIn() async {
        await attempt {
            let ready = try await self.auth.beginAuthorization()
            await self.welcome(try await self.auth.present(ready, anchor: Self.window()))
        }
    }

    func finish(_ url: URL) async {
        await attempt { await self.welcome(try await self.auth.handleRedirect(url)) }
    }

    /// A request to an API: here the server's own, which says who is signed in.
    func callAPI() async {
        await attempt {
            guard let session = self.session, let url = URL(string: config.issuer + "/userinfo") else { return }
            let (data, _) = try await session.data(for: URLRequest(url: url))
            self.message = String(decoding: data, as: UTF8.self)
        }
    }

    func signOut() async {
        await attempt {
            try await self.session?.logout(.sessionAndBrowser)
            self.session = nil
            self.screen = .login
        }
    }

    private func welcome(_ session: Session) async {
        struct Claims: Decodable { let sub: String, name: String? }
        self.session = session
        screen = .signedIn
        if let json = try? await session.claims(), let claims = try? JSONDecoder().decode(Claims.self, from: json) {
            name = claims.name ?? claims.sub
        }
    }

    /// Each error says what to do. Only `signIn` means that the session is over, and not even that where an API wants a
    /// stronger sign-in; whoever is signed in sees no login screen for anything else.
    private func attempt(_ work: () async throws -> Void) async {
        message = ""
        do {
            try await work()
        } catch let error as AuthError where error.isCancelled {
            // The view has gone; the work goes on.
        } catch let error as AuthError {
            switch error.action {
            case .signIn where error.code == .stepUpRequired: message = "This needs a stronger sign-in."
            case .signIn:
                session = nil
                screen = .login
            case .showLogin:
                // A sign-in that came to nothing. Somebody who is signed in stays so.
                if session == nil { screen = .login }
            case .waitForUnlock where session == nil: screen = .locked
            case .waitForUnlock: message = "Unlock the device."
            case .unlock: message = "You said no. Try again."
            case .retryLater: message = "Not now. You stay signed in."
            default: message = error.localizedDescription
            }
            if screen == .starting { screen = .unknown }
        } catch {
            // An API could not be reached.
            message = error.localizedDescription
        }
    }

    private static func window() -> UIWindow {
        let scenes = UIApplication.shared.connectedScenes.compactMap { $0 as? UIWindowScene }
        return scenes.compactMap(\.keyWindow).first ?? UIWindow()
    }
}
