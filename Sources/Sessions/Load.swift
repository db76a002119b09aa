// The parameters and the result of a bulk load: the format of its lines, and a report of what is durable.
package import Quantities

/// How the lines of a bulk load are written.
package enum IngestFormat: String, Hashable, Sendable, CaseIterable {
    /// A JSON object a line, with a member for each column, key columns among them.
    case json
    /// The columns in declared order, key columns first, with quotes where they are needed.
    case csv
    /// The whole line is the one text column.
    case line
    /// A record of Avro, in base64, behind the registry's header: a zero and the number of its schema. Its fields go to the columns of their
    /// names, key columns among them.
    case avro
    /// The same with a message of Protocol Buffers.
    case protobuf
    /// The same with a document of JSON.
    case jsonSR = "json_sr"
    /// A message of Protocol Buffers, in base64, by the schema of the source's values and without a header.
    case message = "protobuf_nosr"
}

/// What DESCRIBE says of a key that a table makes for each row: a load need not have it, and lines of fields do not.
package let ownKeyRemark = "primary key, made for each row"

/// Why a line of a load is no record.
package struct IngestProblem: Hashable, Sendable {
    /// From 1.
    package var line: Int
    package var reason: String
    /// Of several files the one that the line is in, in which it is counted; nil where there is one, or none.
    package var file: String?

    package init(line: Int, reason: String) {
        self.line = line
        self.reason = reason
    }
}

/// Where the records of a load stand in one partition: others' may stand between them.
package struct IngestOffsets: Hashable, Sendable {
    package var partition: PartitionIndex
    package var first: Offset
    package var last: Offset

    package init(partition: PartitionIndex, first: Offset, last: Offset) {
        self.partition = partition
        self.first = first
        self.last = last
    }
}

/// What has become of a load so far.
package struct IngestReport: Hashable, Sendable {
    /// Durable records.
    package var records = 0
    /// Lines that are no rows of the stream.
    package var rejected = 0
    /// Lines that an earlier load of the same name has taken, and this one not again.
    package var before = 0
    /// The first of those.
    package var firstProblem: IngestProblem?
    /// The last of those so far.
    package var latestProblem: IngestProblem?
    /// For each partition that got records, in order.
    package var offsets: [IngestOffsets] = []

    package init() {}

    /// The report in words: `3 records, 1 line rejected (line 2: malformed JSON)`.
    package var sentence: String {
        var text = records == 1 ? "1 record" : "\(records) records"
        if rejected > 0 { text += rejected == 1 ? ", 1 line rejected" : ", \(rejected) lines rejected" }
        if before > 0 { text += before == 1 ? ", 1 line was taken before" : ", \(before) lines were taken before" }
        if let firstProblem {
            text += rejected == 1 ? " (line " : " (first: line "
            text += "\(firstProblem.line)\(firstProblem.file.map { " of \($0)" } ?? ""): \(firstProblem.reason))"
        }
        return text
    }
}
