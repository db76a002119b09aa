// Bodies of the functions over JSON in STRINGs. Only the first value of a text counts; what follows it is ignored.

import Bytes
import Values

extension FunctionLibrary {
    static let json: [FunctionBody] = [
        FunctionBody("EXTRACTJSONFIELD", [.string, .string], .prepared { _, _ in extractField() }),
        FunctionBody("IS_JSON_STRING", [.string], nulls: .seen, .prepared { _, _ in isJSON() }),
        FunctionBody(
            "TO_JSON_STRING", nulls: .seen, accepts: { $0.count == 1 },
            .vectorised { call in
                call.texts { row, bytes in
                    call.arguments[0].appendJSON(row, to: &bytes)
                    return true
                }
            }),
        FunctionBody("JSON_CONCAT", accepts: { !$0.isEmpty && $0.allSatisfy { $0 == .string } }, .vectorised(concatenateDocuments)),
        FunctionBody("JSON_KEYS", [.string], .prepared { _, _ in keys() }),
        FunctionBody("JSON_RECORDS", [.string], .prepared { _, _ in records() }),
    ]

    private static func extractField() -> (FunctionCall) -> Void {
        let scratch = JSONScratch()
        let paths = Recent<JSONPath>()
        return { call in
            call.texts { row, bytes throws(EvaluationError) in
                let path = try paths.get(call.arguments[1].text(row), JSONPath.init)
                return try scratch.read(call.arguments[0].text(row)) { value throws(EvaluationError) in
                    guard let value, let found = path.find(value) else { return false }
                    try CompactJSON.appendContent(found, to: &bytes)
                    return true
                }
            }
        }
    }

    private static func isJSON() -> (FunctionCall) -> Void {
        let scratch = JSONScratch()
        return { call in
            call.words { row in
                if call.isNull(0, row) || call.isCancelled { return 0 }
                do throws(EvaluationError) {
                    return try scratch.read(call.arguments[0].text(row)) { $0 != nil ? 1 : 0 }
                } catch {
                    // The question is just whether the text can be read.
                    return 0
                }
            }
        }
    }

    /// Objects are merged, the later value of a name standing at the place of the first; anything else becomes one array.
    private static func concatenateDocuments(_ call: FunctionCall) {
        call.texts { row, bytes throws(EvaluationError) in
            let texts = call.arguments.map { $0.text(row) }
            return try read(texts[...], []) { documents throws(EvaluationError) in
                guard let documents else { return false }
                if documents.count == 1 {
                    try CompactJSON.append(documents[0], .plain, to: &bytes)
                } else if documents.allSatisfy(\.isObject) {
                    try CompactJSON.appendObject(merged(documents, unless: call.frame.pressure.cancel), .plain, to: &bytes)
                } else {
                    try appendJoined(documents, to: &bytes)
                }
                return true
            }
        }
    }

    /// Gives `body` all documents at once, or nil when one is blank.
    private static func read<R>(
        _ texts: ArraySlice<ArraySlice<UInt8>>, _ documents: [JSONCursor], _ body: ([JSONCursor]?) throws(EvaluationError) -> R
    ) throws(EvaluationError) -> R {
        guard let text = texts.first else { return try body(documents) }
        return try JSONScratch().read(text) { value throws(EvaluationError) in
            guard let value else { return try body(nil) }
            return try read(texts.dropFirst(), documents + [value], body)
        }
    }

    private static func merged(_ documents: [JSONCursor], unless cancel: CancelFlag) -> [(name: [UInt8], value: JSONCursor)] {
        var members: [(name: [UInt8], value: JSONCursor)] = []
        var places: [[UInt8]: Int] = [:]
        for member in documents.flatMap({ $0.uniqueMembers(unless: cancel) }) {
            if let place = places[member.name] {
                members[place].value = member.value
            } else {
                places[member.name] = members.count
                members.append(member)
            }
        }
        return members
    }

    private static func appendJoined(_ documents: [JSONCursor], to bytes: inout [UInt8]) throws(EvaluationError) {
        var elements: [JSONCursor] = []
        for document in documents {
            if document.isArray {
                document.forEachElement {
                    elements.append($0)
                    return true
                }
            } else {
                elements.append(document)
            }
        }
        bytes.append(0x5B)
        for (place, element) in elements.enumerated() {
            if place > 0 { bytes.append(0x2C) }
            try CompactJSON.append(element, .plain, to: &bytes)
        }
        bytes.append(0x5D)
    }

    private static func keys() -> (FunctionCall) -> Void {
        let scratch = JSONScratch()
        return { call in
            call.lists { row, children throws(EvaluationError) in
                try scratch.read(call.arguments[0].text(row)) { value in
                    guard let value, value.isObject else { return false }
                    for member in value.uniqueMembers(unless: call.frame.pressure.cancel) {
                        children[0].setText(children[0].appendRow(), member.name)
                    }
                    return true
                }
            }
        }
    }

    private static func records() -> (FunctionCall) -> Void {
        let scratch = JSONScratch()
        return { call in
            call.lists { row, children throws(EvaluationError) in
                try scratch.read(call.arguments[0].text(row)) { value throws(EvaluationError) in
                    guard let value, value.isObject else { return false }
                    for (place, member) in value.uniqueMembers(unless: call.frame.pressure.cancel).enumerated() {
                        if call.isCancelled(at: place) { return false }
                        children[0].setText(children[0].appendRow(), member.name)
                        var content: [UInt8] = []
                        try CompactJSON.appendContent(member.value, to: &content)
                        children[1].setText(children[1].appendRow(), content)
                    }
                    return true
                }
            }
        }
    }
}
