// A state behind a lock, with a condition to wait for. It is where threads meet, so it is also where a simulation decides which of them
// goes on: a monitor used on a simulated thread asks that thread's scheduler before it locks, after it unlocks, and instead of waiting.
import Glibc

/// A state behind a lock, for which threads can wait.
///
/// `Mutex` of the standard library has no condition to wait on; this has, at the price of pthread's. A `Mutex` must not be held while
/// a monitor is used: in a simulation its holder would be parked with it.
@safe package final class Monitor<State>: @unchecked Sendable {
    // Every access to `state` happens between lock and unlock of `lock`.
    private var state: State
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    /// A monitor around its first state.
    package init(_ state: State) {
        self.state = state
        unsafe lock = .allocate(capacity: 1)
        unsafe lock.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(lock, nil)
        unsafe condition = .allocate(capacity: 1)
        unsafe condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe condition.deallocate()
        unsafe pthread_mutex_destroy(lock)
        unsafe lock.deallocate()
    }

    /// Changes the state and wakes all threads that wait for it.
    package func update<Result>(_ change: (inout State) -> Result) -> Result {
        let simulated = SimulatedThread.current
        enter(simulated)
        defer { leave(simulated, waking: .all) }
        return change(&state)
    }

    /// As `update`, where one thread is enough to take up the change and all that wait would do the same: the others sleep on.
    package func updateForOne<Result>(_ change: (inout State) -> Result) -> Result {
        let simulated = SimulatedThread.current
        enter(simulated)
        defer { leave(simulated, waking: .one) }
        return change(&state)
    }

    /// Looks at the state, or changes it in a way no thread waits for.
    package func withLock<Result>(_ look: (inout State) -> Result) -> Result {
        let simulated = SimulatedThread.current
        enter(simulated)
        defer { leave(simulated, waking: .none) }
        return look(&state)
    }

    /// Waits until `condition` holds, then changes the state under the same lock. With a timeout (nanoseconds from now) it
    /// goes on when that has passed, whether the condition holds or not. `wakes`: other threads wait for what is changed.
    package func wait<Result>(
        nanoseconds timeout: Int64? = nil, wakes: Bool = true, until holds: (borrowing State) -> Bool, then change: (inout State) -> Result
    ) -> Result {
        let simulated = SimulatedThread.current
        enter(simulated)
        defer { leave(simulated, waking: wakes ? .all : .none) }
        if let simulated {
            let deadline = timeout.map { simulated.deadline(in: $0) }
            while !holds(state) {
                unsafe pthread_mutex_unlock(lock)
                let isLate = simulated.wait(for: ObjectIdentifier(self), until: deadline)
                unsafe pthread_mutex_lock(lock)
                if isLate { break }
            }
            return change(&state)
        }
        var deadline = timespec()
        if let timeout { deadline = Self.moment(in: max(0, timeout)) }
        while !holds(state) {
            if timeout == nil {
                unsafe pthread_cond_wait(condition, lock)
            } else if unsafe pthread_cond_timedwait(condition, lock, &deadline) != 0 {
                break
            }
        }
        return change(&state)
    }

    private static func moment(in nanoseconds: Int64) -> timespec {
        var moment = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &moment)
        let fraction = Int64(moment.tv_nsec) + nanoseconds % 1_000_000_000
        moment.tv_sec += Int(nanoseconds / 1_000_000_000 + fraction / 1_000_000_000)
        moment.tv_nsec = Int(fraction % 1_000_000_000)
        return moment
    }

    private func enter(_ simulated: SimulatedThread?) {
        simulated?.enter(ObjectIdentifier(self))
        unsafe pthread_mutex_lock(lock)
    }

    /// How many of those that wait look at the state again.
    private enum Waking {
        case none
        case one
        case all
    }

    private func leave(_ simulated: SimulatedThread?, waking: Waking) {
        // Those that wake need the lock at once: woken before it is free, they would go to sleep again.
        unsafe pthread_mutex_unlock(lock)
        switch waking {
        case .none: break
        case .one: unsafe pthread_cond_signal(condition)
        case .all: unsafe pthread_cond_broadcast(condition)
        }
        // In a simulation all of them look: which one goes on is for the scheduler to say.
        simulated?.leave(ObjectIdentifier(self), notifies: waking != .none)
    }
}
