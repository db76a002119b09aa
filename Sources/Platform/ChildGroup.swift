// Another program in a process group of its own, with what it starts: it has so much time, and can be ended as a whole.

import Glibc

/// A program that runs.
package final class ChildGroup: Sendable {
    private struct State {
        var hasEnded = false
        /// The exit status; nil where a signal ended it.
        var status: Int?
    }

    private let leader: pid_t
    private let state = Monitor(State())

    private init(_ leader: pid_t) { self.leader = leader }

    /// Starts a program, which is looked for in `PATH`, without input. What it prints goes to the file `output`, its complaints to `errors`.
    /// `additions` are variables of the environment that it has besides those of this process, or instead. Errors: it cannot be started.
    package static func start(
        _ program: String, _ arguments: [String], adding additions: [String: String] = [:], output: String, errors: String
    ) throws(SystemError) -> ChildGroup {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        // Signals that this process takes by another way are blocked in it: not so in the child.
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        var words = unsafe ([program] + arguments).map { unsafe strdup($0) }
        var surroundings = unsafe (try environment(adding: additions)).map { unsafe strdup($0) }
        defer { for unsafe word in unsafe words + surroundings { unsafe free(word) } }
        unsafe words.append(nil)
        unsafe surroundings.append(nil)
        var child = pid_t()
        let problem = unsafe posix_spawnp(&child, program, &actions, &attributes, words, surroundings)
        guard problem == 0 else {
            errno = problem
            throw systemError("start", program)
        }
        let group = ChildGroup(child)
        do throws(SystemError) { _ = try WorkerThread.start("child") { group.awaitLeader() } } catch {
            group.end()
            group.awaitLeader()
            throw error
        }
        return group
    }

    /// Waits for its end, for so long at most; then it is ended, and waited for once more. Gives the exit status of a program that came to its
    /// end by itself.
    package func wait(nanoseconds: Int64) -> Int? {
        let isOver = state.wait(nanoseconds: nanoseconds, until: { $0.hasEnded }, then: { $0.hasEnded })
        if isOver { return state.withLock { $0.status } }
        end()
        state.wait(until: { $0.hasEnded }, then: { _ in })
        return nil
    }

    /// Ends the program and all of its group at once. Nothing happens where it has ended.
    package func end() { state.withLock { if !$0.hasEnded { _ = kill(-leader, SIGKILL) } } }

    private func awaitLeader() {
        var information = unsafe siginfo_t()
        // It is left unreaped, so that its number is that of nobody else while the rest of its group is ended.
        while unsafe waitid(P_PID, id_t(leader), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        state.update { state in
            _ = kill(-leader, SIGKILL)
            var status: Int32 = 0
            while unsafe waitpid(leader, &status, 0) < 0, errno == EINTR {}
            state.status = status & 0x7F == 0 ? Int(status >> 8) & 0xFF : nil
            state.hasEnded = true
        }
    }

    /// The variables of this process, which never changes them, as they were at its start.
    private static func environment(adding additions: [String: String]) throws(SystemError) -> [String] {
        // The file does not tell its size; no kernel takes an environment of more than some megabytes.
        let bytes = try HostFileSystem().open("/proc/self/environ", .read).read(at: 0, count: 8 << 20, padding: 0)
        let lines = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        let kept = lines.filter { line in additions[String(line.prefix { $0 != "=" })] == nil }
        return kept + additions.map { "\($0.key)=\($0.value)" }.sorted()
    }
}

/// Ends the process of this number and its group, if it leads one: a program that has left the group in which it was started.
package func endGroup(ledBy number: Int32) {
    if number > 1 { _ = kill(-number, SIGKILL) }
}
