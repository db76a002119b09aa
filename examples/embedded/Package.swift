// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "counter",
    // A program of your own names the address of the project instead of its folder.
    dependencies: [.package(name: "millrace", path: "../..")],
    targets: [
        .executableTarget(name: "counter", dependencies: [.product(name: "Millrace", package: "millrace")])
    ]
)
