// The scheduler: it starts threads and tells the time. Rooms are handed one and start no thread by themselves, so that the same code
// runs on the threads of the machine and, in tests, under a `SeededScheduler`, which decides from a seed which thread goes on.
import Glibc

/// Starts threads and tells the time by which they wait.
package protocol Scheduler: Sendable {
    /// The clock by which `sleep` and the timeouts of `Monitor.wait` are measured.
    var time: any TimeSource { get }

    /// Starts a thread that runs `body`. Linux shows the first 15 bytes of the name. Fails when the machine has no more threads.
    func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) -> any RunningThread

    /// Holds the calling thread up for so many nanoseconds; not at all for 0 or less.
    func sleep(nanoseconds: Int64)
}

/// A thread that a scheduler has started.
package protocol RunningThread: AnyObject, Sendable {
    /// Whether the calling thread is this one.
    var isCurrent: Bool { get }

    /// Waits until the thread's function has returned. Calls after the first return at once.
    func join()
}

/// The threads and clocks of the machine.
package struct HostScheduler: Scheduler {
    /// There is nothing to choose.
    package init() {}

    package var time: any TimeSource { SystemTime() }

    package func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) -> any RunningThread {
        try WorkerThread.start(name, body)
    }

    package func sleep(nanoseconds: Int64) {
        guard nanoseconds > 0 else { return }
        var left = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        // A signal cuts the sleep short: it goes on for what is left.
        while true {
            var rest = timespec()
            if unsafe nanosleep(&left, &rest) == 0 || errno != EINTR { return }
            left = rest
        }
    }
}
