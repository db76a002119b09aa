// Rows that could not be processed become records of MILLRACE_ERRORS, in the commit that leaves them out. Counts are exact; of each task
// and cause at most a hundred records a second are written out, and the last of a commit says how many were left out. When the hundred
// are used up, a record without a row says so, at most ten times a second; what even those do not say, the next record does.

import Bytes
package import LogStore
package import Operators
package import Platform

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
    /// Records a second, a task and a cause.
    package static let samplesPerSecond = 100
    /// Records a second, a task and a cause that only tell how many were left out.
    private static let summariesPerSecond = 10

    package init(topic: TopicID, queryID: String, time: any TimeSource) {
        self.topic = topic
        self.queryID = queryID
        self.time = time
    }

    /// The records of `errors`, for the commit that leaves the rows out; `counts` says how many there were by cause, which may be more.
    /// `topicName` gives the topic that an input reads.
    package func appends(
        for errors: [RowError], counts: [RowErrorCause: Int], topicName: (_ input: Int) -> String
    ) -> [Append] {
        let causes = RowErrorCause.allCases.filter { counts[$0, default: 0] > 0 }
        guard !causes.isEmpty else { return [] }
        let now = time.wallMilliseconds()
        if now / 1000 != second {
            second = now / 1000
            written.removeAll(keepingCapacity: true)
            summaries.removeAll(keepingCapacity: true)
        }
        var records = OutgoingRecords()
        for cause in causes {
            let name = cause.rawValue
            let free = max(0, Self.samplesPerSecond - written[name, default: 0])
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
        return records.isEmpty ? [] : [Append(topic: topic, partition: 0, records: records)]
    }

    private func summary(_ cause: RowErrorCause, _ leftOut: Int) -> [UInt8] {
        var json = JSONObjectWriter()
        json.add("QUERY", queryID)
        json.add("CAUSE", cause.rawValue)
        json.add("REASON", "more rows than are written out")
        json.add("LEFT_OUT", Int64(leftOut))
        return json.finish()
    }

    private func text(_ error: RowError, source: String, leftOut: Int) -> [UInt8] {
        var json = JSONObjectWriter()
        json.add("QUERY", queryID)
        json.add("SOURCE", source)
        json.add("PARTITION", Int64(error.partition))
        json.add("OFFSET", error.offset)
        json.add("STEP", error.step)
        json.add("COLUMN", error.column)
        json.add("CAUSE", error.cause.rawValue)
        json.add("REASON", error.message)
        json.add("RAW", error.raw.map { String(decoding: base64($0), as: UTF8.self) })
        json.add("LEFT_OUT", Int64(leftOut))
        return json.finish()
    }
}

/// Writes one flat JSON object.
struct JSONObjectWriter {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    mutating func add(_ name: String, _ text: String?) {
        begin(name)
        guard let text else {
            bytes += Array("null".utf8)
            return
        }
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes += Array("\\\"".utf8)
            case UInt8(ascii: "\\"): bytes += Array("\\\\".utf8)
            case UInt8(ascii: "\n"): bytes += Array("\\n".utf8)
            case UInt8(ascii: "\t"): bytes += Array("\\t".utf8)
            case 0..<32:
                let hex = String(byte, radix: 16)
                bytes += Array(("\\u00" + (hex.utf8.count == 1 ? "0" : "") + hex).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func add(_ name: String, _ number: Int64) {
        begin(name)
        bytes += Array(String(number).utf8)
    }

    private mutating func begin(_ name: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        bytes += Array("\"\(name)\":".utf8)
    }

    mutating func finish() -> [UInt8] {
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
