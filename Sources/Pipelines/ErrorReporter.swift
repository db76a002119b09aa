// Rows that could not be processed become records of MILLRACE_ERRORS, in the commit that leaves them out. Counts are exact; of each
// query and cause at most a hundred records a second are written out, and the next one says how many were left out.

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
    private var leftOut: [String: Int] = [:]
    /// Records a second, a query and a cause.
    package static let samplesPerSecond = 100

    package init(topic: TopicID, queryID: String, time: any TimeSource) {
        self.topic = topic
        self.queryID = queryID
        self.time = time
    }

    /// The records of `errors`, for the commit that leaves the rows out. `topicName` gives the topic that an input reads.
    package func appends(for errors: [RowError], topicName: (_ input: Int) -> String) -> [Append] {
        guard !errors.isEmpty else { return [] }
        let now = time.wallMilliseconds()
        if now / 1000 != second {
            second = now / 1000
            written.removeAll(keepingCapacity: true)
        }
        var records = OutgoingRecords()
        for error in errors {
            let cause = error.cause.rawValue
            guard written[cause, default: 0] < Self.samplesPerSecond else {
                leftOut[cause, default: 0] += 1
                continue
            }
            written[cause, default: 0] += 1
            let record = text(error, source: topicName(error.input), leftOut: leftOut.removeValue(forKey: cause) ?? 0)
            records.append(key: nil, value: record, timestamp: now)
        }
        return records.isEmpty ? [] : [Append(topic: topic, partition: 0, records: records)]
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
