// The server's writing end: answers to bytes. Whatever belongs together is appended to one buffer, so that a batch of rows leaves in one
// write. Each request is answered by any number of lines and exactly one `+` or `-`.

package import Bytes
package import Diagnostics
package import JSONText

/// The first byte of an answer line.
package enum AnswerKind: UInt8, Hashable, Sendable, CaseIterable {
    case connection = 0x2A  // *
    case columns = 0x3D  // =
    case row = 0x3A  // :
    case deletedRow = 0x21  // !
    case progress = 0x7E  // ~
    case notice = 0x3F  // ?
    case done = 0x2B  // +
    case failed = 0x2D  // -
}

/// Writes answer lines into a buffer: the kind, `#tag` if the request had one, a blank, the payload.
package struct AnswerEncoder: Sendable {
    /// What was written and not taken yet.
    package private(set) var bytes: [UInt8] = []

    package init() {}

    /// Hands over what was written and starts again with an empty buffer.
    package mutating func take() -> [UInt8] {
        let result = bytes
        bytes = []
        return result
    }

    /// `* MILLRACE/1 {…}`, the first line of every connection.
    package mutating func greeting(_ facts: JSONValue) {
        line(.connection, nil, "MILLRACE/\(WireLimits.protocolVersion) " + facts.text)
    }

    /// `* PING`, so that routers and clients know that a silent connection lives.
    package mutating func heartbeat() { line(.connection, nil, "PING") }

    /// `= {"columns":[…],"kind":…}`
    package mutating func columns(_ header: JSONValue, tag: String?) { line(.columns, tag, header.text) }

    /// `: […]` or `! […]` for each row. A row that is longer than the protocol allows is left out; gives the indices of those.
    @discardableResult
    package mutating func rows(_ block: RowBlock, tag: String?) -> [Int] {
        var leftOut: [Int] = []
        let prefix = Array((tag.map { "#" + $0 } ?? "").utf8) + [0x20]
        bytes.makeRoom(for: block.bytes.count + block.rows.count * (prefix.count + 2))
        for index in block.rows.indices {
            guard Int(block.rows[index].length) <= WireLimits.rowBytes else {
                leftOut.append(index)
                continue
            }
            bytes.append(block.isDeleted(index) ? AnswerKind.deletedRow.rawValue : AnswerKind.row.rawValue)
            bytes.append(contentsOf: prefix)
            bytes.append(contentsOf: block.row(index))
            bytes.append(0x0A)
        }
        return leftOut
    }

    /// `~ {…}`: how far a long request is.
    package mutating func progress(_ facts: JSONValue, tag: String?) { line(.progress, tag, facts.text) }

    /// `? {"message":…}`: something the user should know that is no error.
    package mutating func notice(_ facts: JSONValue, tag: String?) { line(.notice, tag, facts.text) }

    /// `+ {…}`, the end of an answer.
    package mutating func done(_ facts: JSONValue, tag: String?) { line(.done, tag, facts.text) }

    /// `- CODE {"message":…}`, the end of an answer to something that failed.
    package mutating func failed(_ diagnostic: Diagnostic, tag: String?) {
        line(.failed, tag, diagnostic.code.rawValue + " " + diagnostic.json.text)
    }

    private mutating func line(_ kind: AnswerKind, _ tag: String?, _ payload: String) {
        bytes.append(kind.rawValue)
        if let tag {
            bytes.append(UInt8(ascii: "#"))
            bytes.append(contentsOf: tag.utf8)
        }
        bytes.append(0x20)
        bytes.append(contentsOf: payload.utf8)
        bytes.append(0x0A)
    }
}

extension Diagnostic {
    /// The object of a `-` line. Absent facts have no member.
    package var json: JSONValue {
        var members = [JSONValue.Member("message", .string(message))]
        if let range {
            members.append(JSONValue.Member("line", .number(String(range.line))))
            members.append(JSONValue.Member("column", .number(String(range.column))))
            members.append(JSONValue.Member("start", .number(String(range.start))))
            members.append(JSONValue.Member("end", .number(String(range.end))))
        }
        if let hint { members.append(JSONValue.Member("hint", .string(hint))) }
        if let statement { members.append(JSONValue.Member("statement", .string(statement))) }
        members.append(JSONValue.Member("category", .string(category.rawValue)))
        return .object(members)
    }

    /// The diagnostic of a `-` line; what is missing or unknown there is filled with what is safe to assume.
    package init(code: String, json: JSONValue) {
        let known = ErrorCode(rawValue: code)
        let message = json["message"]?.stringValue ?? "the server gave no reason"
        self.init(
            known ?? .statementError, known == nil ? "\(message) [\(code)]" : message,
            category: json["category"]?.stringValue.flatMap(DiagnosticCategory.init) ?? .general, hint: json["hint"]?.stringValue,
            statement: json["statement"]?.stringValue)
        if let line = json["line"]?.intValue, let column = json["column"]?.intValue {
            let start = json["start"]?.intValue ?? 0
            range = SourceRange(start: start, end: json["end"]?.intValue ?? start, line: line, column: column)
        }
    }
}
