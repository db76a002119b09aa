// How a worker commits: the work of all tasks that are due in one commit as far as they may be together, and what follows from the log's
// answer. A failure affects no more tasks than necessary.

import LogStore
import Platform

extension Worker {
    /// Commits everything of these tasks, in one call to the log as far as they may be together.
    func commit(_ slots: [TaskSlot]) {
        // What rests on records that were withdrawn would be refused, and whatever is in the same commit with it.
        let generation = log.generation
        var together: [TaskSlot] = []
        for slot in slots {
            if let used = slot.task.commitGeneration, used != generation {
                drop(slot)
                slot.run.retry(slot.epoch, after: .withdrawn, of: slot.task.identity, atOnce: true)
            } else if slot.run.isIsolated(slot.task.identity) {
                commitTogether([slot])
            } else {
                together.append(slot)
            }
        }
        commitTogether(together)
    }

    private func commitTogether(_ slots: [TaskSlot]) {
        var commit = Commit()
        var parts: [CommitPart] = []
        for slot in slots where !slot.isGone {
            let first = commit.appends.count
            let generation: UInt64?
            let crash = CrashRecord.ofThisThread()
            crash.enter(slot.task.crashLabel)
            defer { crash.leave() }
            do throws(QueryFailure) {
                let appends = try slot.task.takeAppends()
                generation = slot.task.commitGeneration
                slot.task.noteCommit(generation)
                commit.appends += appends
            } catch {
                drop(slot)
                slot.run.fail(slot.epoch, error, of: slot.task.identity)
                continue
            }
            if let generation {
                assert(commit.generation ?? generation == generation, "one commit holds runs of two generations")
                commit.generation = generation
            }
            if let owner = slot.epoch.owner, !commit.owners.contains(owner) { commit.owners.append(owner) }
            slot.commitsMade = slot.task.commitsMade
            parts.append(CommitPart(slot, firstAppend: first))
        }
        guard !parts.isEmpty else { return }
        // Behind the commit, which has what was made until now.
        defer {
            for part in parts {
                if let excess = part.slot.task.excess { part.slot.run.stop(part.slot.epoch, for: excess) }
            }
        }
        let settled = parts
        commitsUnderWay += 1
        turns.timing(.handover, clock) {
            log.commit(commit) { [weak self] result in
                self?.post { worker in
                    worker.commitsUnderWay -= 1
                    for part in settled { worker.settle(part, isAlone: settled.count == 1, result) }
                }
            }
        }
    }

    private func settle(_ part: CommitPart, isAlone: Bool, _ result: Result<CommitReceipt, LogError>) {
        let slot = part.slot
        // A task that is away learns of it when it is back; one that has been dropped needs to know nothing any more.
        if slot.isAway && !slot.isGone { return slot.whenBack.append { $0.settle(part, isAlone: isAlone, result) } }
        switch result {
        case .success(let receipt):
            part.applyToReadableRows(receipt)
            if !slot.isAway { slot.task.commitIsDurable(part.number) }
            part.publish()
            slot.commitsDecided = max(slot.commitsDecided, part.number)
            if !slot.isAway { slot.settleIfUpToDate() }
            callThoseWaiting(for: slot)
            if !slot.isGone, slot.task.hasSnapshotWork || slot.task.hasDiskWork { makeReady(slot) }
        case .failure(let error):
            // Nothing more of this task becomes durable. Those who wait for that may wait for a task that has left already.
            slot.commitsDecided = slot.commitsMade
            defer { callThoseWaiting(for: slot) }
            // Memory is ahead of the log now: the task is thrown away, and a new one starts from what is durable.
            guard !slot.isGone else { return }
            drop(slot)
            recover(part, isAlone: isAlone, error)
        }
    }

    private func callThoseWaiting(for slot: TaskSlot) {
        let decided = waiting.filter { $0.slot === slot && $0.commits <= slot.commitsDecided }
        waiting.removeAll { $0.slot === slot && $0.commits <= slot.commitsDecided }
        for waiter in decided { waiter.call() }
    }

    /// Calls `call` once all that these tasks have handed to the log is decided.
    func whenDecided(_ slots: [TaskSlot], _ call: @escaping () -> Void) {
        guard let latest = slots.first(where: { $0.commitsDecided < $0.commitsMade }) else { return call() }
        let rest = slots.filter { $0 !== latest }
        waiting.append(Waiting(slot: latest, commits: latest.commitsMade) { [weak self] in self?.whenDecided(rest, call) })
    }

    /// What is to be done about a query of which a commit was refused.
    private func recover(_ part: CommitPart, isAlone: Bool, _ error: LogError) {
        let refusal = QueryFailure(message: "the commit failed: \(error.message)")
        switch error.kind {
        case .fencedOwner:
            // A later epoch of the query runs, or one of another query that was in the same commit: that one is no fault of this.
            part.slot.run.retry(part.slot.epoch, after: refusal, of: part.identity, atOnce: true)
        case .withdrawn: part.slot.run.retry(part.slot.epoch, after: refusal, of: part.identity, atOnce: true)
        case .diskFull, .storage: part.slot.run.retry(part.slot.epoch, after: refusal, of: part.identity, atOnce: false)
        default:
            if isAlone { return part.slot.run.fail(part.slot.epoch, refusal, of: part.identity) }
            // Something is wrong with the commit, but whose part it is only shows when each is made alone.
            part.slot.run.isolate(part.identity)
            part.slot.run.retry(part.slot.epoch, after: refusal, of: part.identity, atOnce: true)
        }
    }
}
