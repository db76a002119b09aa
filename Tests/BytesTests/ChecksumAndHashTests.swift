// Checksums and hashes against published values.
import Bytes
import Testing

@Suite struct ChecksumAndHashTests {
    @Test func crc32cOfKnownInputs() {
        // RFC 3720, B.4, and the check value of the catalogue of CRCs.
        #expect(crc32c(Array("123456789".utf8)) == 0xe306_9283)
        #expect(crc32c([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(crc32c([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(crc32c(Array(0..<32)) == 0x46dd_794e)
        #expect(crc32c([]) == 0)
    }

    /// The test vectors of the authors' page.
    @Test(arguments: [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)] as [(String, UInt64)])
    func fnv1aOfKnownInputs(_ text: String, _ expected: UInt64) { #expect(fnv1a(text.utf8) == expected) }

    @Test func instructionAndTablesAgreeAtEveryLength() {
        var bytes: [UInt8] = []
        var state: UInt64 = 1
        for _ in 0..<60_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1
            bytes.append(UInt8(truncatingIfNeeded: state >> 56))
        }
        for length in Array(0..<1600) + [8191, 24_575, 24_576, 24_577, 50_000, 60_000] {
            let piece = Array(bytes[..<length])
            #expect(crc32c(piece) == crc32cByTables(piece), "\(length) bytes")
        }
    }

    @Test func aChecksumGoesOn() {
        let bytes = Array("123456789".utf8)
        #expect(crc32c(bytes, 4..<9, continuing: crc32c(bytes, 0..<4)) == 0xe306_9283)
    }

    @Test(arguments: [
        ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829), ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ] as [(String, Int32)])
    func murmur2AsKafkaTestsIt(_ text: String, _ expected: Int32) {
        #expect(murmur2(Array(text.utf8), 0..<text.utf8.count) == expected)
    }

    @Test func partitionsClearTheSign() {
        #expect(partition(ofKey: Array("21".utf8), among: 10) == Int(UInt32(bitPattern: -973_932_308) & 0x7fff_ffff) % 10)
        #expect(partition(ofKey: [], among: 1) == 0)
    }

    @Test func hashesDependOnEveryByteAndTheSeed() {
        for length in 0..<80 {
            let bytes = [UInt8](repeating: 7, count: length)
            let plain = hash64(bytes, 0..<length, seed: 1)
            #expect(plain == hash64(bytes, 0..<length, seed: 1))
            #expect(plain != hash64(bytes, 0..<length, seed: 2))
            for index in 0..<length {
                var other = bytes
                other[index] ^= 1
                #expect(hash64(other, 0..<length, seed: 1) != plain, "byte \(index) of \(length)")
            }
        }
        #expect(hash64(5 as UInt64, seed: 1) != hash64(6 as UInt64, seed: 1))
    }
}
