// Places and sizes in topics: offsets, partition indexes, numbers of bytes. None of them is negative.

/// The place of a record in its partition, from 0.
@usableFromInline package struct Offset: Quantity {
    @usableFromInline package let count: Int64
    @inlinable package static var bounds: ClosedRange<Int64> { 0 ... .max }
    /// The first place of a partition.
    package static let first = Offset(clamping: 0)

    @inlinable package init(clamping count: Int64) { self.count = Swift.max(0, count) }

    /// The place `records` further on, saturated.
    @inlinable package static func + (offset: Self, records: Int64) -> Self { Self(clamping: offset.count.addingSaturated(records)) }
    /// The place before this one; the first one has none and is given itself.
    @inlinable package var previous: Self { Self(clamping: count - 1) }
    /// The offset behind.
    @inlinable package var next: Self { self + 1 }
    /// How many records `left` is behind `right`; negative where it is before it. Always exact.
    @inlinable package static func - (left: Self, right: Self) -> Int64 { left.count - right.count }
    /// The place `records` further on; nil where there is none.
    @inlinable package func checkedSum(_ records: Int64) -> Self? { count.addingChecked(records).flatMap { Self(exactly: $0) } }
}

/// Which partition of a topic, from 0. Kafka's protocol has 32 bits for it.
@usableFromInline package struct PartitionIndex: Quantity {
    @usableFromInline package let count: Int64
    @inlinable package static var bounds: ClosedRange<Int64> { 0 ... Int64(Int32.max) }

    /// The first partition, of many topics the only one.
    package static let first = PartitionIndex(clamping: 0)

    @inlinable package init(clamping count: Int64) { self.count = Swift.min(Swift.max(0, count), Int64(Int32.max)) }

    /// The partition at a place of an array of all; saturated.
    @inlinable package init(index: Int) { self.init(clamping: Int64(index)) }

    /// The partitions of a topic that has `count` of them.
    @inlinable package static func all(of count: Int) -> [PartitionIndex] { (0..<Swift.max(0, count)).map { PartitionIndex(index: $0) } }

    /// The index as a place in an array.
    @inlinable package var index: Int { Int(count) }
    /// The index as Kafka's protocol has it.
    @inlinable package var int32: Int32 { Int32(truncatingIfNeeded: count) }
}

/// A number of bytes.
@usableFromInline package struct ByteCount: Quantity {
    @usableFromInline package let count: Int64
    @inlinable package static var bounds: ClosedRange<Int64> { 0 ... .max }
    /// No bytes.
    package static let zero = ByteCount(clamping: 0)

    @inlinable package init(clamping count: Int64) { self.count = Swift.max(0, count) }

    /// The length of bytes in memory.
    @inlinable package init(length: Int) { self.init(clamping: Int64(length)) }
    /// The number as the length of bytes in memory.
    @inlinable package var length: Int { Int(count) }

    /// `count` times 1,024 bytes, saturated.
    @inlinable package static func kibibytes(_ count: Int64) -> ByteCount { ByteCount(clamping: count.multipliedSaturated(by: 1 << 10)) }
    /// `count` times 1,048,576 bytes, saturated.
    @inlinable package static func mebibytes(_ count: Int64) -> ByteCount { ByteCount(clamping: count.multipliedSaturated(by: 1 << 20)) }
    /// `count` times 1,073,741,824 bytes, saturated.
    @inlinable package static func gibibytes(_ count: Int64) -> ByteCount { ByteCount(clamping: count.multipliedSaturated(by: 1 << 30)) }

    /// The sum, saturated.
    @inlinable package static func + (left: Self, right: Self) -> Self { Self(clamping: left.count.addingSaturated(right.count)) }
    /// The difference, 0 where `right` is more.
    @inlinable package static func - (left: Self, right: Self) -> Self { Self(clamping: left.count.subtractingSaturated(right.count)) }
}
