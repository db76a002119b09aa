// Contexts, by which newer registries keep apart several sets of subjects: `:.name:subject`, or a path that begins with `contexts/.name`. Here is
// the default one only, whose name is a dot.

import Schemas

/// Takes the default context off names and paths.
enum RegistryContext {
    /// How the default context, and any context, stand before a subject.
    static let names = [":.:", ":*:"]

    /// The path of a request without the context. Errors: it names another one.
    static func stripped(_ path: [String]) throws(RegistryError) -> [String] {
        var path = path
        if path.count > 1, path[0] == "contexts" {
            guard path[1] == "." || names.contains(path[1]) else { throw other(path[1]) }
            path.removeFirst(2)
        }
        guard let place = place(ofSubjectIn: path) else { return path }
        if let subject = try subject(path[place]) { path[place] = subject } else { path.remove(at: place) }
        return path
    }

    private static func place(ofSubjectIn path: [String]) -> Int? {
        switch path.first {
        case "subjects", "config", "mode": path.count > 1 ? 1 : nil
        case "compatibility": path.count > 2 ? 2 : nil
        default: nil
        }
    }

    /// A subject without the context; nil for the context itself. Errors: it is in another one.
    static func subject(_ written: String) throws(RegistryError) -> String? {
        guard written.hasPrefix(":") else { return written }
        if let name = names.first(where: { written.hasPrefix($0) }) {
            let rest = String(written.dropFirst(name.count))
            return rest.isEmpty ? nil : rest
        }
        // A colon alone begins no context.
        guard written.hasPrefix(":."), written.dropFirst(2).contains(":") else { return written }
        throw other(written)
    }

    private static func other(_ name: String) -> RegistryError {
        RegistryError("There is the default context '.' only, not the one of '\(name)'", .unprocessable)
    }
}
