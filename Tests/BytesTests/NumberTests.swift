// Numbers, header blocks and byte text.
import Bytes
import Testing

@Suite struct NumberTests {
    @Test func bigEndianNumbersComeBack() {
        var bytes: [UInt8] = []
        bytes.append(int16: -2)
        bytes.append(int32: 0x0102_0304)
        bytes.append(int64: .min)
        bytes.append(uint64: .max)
        #expect(Array(bytes[..<6]) == [0xff, 0xfe, 1, 2, 3, 4])
        var reader = ByteReader(bytes)
        let read1 = reader.int16()
        #expect(read1 == -2)
        let read2 = reader.int32()
        #expect(read2 == 0x0102_0304)
        let read3 = reader.int64()
        #expect(read3 == .min)
        let read4 = reader.uint64()
        #expect(read4 == .max)
        let read5 = reader.uint8()
        #expect(read5 == nil)
    }

    @Test(arguments: [
        (0, [0]), (-1, [1]), (1, [2]), (63, [0x7e]), (-64, [0x7f]), (64, [0x80, 1]), (300, [0xd8, 4]),
        (.max, [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        (.min, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
    ] as [(Int64, [UInt8])])
    func varintsAsProtocolBuffersWriteThem(_ value: Int64, _ expected: [UInt8]) {
        var bytes: [UInt8] = []
        bytes.append(varint: value)
        #expect(bytes == expected)
        #expect(varintLength(value) == expected.count)
        var reader = ByteReader(bytes)
        let read6 = reader.varint()
        #expect(read6 == value)
        for length in 0..<expected.count {
            var cut = ByteReader(bytes, 0..<length)
            let read7 = cut.varint()
            #expect(read7 == nil)
        }
    }

    @Test func overlongVarintsAreRefused() {
        var reader = ByteReader([UInt8](repeating: 0x80, count: 11))
        let read8 = reader.unsignedVarint()
        #expect(read8 == nil)
        reader = ByteReader([UInt8](repeating: 0xff, count: 9) + [2])
        let read9 = reader.unsignedVarint()
        #expect(read9 == nil)
    }

    @Test func headerBlocks() {
        let all = [
            RecordHeader(name: Array("a".utf8), value: [1, 2]), RecordHeader(name: [], value: nil),
            RecordHeader(name: Array("a".utf8), value: []),
        ]
        let block = headerBlock(all)
        #expect(block == [6, 2, 0x61, 4, 1, 2, 0, 1, 2, 0x61, 0])
        #expect(headers(in: block, 0..<block.count) == all)
        for length in 0..<block.count { #expect(headers(in: block, 0..<length) == nil) }
        #expect(headers(in: block + [0], 0..<block.count + 1) == nil)
    }

    @Test(arguments: ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"])
    func base64AsTheRFCHasIt(_ text: String) {
        let plain = Array("foobar".utf8.prefix(["": 0, "Zg==": 1, "Zm8=": 2, "Zm9v": 3, "Zm9vYg==": 4, "Zm9vYmE=": 5][text] ?? 6))
        #expect(Base64.text(of: plain) == text)
        #expect(Base64.decode(Array(text.utf8)[...]) == plain)
        #expect(Base64.decode(text.utf8.filter { $0 != UInt8(ascii: "=") }[...]) == plain)
    }

    @Test(arguments: ["A", "AB=", "AB==C", "A?==", "====", "Zm9vYg=", "Zm9v="])
    func base64Refusals(_ text: String) {
        #expect(Base64.decode(Array(text.utf8)[...]) == nil)
    }

    @Test func hexadecimalBothWays() {
        #expect(hexadecimal([0, 0x1f, 0xff]) == "001fff")
        #expect(bytes(hexadecimal: Array("001FfF".utf8)[...]) == [0, 0x1f, 0xff])
        #expect(bytes(hexadecimal: Array("0".utf8)[...]) == nil)
        #expect(bytes(hexadecimal: Array("0g".utf8)[...]) == nil)
    }
}
