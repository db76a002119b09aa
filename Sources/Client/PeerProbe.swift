// What answers at a port where no Millrace server greets: another of its listeners, or another program. People mix up ports more often than
// they meet a server that does not work.

import Bytes
import Platform
import Quantities

/// Asks a port in the languages that are likely there.
enum PeerProbe {
    /// How long each answer is waited for.
    private static let patience = Milliseconds(500)
    /// Bytes of an answer that are looked at.
    private static let lookedAt = 256

    /// What to call the one who answers; nil where nothing known does.
    static func description(of address: SocketAddress) -> String? {
        for question in [httpQuestion, kafkaQuestion, postgresQuestion] {
            guard let answer = answer(at: address, to: question) else { continue }
            if let name = name(ofAnswer: answer, to: question) { return name }
        }
        return nil
    }

    /// Nil where there is none in time.
    private static func answer(at address: SocketAddress, to question: [UInt8]) -> [UInt8]? {
        do throws(SystemError) {
            let socket = try ClientSocket(connectingTo: address)
            defer { socket.disconnect() }
            socket.limitReading(to: patience)
            try socket.write(question)
            let answer = try socket.read(upTo: lookedAt)
            return answer.isEmpty ? nil : answer
        } catch {
            return nil
        }
    }

    static let tlsServer = "a server that speaks TLS"
    static let httpQuestion = Array("GET / HTTP/1.0\r\n\r\n".utf8)
    /// ApiVersions, version 0, of a client without a name: every broker answers it.
    static let kafkaQuestion: [UInt8] = [0, 0, 0, 10, 0, 18, 0, 0, 0x4D, 0x52, 0x4C, 0x43, 0xFF, 0xFF]
    /// Whether it speaks TLS, which PostgreSQL answers with one letter.
    static let postgresQuestion: [UInt8] = [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F]

    /// What gives such an answer to one of the questions; nil for nothing known.
    static func name(ofAnswer answer: [UInt8], to question: [UInt8]) -> String? {
        func begins(_ text: String) -> Bool { answer.starts(with: text.utf8) }
        if begins("HTTP/") { return "an HTTP server, such as Millrace's metrics page or schema registry" }
        if begins("SSH-") { return "an SSH server" }
        if begins("220") { return "a mail or FTP server" }
        // An alert, of any version.
        if answer.count >= 2, answer[0] == 0x15, answer[1] == 3 { return tlsServer }
        if question == httpQuestion, begins("-ERR") || begins("-NOAUTH") || begins("-DENIED") { return "a Redis server" }
        if question == kafkaQuestion, answer.count >= 8, answer[4..<8].elementsEqual(question[8..<12]) {
            return "a Kafka listener, such as Millrace's own, which Kafka's clients use"
        }
        if question == postgresQuestion, answer == Array("N".utf8) || answer == Array("S".utf8) { return "a PostgreSQL server" }
        // A packet with number 0 and version 10 of the protocol.
        if answer.count >= 6, answer[3] == 0, answer[4] == 10 { return "a MySQL server" }
        return nil
    }
}
