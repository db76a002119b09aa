// Rows that could not be processed become records of MILLRACE_ERRORS, in the commit that leaves them out. Counts are exact; of each task
// and cause at most a hundred records a second are written out, and the last of a commit says how many were left out. When the hundred
// are used up, a record without a row says so, at most ten times a second; what even those do not say, a later commit does.

import Bytes
import JSONText
package import LogStore
package import Operators
package import Platform
import Quantities

/// The topic, and the stream, of rows that could not be processed.
package let errorsTopic = "MILLRACE_ERRORS"

/// Writes the error records of one task.
package final class ErrorReporter {
    private let topic: TopicID
    private let queryID: String
    private let time: any TimeSource
    private var second: Int64 = 0
    private var written: [String: Int] = [:]
    private var summaries: [String: Int] = [:]
    private var leftOut: [String: Int] = [:]
    /// Records a second, a task and a cause, of those who are told no other number.
    package static let samplesPerSecond = 100
    private let samplesPerSecond: Int
    /// Bytes of a bad record that are written out; of a longer one, its beginning.
    package static let rawBytes = 64 << 10
    /// Records a second, a task and a cause that only tell how many were left out.
    private static let summariesPerSecond = 10

    package init(topic: TopicID, queryID: String, time: any TimeSource, samplesPerSecond: Int = ErrorReporter.samplesPerSecond) {
        self.samplesPerSecond = samplesPerSecond
        self.topic = topic
        self.queryID = queryID
        self.time = time
    }

    /// The records of `errors`, for the commit that leaves the rows out; `counts` says how many there were by cause, which may be more.
    /// `topicName` gives the topic that an input reads.
    package func appends(
        for errors: [RowError], counts: [RowErrorCause: Int], topicName: (_ input: Int) -> String
    ) -> [Append] {
        // What an earlier commit could not tell any more, this one does, also when it leaves nothing out itself.
        let causes = RowErrorCause.allCases.filter { counts[$0, default: 0] > 0 || leftOut[$0.rawValue, default: 0] > 0 }
        guard !causes.isEmpty else { return [] }
        // A query that reads these records would meet what it writes here again, and fail again: what it leaves out is counted, and shows in
        // its description, but is no record.
        if errors.contains(where: { topicName($0.input) == errorsTopic }) { return [] }
        let now = time.wallMilliseconds()
        if now / 1000 != second {
            second = now / 1000
            written.removeAll(keepingCapacity: true)
            summaries.removeAll(keepingCapacity: true)
        }
        var records = OutgoingRecords()
        for cause in causes {
            let name = cause.rawValue
            let free = max(0, samplesPerSecond - written[name, default: 0])
            let sample = errors.filter { $0.cause == cause }.prefix(free)
            written[name, default: 0] += sample.count
            leftOut[name, default: 0] += counts[cause, default: 0] - sample.count
            for (index, error) in sample.enumerated() {
                let isLast = index == sample.count - 1
                let count = isLast ? leftOut.removeValue(forKey: name) ?? 0 : 0
                records.append(key: nil, value: text(error, source: topicName(error.input), leftOut: count), timestamp: now)
            }
            guard sample.isEmpty, summaries[name, default: 0] < Self.summariesPerSecond else { continue }
            summaries[name, default: 0] += 1
            records.append(key: nil, value: summary(cause, leftOut.removeValue(forKey: name) ?? 0), timestamp: now)
        }
        return records.isEmpty ? [] : [Append(topic: topic, partition: .first, records: records)]
    }

    /// A record for each cause of which something is left out that no record has told, for the last commit of what makes the errors.
    package func remainder() -> [Append] {
        let now = time.wallMilliseconds()
        var records = OutgoingRecords()
        for cause in RowErrorCause.allCases {
            guard let count = leftOut.removeValue(forKey: cause.rawValue), count > 0 else { continue }
            records.append(key: nil, value: summary(cause, count), timestamp: now)
        }
        return records.isEmpty ? [] : [Append(topic: topic, partition: .first, records: records)]
    }

    private func summary(_ cause: RowErrorCause, _ leftOut: Int) -> [UInt8] {
        let reason = "more rows than are written out"
        let fields: JSONValue = [
            "QUERY": .string(queryID), "CAUSE": .string(cause.rawValue), "REASON": .string(reason),
            "LOGGER": .string("processing.\(queryID)"), "LEVEL": "ERROR", "TIME": .integer(Int(time.wallMilliseconds())),
            "MESSAGE": ProcessingLogMessage(cause: cause, text: "\(leftOut) \(reason)", topic: nil, raw: nil).json,
            "LEFT_OUT": .integer(leftOut),
        ]
        return fields.bytes
    }

    private func text(_ error: RowError, source: String, leftOut: Int) -> [UInt8] {
        let raw = error.raw.map { Base64.text(of: Array($0.prefix(Self.rawBytes))) }
        let fields: JSONValue = [
            "QUERY": .string(queryID), "SOURCE": .string(source), "PARTITION": .integer(error.partition?.count ?? -1),
            "OFFSET": .integer(error.offset?.count ?? -1), "STEP": .string(error.step), "COLUMN": .optional(error.column),
            "CAUSE": .string(error.cause.rawValue),
            "REASON": .string(error.message), "RAW": .optional(raw),
            "LOGGER": .string("processing.\(queryID).\(error.step)"), "LEVEL": "ERROR", "TIME": .integer(Int(time.wallMilliseconds())),
            "MESSAGE": ProcessingLogMessage(cause: error.cause, text: error.message, topic: source, raw: raw).json,
            "LEFT_OUT": .integer(leftOut),
        ]
        return fields.bytes
    }
}

/// What a record has for those who read it as ksqlDB's processing log: its MESSAGE, in which one of five kinds of errors is filled.
private struct ProcessingLogMessage {
    let cause: RowErrorCause
    let text: String
    let topic: String?
    /// The bytes of the key or value, as Base64.
    let raw: String?

    var json: JSONValue {
        let causes: JSONValue = .array([.string(cause.rawValue)])
        switch cause {
        case .keyDeserialization, .valueDeserialization:
            return [
                "TYPE": .integer(0),
                "DESERIALIZATIONERROR": [
                    "TARGET": .string(cause == .keyDeserialization ? "key" : "value"), "ERRORMESSAGE": .string(text),
                    "RECORDB64": .optional(raw), "CAUSE": causes, "TOPIC": .optional(topic),
                ],
            ]
        case .serialization:
            return [
                "TYPE": .integer(3),
                "SERIALIZATIONERROR": ["TARGET": "value", "ERRORMESSAGE": .string(text), "CAUSE": causes, "TOPIC": .optional(topic)],
            ]
        case .nullKey, .nullValue, .timestamp, .expression, .nullGroup, .late, .future, .skipped, .tooLarge:
            return ["TYPE": .integer(1), "RECORDPROCESSINGERROR": ["ERRORMESSAGE": .string(text), "CAUSE": causes]]
        }
    }
}
