// Functions over JSON and URLs in strings.

import Functions
import Operators
import Testing
import Values

@Suite struct FunctionsDocumentTests {
    private func extract(_ json: String, _ path: String) -> Cell {
        call("EXTRACTJSONFIELD", Cell(.string(json), .string), Cell(.string(path), .string))
    }
    private func text(_ text: String) -> Cell { Cell(.string(text), .string) }

    @Test func extracting() {
        let log = #"{"@type":"x","array":[1, 2.50, "é\n"],"b":{"c d":true, "e":null},"n":1e3,"m":1.23450,"a":1,"a":{"z":"\u0041/"}}}"#
        #expect(extract(log, "$.@type") == "x")
        #expect(extract(log, "$.array[1]") == "2.50")
        #expect(extract(log, "$.array.2") == "é\n")
        #expect(extract(log, "$.array") == text(#"[1,2.50,"é\n"]"#))
        #expect(extract(log, "$.array[-1]") == .failure)
        #expect(extract(log, "$.array.x") == nil)
        #expect(extract(log, "$.array[9]") == nil)
        #expect(extract(log, #"$.b["c d"]"#) == "true")
        #expect(extract(log, "$[b][e]") == "null")
        #expect(extract(log, "$.b.q") == nil)
        #expect(extract(log, "$.n") == "1E+3")
        #expect(extract(log, "$.m") == "1.23450")
        #expect(extract(log, "$.a") == text(#"{"z":"A/"}"#))
        #expect(extract("[1 , 2]x", "$") == "[1,2]")
        #expect(extract("-0.0", "$") == "0.0")
        #expect(extract("0.00000001", "$") == "1E-8")
        #expect(extract("", "$") == nil)
        for path in ["a", "", "$.", "$..a", "$.*", "$[", #"$["a]"#] { #expect(extract("{}", path) == .failure, "\(path)") }
        for json in ["{", "{'a':1}", "[01]", "[1,]", "\u{1}", "1abc", "1,", "truex", #""\x""#] {
            #expect(extract(json, "$") == .failure, "\(json)")
        }
    }

    @Test func recognising() {
        for json in ["1", #""abc""#, "null", "[1, 2, 3]", #"{"a":1}}"#, "[1]x", "1 2", "null,"] {
            #expect(call("IS_JSON_STRING", text(json)) == true)
        }
        for json in ["", " ", "abc", "[", "1]"] { #expect(call("IS_JSON_STRING", text(json)) == false) }
        #expect(call("IS_JSON_STRING", nil) == false)
    }

    @Test func arrays() {
        #expect(call("JSON_ARRAY_LENGTH", "[1, [2,3], {}]") == 3)
        #expect(call("JSON_ARRAY_LENGTH", "[]") == 0)
        #expect(call("JSON_ARRAY_LENGTH", "{}") == nil)
        #expect(call("JSON_ARRAY_LENGTH", "") == nil)
        #expect(call("JSON_ARRAY_LENGTH", "[") == .failure)
        #expect(call("JSON_ITEMS", #"["a", null, 1.50, {"b": [1]}]"#) == Cell(array: [text(#""a""#), "null", "1.50", text(#"{"b":[1]}"#)]))
        #expect(call("JSON_ITEMS", "{}") == .failure)
        #expect(call("JSON_ITEMS", "") == .failure)
        #expect(call("JSON_ARRAY_CONTAINS", "[1, 2, 3]", 2) == true)
        #expect(call("JSON_ARRAY_CONTAINS", "[1, 2.0, 3]", 2.0) == true)
        #expect(call("JSON_ARRAY_CONTAINS", "[1, 2]", 2.0) == false)
        #expect(call("JSON_ARRAY_CONTAINS", "[1.5]", decimal("1.5", 2, 1)) == false)
        #expect(call("JSON_ARRAY_CONTAINS", "[[1]]", 1) == false)
        #expect(call("JSON_ARRAY_CONTAINS", #"["a"]"#, "a") == true)
        #expect(call("JSON_ARRAY_CONTAINS", "[true]", true) == true)
        #expect(call("JSON_ARRAY_CONTAINS", "[null]", nil) == true)
        #expect(call("JSON_ARRAY_CONTAINS", "[1", 1) == true)
        #expect(call("JSON_ARRAY_CONTAINS", "[99999999999, 1]", 1) == false)
        #expect(call("JSON_ARRAY_CONTAINS", "{}", 1) == false)
        #expect(call("JSON_ARRAY_CONTAINS", nil, 1) == .failure)
    }

    @Test func objects() {
        #expect(call("JSON_KEYS", #"{"b":1, "a":{"c":2}, "b":3}"#) == ["b", "a"])
        #expect(call("JSON_KEYS", "{}") == Cell(.array([]), nil))
        #expect(call("JSON_KEYS", "[]") == nil)
        #expect(call("JSON_RECORDS", #"{"a":"x","b":null,"c":[1, 2]}"#) == ["a": "x", "b": "null", "c": "[1,2]"])
        #expect(call("JSON_CONCAT", #"{"b":1,"a":2}"#, #"{"c":1,"b":9}"#) == text(#"{"b":9,"a":2,"c":1}"#))
        #expect(call("JSON_CONCAT", "null", "null") == "[null,null]")
        #expect(call("JSON_CONCAT", "[1, 2]", #"{"a":1}"#) == text(#"[1,2,{"a":1}]"#))
        #expect(call("JSON_CONCAT", "[1e3]") == "[1000]")
        #expect(call("JSON_CONCAT", "1", "") == nil)
        #expect(call("JSON_CONCAT", "1", nil) == nil)
        #expect(call("JSON_CONCAT", "1e999999999", "2") == .failure)
    }

    @Test func writing() {
        #expect(call("TO_JSON_STRING", nil) == "null")
        #expect(
            call("TO_JSON_STRING", structure(("b", ["y": 1, "x": nil]), ("A", [1.0, 1e10])))
                == text(#"{"A":[1.0,1.0E10],"b":{"x":null,"y":1}}"#))
        #expect(call("TO_JSON_STRING", bytes(1)) == text(#""AQ==""#))
        #expect(call("TO_JSON_STRING", date(1000)) == text(#""1972-09-27""#))
        #expect(call("TO_JSON_STRING", time(60_220_500)) == text(#""16:43:40""#))
        #expect(call("TO_JSON_STRING", time(60_180_000)) == text(#""16:43""#))
        #expect(call("TO_JSON_STRING", timestamp(60_220_000_000)) == text(#""1971-11-28T23:46:40.000""#))
        #expect(call("TO_JSON_STRING", decimal("0.10", 4, 2)) == "0.10")
        #expect(call("TO_JSON_STRING", .init(floatLiteral: .nan)) == text(#""NaN""#))
        #expect(call("TO_JSON_STRING", "a\"\u{1}é/") == text(#""a\"\u0001é/""#))
    }

    @Test func parameters() {
        #expect(call("URL_ENCODE_PARAM", "?foo $bar~'é*") == "%3Ffoo+%24bar%7E%27%C3%A9*")
        #expect(call("URL_DECODE_PARAM", "%3Ffoo+%24bar%C3%A9") == "?foo $baré")
        #expect(call("URL_DECODE_PARAM", "%4") == .failure)
        #expect(call("URL_DECODE_PARAM", "a%zz") == .failure)
        let url: Cell = "https://u:p@docs.confluent.io:8080/current/k%20s+ql?a=1%26b=2&flag&c=x=y#frag%C3%A9"
        #expect(call("URL_EXTRACT_PARAMETER", url, "a") == "1")
        #expect(call("URL_EXTRACT_PARAMETER", url, "b") == "2")
        #expect(call("URL_EXTRACT_PARAMETER", url, "flag") == "")
        #expect(call("URL_EXTRACT_PARAMETER", url, "c") == "x=y")
        #expect(call("URL_EXTRACT_PARAMETER", url, "A") == nil)
        #expect(call("URL_EXTRACT_PARAMETER", url, nil) == nil)
    }

    @Test func parts() {
        let url: Cell = "https://u:p@docs.confluent.io:8080/current/k%20s+ql?a=1%26b=2#frag%C3%A9"
        #expect(call("URL_EXTRACT_PROTOCOL", url) == "https")
        #expect(call("URL_EXTRACT_HOST", url) == "docs.confluent.io")
        #expect(call("URL_EXTRACT_PORT", url) == 8080)
        #expect(call("URL_EXTRACT_PATH", url) == "/current/k s+ql")
        #expect(call("URL_EXTRACT_QUERY", url) == "a=1&b=2")
        #expect(call("URL_EXTRACT_FRAGMENT", url) == "fragé")
        #expect(call("URL_EXTRACT_PROTOCOL", "www.confluent.io") == nil)
        #expect(call("URL_EXTRACT_HOST", "www.confluent.io") == nil)
        #expect(call("URL_EXTRACT_PATH", "www.confluent.io") == "www.confluent.io")
        #expect(call("URL_EXTRACT_PATH", "http://a.b") == "")
        #expect(call("URL_EXTRACT_QUERY", "http://a.b?") == "")
        #expect(call("URL_EXTRACT_FRAGMENT", "http://a.b") == nil)
        #expect(call("URL_EXTRACT_HOST", "http://[::1]:80/") == "[::1]")
        #expect(call("URL_EXTRACT_HOST", "http://a_b/") == nil)
        #expect(call("URL_EXTRACT_PORT", "http://a_b:80/") == nil)
        #expect(call("URL_EXTRACT_PATH", "mailto:x") == nil)
        #expect(call("URL_EXTRACT_PROTOCOL", "mailto:x") == "mailto")
        for url in ["http://a b", "a[b", "http://", ":x", "%z", "1a:b"] {
            #expect(call("URL_EXTRACT_HOST", text(url)) == .failure, "\(url)")
        }
    }
}
