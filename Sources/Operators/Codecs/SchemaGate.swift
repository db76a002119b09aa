// Looks, before the records of a topic are decoded, whether the schemas that they name are there. Whether a record can be read must not
// depend on when it is decoded: what is still being fetched is waited for, and what was given up is an error row.

import Bytes
import Formats
import Plans
package import Quantities
import Schemas

/// A record that waits for its schema.
package struct AwaitedSchema: Hashable, Sendable {
    /// The record's offset.
    package var offset: Offset
    /// What the registry has said so far: a clause without a full stop.
    package var reason: String
}

/// The schemas of one source's records, as far as they have been looked at. One owner, one thread.
struct SchemaGate {
    private let readsKeys: Bool
    private let readsValues: Bool
    /// Numbers of schemas that are known, and stay so.
    private var settled: Set<Int32>
    /// The one that was seen last: most records of a topic have the same.
    private var latest: Int32?

    /// More than that are looked up again.
    private static let mostSettled = 4_096

    /// Nil for a source whose formats have no registry.
    init?(_ step: SourceStep) {
        readsKeys = step.keyFormat.name.usesRegistry
        readsValues = step.valueFormat.name.usesRegistry
        guard readsKeys || readsValues else { return nil }
        settled = Set([step.keyFormat.writer, step.valueFormat.writer].compactMap { $0?.id.number })
    }

    /// The first record of `run` whose schema is awaited; nil when all can be decoded now. All schemas of the run are asked for at once. `call` is
    /// called, from any thread, when it is worth looking again.
    mutating func awaited(in run: RecordRun, _ schemas: any SchemaLookup, orCall call: @escaping @Sendable () -> Void) -> AwaitedSchema? {
        let key = readsKeys ? awaited(in: run, run.keys, schemas, call) : nil
        let value = readsValues ? awaited(in: run, run.values, schemas, call) : nil
        guard let key, let value else { return key ?? value }
        return key.offset <= value.offset ? key : value
    }

    private mutating func awaited(
        in run: RecordRun, _ ranges: [ByteRange], _ schemas: any SchemaLookup, _ call: @escaping @Sendable () -> Void
    ) -> AwaitedSchema? {
        var first: AwaitedSchema?
        var asked: Set<Int32> = []
        for record in ranges.indices {
            guard let number = SchemaGate.number(in: run.bytes, ranges[record]), number != latest else { continue }
            if settled.contains(number) {
                latest = number
            } else if asked.insert(number).inserted {
                switch schemas.standing(of: SchemaID(number), orCall: call) {
                case .known: settle(number)
                case .missing: break
                case .awaited(let reason): first = first ?? AwaitedSchema(offset: run.offset(at: record), reason: reason)
                }
            }
        }
        return first
    }

    private mutating func settle(_ number: Int32) {
        if settled.count >= SchemaGate.mostSettled { settled = [] }
        settled.insert(number)
        latest = number
    }

    /// The number in a record's header: a zero, then four bytes, the highest first. Nil where there is no such header.
    @inline(__always) private static func number(in bytes: [UInt8], _ range: ByteRange) -> Int32? {
        let start = Int(range.start)
        guard range.length >= 5, bytes[start] == 0 else { return nil }
        var number: Int32 = 0
        for place in start + 1...start + 4 { number = number << 8 | Int32(truncatingIfNeeded: bytes[place]) }
        return number
    }
}
