import SwiftUI

struct ContentView: View {
    let model: Model

    var body: some View {
        VStack(spacing: 24) {
            switch model.screen {
            case .starting:
                ProgressView()
            case .login:
                Text("Postern sample").font(.title)
                Button("Sign in") { Task { await model.signIn() } }
                    .buttonStyle(.borderedProminent)
            case .locked:
                Text("Unlock the device to go on.")
                Button("Try again") { Task { await model.start() } }
            case .unknown:
                Button("Try again") { Task { await model.start() } }
            case .signedIn:
                Text("Hello, \(model.name)").font(.title)
                Button("Who am I?") { Task { await model.callAPI() } }
                Button("Sign out", role: .destructive) { Task { await model.signOut() } }
            }
            Text(model.message).font(.footnote).foregroundStyle(.secondary)
        }
        .padding()
    }
}
