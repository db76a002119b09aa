// A small reader of EBNF and a generator of random sentences from it.

import Foundation

/// Random choices that a seed repeats.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        // SplitMix64
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

indirect enum GrammarNode {
    case terminal(String)
    case reference(String)
    case sequence([GrammarNode])
    case choice([GrammarNode])
    case optional(GrammarNode)
    case repeated(GrammarNode)
}

struct Grammar {
    private(set) var rules: [String: GrammarNode] = [:]
    /// The least number of levels that a rule needs to come to an end.
    private var least: [String: Int] = [:]

    static let lexical: Set<String> = ["identifier", "sourceName", "string", "doubleQuoted", "integer", "decimal", "float", "variable"]

    static let packageFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    init(contentsOf name: String) throws {
        let text = try String(contentsOf: Grammar.packageFolder.appendingPathComponent("grammar/\(name)"), encoding: .utf8)
        var reader = GrammarReader(text)
        rules = try reader.rules()
        computeLeast()
    }

    /// The names that rules use but nobody defines.
    var undefined: Set<String> {
        var used = Set<String>()
        func walk(_ node: GrammarNode) {
            switch node {
            case .terminal: break
            case .reference(let name): used.insert(name)
            case .sequence(let nodes), .choice(let nodes): nodes.forEach(walk)
            case .optional(let node), .repeated(let node): walk(node)
            }
        }
        rules.values.forEach(walk)
        return used.subtracting(rules.keys).subtracting(Grammar.lexical)
    }

    /// The keywords among the terminals.
    var words: Set<String> {
        var words = Set<String>()
        func walk(_ node: GrammarNode) {
            switch node {
            case .terminal(let text): if text.allSatisfy(\.isLetter) { words.insert(text) }
            case .reference: break
            case .sequence(let nodes), .choice(let nodes): nodes.forEach(walk)
            case .optional(let node), .repeated(let node): walk(node)
            }
        }
        rules.values.forEach(walk)
        return words
    }

    /// The first two words of the sentences of a rule; one where something else than a word follows.
    func openings(of rule: String) -> Set<[String]> { openings(.reference(rule), 2) }

    private func openings(_ node: GrammarNode, _ count: Int) -> Set<[String]> {
        guard count > 0 else { return [[]] }
        switch node {
        case .terminal(let text): return [[text]]
        // What is no word ends the opening.
        case .reference(let name): return Grammar.lexical.contains(name) ? [["("]] : rules[name].map { openings($0, count) } ?? []
        case .choice(let nodes): return nodes.reduce(into: []) { $0.formUnion(openings($1, count)) }
        case .optional(let node), .repeated(let node): return openings(node, count).union([[]])
        case .sequence(let nodes):
            var found: Set<[String]> = [[]]
            for node in nodes {
                let open = found.filter { $0.count < count && $0.last?.allSatisfy(\.isLetter) ?? true }
                guard !open.isEmpty else { break }
                found.subtract(open)
                for start in open { for next in openings(node, count - start.count) { found.insert(start + next) } }
            }
            return found
        }
    }

    private mutating func computeLeast() {
        var changed = true
        while changed {
            changed = false
            for (name, node) in rules {
                guard let levels = levels(node), levels + 1 < least[name, default: .max] else { continue }
                least[name] = levels + 1
                changed = true
            }
        }
    }

    private func levels(_ node: GrammarNode) -> Int? {
        switch node {
        case .terminal: return 0
        case .reference(let name): return Grammar.lexical.contains(name) ? 0 : least[name]
        case .sequence(let nodes):
            let all = nodes.map(levels)
            return all.contains { $0 == nil } ? nil : all.compactMap { $0 }.max() ?? 0
        case .choice(let nodes): return nodes.compactMap(levels).min()
        case .optional, .repeated: return 0
        }
    }

    /// A random sentence of a rule, as tokens joined by blanks, with about so many levels.
    func sentence(_ rule: String, budget: Int, using random: inout SeededGenerator) -> String {
        var tokens: [String] = []
        var names = 0
        generate(.reference(rule), budget, &random, &tokens, &names)
        return tokens.joined(separator: " ")
    }

    private func generate(
        _ node: GrammarNode, _ budget: Int, _ random: inout SeededGenerator, _ tokens: inout [String], _ names: inout Int
    ) {
        switch node {
        case .terminal(let text): tokens.append(Bool.random(using: &random) ? text : text.hasPrefix("'") ? text : text.lowercased())
        case .reference(let name):
            if Grammar.lexical.contains(name) {
                tokens.append(Grammar.lexeme(name, &random, &names))
            } else {
                generate(rules[name]!, budget - 1, &random, &tokens, &names)
            }
        case .sequence(let nodes): for node in nodes { generate(node, budget, &random, &tokens, &names) }
        case .choice(let nodes):
            let cheapest = nodes.compactMap(levels).min() ?? 0
            let affordable = nodes.filter { levels($0).map { $0 <= max(budget, cheapest) } ?? false }
            generate(affordable.randomElement(using: &random)!, budget, &random, &tokens, &names)
        case .optional(let node):
            if budget > levels(node) ?? .max, Int.random(in: 0..<3, using: &random) == 0 {
                generate(node, budget, &random, &tokens, &names)
            }
        case .repeated(let node):
            var rounds = 0
            while budget > levels(node) ?? .max, rounds < 3, Int.random(in: 0..<4, using: &random) == 0 {
                generate(node, budget, &random, &tokens, &names)
                rounds += 1
            }
        }
    }

    private static func lexeme(_ name: String, _ random: inout SeededGenerator, _ names: inout Int) -> String {
        names += 1
        switch name {
        case "sourceName": return ["S\(names)", "`s-\(names)`", "orders_\(names)", "\"q\(names)\"", "EMIT_\(names)"].randomElement(using: &random)!
        case "identifier":
            // Field names of one STRUCT must differ, hence the number.
            return ["a\(names)", "_\(names)", "`q \(names)``x`", "\"Q\(names)\"", "\(names)st", "Total@\(names)"].randomElement(using: &random)!
        case "string": return ["'x'", "''", "'it''s \(names)'", "'a;b--c'", "'zwei\nZeilen'", "'é😀'", "'''\u{301}'"].randomElement(using: &random)!
        case "doubleQuoted": return ["\"x\"", "\"it's \(names)\"", "\"a\"\"b\""].randomElement(using: &random)!
        case "integer": return ["0", "1", "42", "2147483648", "007"].randomElement(using: &random)!
        case "decimal": return ["1.", ".5", "1.50", "00.10", "12345678901234567890.1"].randomElement(using: &random)!
        case "float": return ["1E3", "1.5e-3", ".5E+2", "0E0", "1e308"].randomElement(using: &random)!
        default: return name
        }
    }
}

private struct GrammarReader {
    enum Problem: Error { case at(String) }
    private var tokens: [String] = []
    private var index = 0

    init(_ text: String) {
        var rest = Substring(text)
        while let first = rest.first {
            if first.isWhitespace {
                rest.removeFirst()
            } else if rest.hasPrefix("(*") {
                rest = rest[(rest.range(of: "*)")?.upperBound ?? rest.endIndex)...]
            } else if first == "'" || first == "\"" {
                let body = rest.dropFirst()
                let end = body.firstIndex(of: first) ?? body.endIndex
                tokens.append("'" + body[..<end])
                rest = end == body.endIndex ? "" : body[body.index(after: end)...]
            } else if first.isLetter {
                let word = rest.prefix { $0.isLetter || $0.isNumber }
                tokens.append(String(word))
                rest = rest.dropFirst(word.count)
            } else {
                tokens.append(String(first))
                rest.removeFirst()
            }
        }
    }

    mutating func rules() throws -> [String: GrammarNode] {
        var rules: [String: GrammarNode] = [:]
        while index < tokens.count {
            let name = tokens[index]
            guard rules[name] == nil, tokens[index + 1] == "=" else { throw Problem.at(name) }
            index += 2
            rules[name] = try choice()
            guard tokens[index] == ";" else { throw Problem.at("\(name): \(tokens[index])") }
            index += 1
        }
        return rules
    }

    private mutating func choice() throws -> GrammarNode {
        var alternatives = [try sequence()]
        while index < tokens.count, tokens[index] == "|" {
            index += 1
            alternatives.append(try sequence())
        }
        return alternatives.count == 1 ? alternatives[0] : .choice(alternatives)
    }

    private mutating func sequence() throws -> GrammarNode {
        var nodes: [GrammarNode] = []
        while index < tokens.count, !["|", ";", ")", "]", "}"].contains(tokens[index]) { nodes.append(try node()) }
        return .sequence(nodes)
    }

    private mutating func node() throws -> GrammarNode {
        let token = tokens[index]
        index += 1
        switch token {
        case "(": return try bracketed(")") { $0 }
        case "[": return try bracketed("]") { .optional($0) }
        case "{": return try bracketed("}") { .repeated($0) }
        default: return token.hasPrefix("'") ? .terminal(String(token.dropFirst())) : .reference(token)
        }
    }

    private mutating func bracketed(_ close: String, _ wrap: (GrammarNode) -> GrammarNode) throws -> GrammarNode {
        let inner = try choice()
        guard tokens[index] == close else { throw Problem.at(tokens[index]) }
        index += 1
        return wrap(inner)
    }
}
