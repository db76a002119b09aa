// The server's log in words: `event=NAME key=value …`, one event a line, so that programs can take it apart again.

/// A line of the server's log. A value that is more than one plain word stands in quotes, with quotes, backslashes and control characters
/// inside it escaped: whatever it is, it stays one value on one line.
package func logText(_ event: String, _ fields: KeyValuePairs<String, String>) -> String {
    var line = "event=\(event)"
    for (key, value) in fields { line += " \(key)=\(logValue(value))" }
    return line
}

private func logValue(_ value: String) -> String {
    let isPlain = value.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "["),
            UInt8(ascii: "]"):
            true
        default: false
        }
    }
    if isPlain && !value.isEmpty { return value }
    var text = "\""
    for scalar in value.unicodeScalars {
        switch scalar {
        case "\"", "\\": text += "\\\(scalar)"
        case "\n": text += "\\n"
        case "\r": text += "\\r"
        case "\t": text += "\\t"
        case _ where scalar.value < 0x20 || scalar.value == 0x7F: text += "\\u{" + String(scalar.value, radix: 16) + "}"
        default: text.unicodeScalars.append(scalar)
        }
    }
    return text + "\""
}
