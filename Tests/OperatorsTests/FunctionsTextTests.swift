// Functions over strings and bytes.

import Functions
import Operators
import Testing
import Values

@Suite struct FunctionsTextTests {
    /// For half a surrogate pair UTF-8 has no form; U+FFFD stands for it, one unit like the half.
    @Test func halvesOfPairs() {
        #expect(call("SUBSTRING", "a😀b", 1, 2) == "a\u{FFFD}")
        #expect(call("SUBSTRING", "a😀b", 3) == "\u{FFFD}b")
        #expect(call("SUBSTRING", "a😀b", 3, 1) == "\u{FFFD}")
        #expect(call("SUBSTRING", "a😀b", 2, 2) == "😀")
        #expect(call("LPAD", "a", 2, "😀") == "\u{FFFD}a")
        #expect(call("RPAD", "a😀", 2, "x") == "a\u{FFFD}")
    }

    @Test func concatenation() {
        #expect(call("CONCAT", "a", nil, "b") == "ab")
        #expect(call("CONCAT", bytes(1), bytes(2)) == bytes(1, 2))
        #expect(call("CONCAT_WS", ", ", "a", nil, "", "b") == "a, , b")
        #expect(call("CONCAT_WS", bytes(of: "a"), bytes(of: "b"), bytes(), bytes(of: "no")) == bytes(of: "baano"))
        #expect(call("CONCAT_WS", ",", nil, nil) == "")
        #expect(call("CONCAT_WS", nil, "a", "b") == nil)
        #expect(call("CONCAT_WS", ",") == .failure)
    }

    @Test func lengthsCountUTF16Units() {
        #expect(call("LEN", "naïve") == 5)
        #expect(call("LEN", "a😀") == 3)
        #expect(call("LEN", bytes(of: "é")) == 2)
        #expect(call("SUBSTRING", "a test string", -6, 2) == "st")
        #expect(call("SUBSTRING", "a😀b", 4) == "b")
        #expect(call("SUBSTRING", "foo", 0, 2) == "fo")
        #expect(call("SUBSTRING", "foo", 9) == "")
        #expect(call("SUBSTRING", "foo", 1, -1) == "")
        #expect(call("SUBSTRING", bytes(1, 2, 3), 2) == bytes(2, 3))
    }

    @Test func padding() {
        #expect(call("LPAD", "foo", 7, "Bar") == "BarBfoo")
        #expect(call("RPAD", "foo", 7, "Bar") == "fooBarB")
        #expect(call("LPAD", "foo", 2, "x") == "fo")
        #expect(call("RPAD", "foo", 2, "x") == "fo")
        #expect(call("RPAD", "é", 3, "€") == "é€€")
        #expect(call("LPAD", "foo", 0, "x") == "")
        #expect(call("LPAD", "foo", -1, "x") == nil)
        #expect(call("RPAD", "foo", 2, "") == nil)
        #expect(call("RPAD", bytes(1), 4, bytes(2, 3)) == bytes(1, 2, 3, 2))
        #expect(call("RPAD", "x", .init(integerLiteral: .max), "y") == .failure)
    }

    @Test func caseMapping() {
        #expect(call("UCASE", "straße") == "STRASSE")
        #expect(call("LCASE", "ΟΔΟΣ ΣΑΣ") == "οδος σας")
        #expect(call("INITCAP", "some_string") == "Some_string")
        #expect(call("INITCAP", "  the   Quick br0wn ") == "The   Quick Br0wn ")
        #expect(call("INITCAP", "été ärger") == "Été Ärger")
        #expect(call("TRIM", " \t\n x \u{1} ") == "x")
    }

    @Test func characters() {
        #expect(call("CHR", 75) == "K")
        #expect(call("CHR", 99000) == Cell(.string(String(Character(Unicode.Scalar(99000)!))), .string))
        #expect(call("CHR", 1_114_112) == nil)
        #expect(call("CHR", -1) == nil)
        #expect(call("CHR", "\\u004b") == "K")
        #expect(call("CHR", "\\ud820\\udeb8") == Cell(.string(String(Character(Unicode.Scalar(0x182B8)!))), .string))
        #expect(call("CHR", "\\u0041\\tb") == "A\tb")
        for text in ["75", "004b", "bogus", ""] { #expect(call("CHR", Cell(.string(text), .string)) == nil) }
        #expect(call("CHR", "\\u00zz") == .failure)
    }

    @Test func searching() {
        let text: Cell = "corporate floor"
        #expect(call("INSTR", text, "or") == 2)
        #expect(call("INSTR", text, "or", 4) == 5)
        #expect(call("INSTR", text, "or", 4, 2) == 14)
        #expect(call("INSTR", text, "or", -4) == 5)
        #expect(call("INSTR", text, "or", -4, 2) == 2)
        #expect(call("INSTR", text, "or", -1) == 14)
        #expect(call("INSTR", text, "or", 0) == 0)
        #expect(call("INSTR", text, "or", 1, 0) == 0)
        #expect(call("INSTR", text, "or", 99) == 0)
        #expect(call("INSTR", "aaa", "aa", 1, 2) == 2)
        #expect(call("INSTR", "😀b", "b") == 3)
        #expect(call("INSTR", nil, "b") == 0)
        #expect(call("INSTR", "b", "b", nil) == .failure)
        #expect(call("REPLACE", "aXbXX", "X", "--") == "a--b----")
        #expect(call("REPLACE", "abc", "", "-") == "-a-b-c-")
        #expect(call("REPLACE", "abc", nil, "-") == nil)
        #expect(call("FIELD", "b", "a", nil, "b") == 3)
        #expect(call("FIELD", "x", "a") == 0)
        #expect(call("FIELD", nil, "a") == 0)
        #expect(call("ELT", 2, "a", "b") == "b")
        #expect(call("ELT", 3, "a", "b") == nil)
        #expect(call("ELT", 0, "a") == nil)
        #expect(call("ELT", nil, "a") == .failure)
    }

    @Test func splitting() {
        #expect(call("SPLIT", ".a..b.", ".") == ["", "a", "", "b", ""])
        #expect(call("SPLIT", "a||b", "||") == ["a", "b"])
        #expect(call("SPLIT", "", ".") == [""])
        #expect(call("SPLIT", "", "") == [""])
        #expect(call("SPLIT", "aé", "") == ["a", "é"])
        #expect(call("SPLIT", bytes(1, 2), bytes()) == [bytes(1), bytes(2)])
        #expect(call("SPLIT", nil, ".") == nil)
        #expect(
            call("SPLIT_TO_MAP", "apple:green&&cherry:red", "&&", ":") == ["apple": "green", "cherry": "red"])
        #expect(call("SPLIT_TO_MAP", "apple:green/banana:yellow/cherry:red", "&&", ":") == ["apple": "green/banana"])
        #expect(call("SPLIT_TO_MAP", "a=1;;b;a=2", ";", "=") == ["a": "2"])
        #expect(call("SPLIT_TO_MAP", "", ";", "=") == Cell(.map([]), nil))
        #expect(call("SPLIT_TO_MAP", "a=1", ";", ";") == nil)
        #expect(call("SPLIT_TO_MAP", "a=1", "", "=") == nil)
    }

    @Test func masks() {
        let text: Cell = "AbCd#$123xy Z"
        #expect(call("MASK", text) == "XxXx--nnnxx-X")
        #expect(call("MASK_LEFT", text, 5) == "XxXx-$123xy Z")
        #expect(call("MASK_RIGHT", text, 5) == "AbCd#$12nxx-X")
        #expect(call("MASK_KEEP_LEFT", text, 5) == "AbCd#-nnnxx-X")
        #expect(call("MASK_KEEP_RIGHT", text, 5) == "XxXx--nn3xy Z")
        #expect(call("MASK", text, nil, "q", nil, "=") == "AqCq==123qq=Z")
        #expect(call("MASK", "😀é") == "--x")
        #expect(call("MASK_LEFT", "ab", 9) == "xx")
        #expect(call("MASK_LEFT", nil, -1) == .failure)
        #expect(call("MASK_LEFT", nil, 1) == nil)
        #expect(call("MASK", "a", "XX", "x", "n", "-") == .failure)
    }

    @Test func encodings() {
        #expect(call("ENCODE", "4578616d706C6521", "hex", "ascii") == "Example!")
        #expect(call("ENCODE", "0x578", "HEX", "base64") == "BXg=")
        #expect(call("ENCODE", "X'4a'", "hex", "utf8") == "J")
        for text in ["X'", "0x0x", "4a4", "X'4"] { #expect(call("ENCODE", Cell(.string(text), .string), "hex", "utf8") == .failure) }
        #expect(call("ENCODE", "0x", "hex", "ascii") == "")
        #expect(call("ENCODE", "X''", "hex", "ascii") == "")
        #expect(call("ENCODE", "Jé", "utf8", "hex") == "4ac3a9")
        #expect(call("ENCODE", "é", "utf8", "ascii") == "\u{FFFD}\u{FFFD}")
        #expect(call("ENCODE", "é", "ascii", "hex") == "3f")
        #expect(call("ENCODE", "_-8 =", "base64", "hex") == "ffef")
        #expect(call("ENCODE", "a", "utf8", "utf8") == .failure)
        #expect(call("ENCODE", "a", "utf8", "latin") == .failure)
        #expect(call("FROM_BYTES", call("TO_BYTES", "1aB2", "hex"), "hex") == "1AB2")
        #expect(call("TO_BYTES", "1aB", "hex") == .failure)
        #expect(call("TO_BYTES", "YQ", "BASE64") == bytes(of: "a"))
        #expect(call("TO_BYTES", "YQ\n", "base64") == .failure)
        #expect(call("TO_BYTES", "é", "ascii") == bytes(0x3F))
        #expect(call("FROM_BYTES", bytes(0x61, 0xFF), "utf8") == "a\u{FFFD}")
        #expect(call("FROM_BYTES", bytes(1), "x") == .failure)
    }

    @Test func numbersFromBytes() {
        #expect(call("INT_FROM_BYTES", bytes(0, 0, 7, 0xE5)) == 2021)
        #expect(call("INT_FROM_BYTES", bytes(0xE5, 7, 0, 0), "little_endian") == 2021)
        #expect(call("INT_FROM_BYTES", bytes(0xFF, 0xFF, 0xFF, 0xFF)) == -1)
        #expect(call("BIGINT_FROM_BYTES", bytes(0, 0, 0, 1, 0, 0, 0, 0)) == big(1 << 32))
        #expect(call("DOUBLE_FROM_BYTES", bytes(0x40, 0x80, 0xA6, 0xFD, 0x9B, 0xC9, 0xF5, 0x82)) == 532.8738323)
        #expect(call("INT_FROM_BYTES", bytes(1)) == .failure)
        #expect(call("INT_FROM_BYTES", bytes(1, 2, 3, 4), "x") == .failure)
        #expect(call("INT_FROM_BYTES", bytes(1, 2, 3, 4), nil) == .failure)
        #expect(call("INT_FROM_BYTES", Cell(.null, .bytes)) == nil)
    }

    @Test func digests() {
        #expect(call("MD5", "") == "d41d8cd98f00b204e9800998ecf8427e")
        #expect(call("MD5", "The quick brown fox jumps over the lazy dog") == "9e107d9d372bb6826bd81d3542a419d6")
        #expect(
            call("MD5", "12345678901234567890123456789012345678901234567890123456789012345678901234567890")
                == "57edf4a22be3c955ac49da2e2107b67a")
        #expect(call("UUID") == "00000000-0000-4000-8000-000000000000")
        #expect(call("UUID", bytes(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)) == "00010203-0405-0607-0809-0a0b0c0d0e0f")
        #expect(call("UUID", bytes(1)) == nil)
    }

    @Test func regularExpressions() {
        #expect(call("REGEXP_EXTRACT", ".*", "test string") == "test string")
        #expect(call("REGEXP_EXTRACT", "(.*) (.*)", "test string", 2) == "string")
        #expect(call("REGEXP_EXTRACT", "(a)|(b)", "a", 2) == nil)
        #expect(call("REGEXP_EXTRACT", "a", "a", 3) == nil)
        #expect(call("REGEXP_EXTRACT", "a", "a", -1) == .failure)
        #expect(call("REGEXP_EXTRACT", "(", "a") == .failure)
        #expect(call("REGEXP_EXTRACT_ALL", "(\\w+) (\\w*)", "apurva mehta agavra ", 2) == ["mehta", ""])
        #expect(call("REGEXP_EXTRACT_ALL", "x", "abc") == Cell(.array([]), nil))
        #expect(call("REGEXP_EXTRACT_ALL", "x*", "axé") == ["", "x", "", ""])
        #expect(call("REGEXP_REPLACE", "test string", "(.*) (.*)", "$2 ${1}") == .failure)
        #expect(call("REGEXP_REPLACE", "test string", "(?<a>.*) (.*)", "$2 ${a}\\$") == "string test$")
        #expect(call("REGEXP_REPLACE", "abc", "", "n") == "nanbncn")
        #expect(call("REGEXP_REPLACE", "abc", "b", "$1") == .failure)
        #expect(call("REGEXP_REPLACE", "abc", "b", "\\") == .failure)
        #expect(call("REGEXP_SPLIT_TO_ARRAY", "aabcda", "(ab|cd)") == ["a", "", "a"])
        #expect(call("REGEXP_SPLIT_TO_ARRAY", "x-y", "") == ["x", "-", "y"])
        #expect(call("REGEXP_SPLIT_TO_ARRAY", "a  b ", " ") == ["a", "", "b", ""])
        #expect(call("REGEXP_SPLIT_TO_ARRAY", "a1b", "[0-9]*") == ["a", "", "b"])
    }

    @Test func javaPatterns() {
        #expect(call("REGEXP_EXTRACT", "[a-z&&[^bc]]+", "bcad") == "ad")
        #expect(call("REGEXP_EXTRACT", "[a[0-9]]+", "xa1") == "a1")
        #expect(call("REGEXP_EXTRACT", "[^a[0-9]]+", "1xa") == "x")
        #expect(call("REGEXP_EXTRACT", "\\p{Upper}\\p{IsAlphabetic}", "aBc") == "Bc")
        #expect(call("REGEXP_EXTRACT", "[\\p{Punct}x]+", "a!x") == "!x")
        #expect(call("REGEXP_EXTRACT", "\\u00e9\\Q[\\E", "é[") == "é[")
        #expect(call("REGEXP_EXTRACT", "\\ud83d\\ude00", "a😀") == "😀")
        #expect(call("REGEXP_EXTRACT", "(?ui)B", "b") == "b")
        #expect(call("REGEXP_EXTRACT", "(*FAIL)", "b") == .failure)
        #expect(call("REGEXP_EXTRACT", "[a-", "b") == .failure)
        #expect(call("REGEXP_EXTRACT", "^(x+x+)+[yz]$", Cell(.string(String(repeating: "x", count: 60)), .string)) == .failure)
    }
}
