// What a server learns from the bytes of a client.

package import Bytes
package import Diagnostics
package import Sessions

/// A request or a piece of one. `tag` is the text behind `#`, or nil for a request without tag; answers carry it back.
package enum RequestEvent: Hashable, Sendable {
    /// A statement with its `;`, or a counted text that may hold several.
    case statement(tag: String?, text: String, positions: PositionWish = .none)
    /// `.ping`
    case ping(tag: String?)
    /// `.cancel [id]`; without an id the untagged request is meant.
    case cancel(tag: String?, target: String?)
    /// `.auth …`: the rest of the line.
    case authenticate(tag: String?, text: String)
    /// `.set KEY VALUE`
    case set(tag: String?, key: String, value: String)
    /// `.status`
    case status(tag: String?)
    /// `.help`
    case help(tag: String?)
    /// `.quit`
    case quit(tag: String?)
    /// `.put STREAM FORMAT`: records follow until `putEnded` or `putAborted`.
    case putBegan(tag: String?, stream: String, format: String)
    /// Records of the `.put` under way.
    case putRecords(RecordLines)
    /// `.end`
    case putEnded
    /// The `.put` under way cannot go on; it is to be answered with this error. What came before stands.
    case putAborted(Diagnostic)
    /// A line that asks nothing by itself: blank, a comment, or a part of a statement. It stops an untagged push query.
    case interrupt
    /// Something that is no request; it is to be answered with this error, and reading goes on.
    case refused(tag: String?, Diagnostic)
    /// The bytes of another protocol, or a request behind which nothing could be read: answer with this error and close.
    case foreign(Diagnostic)
    /// The client will send no more. What runs is finished.
    case endOfRequests
}

/// Records of a `.put`, one a line: one buffer and a range for each, never one object a record.
package struct RecordLines: Hashable, Sendable {
    /// The lines; what lies outside the ranges is no record.
    package var bytes: [UInt8]
    /// Where each record lies in `bytes`.
    package var records: [ByteRange]
    /// The line number of the first record, from 1 at the line behind `.put`.
    package var firstLine: Int

    package init(bytes: [UInt8] = [], records: [ByteRange] = [], firstLine: Int = 1) {
        self.bytes = bytes
        self.records = records
        self.firstLine = firstLine
    }

    /// Whether there are no records.
    package var isEmpty: Bool { records.isEmpty }

    /// The bytes of one record.
    package subscript(index: Int) -> ArraySlice<UInt8> {
        let range = records[index]
        return bytes[Int(range.start)..<Int(range.start + range.length)]
    }
}
