// A small reader of ABNF and a backtracking matcher, enough to hold short lines against `grammar/wire.abnf`.

import Foundation

indirect enum Rule {
    case bytes(ClosedRange<UInt8>)
    case text([UInt8], caseSensitive: Bool)
    case name(String)
    case sequence([Rule])
    case choice([Rule])
    case repeated(Rule, ClosedRange<Int>)
}

struct ABNF {
    private var rules: [String: Rule] = [:]

    init(contentsOf name: String) throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: folder.appendingPathComponent("grammar/\(name)"), encoding: .utf8)
        var joined: [String] = []
        for whole in text.split(separator: "\n") where !whole.hasPrefix(";") {
            // What is said of a line, behind it.
            let line = whole.firstRange(of: " ; ").map { whole[..<$0.lowerBound] } ?? whole
            if line.hasPrefix(" "), !joined.isEmpty { joined[joined.count - 1] += line } else { joined.append(String(line)) }
        }
        for line in joined {
            let name = line.prefix { $0 != " " }
            var reader = RuleReader(rest: line[(line.firstIndex(of: "=") ?? line.startIndex)...].dropFirst())
            rules[String(name)] = reader.choice()
        }
    }

    var undefined: [String] {
        var names: [String] = []
        func walk(_ rule: Rule) {
            switch rule {
            case .name(let name): if rules[name] == nil { names.append(name) }
            case .sequence(let all), .choice(let all): all.forEach(walk)
            case .repeated(let inner, _): walk(inner)
            case .bytes, .text: break
            }
        }
        rules.values.forEach(walk)
        return names
    }

    func matches(_ input: [UInt8], _ name: String) -> Bool {
        match(.name(name), input, 0) { $0 == input.count }
    }

    private func match(_ rule: Rule, _ input: [UInt8], _ at: Int, _ then: (Int) -> Bool) -> Bool {
        switch rule {
        case .bytes(let range): return at < input.count && range.contains(input[at]) && then(at + 1)
        case .text(let text, let caseSensitive):
            guard at + text.count <= input.count else { return false }
            for (offset, byte) in text.enumerated() {
                let found = input[at + offset]
                guard found == byte || (!caseSensitive && lower(found) == lower(byte)) else { return false }
            }
            return then(at + text.count)
        case .name(let name): return rules[name].map { match($0, input, at, then) } ?? false
        case .sequence(let all): return sequence(all[...], input, at, then)
        case .choice(let all): return all.contains { match($0, input, at, then) }
        case .repeated(let inner, let range): return repeated(inner, range, 0, input, at, then)
        }
    }

    private func sequence(_ rules: ArraySlice<Rule>, _ input: [UInt8], _ at: Int, _ then: (Int) -> Bool) -> Bool {
        guard let first = rules.first else { return then(at) }
        return match(first, input, at) { sequence(rules.dropFirst(), input, $0, then) }
    }

    private func repeated(_ rule: Rule, _ range: ClosedRange<Int>, _ count: Int, _ input: [UInt8], _ at: Int, _ then: (Int) -> Bool) -> Bool {
        if count < range.upperBound, match(rule, input, at, { $0 > at && repeated(rule, range, count + 1, input, $0, then) }) { return true }
        return count >= range.lowerBound && then(at)
    }

    private func lower(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }
}

private struct RuleReader {
    var rest: Substring

    mutating func skip() {
        rest = rest.drop { $0 == " " }
        if rest.hasPrefix(";") { rest = "" }
    }

    mutating func choice() -> Rule {
        var all = [sequence()]
        skip()
        while rest.hasPrefix("/") {
            rest.removeFirst()
            all.append(sequence())
            skip()
        }
        return all.count == 1 ? all[0] : .choice(all)
    }

    private mutating func sequence() -> Rule {
        var all: [Rule] = []
        skip()
        while let first = rest.first, first != "/", first != ")", first != "]" {
            all.append(element())
            skip()
        }
        return .sequence(all)
    }

    private mutating func element() -> Rule {
        let digits = rest.prefix(while: \.isNumber)
        rest = rest.dropFirst(digits.count)
        var range = digits.isEmpty ? 1...1 : Int(digits)!...Int(digits)!
        if rest.hasPrefix("*") {
            rest.removeFirst()
            let upper = rest.prefix(while: \.isNumber)
            rest = rest.dropFirst(upper.count)
            range = (Int(digits) ?? 0)...(Int(upper) ?? 100_000)
        }
        let rule = atom()
        return range == 1...1 ? rule : .repeated(rule, range)
    }

    private mutating func atom() -> Rule {
        switch rest.removeFirst() {
        case "(":
            let rule = choice()
            rest.removeFirst()
            return rule
        case "[":
            let rule = choice()
            rest.removeFirst()
            return .repeated(rule, 0...1)
        case "\"": return quoted(caseSensitive: false)
        case "%":
            if rest.removeFirst() == "s" {
                rest.removeFirst()
                return quoted(caseSensitive: true)
            }
            let hex = rest.prefix { $0.isHexDigit || $0 == "-" }
            rest = rest.dropFirst(hex.count)
            let ends = hex.split(separator: "-").map { UInt8($0, radix: 16)! }
            return .bytes(ends[0]...ends[ends.count - 1])
        case let first:
            let tail = rest.prefix { $0.isLetter || $0.isNumber || $0 == "-" }
            rest = rest.dropFirst(tail.count)
            return .name(String(first) + tail)
        }
    }

    private mutating func quoted(caseSensitive: Bool) -> Rule {
        let text = rest.prefix { $0 != "\"" }
        rest = rest.dropFirst(text.count + 1)
        return .text(Array(text.utf8), caseSensitive: caseSensitive)
    }
}
