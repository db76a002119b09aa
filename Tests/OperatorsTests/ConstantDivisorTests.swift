// Division by a constant gives what the processor's division gives.

import Testing

@testable import Operators

@Suite struct ConstantDivisorTests {
    private static let edges: [Int64] = [
        0, 1, -1, 2, -2, 3, 7, 10, -10, 123, 1000, 1 << 31, (1 << 31) - 1, 1 << 32, (1 << 32) + 1, 1 << 62, (1 << 62) - 1, .max, .max - 1, .min,
        .min + 1, -(1 << 62), 1_700_000_000_000,
    ]

    @Test func quotientsAndRemaindersAreExact() throws {
        var random = SystemRandomNumberGenerator()
        let numbers = Self.edges + (0..<2000).map { Int64(bitPattern: random.next() >> UInt64($0 % 64)) }
        for divisor in numbers where divisor.magnitude > 1 && divisor != .min {
            let constant = try #require(ConstantDivisor(divisor))
            let near = [divisor, divisor &- 1, divisor &+ 1, divisor &* 3, divisor &* 3 &- 1]
            for number in Self.edges + near {
                #expect(constant.quotient(of: number) == number / divisor, "\(number) / \(divisor)")
                #expect(constant.remainder(of: number) == number % divisor, "\(number) % \(divisor)")
            }
        }
    }

    @Test func whatNeedsNoMultiplicationHasNone() {
        for number: Int64 in [0, 1, -1, .min] { #expect(ConstantDivisor(number) == nil) }
    }
}
