// The states of many groups as they stand in the records of a changelog, which are read part by part: first the times of all, then what the
// first aggregate has, and so on.

import Bytes

/// States that are being read back.
struct StoredStates {
    private let bytes: [UInt8]
    /// Where each state goes on, and where it ends.
    private var positions: [Int]
    private let ends: [Int]

    /// States that lie at `ranges` of `bytes`.
    init(_ ranges: [ByteRange], of bytes: [UInt8]) {
        self.bytes = bytes
        positions = ranges.map(\.indexes.lowerBound)
        ends = ranges.map { min($0.indexes.upperBound, bytes.count) }
    }

    /// The time of the group whose state this is, which comes first; nil where it is damaged.
    static func time(of state: [UInt8]) -> Int64? {
        var position = 0
        return readVarint(state, at: &position, end: state.count).map(unzigzag)
    }

    /// Reads a part of each state by `read`, which gives false where it is damaged; gives the place of the first for which it does.
    mutating func readEach(_ read: (_ place: Int, _ reader: inout RowReader) -> Bool) -> Int? {
        var reader = RowReader(bytes, 0..<0)
        for place in positions.indices {
            reader.move(to: positions[place]..<ends[place])
            guard read(place, &reader) else { return place }
            positions[place] = reader.position
        }
        return nil
    }

    /// Reads a whole number of each state into `values` at its group; gives the place of the first that is damaged.
    mutating func readWords(_ groups: [Int32], into values: StateWords) -> Int? {
        for place in positions.indices {
            guard let value = readVarint(bytes, at: &positions[place], end: ends[place]) else { return place }
            values[Int(groups[place])] = unzigzag(value)
        }
        return nil
    }
}
