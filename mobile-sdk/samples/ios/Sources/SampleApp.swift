import PosternMobile
import SwiftUI

/// Signs in to `postern demo` on this Mac. Read `Model.swift` first.
@main
struct SampleApp: App {
    @State private var model = Model()

    var body: some Scene {
        WindowGroup {
            ContentView(model: model)
                // At every start: what was cut off last time is finished, and who was signed in still is.
                .task { await model.start() }
                .task { await model.listen() }
                // The way back when another browser than ours had the sign-in, or our process was killed meanwhile.
                .onOpenURL { url in Task { await model.finish(url) } }
        }
    }
}
