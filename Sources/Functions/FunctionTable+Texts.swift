// Functions over text: strings, regular expressions, URLs and JSON in text.

extension FunctionTable {
    static let texts: [FunctionFamily] = [
        FunctionFamily(
            "Chr", .string, "Character for a Unicode code point 0..1114111",
            [
                "(INT decimal_code) STRING",
                "(STRING utf16_code) STRING",
            ]),
        FunctionFamily("concat", .string, "Concatenate", ["(STRING... inputs) STRING", "(BYTES... inputs) BYTES"]),
        FunctionFamily(
            "concat_ws", .string, "Concatenate with separator (first argument)",
            [
                "(STRING... inputs) STRING",
                "(BYTES... inputs) BYTES",
            ]),
        FunctionFamily("elt", .string, "n-th of the following strings, 1-based", ["(INT n, STRING... args) STRING"]),
        FunctionFamily(
            "encode", .string, "Re-encode text between hex, utf8, ascii and base64",
            [
                "(STRING str, STRING input_encoding, STRING output_encoding) STRING"
            ]),
        FunctionFamily("extractjsonfield", .json, "Extract one JSON node as text", ["(STRING input, STRING path) STRING"]),
        FunctionFamily("field", .string, "1-based position of first equal string, 0 when absent", ["(STRING str, STRING... args) INT"]),
        FunctionFamily("from_bytes", .string, "Bytes to text in hex, utf8, ascii or base64", ["(BYTES value, STRING encoding) STRING"]),
        FunctionFamily(
            "initcap", .string, "Lower-case everything, then upper-case the first letter of each word",
            [
                "(STRING str) STRING"
            ]),
        FunctionFamily(
            "instr", .string, "1-based position of the n-th occurrence, 0 when absent",
            [
                "(STRING str, STRING substring) INT",
                "(STRING str, STRING substring, INT position) INT",
                "(STRING str, STRING substring, INT position, INT occurrence) INT",
            ]),
        FunctionFamily("IS_JSON_STRING", .json, "Whether the text starts with one valid JSON value", ["(STRING input) BOOLEAN"]),
        FunctionFamily("JSON_ARRAY_CONTAINS", .json, "Top-level membership test in a JSON array", ["(STRING json_array, T val) BOOLEAN"]),
        FunctionFamily("JSON_ARRAY_LENGTH", .json, "Number of elements of a top-level JSON array", ["(STRING json_array) INT"]),
        FunctionFamily(
            "JSON_CONCAT", .json, "Merge JSON documents: objects merge, anything else concatenates as arrays",
            [
                "(STRING... json_strings) STRING"
            ]),
        FunctionFamily("JSON_ITEMS", .json, "JSON array to array of JSON texts", ["(STRING json_items) ARRAY<STRING>"]),
        FunctionFamily("JSON_KEYS", .json, "Top-level keys of a JSON object in document order", ["(STRING json_obj) ARRAY<STRING>"]),
        FunctionFamily(
            "JSON_RECORDS", .json, "Top-level entries of a JSON object as text map",
            [
                "(STRING json_obj) MAP<STRING, STRING>"
            ]),
        FunctionFamily("lcase", .string, "Lower-case", ["(STRING input) STRING"]),
        FunctionFamily("len", .string, "Length in UTF-16 code units", ["(STRING input) INT", "(BYTES input) INT"]),
        FunctionFamily(
            "LPad", .string, "Left-pad or truncate to a length",
            [
                "(STRING input, INT target_len, STRING padding) STRING",
                "(BYTES input, INT target_len, BYTES padding) BYTES",
            ]),
        FunctionFamily(
            "mask", .string, "Replace every character by its class mask",
            [
                "(STRING input) STRING",
                "(STRING input, STRING upper, STRING lower, STRING digit, STRING other) STRING",
            ]),
        FunctionFamily(
            "mask_keep_left", .string, "Mask all but the first n characters",
            [
                "(STRING input, INT num_chars) STRING",
                "(STRING input, INT num_chars, STRING upper, STRING lower, STRING digit, STRING other) STRING",
            ]),
        FunctionFamily(
            "mask_keep_right", .string, "Mask all but the last n characters",
            [
                "(STRING input, INT num_chars) STRING",
                "(STRING input, INT num_chars, STRING upper, STRING lower, STRING digit, STRING other) STRING",
            ]),
        FunctionFamily(
            "mask_left", .string, "Mask the first n characters",
            [
                "(STRING input, INT num_chars) STRING",
                "(STRING input, INT num_chars, STRING upper, STRING lower, STRING digit, STRING other) STRING",
            ]),
        FunctionFamily(
            "mask_right", .string, "Mask the last n characters",
            [
                "(STRING input, INT num_chars) STRING",
                "(STRING input, INT num_chars, STRING upper, STRING lower, STRING digit, STRING other) STRING",
            ]),
        FunctionFamily("md5", .string, "Lower-case hex MD5 of the UTF-8 text", ["(STRING s) STRING"]),
        FunctionFamily(
            "regexp_extract", .regularExpression, "First match of a pattern, or one of its groups",
            [
                "(STRING pattern, STRING input) STRING",
                "(STRING pattern, STRING input, INT group) STRING",
            ]),
        FunctionFamily(
            "regexp_extract_all", .regularExpression, "All matches of a pattern, or of one of its groups",
            [
                "(STRING pattern, STRING input) ARRAY<STRING>",
                "(STRING pattern, STRING input, INT group) ARRAY<STRING>",
            ]),
        FunctionFamily(
            "regexp_replace", .regularExpression, "Replace all matches, with $n group references",
            [
                "(STRING str, STRING regexp, STRING new_str) STRING"
            ]),
        FunctionFamily(
            "regexp_split_to_array", .regularExpression, "Split by a pattern, keeping empty pieces",
            [
                "(STRING string, STRING regexp) ARRAY<STRING>"
            ]),
        FunctionFamily("replace", .string, "Replace all literal occurrences", ["(STRING str, STRING old_str, STRING new_str) STRING"]),
        FunctionFamily(
            "RPad", .string, "Right-pad or truncate to a length",
            [
                "(STRING input, INT target_len, STRING padding) STRING",
                "(BYTES input, INT target_len, BYTES padding) BYTES",
            ]),
        FunctionFamily(
            "split", .string, "Split by a literal delimiter, keeping empty pieces",
            [
                "(STRING string, STRING delimiter) ARRAY<STRING>",
                "(BYTES bytes, BYTES delimiter) ARRAY<BYTES>",
            ]),
        FunctionFamily(
            "split_to_map", .string, "Parse delimited key/value text into a map",
            [
                "(STRING input, STRING entry_delimiter, STRING kv_delimiter) MAP<STRING, STRING>"
            ]),
        FunctionFamily(
            "substring", .string, "Part of text or bytes from a 1-based position",
            [
                "(STRING str, INT pos) STRING",
                "(STRING str, INT pos, INT length) STRING",
                "(BYTES bytes, INT pos) BYTES",
                "(BYTES bytes, INT pos, INT length) BYTES",
            ]),
        FunctionFamily("to_bytes", .string, "Text in hex, utf8, ascii or base64 to bytes", ["(STRING value, STRING encoding) BYTES"]),
        FunctionFamily("TO_JSON_STRING", .json, "Serialise any value as compact JSON text with sorted keys", ["(T input) STRING"]),
        FunctionFamily("trim", .string, "Strip code units <= U+0020 from both ends", ["(STRING input) STRING"]),
        FunctionFamily("ucase", .string, "Upper-case", ["(STRING input) STRING"]),
        FunctionFamily("url_decode_param", .url, "Form-decode (plus = space, %XX as UTF-8)", ["(STRING input) STRING"]),
        FunctionFamily("url_encode_param", .url, "Form-encode as UTF-8", ["(STRING input) STRING"]),
        FunctionFamily("url_extract_fragment", .url, "Decoded fragment of a URI", ["(STRING input) STRING"]),
        FunctionFamily("url_extract_host", .url, "Host of a URI", ["(STRING input) STRING"]),
        FunctionFamily("url_extract_parameter", .url, "Value of one query parameter", ["(STRING input, STRING param_to_find) STRING"]),
        FunctionFamily("url_extract_path", .url, "Decoded path of a URI", ["(STRING input) STRING"]),
        FunctionFamily("url_extract_port", .url, "Explicit port of a URI", ["(STRING input) INT"]),
        FunctionFamily("url_extract_protocol", .url, "Scheme of a URI", ["(STRING input) STRING"]),
        FunctionFamily("url_extract_query", .url, "Decoded query of a URI", ["(STRING input) STRING"]),
        FunctionFamily("UUID", .string, "Random version-4 UUID, lower-case", ["() STRING", "(BYTES bytes) STRING"]),
    ]
}
