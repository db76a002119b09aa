// Every operation over every pair of a small set of numbers that contains all ends, against arithmetic that is wide enough.
import Foundation
import Testing
@testable import Quantities

/// The ends of 64 and 32 bits and of event times, their neighbours, and small numbers.
private let numbers: [Int64] = {
    let ends: [Int64] = [
        .min, .max, 0, Int64(Int32.min), Int64(Int32.max), -62_135_596_800_000, 253_402_300_799_999, 999_999_999_999_999_999, 1_000, 1_000_000,
        9_223_372_036_854, 9_223_372_036_855, 1 << 31, 1 << 62,
    ]
    return Set(ends.flatMap { [$0 &- 1, $0, $0 &+ 1, 0 &- $0] }).sorted()
}()

private func clamp(_ wide: Int128, _ bounds: ClosedRange<Int64>) -> Int64 {
    Int64(min(max(wide, Int128(bounds.lowerBound)), Int128(bounds.upperBound)))
}

private func fits(_ wide: Int128, _ bounds: ClosedRange<Int64>) -> Int64? {
    wide >= Int128(bounds.lowerBound) && wide <= Int128(bounds.upperBound) ? Int64(wide) : nil
}

@Test func integersSaturateOrSayNothing() {
    let all = Int64.min ... Int64.max
    for left in numbers {
        for right in numbers {
            let sum = Int128(left) + Int128(right), difference = Int128(left) - Int128(right)
            let product = Int128(left) * Int128(right)
            #expect(left.addingSaturated(right) == clamp(sum, all))
            #expect(left.subtractingSaturated(right) == clamp(difference, all))
            #expect(left.multipliedSaturated(by: right) == clamp(product, all))
            #expect(left.addingChecked(right) == fits(sum, all))
        }
    }
}

@Test func millisecondsSaturate() {
    let all = Int64.min ... Int64.max
    for left in numbers {
        let length = Milliseconds(left)
        #expect(length.nanoseconds == clamp(Int128(left) * 1_000_000, all))
        for right in numbers {
            #expect((length < Milliseconds(right)) == (left < right))
        }
    }
}

@Test func eventTimesStayBetweenYear1AndYear9999() throws {
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    #expect(EventTime.latest.milliseconds == Int64((try style.parse("9999-12-31T23:59:59.999Z").timeIntervalSince1970 * 1000).rounded()))
    #expect(EventTime.bounds.lowerBound == -719_162 * 86_400_000)
    let bounds = EventTime.bounds
    for left in numbers {
        #expect(EventTime(milliseconds: left)?.milliseconds == fits(Int128(left), bounds))
        #expect(EventTime(exactly: left)?.milliseconds == fits(Int128(left), bounds))
        let time = EventTime(clamping: left)
        #expect(time.milliseconds == clamp(Int128(left), bounds))
    }
}

@Test func placesAndSizesAreNotNegative() {
    let counts = Int64(0) ... Int64.max, indexes = Int64(0) ... Int64(Int32.max)
    for left in numbers {
        #expect(Offset(exactly: left)?.count == fits(Int128(left), counts))
        #expect(ByteCount(exactly: left)?.count == fits(Int128(left), counts))
        #expect(PartitionIndex(exactly: left)?.count == fits(Int128(left), indexes))
        #expect(PartitionIndex(clamping: left).count == clamp(Int128(left), indexes))
        #expect(Int64(PartitionIndex(clamping: left).int32) == PartitionIndex(clamping: left).count)
        #expect(PartitionIndex(clamping: left).index == Int(PartitionIndex(clamping: left).count))
        #expect(PartitionIndex(index: Int(left)) == PartitionIndex(clamping: left))
        let offset = Offset(clamping: left), size = ByteCount(clamping: left)
        #expect(offset.previous.count == max(0, offset.count - 1))
        #expect(ByteCount(length: Int(left)) == size && size.length == Int(size.count))
        #expect(ByteCount.kibibytes(left).count == clamp(Int128(left) << 10, counts))
        #expect(ByteCount.mebibytes(left).count == clamp(Int128(left) << 20, counts))
        #expect(ByteCount.gibibytes(left).count == clamp(Int128(left) << 30, counts))
        for right in numbers {
            #expect((offset + right).count == clamp(Int128(offset.count) + Int128(right), counts))
            #expect(offset.checkedSum(right)?.count == fits(Int128(offset.count) + Int128(right), counts))
            let other = Offset(clamping: right), bytes = ByteCount(clamping: right)
            #expect(offset - other == offset.count - other.count)
            #expect((size + bytes).count == clamp(Int128(size.count) + Int128(bytes.count), counts))
            #expect((size - bytes).count == clamp(Int128(size.count) - Int128(bytes.count), counts))
            let (sum, difference) = (Int128(left) + Int128(right), Int128(left) - Int128(right))
            let (one, another) = (Milliseconds(left), Milliseconds(right))
            #expect((one + another).count == clamp(sum, .min ... .max) && one.checkedSum(another)?.count == fits(sum, .min ... .max))
            #expect((one - another).count == clamp(difference, .min ... .max))
            #expect(left.later(by: another) == clamp(sum, .min ... .max) && left.earlier(by: another) == clamp(difference, .min ... .max))
        }
    }
}

@Test func partitionsOfATopic() {
    #expect(PartitionIndex.all(of: 3).map(\.index) == [0, 1, 2])
    #expect(PartitionIndex.all(of: 1) == [.first])
    #expect(PartitionIndex.all(of: 0).isEmpty && PartitionIndex.all(of: .min).isEmpty)
}

@Test func quantitiesAreWrittenAsBareNumbers() {
    #expect("\(Offset.first + 7) \(PartitionIndex(index: 3)) \(ByteCount.kibibytes(2)) \(Milliseconds(-5)) \(EventTime(clamping: 0))" == "7 3 2048 -5 0")
}

@Test func quantitiesAreStoredAsBareNumbers() throws {
    #expect(try JSONEncoder().encode([Milliseconds(5), .init(.max)]) == Data("[5,9223372036854775807]".utf8))
    #expect(try JSONDecoder().decode([Offset].self, from: Data("[0,7]".utf8)) == [.first, Offset(clamping: 7)])
    #expect(throws: DecodingError.self) { try JSONDecoder().decode([Offset].self, from: Data("[-1]".utf8)) }
    #expect(throws: DecodingError.self) { try JSONDecoder().decode([EventTime].self, from: Data("[253402300800000]".utf8)) }
    #expect(throws: DecodingError.self) { try JSONDecoder().decode([PartitionIndex].self, from: Data("[2147483648]".utf8)) }
}
