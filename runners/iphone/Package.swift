// swift-tools-version: 6.0
// Never compiled: it was written where there is no Swift, and only its syntax is checked (scripts/check-swift.sh).
//
// The app that does trials on an iPhone, as a package that Xcode opens: choose a team and a bundle identifier under
// Signing & Capabilities, and run it once on the device (docs/iphone.md).
import AppleProductTypes
import PackageDescription

let package = Package(
    name: "TraplineHost",
    platforms: [.iOS("27.0")],
    products: [
        .iOSApplication(
            name: "TraplineHost",
            targets: ["TraplineHost"],
            bundleIdentifier: "org.trapline.host",
            displayVersion: "1.0",
            bundleVersion: "1",
            supportedDeviceFamilies: [.phone, .pad],
            supportedInterfaceOrientations: [.portrait],
            additionalInfoPlistContentFilePath: "Info.plist"
        )
    ],
    targets: [
        .executableTarget(name: "TraplineHost", path: "Sources")
    ]
)
