// Text that nobody would write: too deep, too long, damaged. It gives an error or a tree, never a crash, on small stacks too.

import Diagnostics
import Foundation
import Syntax
import Testing

@Suite struct RobustnessTests {
    /// The least stack that any thread of the product has; frames of a build without optimisation are three times as large.
    #if DEBUG
        private static let stackBytes = 2 << 20
    #else
        private static let stackBytes = 512 << 10
    #endif

    /// Runs a body on a thread with little stack.
    private func onSmallStack<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result {
        let done = DispatchSemaphore(value: 0)
        let box = Box<Result>()
        let thread = Thread {
            box.value = body()
            done.signal()
        }
        thread.stackSize = RobustnessTests.stackBytes
        thread.start()
        done.wait()
        return box.value!
    }

    private final class Box<Value>: @unchecked Sendable {
        // Written before the semaphore is signalled and read after it.
        var value: Value?
    }

    /// The code of the error that a text gives, or nil when it parses and prints.
    private func code(_ text: String) -> ErrorCode? {
        onSmallStack {
            do throws(Diagnostic) {
                for parsed in try parse(text) { _ = parsed.statement.canonicalText }
                return nil
            } catch {
                return error.code
            }
        }
    }

    private func select(_ expression: String) -> String { "SELECT \(expression) FROM s;" }

    private func times(_ count: Int, _ text: String) -> String { String(repeating: text, count: count) }

    /// Calls with words between their arguments: as deep as may be, and deeper.
    @Test(arguments: ["POSITION(", "TRIM(", "TRIM(BOTH ", "SUBSTRING(", "EXTRACT(YEAR FROM ", "SUBSTRING(a FROM ", "TRIM(a FROM ", "LEFT("])
    func depthOfCallsWithWords(opening: String) {
        let end = opening == "POSITION(" ? " IN a)" : opening == "LEFT(" ? ", 1)" : opening == "TRIM(BOTH " ? " FROM a)" : ")"
        let nesting = SyntaxLimits.maximumNesting / 2 - 2
        #expect(code(select(times(nesting, opening) + "a" + times(nesting, end))) == nil)
        #expect(code(select(times(100_000, opening) + "a" + times(100_000, end))) != nil)
        #expect(code(select(times(100_000, opening))) != nil)
    }

    @Test func depthUpToTheLimitIsFine() {
        let nesting = SyntaxLimits.maximumNesting - 2
        #expect(code(select(times(nesting, "(") + "1" + times(nesting, ")"))) == nil)
        #expect(code(select(times(nesting, "F(") + "1" + times(nesting, ")"))) == nil)
        #expect(code(select(times(nesting, "a[") + "1" + times(nesting, "]"))) == nil)
        #expect(code(select(times(nesting, "CASE WHEN a THEN ") + "1" + times(nesting, " END"))) == nil)
        #expect(code(select(times(nesting, "CAST(") + "1" + times(nesting, " AS INT)"))) == nil)
        #expect(code(select(times(nesting, "STRUCT(a := ") + "1" + times(nesting, ")"))) == nil)
        #expect(code(select("CAST(a AS " + times(nesting, "ARRAY<") + "INT" + times(nesting, ">") + ")")) == nil)
        #expect(code(select(times(nesting / 2, "F((x) => ") + "1" + times(nesting / 2, ")"))) == nil)
        let depth = SyntaxLimits.maximumDepth - 2
        #expect(code(select("1" + times(depth, "+1"))) == nil)
        #expect(code(select(times(depth, "- ") + "a")) == nil)
        #expect(code(select(times(depth, "NOT ") + "a")) == nil)
        #expect(code(select("a" + times(depth, "->b"))) == nil)
        #expect(code(select("a" + times(depth, "[1]"))) == nil)
    }

    @Test func depthBeyondTheLimitIsAnError() {
        for count in [SyntaxLimits.maximumDepth + 1, 100_000] {
            #expect(code(select(times(count, "(") + "1" + times(count, ")"))) == .tooDeep)
            #expect(code(select("1" + times(count, "+1"))) == .tooDeep)
            #expect(code(select(times(count, "- ") + "a")) == .tooDeep)
            #expect(code(select(times(count, "NOT ") + "a")) == .tooDeep)
            #expect(code(select("a" + times(count, "->b"))) == .tooDeep)
            #expect(code(select(times(count, "a["))) == .tooDeep)
            #expect(code(select(times(count, "ARRAY["))) == .tooDeep)
            #expect(code("CREATE STREAM s (a " + times(count, "ARRAY<") + "INT);") == .tooDeep)
            #expect(code("CREATE STREAM s (a INT" + times(count, " ARRAY") + ");") == .tooDeep)
            #expect(code("SELECT * FROM a" + times(count, " JOIN b ON c = d") + ";") == .tooDeep)
        }
    }

    @Test func aMebibyteOfParenthesesIsAnError() {
        #expect(code(select(times(1 << 20, "("))) == .tooDeep)
        #expect(code(times(1 << 20, "(")) == .tooDeep)
        #expect(code("SELECT * FROM " + times(1 << 20, "(") + ";") == .tooDeep)
        #expect(code(select(times(1 << 20, ")"))) == .syntaxError)
    }

    @Test func aStatementBeyondTheLimitIsAnError() {
        #expect(code(select("'" + times(16 << 20, "x") + "'")) == .tooLarge)
        #expect(code(select("1" + times(2_200_000, ",1"))) == .tooLarge)
    }

    /// Chains of an operator for which the brackets do not matter are lists, not nesting.
    @Test(arguments: [" OR a", " AND a = 1", " || a"])
    func longChainsAreFine(link: String) throws {
        #expect(code(select("a" + times(100_000, link))) == nil)
        let short = try #require(try parse(select("a" + times(20, link))).first).statement.canonicalText
        #expect(short.contains(times(20, "(")), "\(short)")
    }

    @Test func longListsAreFine() {
        #expect(code(select("a IN (1" + times(50_000, ",1") + ")")) == nil)
        #expect(code(times(10_000, "SELECT a FROM b;\n")) == nil)
    }

    @Test func damagedTextNeverCrashes() throws {
        var random = SeededGenerator(seed: 7)
        let grammar = try Grammar(contentsOf: "sql.ebnf")
        var inputs = (0..<150).map { grammar.sentence("script", budget: 5 + $0 % 25, using: &random) }
        inputs += Conformance.cases.prefix(600).map(\.text)
        for input in inputs {
            var bytes = Array(input.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) { damage(&bytes, &random) }
            do {
                for parsed in try parse(bytes: bytes) {
                    let printed = parsed.statement.canonicalText
                    _ = try? parse(printed + ";")
                }
            } catch {
                let text = String(decoding: bytes, as: UTF8.self)
                #expect(!error.rendered(source: text).isEmpty)
                #expect(error.expected.count <= 3)
                if let range = error.range { #expect(range.start <= bytes.count && range.end <= bytes.count && range.start <= range.end) }
            }
        }
    }

    private func damage(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
        guard !bytes.isEmpty else { return }
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes.remove(at: place)
        case 1: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
        case 2: bytes[place] = Array("()[]<>,;'\"`-/*$ \n".utf8).randomElement(using: &random)!
        case 3: bytes.removeSubrange(place..<min(place + 12, bytes.count))
        case 4: bytes.insert(contentsOf: bytes[place..<min(place + 20, bytes.count)], at: Int.random(in: 0..<bytes.count, using: &random))
        default: bytes.removeSubrange(place...)
        }
    }

    @Test func splitterTakesTextInAnyPieces() {
        let text = "a 'x;''y' -- ;\n ; /* ; */ b `;` - / \";\" ; c /* open"
        var whole = StatementSplitter()
        let bytes = Array(text.utf8)
        var ends: [Int] = []
        for (index, byte) in bytes.enumerated() where whole.take(byte) { ends.append(index + 1) }
        #expect(ends.count == 2)
        #expect(whole.pending == .comment)
        #expect(StatementSplitter.split(text).count == 3)
        #expect(StatementSplitter.split("  -- only a remark\n").isEmpty)
        var open = StatementSplitter()
        _ = open.take(Array("SELECT 'it".utf8)[...])
        #expect(open.pending == .quote("'"))
    }

    @Test func dividesAndSubtractsAreNoComments() {
        #expect(StatementSplitter.split("SELECT a - -b / 2; x").count == 2)
        #expect(StatementSplitter.split("SELECT a -").count == 1)
    }
}
