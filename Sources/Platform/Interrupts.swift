// Ctrl-C as a call: the handler of SIGINT writes into a pipe what it interrupted, and a thread of the process calls the closure that is
// set at that time.

import Glibc
import Synchronization

/// Where the handler, which may do nothing but write, finds the pipe.
private nonisolated(unsafe) var interruptPipe: Int32 = -1
/// The number of the read that is under way, from 1; 0 while there is none. The handler notes it at the moment of the signal: by the time
/// that another thread looks, the next read may have begun.
private let readUnderWay = Atomic<Int32>(0)
/// Whether SIGTERM has come.
private let hasTermination = Atomic<Bool>(false)

/// Turns SIGINT into calls. One a process.
package final class InterruptWatcher: Sendable {
    private let action = Monitor<(@Sendable () -> Void)?>(nil)
    private let counted = Monitor(0)
    /// How many interrupts there have been: by that one is noticed which came while nobody had said what it does.
    package var count: Int { counted.withLock { $0 } }
    /// The thread inside `whileReading`, if one is, and how many reads there have been: a nudge is meant for one read, not for the next.
    private struct Reader {
        var thread: pthread_t?
        var number: Int32 = 0
    }
    private let reader = Monitor(Reader())

    /// Whether one of the interrupts was SIGTERM.
    package var wasTerminated: Bool { hasTermination.load(ordering: .sequentiallyConsistent) }

    /// Takes SIGINT over, and SIGTERM where it `takesTermination`. A blocking read of the main thread is interrupted by it, too.
    package init(takesTermination: Bool = false) throws(SystemError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else {
            throw SystemError(kind: .other, number: errno, attempt: "make a pipe for interrupts", path: "", reason: "")
        }
        unsafe interruptPipe = ends[1]
        // Also makes the number, so that the handler never does.
        readUnderWay.store(0, ordering: .sequentiallyConsistent)
        hasTermination.store(false, ordering: .sequentiallyConsistent)
        var handling = sigaction()
        unsafe handling.__sigaction_handler.sa_handler = { signal in
            if signal == SIGTERM { hasTermination.store(true, ordering: .sequentiallyConsistent) }
            var interrupted = readUnderWay.load(ordering: .sequentiallyConsistent)
            _ = unsafe write(interruptPipe, &interrupted, 4)
        }
        unsafe sigaction(SIGINT, &handling, nil)
        if takesTermination { unsafe sigaction(SIGTERM, &handling, nil) }
        // A second signal, whose only purpose is to end a read.
        var nudging = sigaction()
        unsafe nudging.__sigaction_handler.sa_handler = { _ in }
        unsafe sigaction(SIGUSR1, &nudging, nil)
        let source = ends[0]
        let action = action
        let reader = reader
        let counted = counted
        _ = try WorkerThread.start("interrupts") {
            var interrupted: Int32 = 0
            // Writes of four bytes into a pipe arrive whole.
            while unsafe read(source, &interrupted, 4) == 4 {
                counted.update { $0 += 1 }
                action.withLock { $0 }?()
                if interrupted != 0 { Self.end(interrupted, of: reader) }
            }
        }
    }

    /// Runs `read`, a blocking read of the calling thread, and sees to it that an interrupt meanwhile ends it with EINTR: the signal alone
    /// is lost when it comes a moment before the thread goes to sleep.
    package func whileReading<T>(_ read: () -> T) -> T {
        reader.update { reader in
            reader.thread = pthread_self()
            reader.number = reader.number == .max ? 1 : reader.number + 1
            readUnderWay.store(reader.number, ordering: .sequentiallyConsistent)
        }
        defer {
            reader.update { reader in
                readUnderWay.store(0, ordering: .sequentiallyConsistent)
                reader.thread = nil
            }
        }
        return read()
    }

    /// Nudges the reading thread until the read of that number has ended.
    private static func end(_ number: Int32, of reader: Monitor<Reader>) {
        while true {
            let isReading = reader.withLock { reader in
                guard let thread = reader.thread, reader.number == number else { return false }
                pthread_kill(thread, SIGUSR1)
                return true
            }
            if !isReading { return }
            usleep(2000)
        }
    }

    /// What the next interrupt does; nil for nothing.
    package func onInterrupt(_ call: (@Sendable () -> Void)?) { action.update { $0 = call } }
}

/// Facts about the terminal, if there is one.
package enum Terminal {
    /// Whether the stream (0 input, 1 output, 2 errors) is a terminal.
    package static func isTerminal(_ stream: Int32) -> Bool { isatty(stream) == 1 }

    /// Columns of the terminal on the output; nil when it is none.
    package static var width: Int? {
        guard isTerminal(1) else { return nil }
        var size = winsize()
        guard unsafe ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Lines of the terminal on the output; nil when it is none, or does not say.
    package static var height: Int? {
        var size = winsize()
        guard isTerminal(1), unsafe ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0 else { return nil }
        return Int(size.ws_row)
    }

    /// Whether colours may be sent to the stream (1 output, 2 errors): it is a terminal that knows them, and nobody has asked for none with
    /// `NO_COLOR`.
    package static func showsColor(_ stream: Int32) -> Bool {
        let kind = environment("TERM") ?? ""
        return isTerminal(stream) && !kind.isEmpty && kind != "dumb" && (environment("NO_COLOR") ?? "").isEmpty
    }

    /// Characters that the terminal on the input shows; nil when it does not say.
    package static var characters: Int? {
        var size = winsize()
        guard unsafe ioctl(0, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
        return Int(size.ws_row) * Int(size.ws_col)
    }

    /// The value of a variable of the environment.
    package static func environment(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }

    /// Writes text and a line end to the output (1) or the errors (2), whole lines at a time, as `ByteStream.print` does.
    package static func write(line: String, to stream: Int32) {
        (stream == 1 ? ByteStream.output : ByteStream.errors).print(line + "\n")
    }

    /// Reads a line of the standard input, without its end; nil at the end.
    package static func readInputLine() -> String? { readLine(strippingNewline: true) }

    /// Asks on the errors for a line of the standard input that a terminal does not show, without its end; nil at the end. Where the input
    /// is no terminal nothing is asked.
    package static func readSecret(_ question: String) -> String? {
        var before = termios()
        guard isTerminal(0), unsafe tcgetattr(0, &before) == 0 else { return readInputLine() }
        ByteStream.errors.print(question)
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        unsafe tcsetattr(0, TCSAFLUSH, &silent)
        defer {
            unsafe tcsetattr(0, TCSAFLUSH, &before)
            ByteStream.errors.print("\n")
        }
        return readInputLine()
    }
}

/// Has SIGINT and SIGTERM call `body`, with the signal's number, on a thread of their own instead of ending the process. To be called before
/// other threads are started. Errors: the system refuses the thread.
package func onTermination(_ body: @escaping @Sendable (Int32) -> Void) throws(SystemError) {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    for number in [SIGINT, SIGTERM] { unsafe sigaddset(&signals, number) }
    // Where the parent has a lost terminal ignored, as nohup does, it stays so.
    var hangUp = sigaction()
    unsafe sigaction(SIGHUP, nil, &hangUp)
    if unsafe unsafeBitCast(hangUp.__sigaction_handler.sa_handler, to: Int.self) != 1 { unsafe sigaddset(&signals, SIGHUP) }
    // Threads that are started later block them too, so that they wait for the thread that takes them.
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    let waited = signals
    _ = try WorkerThread.start("termination") {
        var waited = waited, number: Int32 = 0
        while unsafe sigwait(&waited, &number) == 0 { body(number) }
    }
}

/// Has SIGHUP do nothing, until somebody takes it over.
package func ignoreHangUp() { _ = signal(SIGHUP, SIG_IGN) }

/// Lets every signal through. To be called first, before threads are started: a parent may have started the process with signals
/// blocked, and then neither Ctrl-C nor a service manager could stop it.
package func unblockSignals() {
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe pthread_sigmask(SIG_SETMASK, &none, nil)
}
