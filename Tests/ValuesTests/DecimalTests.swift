import Foundation
import Testing
import Values

private typealias Exact = Values.Decimal
private typealias Judge = Foundation.Decimal

private func exact(_ text: String) -> Exact? { Exact(text: text.utf8) }

@Suite struct DecimalTests {
    @Test(arguments: [
        ("0", "0"), ("-0.50", "-0.50"), ("+7", "7"), ("00012.340", "12.340"), (".5", "0.5"), ("5.", "5"), ("1e3", "1000"), ("1.5e-3", "0.0015"),
        ("123456789012345678901234567890.12345678", "123456789012345678901234567890.12345678"), ("-1e-6", "-0.000001"), ("0e99", "0"),
    ])
    func textsAreRead(text: String, printed: String) { #expect(exact(text)?.description == printed) }

    @Test(arguments: ["", "-", ".", "1.2.3", "1e", "e5", "1e+", "--1", "1-", "0x1", "1 ", "1_000", "NaN", "1e40", "1e999999999999", String(repeating: "9", count: 40)])
    func otherTextsAreNone(text: String) { #expect(exact(text) == nil) }

    /// Rounding, order and text of random numbers, against another implementation.
    @Test func agreesWithFoundation() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<3000 {
            let digits = Int.random(in: 1...17, using: &random)
            let scale = Int.random(in: 0...8, using: &random)
            let number = Int64.random(in: -1...1, using: &random) * Int64.random(in: 0..<Int64(pow(10.0, Double(digits))), using: &random)
            let ours = Exact(unscaled: Int128(number), scale: scale)
            var judge = Judge(number) / pow(Judge(10), scale)
            #expect(Judge(string: ours.description) == judge)
            #expect(exact(ours.description) == ours)
            let target = Int.random(in: 0...8, using: &random)
            var rounded = Judge()
            // Foundation's `plain` rounds ties up; Java's HALF_UP, which is ours, away from zero.
            let sign = judge < 0
            if sign { judge = -judge }
            NSDecimalRound(&rounded, &judge, target, .plain)
            if sign { (rounded, judge) = (-rounded, -judge) }
            let result = try #require(ours.rescaled(to: target, .halfUp))
            #expect(Judge(string: result.description) == rounded, "\(ours) to \(target)")
            let other = Exact(unscaled: Int128(Int64.random(in: -1_000_000...1_000_000, using: &random)), scale: target)
            let otherJudge = try #require(Judge(string: other.description))
            #expect(ours.compare(other) == (judge == otherJudge ? 0 : judge < otherJudge ? -1 : 1))
            #expect(other.compare(ours) == -ours.compare(other))
        }
    }

    @Test func nothingIsLostUnnoticed() {
        #expect(exact("1.25")?.rescaled(to: 1, .exact) == nil)
        #expect(exact("1.20")?.rescaled(to: 1, .exact)?.description == "1.2")
        #expect(exact("-1.25")?.rescaled(to: 1, .halfUp)?.description == "-1.3")
        #expect(exact("-1.29")?.rescaled(to: 1, .down)?.description == "-1.2")
        #expect(exact("999.5")?.converted(precision: 3, scale: 0, .halfUp) == nil)
        #expect(exact("99.5")?.converted(precision: 3, scale: 0, .halfUp)?.description == "100")
        let large = exact(String(repeating: "9", count: 38))
        #expect(large?.rescaled(to: 1, .exact) == nil)
        #expect(large?.compare(Exact(unscaled: 1, scale: 30)) == 1)
    }
}
