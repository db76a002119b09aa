// What a suite has made and must not leave behind: directories, and programs that run. The thread that hears of an interrupt takes them
// away while the suite is still at work.

import Platform

/// The directories and programs of a suite that exist now.
package final class TemporaryPlaces: Sendable {
    private struct State {
        var directories: [String] = []
        var programs: [any EndableProgram] = []
        var isAbandoned = false
    }

    private let state = Monitor(State())
    private let files = HostFileSystem()

    /// Nanoseconds for which directories are removed again that the suite, still at work, has made again.
    private static let patience: Int64 = 20_000_000_000

    /// Nothing exists yet.
    package init() {}

    /// The name of a directory in `directory` that nobody else has.
    func add(in directory: String) -> String {
        let place = directory + "/millrace-bench-" + String(SystemRandom().next(), radix: 36)
        state.update { $0.directories.append(place) }
        return place
    }

    /// Removes a directory. What stays behind when that fails is the user's to see in the directory that they named.
    func remove(_ place: String) {
        waitIfAbandoned()
        try? files.removeTree(place)
        state.update { state in state.directories.removeAll { $0 == place } }
    }

    /// A program runs by itself, or will.
    func add(_ program: any EndableProgram) {
        waitIfAbandoned()
        state.update { $0.programs.append(program) }
    }

    /// Starts a program that writes into `place`, which is made if it is not there. Not while everything is taken away. Errors: those of `make`.
    func start<Program: EndableProgram>(in place: String, _ make: () throws(SystemError) -> Program) throws(SystemError) -> Program {
        let outcome = state.update { state -> Result<Program?, SystemError> in
            if state.isAbandoned { return .success(nil) }
            do throws(SystemError) {
                try files.createDirectory(place)
                let program = try make()
                state.programs.append(program)
                return .success(program)
            } catch {
                return .failure(error)
            }
        }
        if let program = try outcome.get() { return program }
        waitIfAbandoned()
        throw SystemError(kind: .other, number: 0, attempt: "start a program in", path: place, reason: "the process ends")
    }

    /// A program has ended.
    func remove(_ program: any EndableProgram) { state.update { state in state.programs.removeAll { $0 === program } } }

    /// Ends the programs and removes the directories, while the suite goes on and finds them gone. The process must end after it.
    package func abandon() {
        let (directories, programs) = state.update { state in
            state.isAbandoned = true
            return (state.directories, state.programs)
        }
        for program in programs { program.end() }
        let time = SystemTime()
        let deadline = time.monotonicNanoseconds() + TemporaryPlaces.patience
        for place in directories {
            // The suite may make a file in a directory that is being removed: that fails then, and the next round finds the file.
            while files.exists(place), time.monotonicNanoseconds() < deadline { try? files.removeTree(place) }
        }
    }

    /// Lets the suite, which may have failed because everything was taken from it, neither report nor end before the process does.
    package func waitIfAbandoned() { state.wait(until: { !$0.isAbandoned }, then: { _ in }) }
}

/// A program that runs and can be ended.
package protocol EndableProgram: AnyObject, Sendable {
    /// Ends it, and all that it has started, at once.
    func end()
}
