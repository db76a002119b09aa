// What a test may need beside the project: the folder of shared cases and data, Python, a long evening. A test that needs what is not
// there is disabled with the reason, so that `Tests/run` counts and names it as skipped.

import Foundation

/// Where the project lies and what lies around it.
package enum Surroundings {
    /// The project's root, without a slash at its end.
    package static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    /// The folder of cases and data that is not part of the project: `MILLRACE_SHARED`, or `shared` beside the project.
    package static let shared = ProcessInfo.processInfo.environment["MILLRACE_SHARED"] ?? root + "/../shared"

    /// Whether a file or folder is there under `shared`.
    package static func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: shared + "/" + path) }

    /// Whether a program is on the search path.
    package static func hasProgram(_ name: String) -> Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
            .contains { FileManager.default.isExecutableFile(atPath: $0 + "/" + name) }
    }

    /// Whether the long loops are asked for (`Tests/run --long`).
    package static let isLong = ProcessInfo.processInfo.environment["MILLRACE_LONG"] == "1"

    /// Whether golden files are to be rewritten.
    package static let updatesGolden = ProcessInfo.processInfo.environment["MILLRACE_UPDATE_GOLDEN"] == "1"
}
