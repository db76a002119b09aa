// A task that does not come back: one row may keep a function busy for a second, and nobody else is to wait for that. After a few
// milliseconds another thread takes charge of the worker; the first one stays with the task alone, and hands it back when it is done.
// Meanwhile the task is *away*: what is to be done with it waits in its slot. Only its end does not wait: the worker drops the slot, and
// the task leaves when its thread hands it back.

import Platform

/// A slice under way.
struct Slice {
    let number: Int
    /// Monotonic nanoseconds.
    let began: Int64
}

/// What a slice led to, on its way to the thread that is in charge.
struct SliceOutcome: @unchecked Sendable {
    // The thread that has run the slice lets go of the slot when it hands this over.
    let slot: TaskSlot
    let result: Result<QueryTask.Turn, QueryFailure>

    /// Runs a slice.
    init(_ slot: TaskSlot, _ time: any TimeSource) {
        self.slot = slot
        do throws(QueryFailure) { result = .success(try slot.runSlice(time)) } catch { result = .failure(error) }
    }
}

extension Worker {
    /// Threads of one worker that may be at a task each; with more, the worker waits.
    static let mostAway = 64

    // MARK: The slice, on the thread in charge

    /// Gives the number of the slice.
    func beginSlice(hasOthersReady: Bool) -> Int {
        let began = clock.monotonicNanoseconds()
        let (number, mustWatch) = inbox.withLock { inbox in
            inbox.slices += 1
            inbox.slice = Slice(number: inbox.slices, began: began)
            inbox.hasOthersReady = hasOthersReady
            return (inbox.slices, inbox.mustBeWatched())
        }
        if mustWatch { lookLater(after: handOffNanoseconds) }
        return number
    }

    /// Gives false when another thread has taken charge meanwhile.
    func endSlice(_ number: Int) -> Bool {
        inbox.withLock { inbox in
            guard inbox.slice?.number == number else { return false }
            inbox.slice = nil
            return true
        }
    }

    // MARK: Watching, on any thread

    /// Has a timer look at the slice under way when something waits for its end.
    func watch() {
        if inbox.withLock({ $0.mustBeWatched() }) { lookLater(after: handOffNanoseconds) }
    }

    private func lookLater(after nanoseconds: Int64) {
        timers.after(nanoseconds: nanoseconds) { [weak self] in self?.look() }
    }

    /// Starts another thread when the slice is too long.
    private func look() {
        enum Finding {
            case nothing
            case isYoung(for: Int64)
            case isTooLong(Int)
        }
        let now = clock.monotonicNanoseconds()
        let finding = inbox.withLock { inbox -> Finding in
            inbox.isWatched = false
            guard let slice = inbox.slice, inbox.mustBeWatched() else { return .nothing }
            let age = now - slice.began
            if age < handOffNanoseconds { return .isYoung(for: handOffNanoseconds - age) }
            if inbox.awayThreads >= Worker.mostAway { return .isYoung(for: handOffNanoseconds) }
            inbox.isWatched = false
            return .isTooLong(slice.number)
        }
        switch finding {
        case .nothing: break
        case .isYoung(let left): lookLater(after: left)
        case .isTooLong(let number):
            // A machine that has no more threads leaves the worker waiting.
            try? startThread { $0.takeCharge(of: number) }
        }
    }

    // MARK: Handing over

    /// The life of a thread that goes on while the task of slice `number` is away; it ends at once when that is back already.
    private func takeCharge(of number: Int) {
        let isInCharge = inbox.withLock { inbox in
            guard inbox.slice?.number == number else { return false }
            inbox.slice = nil
            inbox.awayThreads += 1
            return true
        }
        guard isInCharge else { return }
        if let slot = current {
            slot.isAway = true
            away.append(slot)
        }
        current = nil
        loop()
    }

    /// On the thread that was left with a task, at the end of its slice.
    func comeBack(_ outcome: SliceOutcome) {
        post { worker in worker.takeBack(outcome) }
        inbox.withLock { $0.awayThreads -= 1 }
    }

    private func takeBack(_ outcome: SliceOutcome) {
        let slot = outcome.slot
        slot.isAway = false
        away.removeAll { $0 === slot }
        if slot.isGone { return slot.task.retire() }
        slot.doPostponed(on: self)
        conclude(outcome)
        // News that came meanwhile has not reached it.
        if inbox.withLock({ $0.hasEnded }) { drop(slot) } else { makeReady(slot) }
    }

    // MARK: Threads

    /// Starts a thread of this worker. Errors: the system refuses it.
    func startThread(_ body: @escaping @Sendable (Worker) -> Void) throws(SystemError) {
        let number = inbox.withLock { inbox in
            inbox.threadsStarted += 1
            return inbox.threadsStarted
        }
        let thread = try scheduler.start(name) { [weak self] in
            guard let self else { return }
            body(self)
            forgetThread(number)
        }
        inbox.withLock { inbox in
            if inbox.endedEarly.remove(number) == nil { inbox.threads[number] = thread }
        }
    }

    /// Nobody joins a thread that ends before its worker: it is let go of, which frees what it has.
    private func forgetThread(_ number: Int) {
        inbox.withLock { inbox in
            guard !inbox.hasEnded else { return }
            if inbox.threads.removeValue(forKey: number) == nil { inbox.endedEarly.insert(number) }
        }
    }
}

extension Worker.Inbox {
    /// Whether a timer is to be set for the slice under way. From this on it counts as set.
    mutating func mustBeWatched() -> Bool {
        guard slice != nil, !isWatched, hasWork || hasOthersReady else { return false }
        isWatched = true
        return true
    }
}
