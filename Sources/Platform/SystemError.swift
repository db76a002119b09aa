// The one error of this room: what the operating system refused, during what, on what.

/// A failed call to the outside world.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds that callers distinguish; everything else is `.other`.
    package enum Kind: Hashable, Sendable {
        case notFound
        case alreadyExists
        case permissionDenied
        case notADirectory
        case isADirectory
        case noSpace
        case readOnly
        case tooManyOpenFiles
        /// A lock is held by another process.
        case inUse
        case inputOutput
        case other
    }

    /// What was refused, for programs.
    package let kind: Kind
    /// The operating system's number, 0 when it has none.
    package let number: Int32
    /// A verb phrase: "open", "write 4096 bytes to".
    package let attempt: String
    /// The path or name of the object of the call.
    package let path: String
    /// The operating system's words.
    package let reason: String

    /// An error as given.
    package init(kind: Kind, number: Int32, attempt: String, path: String, reason: String) {
        self.kind = kind
        self.number = number
        self.attempt = attempt
        self.path = path
        self.reason = reason
    }

    /// One line: attempt, path and reason.
    package var description: String { "cannot \(attempt) \(path): \(reason)" }
}
