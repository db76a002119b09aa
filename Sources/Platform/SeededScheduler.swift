// Deterministic threads for tests (as FoundationDB and TigerBeetle simulate theirs). Every simulated thread is a thread of the machine,
// but only one of them runs at a time: it has the baton. Where threads meet (monitors, sleeps, starts, joins, and changes of files in a
// `FaultyFileSystem`) a number drawn from the seed decides who gets the baton next. So a seed is an interleaving, to be run again as
// often as needed. Time is virtual: it moves to the next deadline when no thread can go on.
import Synchronization

/// Why a simulation did not end as its body wished. Its threads that still wait are left parked, with what they hold.
package enum SimulationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No thread can go on. Each thread with what it waits for.
    case deadlock(seed: UInt64, threads: [String])
    /// The baton was passed more often than the scheduler's bound allows.
    case tooManySteps(seed: UInt64, threads: [String])
    /// The body returned and these threads still wait.
    case threadsLeft(seed: UInt64, threads: [String])

    /// What happened, the seed, and the threads.
    package var description: String {
        switch self {
        case .deadlock(let seed, let threads): "seed \(seed): deadlock: " + threads.joined(separator: "; ")
        case .tooManySteps(let seed, let threads): "seed \(seed): too many steps: " + threads.joined(separator: "; ")
        case .threadsLeft(let seed, let threads): "seed \(seed): threads left: " + threads.joined(separator: "; ")
        }
    }
}

/// Runs threads one at a time, in an order that the seed decides.
package final class SeededScheduler: Scheduler {
    /// What threads share. A thread's own part (`SimulatedThread.status` and what follows it) is behind the same lock.
    struct State {
        var threads: [SimulatedThread] = []
        var held: Set<ObjectIdentifier> = []
        var nanoseconds: Int64 = 0
        var trace: [Int] = []
        var startedCount = 0
        var hasBodyReturned = false
        var failure: SimulationError?
        var isOver = false
    }

    /// What decides the order.
    package let seed: UInt64
    private let mostSteps: Int
    private let wallAtStart: Int64
    private let random: SeededRandom
    /// A thread with the baton keeps it at all but one in so many switch points; differs between seeds, so that both long stretches of
    /// one thread and quick changes occur.
    private let stretch: Int
    private let state = Mutex(State())
    private let end = Semaphore()

    /// A scheduler for one `run`. The wall clock starts at `wall` (milliseconds since the epoch); a run of more than `mostSteps`
    /// switch points fails.
    package init(seed: UInt64, wall: Int64 = 1_700_000_000_000, mostSteps: Int = 1_000_000) {
        self.seed = seed
        self.mostSteps = mostSteps
        wallAtStart = wall
        random = SeededRandom(seed: seed)
        stretch = [1, 2, 4, 16][random.below(4)]
    }

    /// The scheduler of the calling thread, if that is simulated.
    package static var current: SeededScheduler? { SimulatedThread.current?.scheduler }

    /// Lets another thread go on, perhaps, when the calling thread is simulated; else does nothing. No `Mutex` may be held.
    package static func switchPoint() { SimulatedThread.current?.pause() }

    /// The numbers of the threads in the order in which they ran, 0 being the body's, counted in the order of their starts.
    package var trace: [Int] { state.withLock { $0.trace } }

    package var time: any TimeSource { VirtualTime(scheduler: self) }

    /// Runs `body` as the first simulated thread, and all threads that it starts, until all have ended. Throws what `body` throws, or
    /// a `SimulationError`. To be called once, from a thread that is not simulated.
    package func run<Result>(_ body: @escaping () throws -> Result) throws -> Result {
        runningSimulations.add(1, ordering: .sequentiallyConsistent)
        defer { runningSimulations.subtract(1, ordering: .sequentiallyConsistent) }
        let work = BodyOfRun(body)
        let first = try begin("body") { [self] in
            work.run()
            state.withLock { $0.hasBodyReturned = true }
        }
        state.withLock { state in
            state.trace.append(first.number)
        }
        first.baton.signal()
        end.wait()
        if let failure = state.withLock({ $0.failure }) { throw failure }
        guard let result = work.result else { throw SimulationError.deadlock(seed: seed, threads: []) }
        return try result.get()
    }

    package func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) -> any RunningThread {
        let thread = try begin(name, body)
        SimulatedThread.current?.pause()
        return thread
    }

    package func sleep(nanoseconds: Int64) {
        guard let thread = SimulatedThread.current else { return HostScheduler().sleep(nanoseconds: nanoseconds) }
        thread.sleep(until: thread.deadline(in: nanoseconds))
    }

    private func begin(_ name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) -> SimulatedThread {
        let thread = state.withLock { state in
            defer { state.startedCount += 1 }
            return SimulatedThread(name, number: state.startedCount, of: self)
        }
        let work = ThreadBody(body)
        thread.machineThread = try WorkerThread.start(name) {
            thread.baton.wait()
            thread.makeCurrent()
            work.run()
            thread.finish()
        }
        state.withLock { $0.threads.append(thread) }
        return thread
    }

    // MARK: Passing the baton

    /// Changes what threads wait for, then passes the baton on; returns when `thread` has it again. Never, for a thread that has ended.
    func pass(from thread: SimulatedThread, _ change: (inout State) -> Void) {
        let (next, hasEnded) = state.withLock { state in
            change(&state)
            return (choose(in: &state, after: thread), thread.status == .finished)
        }
        if next === thread { return }
        if let next { next.baton.signal() } else { end.signal() }
        if !hasEnded { thread.baton.wait() }
    }

    /// Changes what threads wait for; the calling thread keeps the baton.
    func change<Result: Sendable>(_ body: (inout State) -> Result) -> Result { state.withLock { body(&$0) } }

    func now() -> Int64 { state.withLock { $0.nanoseconds } }

    /// The thread that goes on, or nil when the simulation is over, one way or the other.
    private func choose(in state: inout State, after thread: SimulatedThread) -> SimulatedThread? {
        if state.isOver { return nil }
        var ready = state.threads.filter { $0.status == .ready }
        if ready.isEmpty && !state.hasBodyReturned { ready = advance(&state) }
        if ready.isEmpty || state.trace.count >= mostSteps {
            state.isOver = true
            let left = state.threads.map(\.description)
            if !ready.isEmpty {
                state.failure = .tooManySteps(seed: seed, threads: left)
            } else if !left.isEmpty {
                state.failure =
                    state.hasBodyReturned ? .threadsLeft(seed: seed, threads: left) : .deadlock(seed: seed, threads: left)
            }
            return nil
        }
        let next = pick(ready, after: thread, step: state.trace.count)
        state.trace.append(next.number)
        return next
    }

    private func pick(_ ready: [SimulatedThread], after thread: SimulatedThread, step: Int) -> SimulatedThread {
        if ready.count == 1 { return ready[0] }
        if thread.status == .ready && random.below(stretch) != 0 { return thread }
        // Now and then a thread is held up for long, as by a slow disk.
        if random.below(64) == 0 { ready[random.below(ready.count)].heldUpUntil = step + random.below(500) }
        let willing = ready.filter { $0.heldUpUntil <= step }
        return willing.isEmpty ? ready[random.below(ready.count)] : willing[random.below(willing.count)]
    }

    /// Moves the time to the next deadline; those whose time has come.
    private func advance(_ state: inout State) -> [SimulatedThread] {
        guard let next = state.threads.compactMap(\.status.deadline).min() else { return [] }
        state.nanoseconds = max(state.nanoseconds, next)
        let late = state.threads.filter { ($0.status.deadline ?? .max) <= next }
        for thread in late {
            thread.isLate = true
            thread.status = .ready
        }
        return late
    }

    private struct VirtualTime: TimeSource {
        let scheduler: SeededScheduler
        func wallMilliseconds() -> Int64 { scheduler.wallAtStart + scheduler.now() / 1_000_000 }
        func monotonicNanoseconds() -> Int64 { scheduler.now() }
    }
}

/// What a thread runs. It is released before the thread passes the baton for the last time: its release may use monitors.
private final class ThreadBody: @unchecked Sendable {
    // Touched by its thread alone.
    private var body: (@Sendable () -> Void)?

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func run() {
        body?()
        body = nil
    }
}

/// The body of a run and its result: written by the first thread, read once the simulation is over.
private final class BodyOfRun<Result>: @unchecked Sendable {
    private let body: () throws -> Result
    private(set) var result: Swift.Result<Result, any Error>?

    init(_ body: @escaping () throws -> Result) { self.body = body }

    func run() { result = Swift.Result { try body() } }
}
