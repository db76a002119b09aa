// Bodies of MD5 and UUID.

import Bytes
import Values

/// The MD5 message digest (RFC 1321).
enum MD5 {
    private static let shifts: [UInt32] = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]
    /// floor(2^32 × |sin(i + 1)|), as the RFC lists them.
    private static let constants: [UInt32] = [
        0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501, 0x6980_98d8, 0x8b44_f7af,
        0xffff_5bb1,
        0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821, 0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d,
        0x0244_1453,
        0xd8a1_e681, 0xe7d3_fbc8, 0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
        0xfffa_3942,
        0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70, 0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085,
        0x0488_1d05,
        0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665, 0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92,
        0xffef_f47d,
        0x8584_5dd1, 0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
    ]

    /// The 16 bytes of the digest.
    static func digest(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var message = Array(text)
        message.append(0x80)
        message.append(contentsOf: repeatElement(0, count: (120 - message.count % 64) % 64))
        for shift in 0..<8 { message.append(UInt8(truncatingIfNeeded: (text.count &* 8) >> (shift * 8))) }
        var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476]
        var words = [UInt32](repeating: 0, count: 16)
        for block in stride(from: 0, to: message.count, by: 64) {
            for index in 0..<16 {
                let at = block + index * 4
                words[index] =
                    UInt32(message[at]) | UInt32(message[at + 1]) << 8 | UInt32(message[at + 2]) << 16 | UInt32(message[at + 3]) << 24
            }
            mix(&state, words)
        }
        return state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32($0 * 8)) } }
    }

    private static func mix(_ state: inout [UInt32], _ words: [UInt32]) {
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        for step in 0..<64 {
            let value: UInt32
            let word: Int
            switch step >> 4 {
            case 0: (value, word) = ((b & c) | (~b & d), step)
            case 1: (value, word) = ((d & b) | (~d & c), (5 * step + 1) & 15)
            case 2: (value, word) = (b ^ c ^ d, (3 * step + 5) & 15)
            default: (value, word) = (c ^ (b | ~d), (7 * step) & 15)
            }
            let sum = a &+ value &+ constants[step] &+ words[word]
            let shift = shifts[(step >> 4) * 4 + (step & 3)]
            (a, d, c, b) = (d, c, b, b &+ (sum << shift | sum >> (32 - shift)))
        }
        for (index, value) in [a, b, c, d].enumerated() { state[index] = state[index] &+ value }
    }
}

extension FunctionLibrary {
    static let digests: [FunctionBody] = [
        FunctionBody("MD5", [.string], .vectorised(digest)),
        FunctionBody("UUID", [], .vectorised(randomIdentifier)),
        FunctionBody("UUID", [.bytes], .vectorised(identifierOfBytes)),
    ]

    private static func digest(_ call: FunctionCall) {
        call.texts { row, bytes in
            TextEncoding.hex.append(MD5.digest(call.arguments[0].text(row)), hexLetter: UInt8(ascii: "a"), to: &bytes)
            return true
        }
    }

    /// Version 4 of RFC 9562: 122 random bits.
    private static func randomIdentifier(_ call: FunctionCall) {
        let random = call.frame.environment.random
        call.texts { _, text in
            var bytes: [UInt8] = []
            for word in [random(), random()] { for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift * 8))) } }
            bytes[6] = bytes[6] & 0x0F | 0x40
            bytes[8] = bytes[8] & 0x3F | 0x80
            appendIdentifier(bytes[...], to: &text)
            return true
        }
    }

    private static func identifierOfBytes(_ call: FunctionCall) {
        call.texts { row, text in
            let bytes = call.arguments[0].text(row)
            guard bytes.count == 16 else { return false }
            appendIdentifier(bytes, to: &text)
            return true
        }
    }

    private static func appendIdentifier(_ bytes: ArraySlice<UInt8>, to text: inout [UInt8]) {
        for (index, byte) in bytes.enumerated() {
            if index == 4 || index == 6 || index == 8 || index == 10 { text.append(UInt8(ascii: "-")) }
            TextEncoding.hex.append(CollectionOfOne(byte), hexLetter: UInt8(ascii: "a"), to: &text)
        }
    }
}
