// A whole query: its dataflow and where the rows go.

package import Formats
package import Values

/// The topic that a persistent query writes, and how.
package struct SinkDescription: Hashable, Sendable, Codable {
    package var sourceName: String
    package var topic: String
    package var kind: SourceKind
    package var keyFormat: FormatSpec
    package var valueFormat: FormatSpec
    /// Column of the result that replaces the row's timestamp when it is written.
    package var timestamp: TimestampColumn?
    /// Rows carry windows, which follow the key bytes.
    package var window: KeyWindow?
    package init(
        sourceName: String, topic: String, kind: SourceKind, keyFormat: FormatSpec, valueFormat: FormatSpec, timestamp: TimestampColumn?,
        window: KeyWindow?
    ) {
        self.sourceName = sourceName
        self.topic = topic
        self.kind = kind
        self.keyFormat = keyFormat
        self.valueFormat = valueFormat
        self.timestamp = timestamp
        self.window = window
    }

    /// Bytes behind a key that tell its window; they take no part in partitioning.
    package var windowSuffix: Int {
        switch window {
        case nil: 0
        case .time: 8
        case .session: 16
        }
    }
}

/// Where the rows of a query go.
package enum Destination: Hashable, Sendable, Codable {
    /// A topic, in the same commit as the state and the positions of the inputs.
    case sink(SinkDescription)
    /// An internal topic, whose rows another pipeline of the query reads back.
    case exchange(InternalTopic)
    /// A client; `limit` ends the query after so many rows, and shown column i is the row's column `order[i]`. Rows without a value are
    /// deletions where the result is a table, and no rows where it is a stream.
    case client(limit: Int?, order: [Int])
}

/// A query that reads topics: persistent (its destination is a sink) or transient.
package struct QueryPlan: Hashable, Sendable, Codable {
    package var id: String
    package var root: Step
    package var destination: Destination
    package var resultKind: SourceKind

    package init(id: String, root: Step, destination: Destination, resultKind: SourceKind) {
        self.id = id
        self.root = root
        self.destination = destination
        self.resultKind = resultKind
    }

    /// All sources, left to right.
    package var sources: [SourceStep] {
        func collect(_ step: Step) -> [SourceStep] {
            if case .source(let source) = step { return [source] }
            return step.inputs.flatMap(collect)
        }
        return collect(root)
    }

    /// Where the query puts rows whose window is closed; nil where it keeps none.
    package var lateRows: SinkDescription? { root.lateRows?.sink }

    /// Whether the rows of the result belong to windows.
    package var isWindowed: Bool { Self.window(of: root) != nil }

    /// How the rows of a step carry windows: those of its aggregate, or of its (left) source; nil when they carry none.
    package static func window(of step: Step) -> KeyWindow? {
        switch step {
        case .source(let source): source.window
        case .aggregate(let aggregate): aggregate.window?.keyWindow
        case .rekey, .exchange, .keyed: nil
        case .filter, .project, .explode, .join: step.inputs.first.flatMap(window(of:))
        }
    }
}
