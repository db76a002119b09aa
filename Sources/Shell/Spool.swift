// `spool 'file'`: a copy of everything that the shell shows, written as it is shown, so that nothing of it is lost however the shell ends.

import Platform

/// The file that a session is copied to. Lines come from the threads that answers come on.
final class Spool: Sendable {
    let path: String
    private let file: any File
    /// Bytes written so far, and why writing stopped, if it did.
    private let state = Monitor<(position: Int64, problem: SystemError?)>((0, nil))

    /// Empties the file, or makes it.
    init(_ path: String, files: any FileSystem) throws(SystemError) {
        self.path = path
        file = try files.open(path, .truncate)
    }

    /// Copies one line. After an error nothing more is copied; `problem` says why.
    func write(_ line: String) {
        state.update { state in
            guard state.problem == nil else { return }
            let bytes = Array((line + "\n").utf8)
            do throws(SystemError) {
                try file.write(bytes, at: state.position)
                state.position += Int64(bytes.count)
            } catch {
                state.problem = error
            }
        }
    }

    var problem: SystemError? { state.withLock { $0.problem } }

    func close() { file.close() }
}
