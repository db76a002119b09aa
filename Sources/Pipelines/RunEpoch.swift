// One life of a query's tasks: from a start to the pause, failure, retry or end that stops them. Everything that concerns the tasks of a
// query (commit, removal, cancellation) goes through it, so that it reaches exactly these tasks and only the workers that have them.

import LogStore
package import Operators
import Platform
import Synchronization

/// The tasks of one start of a query.
package final class RunEpoch: Sendable {
    private struct State {
        var workers: [Worker] = []
        var isEnded = false
        var isRetrying = false
        var owner: CommitOwner?
    }

    private let state = Monitor(State())
    /// Set to end the work of all its tasks, wherever they are.
    package let cancel = CancelFlag()
    /// Tasks that have worked since the log last decided all that they had done.
    private let openTasks = Atomic<Int>(0)

    init() {}

    // MARK: What is not durable yet

    /// Whether all that its tasks have done is durable. What this says is known before it is said: a task counts from the beginning of a
    /// slice until its commit is decided and its rows can be read.
    var isSettled: Bool { openTasks.load(ordering: .acquiring) == 0 }

    /// A task begins to work, which had nothing that was not durable.
    func open() { openTasks.add(1, ordering: .sequentiallyConsistent) }

    /// All that a task has done is durable, or the task is gone.
    func settle() { openTasks.subtract(1, ordering: .sequentiallyConsistent) }

    /// Whether its tasks are ending, or have ended.
    var isEnded: Bool { state.withLock { $0.isEnded } }

    /// What its commits carry, so that the log refuses them once a later epoch of the query has begun. Nil for a transient query.
    var owner: CommitOwner? { state.withLock { $0.owner } }

    /// Has the log refuse the commits of all earlier epochs of `group`; false, without doing so, when this one has ended already.
    func begin(of group: String, in log: any EventLog) -> Bool {
        state.update { state in
            guard !state.isEnded else { return false }
            state.owner = CommitOwner(group: group, epoch: log.beginEpoch(of: group))
            return true
        }
    }

    /// Notes which workers get the tasks; false when the epoch has ended, and they are not to be handed over.
    func place(on workers: [Worker]) -> Bool {
        state.update { state in
            guard !state.isEnded else { return false }
            state.workers = workers
            return true
        }
    }

    /// Ends the epoch: no task is handed over any more. Gives the workers that have its tasks.
    func end() -> [Worker] {
        state.update { state in
            state.isEnded = true
            return state.workers
        }
    }

    /// The workers that have its tasks.
    var workers: [Worker] { state.withLock { $0.workers } }

    /// True the first time: tasks fail one by one, but start anew together and once.
    func beginRetry() -> Bool {
        state.update { state in
            defer { state.isRetrying = true }
            return !state.isRetrying && !state.isEnded
        }
    }
}
