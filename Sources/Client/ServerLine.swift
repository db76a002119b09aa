// The bytes between a client and its server: as they are, or through TLS. One thread reads, others write.

import Diagnostics
import Platform
import Quantities
import TLS

/// A connected line.
///
/// What reading makes TLS answer (new keys) leaves with the next write, so that no thread which reads ever waits for one which writes.
final class ServerLine: Sendable {
    private let socket: ClientSocket
    /// Nil for plain text.
    private let tls: Monitor<TLSSession>?

    /// Connects, and shakes hands where TLS is wanted. Errors: nobody listens there, speaks no TLS, or is another than the address says.
    init(connectingTo place: ServerPlace) throws(Diagnostic) {
        do throws(SystemError) { socket = try ClientSocket(connectingTo: place.address) } catch {
            throw Diagnostic(
                .connectionFailed, error.description, category: .general, hint: "Is a server running there? Start one with: millrace serve")
        }
        guard place.usesTLS, case .network(let host, _) = place.address else {
            tls = nil
            return
        }
        do throws(TLSFailure) {
            let session = try TLSSession(try TLSContext(trusting: place.authorities), asClientOf: host)
            tls = Monitor(session)
        } catch {
            throw Diagnostic(.connectionFailed, error.message, category: .general)
        }
        try shakeHands()
    }

    /// How long a server has for a message of the handshake.
    private static let patience = Milliseconds(10_000)

    private func shakeHands() throws(Diagnostic) {
        socket.limitReading(to: ServerLine.patience)
        do throws(SystemError) {
            while true {
                let (output, isDone, failure) = step([])
                if let failure { throw refused(failure) }
                try socket.write(output)
                if isDone { break }
                let bytes = try socket.read(upTo: 16 << 10)
                guard !bytes.isEmpty else { throw refusedBySystem("it closed the connection during the TLS handshake") }
                let (answer, isNowDone, problem) = step(bytes)
                // Why, for the server.
                if !answer.isEmpty { try socket.write(answer) }
                if let problem { throw refused(problem) }
                if isNowDone { break }
            }
        } catch {
            throw Diagnostic(
                .connectionFailed, "\(socket.address) does not speak TLS as it should: \(error)", category: .general,
                hint: "Without TLS its address has no tls:// in front; --tls-ca names the authorities that vouch for it.")
        }
        socket.limitReading(to: Milliseconds(0))
    }

    private func step(_ bytes: [UInt8]) -> (output: [UInt8], isDone: Bool, failure: String?) {
        guard let tls else { return ([], true, nil) }
        return tls.update { session in
            var failure: String?
            do throws(TLSFailure) { _ = try session.receive(bytes) } catch { failure = error.message }
            return (session.takeOutput(), session.isEstablished, failure)
        }
    }

    private func refused(_ reason: String) -> SystemError { refusedBySystem(reason) }

    private func refusedBySystem(_ reason: String) -> SystemError {
        SystemError(kind: .other, number: 0, attempt: "shake hands with", path: socket.address.description, reason: reason)
    }

    // MARK: Bytes

    /// Bytes, as soon as there are any; empty at the end of the server's output.
    func read() throws(SystemError) -> [UInt8] {
        while true {
            let bytes = try socket.read(upTo: 256 << 10)
            guard let tls, !bytes.isEmpty else { return bytes }
            let (plain, isOver, failure) = tls.update { session -> ([UInt8], Bool, String?) in
                do throws(TLSFailure) { return (try session.receive(bytes), session.hasInputEnded, nil) } catch { return ([], true, error.message) }
            }
            if let failure { throw refused(failure) }
            if !plain.isEmpty || isOver { return plain }
        }
    }

    /// Writes all of `bytes[range]`, one caller at a time.
    func write(_ bytes: [UInt8], _ range: Range<Int>) throws(SystemError) {
        guard let tls else { return try socket.write(bytes, range) }
        let (output, failure) = tls.update { session -> ([UInt8], String?) in
            do throws(TLSFailure) {
                try session.send(Array(bytes[range]))
                return (session.takeOutput(), nil)
            } catch {
                return ([], error.message)
            }
        }
        if let failure { throw refused(failure) }
        try socket.write(output)
    }

    /// Ends both directions, so that a thread which waits in `read` returns.
    func disconnect() { socket.disconnect() }
}
