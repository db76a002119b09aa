// Values as SQL shows them when they become STRING.

import Bytes
import Values

extension Column {
    /// Appends the text of the value at `row`, which is not NULL: `true`, `12`, `1.0E10`, `[1, null]`, `{a=1}`, `Struct{F=1,g=x}`.
    func appendText(_ row: Int, to bytes: inout [UInt8]) {
        switch type {
        case .boolean: bytes.append(contentsOf: (words[row] != 0 ? "true" : "false").utf8)
        case .integer, .bigint: NumberText.append(words[row], to: &bytes)
        case .double: NumberText.append(doubles[row], to: &bytes)
        case .decimal(_, let scale): NumberText.append(wides[row], scale: scale, to: &bytes)
        case .string: bytes.append(contentsOf: text(row))
        case .bytes: Base64.append(text(row), to: &bytes)
        case .time: TemporalText.append(time: words[row], to: &bytes)
        case .date: TemporalText.append(date: words[row], to: &bytes)
        case .timestamp: TemporalText.append(timestamp: words[row], to: &bytes)
        case .array:
            bytes.append(UInt8(ascii: "["))
            for (place, element) in elements(row).enumerated() {
                if place > 0 { bytes.append(contentsOf: ", ".utf8) }
                children[0].appendTextOrNull(element, to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .map:
            bytes.append(UInt8(ascii: "{"))
            for (place, entry) in elements(row).enumerated() {
                if place > 0 { bytes.append(contentsOf: ", ".utf8) }
                children[0].appendTextOrNull(entry, to: &bytes)
                bytes.append(UInt8(ascii: "="))
                children[1].appendTextOrNull(entry, to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        case .structure(let fields):
            bytes.append(contentsOf: "Struct{".utf8)
            var isFirst = true
            for (field, child) in zip(fields, children) where !child.isNull(row) {
                if !isFirst { bytes.append(UInt8(ascii: ",")) }
                isFirst = false
                bytes.append(contentsOf: field.name.utf8)
                bytes.append(UInt8(ascii: "="))
                child.appendText(row, to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private func appendTextOrNull(_ row: Int, to bytes: inout [UInt8]) {
        if isNull(row) { bytes.append(contentsOf: "null".utf8) } else { appendText(row, to: &bytes) }
    }
}
