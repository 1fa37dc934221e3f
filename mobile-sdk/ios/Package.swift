// swift-tools-version: 6.0
import Foundation
import PackageDescription

// Where a release has its library; `package` writes it down. Here: the library is built here.
let released: (url: String, checksum: String)? = nil

#if os(macOS)
// An XCFramework: the released one, or the one that `build-xcframework` has made.
let library: Target =
    if let released {
        .binaryTarget(name: "PosternMobileFFIC", url: released.url, checksum: released.checksum)
    } else {
        .binaryTarget(name: "PosternMobileFFIC", path: "PosternMobileFFIC.xcframework")
    }
#else
// The one that cargo has built.
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
        .target(
            name: "PosternMobile", dependencies: ["PosternMobileFFI"], resources: [.copy("PrivacyInfo.xcprivacy")],
            swiftSettings: strict),
        .testTarget(name: "PosternMobileTests", dependencies: ["PosternMobile", "PosternMobileFFI"], swiftSettings: strict),
        .testTarget(name: "PosternMobileDeviceTests", dependencies: ["PosternMobile"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
