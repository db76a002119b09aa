// Threads and the two ways in which they wait for each other: a condition on a state, and a bounded queue.
import Glibc
import Synchronization

/// A named thread that runs one function.
package final class WorkerThread: @unchecked Sendable {
    // `handle` is written once, before `start` returns, and read only by `join`.
    private var handle = pthread_t()
    private let hasJoined = Mutex(false)

    private init() {}

    /// Starts a thread. The name is cut to 15 bytes, which is what Linux shows. Fails when the machine has no more threads.
    package static func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) -> WorkerThread {
        let thread = WorkerThread()
        let task = ThreadTask(name: name, body: body)
        let context = unsafe Unmanaged.passRetained(task)
        let result = unsafe pthread_create(&thread.handle, nil, runThreadTask, context.toOpaque())
        guard result == 0 else {
            unsafe context.release()
            errno = result
            throw systemError("start thread", name)
        }
        return thread
    }

    /// Whether the calling thread is this one.
    package var isCurrent: Bool { pthread_equal(handle, pthread_self()) != 0 }

    /// Waits until the thread's function has returned. To be called once; more calls return at once.
    package func join() {
        let isFirst = hasJoined.withLock { joined in
            defer { joined = true }
            return !joined
        }
        if isFirst { pthread_join(handle, nil) }
    }
}

private final class ThreadTask {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

private func runThreadTask(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    let task = unsafe Unmanaged<ThreadTask>.fromOpaque(context).takeRetainedValue()
    nameThisThread(task.name)
    task.body()
    return nil
}

/// Through the file that Linux has for it; a debugging aid, so a failure is not worth a word.
private func nameThisThread(_ name: String) {
    let descriptor = unsafe open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    let bytes = Array(name.utf8.prefix(15))
    _ = unsafe write(descriptor, bytes, bytes.count)
    close(descriptor)
}

/// How many threads the machine can run at once; at least 1.
package func processorCount() -> Int {
    max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
}

/// A state behind a lock, for which threads can wait.
///
/// `Mutex` of the standard library has no condition to wait on; this has, at the price of pthread's.
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

    /// Changes the state and wakes everybody who waits for it.
    package func update<Result>(_ change: (inout State) -> Result) -> Result {
        unsafe pthread_mutex_lock(lock)
        defer {
            unsafe pthread_cond_broadcast(condition)
            unsafe pthread_mutex_unlock(lock)
        }
        return change(&state)
    }

    /// Looks at the state, or changes it in a way nobody waits for.
    package func withLock<Result>(_ look: (inout State) -> Result) -> Result {
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        return look(&state)
    }

    /// Waits until `condition` holds, then changes the state under the same lock. With a timeout (nanoseconds from now) it
    /// goes on when that has passed, whether the condition holds or not.
    package func wait<Result>(
        nanoseconds timeout: Int64? = nil, until holds: (borrowing State) -> Bool, then change: (inout State) -> Result
    ) -> Result {
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        var deadline = timespec()
        if let timeout {
            unsafe clock_gettime(CLOCK_MONOTONIC, &deadline)
            let nanoseconds = Int64(deadline.tv_nsec) &+ timeout % 1_000_000_000
            deadline.tv_sec += Int(timeout / 1_000_000_000 + nanoseconds / 1_000_000_000)
            deadline.tv_nsec = Int(nanoseconds % 1_000_000_000)
        }
        while !holds(state) {
            if timeout == nil {
                unsafe pthread_cond_wait(condition, lock)
            } else if unsafe pthread_cond_timedwait(condition, lock, &deadline) == ETIMEDOUT {
                break
            }
        }
        defer { unsafe pthread_cond_broadcast(self.condition) }
        return change(&state)
    }
}

/// Hands elements from threads to threads in order. When it is full, `push` waits and `tryPush` refuses.
package final class BoundedQueue<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var isClosed = false
    }
    private let state = Monitor(State())
    /// How many elements it holds at most.
    package let capacity: Int

    /// A queue for at most `capacity` elements, which is positive.
    package init(capacity: Int) {
        precondition(capacity > 0, "a queue holds at least one element")
        self.capacity = capacity
    }

    /// Adds an element, waiting for room. False when the queue is closed.
    package func push(_ element: Element) -> Bool {
        state.wait(until: { $0.isClosed || $0.elements.count < capacity }) { state in
            if !state.isClosed { state.elements.append(element) }
            return !state.isClosed
        }
    }

    /// Adds an element unless the queue is full or closed.
    package func tryPush(_ element: Element) -> Bool {
        state.update { state in
            guard !state.isClosed && state.elements.count < capacity else { return false }
            state.elements.append(element)
            return true
        }
    }

    /// Everything in the queue, waiting for something. Empty only when the queue is closed and drained, or the time is up.
    package func takeAll(nanoseconds timeout: Int64? = nil) -> [Element] {
        state.wait(nanoseconds: timeout, until: { $0.isClosed || !$0.elements.isEmpty }) { state in
            defer { state.elements.removeAll() }
            return state.elements
        }
    }

    /// What is there can still be taken; nothing more comes in.
    package func close() {
        state.update { $0.isClosed = true }
    }
}
