// How many bytes of one load may be on their way to the disk. The log commits in the order of arrival, so what a load has in flight is
// what a stranger's INSERT waits for: the limit follows the time that commits take, not a fixed size.

/// A limit in bytes that is raised while commits land quickly and lowered while they are slow.
struct FlyingLimit {
    /// Never less: a disk that needs 10 ms for a sync still takes 100 MB/s.
    static let least = 1 << 20
    /// Never more: it is memory, and on a quick disk more would not be quicker.
    static let most = 8 << 20
    /// Nanoseconds from handing a commit to the log until it is durable; above it the limit is lowered, below half of it raised.
    static let goal: Int64 = 8_000_000

    private(set) var byteCount = FlyingLimit.least

    /// A commit has landed after so many nanoseconds.
    mutating func landed(after nanoseconds: Int64) {
        if nanoseconds > FlyingLimit.goal {
            byteCount = max(FlyingLimit.least, byteCount / 2)
        } else if nanoseconds < FlyingLimit.goal / 2 {
            byteCount = min(FlyingLimit.most, byteCount + byteCount / 8)
        }
    }
}
