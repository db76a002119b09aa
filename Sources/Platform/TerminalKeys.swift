// Single keys of a terminal, for what is on the screen as long as somebody looks at it.

import Glibc

extension Terminal {
    /// Carries `body` out; meanwhile each byte that is typed calls `onKey`, on a thread of its own, at once and without being shown. Where the
    /// input is no terminal, or the system has no thread to spare, `body` is carried out alone.
    package static func whileWatchingKeys(_ onKey: @escaping @Sendable (UInt8) -> Void, _ body: () -> Void) {
        var before = termios()
        var ends: [Int32] = [-1, -1]
        guard isTerminal(0), unsafe tcgetattr(0, &before) == 0, unsafe pipe(&ends) == 0 else { return body() }
        let (stop, stopper) = (ends[0], ends[1])
        defer {
            close(stop)
            close(stopper)
        }
        // Ctrl-C stays a signal.
        var single = before
        single.c_lflag &= ~tcflag_t(ECHO | ICANON)
        unsafe tcsetattr(0, TCSANOW, &single)
        defer { unsafe tcsetattr(0, TCSADRAIN, &before) }
        let watcher = try? WorkerThread.start("keys") { watchKeys(until: stop, onKey) }
        body()
        var byte: UInt8 = 0
        _ = unsafe Glibc.write(stopper, &byte, 1)
        watcher?.join()
    }

    private static func watchKeys(until stop: Int32, _ onKey: @Sendable (UInt8) -> Void) {
        var waited = [pollfd(fd: 0, events: Int16(truncatingIfNeeded: POLLIN), revents: 0), pollfd(fd: stop, events: Int16(truncatingIfNeeded: POLLIN), revents: 0)]
        while true {
            let count = unsafe poll(&waited, 2, -1)
            if count < 0, errno == EINTR { continue }
            if count < 0 || waited[1].revents != 0 { return }
            guard waited[0].revents != 0 else { continue }
            var byte: UInt8 = 0
            // The terminal may have gone.
            guard unsafe read(0, &byte, 1) == 1 else { return }
            onKey(byte)
        }
    }
}
