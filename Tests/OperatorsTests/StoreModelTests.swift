// The stores of joins under random changes, against dictionaries: what they hold, what they write, and that their memory comes back.

@testable import Operators
import Bytes
import Quantities
import Testing

private let seed: UInt64 = 7

private func withKey<Result>(_ key: String, _ body: (StoredKey) -> Result) -> Result {
    StoredBytes.with(Array(key.utf8)[...]) { body(StoredKey(bytes: $0, hash: $0.hash(seed))) }
}

private func string(_ bytes: StoredBytes) -> String {
    String(decoding: UnsafeRawBufferPointer(start: bytes.base, count: bytes.count), as: UTF8.self)
}

/// A changelog record: the key's text, and the value's, nil for a deletion.
private func records(_ write: (RecordSink) -> Void) -> OutgoingRecords {
    let sink = RecordSink()
    write(sink)
    return sink.take()
}

private func pieces(_ records: OutgoingRecords, _ index: Int) -> (key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?) {
    let value = records.values[index]
    return (records.bytes[records.keys[index].indexes], value.isNull ? nil : records.bytes[value.indexes])
}

@Suite struct StoreModelTests {
    /// The rows of a store, as its snapshot in slices of `limit` tells them.
    private func contents(_ store: KeyedRows, limit: Int) -> [String: String] {
        var found: [String: String] = [:]
        var next: Int? = 0
        while let position = next {
            let slice = records { next = store.writeSnapshot(from: position, limit: limit, to: $0) }
            for index in 0..<slice.count {
                let (key, value) = pieces(slice, index)
                found[String(decoding: key.dropFirst(), as: UTF8.self)] = value.map { String(decoding: $0, as: UTF8.self) }
            }
        }
        return found
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func rowsByKey(of seedOfChance: UInt64) {
        var chance = Chance(seedOfChance)
        let store = KeyedRows(seed: seed)
        let copy = KeyedRows(seed: seed)
        var model: [String: String] = [:]
        for step in 0..<20_000 {
            let key = "k\(chance.below(1500))"
            // Now and then a row that fills a chunk alone.
            let length = chance.below(200) == 0 ? 70_000 : chance.below(40)
            let row = chance.below(3) == 0 ? nil : String(repeating: "x", count: length) + "\(step)"
            withKey(key) { key in
                let number = store.find(key)
                let before = store.row(number)
                let expected = model[string(key.bytes)]
                #expect(before.isMissing ? expected == nil : string(before.row) == expected)
                if let row {
                    StoredBytes.with(Array(row.utf8)[...]) { _ = store.set(key, number, $0, time: Int64(step)) }
                } else {
                    store.set(key, number, nil, time: Int64(step))
                }
                // What was there stays readable.
                #expect(before.isMissing ? expected == nil : string(before.row) == expected)
            }
            model[key] = row
            if chance.below(50) == 0 { store.reclaim() }
            if chance.below(500) == 0 {
                let changes = records { writeChanges(of: store, to: $0, atOnce: 1 + chance.below(300)) }
                for index in 0..<changes.count {
                    let (key, value) = pieces(changes, index)
                    #expect(copy.restore(key: key, value: value, timestamp: changes.timestamps[index]) == nil)
                }
            }
        }
        #expect(store.count == model.count)
        #expect(contents(store, limit: 100) == model)
        let last = records { writeChanges(of: store, to: $0, atOnce: 7) }
        for index in 0..<last.count {
            let (key, value) = pieces(last, index)
            #expect(copy.restore(key: key, value: value, timestamp: last.timestamps[index]) == nil)
        }
        #expect(contents(copy, limit: 1) == model)
    }

    @Test func memoryComesBack() {
        let store = KeyedRows(seed: seed)
        let row = Array(repeating: UInt8(120), count: 100)[...]
        func setAll(_ isThere: Bool) {
            for number in 0..<20_000 {
                withKey("key \(number)") { key in
                    StoredBytes.with(row) { _ = store.set(key, store.find(key), isThere ? $0 : nil, time: 0) }
                }
            }
            store.discardChanges()
        }
        setAll(true)
        let full = store.memory
        #expect(full > 20_000 * 116)
        setAll(false)
        #expect(store.count == 0)
        let empty = store.memory
        #expect(empty < full / 2)
        // Numbers and tables are used again.
        for _ in 0..<5 {
            setAll(true)
            #expect(store.memory <= full + full / 4)
            setAll(false)
        }
        #expect(store.memory <= empty + full / 8)
    }

    /// Replacing the rows of a few keys for ever needs no more than a few chunks.
    @Test func replacedRowsGo() {
        let store = KeyedRows(seed: seed)
        let row = Array(repeating: UInt8(120), count: 500)[...]
        for step in 0..<50_000 {
            withKey("\(step % 10)") { key in StoredBytes.with(row) { _ = store.set(key, store.find(key), $0, time: 0) } }
            if step % 100 == 0 { store.discardChanges() }
        }
        #expect(store.memory < 2 << 20)
    }

    /// Rows of a stream come, are found, go by time, are written and restored, as in a list that is searched from end to end.
    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func rowsByTime(of seedOfChance: UInt64) {
        struct Kept {
            var key: String
            var time: Int64
            var arrival: Int
        }
        var chance = Chance(seedOfChance)
        let span: Milliseconds = 400
        var buffer = JoinBuffer(seed: seed, span: span)
        var model: [Kept] = []
        var log: [OutgoingRecords] = []
        var now: Int64 = 0
        for step in 0..<6000 {
            now += Int64(chance.below(5))
            let time = max(0, now - Int64(chance.below(4) == 0 ? chance.below(500) : 0))
            let key = "k\(chance.below(12))"
            let (horizon, earliest) = (now - span.count, time - Int64(chance.below(300)))
            let latest = time + Int64(chance.below(300))
            var found: [Int64] = []
            let count = withKey(key) { key in
                buffer.matches(key, earliest...latest, after: horizon) { place, time in
                    found.append(time)
                    #expect(string(place.key) == string(key.bytes))
                }
            }
            let expected = model.filter { $0.key == key && $0.time > horizon && $0.time >= earliest && $0.time <= latest }
                .sorted { ($0.time, $0.arrival) < ($1.time, $1.arrival) }.map(\.time)
            #expect(found == expected)
            #expect(count == expected.count)
            if time > horizon {
                withKey(key) { key in StoredBytes.with(Array("row".utf8)[...]) { _ = buffer.append(key, $0, time: time) } }
                model.append(Kept(key: key, time: time, arrival: step))
            }
            buffer.sweep(horizon)
            if chance.below(100) == 0 { log.append(records { writeChanges(of: buffer, to: $0, atOnce: 1 + chance.below(20)) }) }
            if step % 1000 == 999 {
                log.append(records { writeChanges(of: buffer, to: $0, atOnce: 1 + chance.below(20)) })
                buffer = JoinBuffer(seed: seed, span: span)
                for changes in log {
                    for index in 0..<changes.count {
                        let (key, value) = pieces(changes, index)
                        #expect(buffer.restore(key: key, value: value, timestamp: changes.timestamps[index]) == nil)
                    }
                }
            }
        }
        // All go together, and their memory with them.
        let full = buffer.memory
        buffer.sweep(now + span.count)
        buffer.discardChanges()
        #expect(buffer.memory < full / 4)
        #expect(withKey("k1") { buffer.matches($0, 0...now, after: -1) { _, _ in } } == 0)
    }
}

/// Has a store write its changes, so many at once.
private func writeChanges(of store: any StateStore, to records: RecordSink, atOnce limit: Int) {
    repeat { records.beginSlice() } while !store.writeChanges(to: records, limit: limit)
}
