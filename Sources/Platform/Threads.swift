// Threads of the machine.
import Glibc
import Synchronization

/// A named thread of the machine that runs one function. A thread that is never joined frees what it has when it ends.
package final class WorkerThread: RunningThread, @unchecked Sendable {
    // `handle` is written once, before `start` returns.
    private var handle = pthread_t()
    private let hasJoined = Mutex(false)

    /// Bytes of stack of each thread: what statements and plans of the deepest nesting need, whatever the limits of the shell are
    /// that the program was started from. Memory is used as far as the stack has grown only.
    package static let stackBytes = 8 << 20

    private init() {}

    deinit {
        if !hasJoined.withLock({ $0 }) { pthread_detach(handle) }
    }

    /// Starts a thread. The name is cut to 15 bytes, which is what Linux shows. Fails when the machine has no more threads.
    package static func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) -> WorkerThread {
        let thread = WorkerThread()
        let task = ThreadTask(name: name, body: body)
        let context = unsafe Unmanaged.passRetained(task)
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        defer { unsafe pthread_attr_destroy(&attributes) }
        unsafe pthread_attr_setstacksize(&attributes, stackBytes)
        let result = unsafe pthread_create(&thread.handle, &attributes, runThreadTask, context.toOpaque())
        guard result == 0 else {
            unsafe context.release()
            errno = result
            // There is no thread to detach.
            thread.hasJoined.withLock { $0 = true }
            throw systemError("start thread", name)
        }
        return thread
    }

    package var isCurrent: Bool { pthread_equal(handle, pthread_self()) != 0 }

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
