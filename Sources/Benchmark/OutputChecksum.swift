// What a query wrote, as two numbers that do not depend on the order of the records: how many rows there are, and a sum over the hashes of
// their keys and values. Of a stream every record is a row. A table's records depend on how its commits fell; its rows are the last records
// of the keys that were not deleted.

package import Bytes

/// Takes records in the order of their partition and sums them up.
package struct OutputChecksum: Sendable {
    private let isTable: Bool
    private var rowCount = 0
    private var sum: UInt64 = 0
    /// The hash of a table's row by the hash of its key: two keys of one hash would count as one, which the number of rows would show.
    private var latest: [UInt64: UInt64] = [:]

    /// An empty sum.
    package init(ofTable isTable: Bool) { self.isTable = isTable }

    /// Takes the records of a run.
    package mutating func add(_ run: RecordRun) {
        for index in 0..<run.count { add(run.bytes, key: run.keys[index], value: run.values[index]) }
    }

    /// Takes one record, whose key and value lie in `bytes`.
    package mutating func add(_ bytes: [UInt8], key: ByteRange, value: ByteRange) {
        // Stored sums stay comparable, so the hash is one that stays what it is.
        let keyHash = key.isNull ? 1 : fnv1a(bytes[key.indexes])
        let valueHash = value.isNull ? 2 : fnv1a(bytes[value.indexes])
        let row = OutputChecksum.mixed(keyHash, valueHash)
        guard isTable else {
            rowCount += 1
            sum &+= row
            return
        }
        if let previous = value.isNull ? latest.removeValue(forKey: keyHash) : latest.updateValue(row, forKey: keyHash) { sum &-= previous }
        if !value.isNull { sum &+= row }
    }

    /// The rows of a table, the records of a stream.
    package var rows: Int { isTable ? latest.count : rowCount }

    /// The sum as 16 hexadecimal digits.
    package var text: String { hexadecimalDigits(sum) }

    /// Both hashes in one, so that a key cannot trade places with a value; the end is splitmix64's (Steele, Lea and Flood 2014).
    private static func mixed(_ key: UInt64, _ value: UInt64) -> UInt64 {
        var mixed = (key &* 0x9E37_79B9_7F4A_7C15) ^ value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
