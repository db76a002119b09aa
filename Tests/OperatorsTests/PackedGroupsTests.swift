// Changelogs and snapshots of which a record holds many groups: they hold what those with a record for each do.

import Bytes
import Plans
import Quantities
import Testing
import Values

@testable import Operators

@Suite struct PackedGroupsTests {
    private static let calls = [
        countAll, call("SUM", [column(1, big)], big), call("MAX", [column(1, big)], big), call("AVG", [column(1, big)], double),
    ]
    private static let hopping = WindowDescription(shape: .hopping(size: 1000, advance: 500), grace: 100_000, retention: 200_000)

    /// Keys that are one whole number each, texts, pairs, and states that are too large to be packed; with windows and without.
    private static let roots = [
        aggregate(events, by: [column(1, big)], calls), aggregate(events, calls),
        aggregate(events, by: [column(0, .string), column(1, big)], calls),
        aggregate(events, by: [column(1, big)], calls, window: hopping), aggregate(events, calls, window: hopping),
        aggregate(events, calls + [call("COLLECT_LIST", [column(1, big)], .array(.bigint))]),
    ]

    private func make(_ root: Step, packs: Bool) throws -> Dataflow {
        var options = DataflowOptions(coalesces: true)
        options.packsChangelog = packs
        return try Dataflow(root: root, destination: sink(kind: .table), options: options)
    }

    private func lines(_ count: Int, seed: UInt64) -> [Line] {
        var generator = Random(seed)
        return (0..<count).map { index in
            let value = generator.next() % 9 == 0 ? Int64.max - Int64(generator.next() % 3) : Int64(generator.next() % 1600) - 800
            return Line("k\(generator.next() % 1200)", #"{"V":\#(value)}"#, at: Int64(index / 4))
        }
    }

    /// The whole state, an entry a record.
    private func state(_ dataflow: Dataflow, _ root: Step) throws -> [String] {
        let slice = try dataflow.snapshot(store: "store", from: 0, limit: .max)
        #expect(slice.next == nil)
        let plain = try make(root, packs: false)
        try plain.restore(store: "store", run: run(slice.records))
        return texts(try plain.snapshot(store: "store", from: 0, limit: .max).records).sorted()
    }

    @Test(arguments: roots.indices) func holdsTheSame(_ index: Int) throws {
        let root = Self.roots[index]
        let (packing, plain) = (try make(root, packs: true), try make(root, packs: false))
        let copy = try make(root, packs: true)
        var records = (packed: 0, plain: 0, entries: 0)
        for part in 0..<4 {
            let rows = lines(part == 2 ? 3 : 1500, seed: UInt64(part))
            let written = try feed(plain, rows, offset: Int64(part) * 1500)
            #expect(try feed(packing, rows, offset: Int64(part) * 1500) == written)
            records.plain += try plain.takeChangelog().reduce(0) { $0 + $1.records.count }
            while let slice = try packing.takeChangelogSlice(limit: part == 1 ? 5000 : 333) {
                records.packed += slice.records.count
                records.entries += slice.entries
                #expect(try copy.restore(store: slice.store, run: run(slice.records)) == slice.entries)
            }
        }
        #expect(records.entries == records.plain)
        let isPacked = index < 5
        #expect(isPacked ? records.packed * 20 < records.plain : records.packed == records.plain)
        let expected = try state(plain, root)
        #expect(try state(packing, root) == expected && state(copy, root) == expected)
        // A snapshot in slices.
        let other = try make(root, packs: true)
        var (position, entries): (Int?, Int) = (0, 0)
        while let from = position {
            let slice = try packing.snapshot(store: "store", from: from, limit: 200)
            #expect(slice.entries <= 201)
            entries += slice.entries
            try other.restore(store: "store", run: run(slice.records))
            position = slice.next
        }
        #expect(try state(other, root) == expected && entries == expected.count)
        let more = lines(300, seed: 99)
        #expect(try feed(other, more, offset: 40_000) == feed(plain, more, offset: 40_000))
    }

    /// A record that ends early, or whose bytes are others, is refused or holds other numbers; nothing else happens.
    @Test func damageIsNoticed() throws {
        let root = Self.roots[3]
        let dataflow = try make(root, packs: true)
        _ = try feed(dataflow, (0..<40).map { Line("k", #"{"V":\#($0 * $0)}"#, at: 100 + Int64($0)) })
        let log = try dataflow.takeChangelog()[0].records
        let record = try #require(log.values.indices.first { log.keys[$0].length == 17 })
        let (key, value) = (Array(log.bytes[log.keys[record].indexes]), Array(log.bytes[log.values[record].indexes]))
        func restore(_ value: [UInt8]) throws {
            var records = OutgoingRecords()
            records.append(key: key, value: value, timestamp: 0)
            try make(root, packs: true).restore(store: "store", run: run(records))
        }
        try restore(value)
        for length in 0..<value.count { #expect(throws: DataflowError.self) { try restore(Array(value[..<length])) } }
        for place in value.indices {
            for bit in 0..<8 {
                var other = value
                other[place] ^= 1 << UInt8(bit)
                do { try restore(other) } catch { #expect(error is DataflowError) }
            }
        }
    }

    @Test(arguments: [
        [], [7], [7, 7, 7], [0, 255], [0, 256], [-1, 65_534], [-1, 65_535], [0, 4_294_967_295], [0, 4_294_967_296], [.min, .max], [.max, .min, 0, -1],
    ] as [[Int64]]) func wordBlocks(_ values: [Int64]) {
        let sink = ByteSink()
        WordBlock.put(values, values.indices.map { Int32($0) }[...], to: sink)
        let bytes = sink.take()
        var reader = RowReader(bytes, 0..<bytes.count)
        #expect(WordBlock.words(&reader, values.count) == values)
        #expect(reader.isAtEnd)
        var short = RowReader(bytes, 0..<bytes.count - 1)
        #expect(WordBlock.words(&short, values.count) == nil)
    }
}
