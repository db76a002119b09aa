// Connectors. ksqlDB leaves them to Kafka Connect; nothing runs them here. A script that makes some goes on, told so each time: its streams take
// records that come another way. With ksqlDB's dialect such a statement is an error, as at a ksqlDB without Kafka Connect.

import Analysis
import Diagnostics
import Sessions
import Syntax

extension StatementExecution {
    private static let otherWays =
        "`millrace load` brings in files, and Kafka Connect can write to and read from `serve --kafka HOST:PORT` as from any Kafka"

    /// CREATE … CONNECTOR, which makes none.
    func perform(_ create: CreateConnector) throws(Diagnostic) -> AnswerSummary {
        guard context.isFull else { throw noConnectors }
        sink.emit(.notice("the \(create.kind.rawValue.lowercased()) connector \(create.name.text) was not made: Millrace runs no connectors; \(Self.otherWays)"))
        return AnswerSummary()
    }

    /// DROP CONNECTOR: there is none of any name.
    func dropConnector(_ name: Name, ifExists: Bool) throws(Diagnostic) -> AnswerSummary {
        guard context.isFull, ifExists else { throw noConnectors }
        sink.emit(.notice("there is no connector \(name.text): Millrace runs none"))
        return AnswerSummary()
    }

    /// SHOW CONNECTORS and SHOW CONNECTOR PLUGINS: empty.
    func noConnectors(_ titles: [String]) throws(Diagnostic) -> AnswerSummary {
        guard context.isFull else { throw noConnectors }
        sink.emit(.notice("Millrace runs no connectors; \(Self.otherWays)"))
        return answer(Listing(texts: titles))
    }

    var noConnectors: Diagnostic {
        Diagnostic(.featureNotSupported, "Millrace runs no connectors", hint: "\(Self.otherWays).", at: parsed.range)
    }
}
