// Names of columns that have no alias, in the dialect `full`: the words of their expression, so that a result can be read.
//
// The words are the names of functions, columns and fields, in the order in which they are written, joined by `_`: SUM(price) is SUM_PRICE, COUNT(*)
// is COUNT, a + b is A_B. A CASE is CASE; what has no words is COLUMN. A name that the SELECT list has already gets the first number that is
// free: COUNT_1.

import Syntax

/// Makes names.
enum ReadableNames {
    private static let longest = 63

    /// Gives names to the items that have none; no two made names are equal, nor is one equal to a given name.
    static func fill<Item>(_ items: inout [Item], name: WritableKeyPath<Item, String>, _ expression: KeyPath<Item, Expression>) {
        var taken = Set(items.map { $0[keyPath: name] })
        for index in items.indices where items[index][keyPath: name].isEmpty {
            let base = self.name(of: items[index][keyPath: expression])
            var made = base
            var number = 1
            while !taken.insert(made).inserted {
                made = "\(base)_\(number)"
                number += 1
            }
            items[index][keyPath: name] = made
        }
    }

    private static func name(of expression: Expression) -> String {
        var words: [String] = []
        collect(expression, &words)
        let text = words.isEmpty ? "COLUMN" : words.joined(separator: "_")
        return text.count > longest ? String(text.prefix(longest)) : text
    }

    private static func collect(_ expression: Expression, _ words: inout [String]) {
        // Long chains are cut anyway.
        guard words.count < longest else { return }
        switch expression.node {
        case .column(_, let name): words.append(name.text)
        case .field(_, let name): words.append(name.text)
        case .call(let name, let arguments):
            let word = name.typed ?? name.text
            if !word.isEmpty { words.append(word) }
            for argument in arguments { collect(argument, &words) }
        case .modifiedCall(let name, let arguments, let modifiers):
            words.append(name.text)
            if modifiers.isDistinct { words.append("DISTINCT") }
            for argument in arguments { collect(argument, &words) }
        case .searchedCase, .simpleCase: words.append("CASE")
        case .array: words.append("ARRAY")
        case .map: words.append("MAP")
        case .structure: words.append("STRUCT")
        case .exists: words.append("EXISTS")
        case .subscripted(let base, _): collect(base, &words)
        case .lambda, .literal, .timeUnit, .subquery: break
        case .sign, .arithmetic, .comparison, .logical, .not, .isNull, .between, .isIn, .like, .cast, .inSubquery:
            expression.node.forEachChild { collect($0, &words) }
        }
    }
}
