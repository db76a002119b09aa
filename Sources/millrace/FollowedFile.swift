// A file that others append to: whether more has come, or another file has taken its name, as when logs are rotated.

import Platform

/// Waits for more of a file. One owner, one thread; another one may end the wait.
final class FollowedFile: Sendable {
    /// What has come.
    enum News {
        /// The file is longer than what was read.
        case more
        /// It was cut off, or its name is that of another file now: that one is to be read from its beginning.
        case other
        /// Nobody wants to know any more.
        case end
    }

    /// Nanoseconds between two looks.
    private static let pause: Int64 = 100_000_000
    private let isEnded = Monitor(false)

    /// Ends the wait for good.
    func end() { isEnded.update { $0 = true } }

    /// Waits until there is more of a file that was read up to `position`. What is left of a file that has lost its name comes first.
    func news(of stream: ByteStream, at position: Int, path: String) -> News {
        while true {
            let size = stream.size ?? position
            if size > position { return .more }
            if size < position { return .other }
            if let now = FileIdentity(path: path), now != stream.identity {
                // What was written to the old one between the two looks.
                return stream.size ?? position > position ? .more : .other
            }
            if isEnded.wait(nanoseconds: FollowedFile.pause, until: { $0 }, then: { $0 }) { return .end }
        }
    }
}
