// swift-tools-version: 6.0
import Foundation
import PackageDescription

// The library: an XCFramework that `build-xcframework` makes on a Mac; elsewhere the one that cargo has built.
#if os(macOS)
let library: Target = .binaryTarget(name: "PosternMobileFFIC", path: "PosternMobileFFIC.xcframework")
#else
let library: Target = .systemLibrary(name: "PosternMobileFFIC")
#endif

// `check` compiles with warnings as errors; who uses the package is not bothered by them.
let strict: [SwiftSetting] =
    ProcessInfo.processInfo.environment["POSTERN_STRICT"] == nil ? [] : [.unsafeFlags(["-warnings-as-errors"])]

let package = Package(
    name: "PosternMobile",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "PosternMobile", targets: ["PosternMobile"])],
    targets: [
        library,
        .target(name: "PosternMobileFFI", dependencies: ["PosternMobileFFIC"]),
        .target(name: "PosternMobile", dependencies: ["PosternMobileFFI"], swiftSettings: strict),
        .testTarget(name: "PosternMobileTests", dependencies: ["PosternMobile", "PosternMobileFFI"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
