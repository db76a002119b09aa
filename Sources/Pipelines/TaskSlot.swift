// A task as its worker sees it: whether it has something to do, and how long it has been at it.

import LogStore
import Platform

/// A worker's place for one task.
final class TaskSlot {
    let task: QueryTask
    let run: QueryRun
    let epoch: RunEpoch
    /// The inputs of its task, which may be asked for while it is away.
    let partitions: [PartitionKey]
    /// Whether its task answers a client and commits nothing.
    let isTransient: Bool
    /// It stands in one of the worker's lines.
    var isReady = false
    /// The worker no longer runs it.
    var isGone = false
    /// Another thread is in the middle of it: the worker leaves its task alone.
    var isAway = false
    /// It is new, and begins with others that come with it.
    var isHeld = false
    /// What is to be done when it is back.
    var whenBack: [(Worker) -> Void] = []
    /// How many commits with its work the worker has handed to the log, and how many of them the log has decided. They are counted here
    /// because a task that is away cannot be asked.
    var commitsMade = 0, commitsDecided = 0
    /// Makes it ready again; what a client calls that has room again. Set once, by its worker.
    var wake: @Sendable () -> Void = {}
    /// When its turn came in which it waits for others, monotonic nanoseconds; nil after a slice.
    var turnCame: Int64?
    /// It counts among the tasks of its epoch that have something which is not durable.
    private var isOpen = false
    /// Nanoseconds that it has worked since it last had nothing to do.
    private var busyNanoseconds: Int64 = 0

    init(_ task: QueryTask, of run: QueryRun, in epoch: RunEpoch) {
        self.task = task
        self.run = run
        self.epoch = epoch
        partitions = task.description.inputs.map(\.partition)
        isTransient = task.isTransient
    }

    /// Whether the log has decided all that its task has done, and nothing is to be committed.
    var isUpToDate: Bool { !isTransient && commitsMade == commitsDecided && !task.isCommitDue(isIdle: true) }

    /// A slice of it is about to begin.
    func open() {
        if !isOpen { epoch.open() }
        isOpen = true
    }

    /// Tells its epoch when there is nothing left that is not durable. Not while it is away, unless it is gone.
    func settleIfUpToDate() {
        guard isOpen, isGone || isUpToDate else { return }
        isOpen = false
        epoch.settle()
    }

    /// Does what waited for it to come back.
    func doPostponed(on worker: Worker) {
        let postponed = whenBack
        whenBack = []
        for work in postponed { work(worker) }
    }

    /// Whether it yields to everything else: a client's query that has worked for long without having caught up.
    var isLongScan: Bool { isTransient && busyNanoseconds > TaskLimits.shortQuestionNanoseconds }

    /// Works until its time is up, nothing is left to do, or a commit is due, which is then made ready as far as there is time.
    func runSlice(_ time: any TimeSource) throws(QueryFailure) -> QueryTask.Turn {
        let crash = CrashRecord.ofThisThread()
        crash.enter(task.crashLabel)
        defer { crash.leave() }
        let began = time.monotonicNanoseconds()
        let turn = task.isPreparing ? .worked : try takeTurns(time, from: began)
        guard task.isCommitDue(isIdle: turn != .worked) else { return turn }
        return try task.prepareCommit(until: began + TaskLimits.sliceNanoseconds) ? turn : .worked
    }

    private func takeTurns(_ time: any TimeSource, from began: Int64) throws(QueryFailure) -> QueryTask.Turn {
        let bytesBefore = task.bytesProcessed
        var turn = try task.turn(resume: wake)
        var now = time.monotonicNanoseconds()
        while turn == .worked, now - began < TaskLimits.sliceNanoseconds, task.bytesProcessed - bytesBefore < TaskLimits.sliceBytes,
            !task.isCommitDue(isIdle: false)
        {
            turn = try task.turn(resume: wake)
            now = time.monotonicNanoseconds()
        }
        busyNanoseconds = turn == .worked ? busyNanoseconds + now - began : 0
        return turn
    }
}
