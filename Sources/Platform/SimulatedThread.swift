// A thread of a simulation, and how the code that runs on it finds it: through a variable of the machine's thread.
import Glibc
import Synchronization

/// How many simulations are under way in this process: while there is none, a monitor looks no further.
let runningSimulations = Atomic<Int>(0)

private let currentThreadKey: pthread_key_t = {
    var key = pthread_key_t()
    unsafe pthread_key_create(&key, nil)
    return key
}()

/// One thread of a `SeededScheduler`.
final class SimulatedThread: RunningThread, @unchecked Sendable, CustomStringConvertible {
    /// What it waits for.
    enum Status: Equatable {
        case ready
        /// Until a monitor is left.
        case blocked(ObjectIdentifier)
        /// Until a monitor's state changes, or until a moment of the virtual clock.
        case waiting(ObjectIdentifier, deadline: Int64?)
        case sleeping(until: Int64)
        case joining(Int)
        case finished

        var deadline: Int64? {
            switch self {
            case .waiting(_, let deadline): deadline
            case .sleeping(let deadline): deadline
            case .ready, .blocked, .joining, .finished: nil
            }
        }
    }

    let name: String
    let number: Int
    let scheduler: SeededScheduler
    let baton = Semaphore()
    /// Written once, before the thread can run.
    var machineThread: WorkerThread?
    // Behind the scheduler's lock.
    var status = Status.ready
    /// Whether the deadline passed before what it waited for came.
    var isLate = false
    /// The step before which it is not chosen as long as there are others.
    var heldUpUntil = 0

    init(_ name: String, number: Int, of scheduler: SeededScheduler) {
        self.name = name
        self.number = number
        self.scheduler = scheduler
    }

    var description: String {
        switch status {
        case .ready: "\(name) can go on"
        case .blocked: "\(name) waits for a lock"
        case .waiting(_, nil): "\(name) waits for a condition"
        case .waiting(_, .some): "\(name) waits for a condition or a timeout"
        case .sleeping: "\(name) sleeps"
        case .joining(let other): "\(name) joins thread \(other)"
        case .finished: "\(name) has ended"
        }
    }

    /// The simulated thread that the calling thread is.
    static var current: SimulatedThread? {
        guard runningSimulations.load(ordering: .relaxed) > 0, let pointer = unsafe pthread_getspecific(currentThreadKey) else {
            return nil
        }
        return unsafe Unmanaged<SimulatedThread>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// To be called on the machine's thread, whose function holds this object until it ends.
    func makeCurrent() {
        unsafe pthread_setspecific(currentThreadKey, Unmanaged.passUnretained(self).toOpaque())
    }

    // MARK: What a thread does

    /// Lets another thread go on, perhaps.
    func pause() { scheduler.pass(from: self) { _ in } }

    /// Takes a monitor's lock.
    func enter(_ monitor: ObjectIdentifier) {
        pause()
        take(monitor)
    }

    private func take(_ monitor: ObjectIdentifier) {
        while !scheduler.change({ state -> Bool in state.held.insert(monitor).inserted }) {
            scheduler.pass(from: self) { _ in status = .blocked(monitor) }
        }
    }

    /// Gives a monitor's lock back, and wakes the threads that wait for its state, where that may have changed.
    func leave(_ monitor: ObjectIdentifier, notifies: Bool) {
        scheduler.pass(from: self) { state in release(monitor, notifies: notifies, in: &state) }
    }

    private func release(_ monitor: ObjectIdentifier, notifies: Bool, in state: inout SeededScheduler.State) {
        state.held.remove(monitor)
        for thread in state.threads {
            switch thread.status {
            case .blocked(monitor): thread.status = .ready
            case .waiting(monitor, _) where notifies: thread.status = .ready
            default: break
            }
        }
    }

    /// Leaves the monitor, waits until its state changes, and takes it again. True when the deadline came first.
    func wait(for monitor: ObjectIdentifier, until deadline: Int64?) -> Bool {
        scheduler.pass(from: self) { state in
            release(monitor, notifies: false, in: &state)
            isLate = false
            status = .waiting(monitor, deadline: deadline)
        }
        let hasTimedOut = scheduler.change { _ -> Bool in self.isLate }
        take(monitor)
        return hasTimedOut
    }

    func sleep(until deadline: Int64) {
        scheduler.pass(from: self) { _ in status = .sleeping(until: deadline) }
    }

    /// The moment of the virtual clock so many nanoseconds from now.
    func deadline(in nanoseconds: Int64) -> Int64 {
        let (sum, isTooLarge) = scheduler.now().addingReportingOverflow(max(0, nanoseconds))
        return isTooLarge ? .max : sum
    }

    /// The last thing a thread does as a simulated one.
    func finish() {
        pthread_setspecific(currentThreadKey, nil)
        scheduler.pass(from: self) { state in
            status = .finished
            state.threads.removeAll { $0 === self }
            for thread in state.threads where thread.status == .joining(number) { thread.status = .ready }
        }
    }

    // MARK: RunningThread

    var isCurrent: Bool { SimulatedThread.current === self }

    func join() {
        if let joining = SimulatedThread.current {
            scheduler.pass(from: joining) { _ in
                if status != .finished { joining.status = .joining(number) }
            }
        }
        machineThread?.join()
    }
}

/// Lets one thread wait for a word of another.
@safe final class Semaphore: @unchecked Sendable {
    private let raw: UnsafeMutablePointer<sem_t>

    init() {
        unsafe raw = .allocate(capacity: 1)
        unsafe raw.initialize(to: sem_t())
        unsafe sem_init(raw, 0, 0)
    }

    deinit {
        unsafe sem_destroy(raw)
        unsafe raw.deallocate()
    }

    func signal() { unsafe sem_post(raw) }

    func wait() {
        while unsafe sem_wait(raw) != 0 {}
    }
}
