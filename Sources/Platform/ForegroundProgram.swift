// Other programs at the terminal of this one: what a person runs from within a shell, editors, and pagers.

import Glibc

/// Starts a command line of `/bin/sh` with the streams of this process, or with `input` for its standard input.
private func startShell(_ command: String, input: Int32?) throws(SystemError) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    if let input { unsafe posix_spawn_file_actions_adddup2(&actions, input, 0) }
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    // What this process ignores or blocks is not to be ignored or blocked by the other one.
    var none = sigset_t(), usual = sigset_t()
    unsafe sigemptyset(&none)
    unsafe sigemptyset(&usual)
    unsafe sigaddset(&usual, SIGPIPE)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &usual)
    unsafe posix_spawnattr_setflags(&attributes, Int16(truncatingIfNeeded: POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    var words: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("sh"), strdup("-c"), strdup(command)]
    defer { for unsafe word in unsafe words { unsafe free(word) } }
    unsafe words.append(nil)
    var child = pid_t()
    let problem = unsafe posix_spawn(&child, "/bin/sh", &actions, &attributes, words, environ)
    guard problem == 0 else {
        errno = problem
        throw systemError("start", "/bin/sh")
    }
    return child
}

/// Waits for the end of a child; its exit status, or 128 and the number of the signal that ended it.
private func awaitEnd(_ child: pid_t) throws(SystemError) -> Int {
    var status: Int32 = 0
    while unsafe waitpid(child, &status, 0) < 0 {
        guard errno == EINTR else { throw systemError("wait for", "/bin/sh") }
    }
    return status & 0x7F == 0 ? Int(status >> 8) & 0xFF : 128 + Int(status & 0x7F)
}

/// Carries out a command line with `/bin/sh` at the terminal of this process and waits for its end. Gives its exit status, or 128 and the
/// number of the signal that ended it. Errors: the shell cannot be started.
package func runInForeground(_ command: String) throws(SystemError) -> Int {
    try awaitEnd(try startShell(command, input: nil))
}

/// A program at the terminal that reads what this process writes: a pager.
package final class PipedProgram: Sendable {
    private let child: pid_t
    private let pipe: Monitor<Int32?>

    /// Starts a command line of `/bin/sh`. Errors: there are no more descriptors, or the shell cannot be started.
    package init(_ command: String) throws(SystemError) {
        // A pager that is left before the end is no reason to end.
        ignoreBrokenPipes()
        var ends: [Int32] = [-1, -1]
        guard unsafe Glibc.pipe(&ends) == 0 else { throw systemError("make a pipe for", command) }
        let (reading, writing) = (ends[0], ends[1])
        // The program would never see the end of its input if it had the other end of it, too.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(reading) }
        do throws(SystemError) {
            child = try startShell(command, input: reading)
        } catch {
            close(writing)
            throw error
        }
        pipe = Monitor(writing)
    }

    /// Writes a text; false when the program reads no more.
    package func write(_ text: String) -> Bool {
        guard let descriptor = pipe.withLock({ $0 }) else { return false }
        let bytes = Array(text.utf8)
        return unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return true }
            var done = 0
            while done < buffer.count {
                let put = retrying { unsafe Glibc.write(descriptor, base + done, buffer.count - done) }
                if put < 0 { return false }
                done += put
            }
            return true
        }
    }

    /// Ends its input and waits for it.
    package func finish() {
        let descriptor = pipe.update { pipe -> Int32? in
            defer { pipe = nil }
            return pipe
        }
        guard let descriptor else { return }
        close(descriptor)
        _ = try? awaitEnd(child)  // How it ended is of no interest, and a person has seen it.
    }
}

/// Makes a new file that this user alone can read, with a name of its own that ends so, and gives its path. Errors: the folder for
/// temporary files cannot be written.
package func makeTemporaryFile(ending: String, _ bytes: [UInt8]) throws(SystemError) -> String {
    let folder = Terminal.environment("TMPDIR").flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
    var template = Array((folder + "/millrace-XXXXXX" + ending).utf8CString)
    let descriptor = unsafe mkstemps(&template, Int32(clamping: ending.utf8.count))
    guard descriptor >= 0 else { throw systemError("make a file in", folder) }
    close(descriptor)
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let file = try HostFileSystem().open(path, .truncate)
    defer { file.close() }
    try file.write(bytes, at: 0)
    return path
}
