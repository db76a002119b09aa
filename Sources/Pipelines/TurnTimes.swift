// How long a worker's thread is busy with one thing, for the one who measures: while it is, no other task of that worker goes on. Without
// an observer no clock is read for this; with one, it is read some times a turn and never for a row.

import Platform

/// What a worker's thread is busy with.
package enum TurnPart: Hashable, Sendable, CaseIterable {
    /// A turn from end to end: messages, a slice of a task, and the commits that follow. The others are parts of it.
    case turn
    /// What others have asked for: tasks that come and go, and outcomes of commits.
    case messages
    /// A task's slice: some micro-batches.
    case slice
    /// A part of a snapshot, within a slice.
    case snapshot
    /// What tasks have for the log, put together and handed over.
    case commit
    /// Of a commit: a task's rows that waited for it, computed and written down.
    case flush
    /// Of a commit: the changes of a task's state.
    case changelog
    /// Of a commit: the log takes it.
    case handover
}

/// What a part of a turn took, in nanoseconds.
package struct TurnTime: Hashable, Sendable {
    /// From its beginning to its end, whatever else the machine did meanwhile.
    package var elapsed: Int64
    /// The thread's own, in its code and in the kernel for it.
    package var processor: Int64
}

/// Hears of every part of every turn. Called on the workers' threads, and must not wait.
package protocol TurnObserver: Sendable {
    /// A part of a turn is over.
    func took(_ part: TurnPart, _ time: TurnTime)
}

extension Optional where Wrapped == any TurnObserver {
    /// Does `work`, and tells the observer, if there is one, what it took.
    func timing<Result, Failure: Error>(
        _ part: TurnPart, _ time: any TimeSource, _ work: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let observer = self else { return try work() }
        let (began, used) = (time.monotonicNanoseconds(), threadProcessorNanoseconds())
        defer {
            observer.took(
                part, TurnTime(elapsed: time.monotonicNanoseconds() - began, processor: threadProcessorNanoseconds() - used))
        }
        return try work()
    }
}
