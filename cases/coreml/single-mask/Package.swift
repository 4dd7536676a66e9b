// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "single-mask",
    platforms: [.macOS(.v15)],
    targets: [.executableTarget(name: "single-mask")]
)
