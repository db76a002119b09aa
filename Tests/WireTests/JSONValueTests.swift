import Diagnostics
import JSONText
import Testing
import Wire

@Suite struct JSONValueTests {
    @Test(arguments: [
        "null", "true", "[]", "{}", "[1,-0.50,1E+2,12345678901234567890.10]", "{\"b\":1,\"a\":[{\"c\":\"\"}],\"b\":2}",
        "\"\\\"\\\\ \\n\\r\\t\\u0001\\u007f é 😀\"",
    ])
    func textIsKeptExactly(text: String) throws {
        #expect(try JSONValue(parsing: text).text == text)
    }

    @Test func escapesAreRead() throws {
        #expect(try JSONValue(parsing: #""\u00e9\ud83d\ude00\/\b\f\ud800x""#).stringValue == "é😀/\u{8}\u{C}\u{FFFD}x")
    }

    @Test func commentsAreAnOption() throws {
        let text = "// head\n{ /* a */ \"a\" : /**/ 1, // tail\n \"u\": \"http://x/*y*/\" }\n/* end */"
        #expect(try JSONValue(parsing: text, allowsComments: true).text == "{\"a\":1,\"u\":\"http://x/*y*/\"}")
        #expect(throws: Diagnostic.self) { try JSONValue(parsing: text) }
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "[1 2]", "01", "-", "1.", ".5", "1e", "+1", "nul", "tru", "\"a", "\"\\x\"", "\"\\u12\"",
        "\"\n\"", "[1]]", "NaN", "'a'", "{\"a\" 1}", "\u{FEFF}1", "/* open",
    ])
    func mistakesAreErrorsWithAPlace(text: String) {
        do throws(Diagnostic) {
            _ = try JSONValue(parsing: text, allowsComments: text.hasPrefix("/*"))
            Issue.record("\(text) should not parse")
        } catch {
            #expect(error.code == .invalidJSON && error.range != nil)
        }
    }

    @Test func placesCountLinesAndColumns() {
        do throws(Diagnostic) {
            _ = try JSONValue(parsing: "{\n  \"é\": ?}")
        } catch {
            #expect(error.range?.line == 2 && error.range?.column == 8)
        }
    }

    @Test func depthIsLimited() {
        #expect(throws: Diagnostic.self) { try JSONValue(parsing: String(repeating: "[", count: 1 << 20)) }
        let fine = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        #expect(throws: Never.self) { try JSONValue(parsing: fine) }
    }

    @Test func invalidUTF8IsAnError() {
        #expect(throws: Diagnostic.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22][...]) }
    }

    @Test func lookUps() throws {
        let value = try JSONValue(parsing: #"{"a":[1,"x",true,null],"n":1.5}"#)
        #expect(value["a"]?[0]?.intValue == 1 && value["a"]?[1]?.stringValue == "x" && value["a"]?[2]?.booleanValue == true)
        #expect(value["a"]?[3]?.isNull == true && value["a"]?[4] == nil && value["z"] == nil && value[0] == nil)
        #expect(value["n"]?.intValue == nil && value["n"]?.doubleValue == 1.5 && value["n"]?.numberText == "1.5")
        #expect(value.objectValue?.map(\.name) == ["a", "n"])
    }
}
