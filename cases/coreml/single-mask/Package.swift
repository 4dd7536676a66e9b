// swift-tools-version: 6.0
// Never compiled: it was written where there is no Swift.
import PackageDescription

let package = Package(
    name: "single-mask",
    platforms: [.macOS(.v15)],
    targets: [.executableTarget(name: "single-mask")]
)
