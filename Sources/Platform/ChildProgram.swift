// Another program, run to its end.

import Glibc

/// Runs a program without input and environment, throws its output away, waits for its end and gives its exit status, or nil when a signal
/// ended it. Errors: it cannot be started.
package func runQuietly(_ program: String, _ arguments: [String]) throws(SystemError) -> Int? {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    for descriptor: Int32 in 0...2 { unsafe posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0) }
    var words = unsafe ([program] + arguments).map { unsafe strdup($0) }
    defer { for unsafe word in unsafe words { unsafe free(word) } }
    unsafe words.append(nil)
    let surroundings: [UnsafeMutablePointer<CChar>?] = unsafe [nil]
    var child = pid_t()
    let problem = unsafe posix_spawn(&child, program, &actions, nil, words, surroundings)
    guard problem == 0 else {
        errno = problem
        throw systemError("start", program)
    }
    var status: Int32 = 0
    while unsafe waitpid(child, &status, 0) < 0 {
        guard errno == EINTR else { throw systemError("wait for", program) }
    }
    // The low seven bits are the signal, the next byte is what the program gave.
    return status & 0x7F == 0 ? Int(status >> 8) & 0xFF : nil
}
