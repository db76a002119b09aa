// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "visits",
    // A program of your own names the address of the project instead of its folder.
    dependencies: [.package(name: "millrace", path: "../..")],
    targets: [
        .executableTarget(name: "visits", dependencies: [.product(name: "MillraceClient", package: "millrace")])
    ]
)
