// Which clause of a statement the cursor is in, and whether a value is to come there or something behind one.

/// The place behind some words of a statement, as far as clauses and parentheses tell it.
struct CompletionClause {
    enum Kind: Hashable {
        /// Before the first clause.
        case none
        case list, from, on, filter, group, partition, having, qualify, order, assignments, values, limit, emit, window
        /// Between the parentheses of a call, and of IN.
        case arguments
        /// Behind UNION, EXCEPT and INTERSECT, and behind the parenthesis of a subquery.
        case question
    }

    private struct Frame {
        var kind: Kind
        /// How many CASE have no END yet.
        var openCases = 0
        /// The function, or the word, in front of its parenthesis.
        var opener = ""
    }

    private var frames = [Frame(kind: .none)]
    private var last = ""
    private var beforeLast = ""
    private var hasSeenFrom = false

    var kind: Kind { frames[frames.count - 1].kind }
    /// Whether the cursor is between parentheses.
    var isNested: Bool { frames.count > 1 }
    var hasOpenCase: Bool { frames[frames.count - 1].openCases > 0 }
    /// Between the parentheses of CAST, a type comes behind AS.
    var isCast: Bool { ["CAST", "TRY_CAST"].contains(frames[frames.count - 1].opener) }
    /// Right behind the word of the clause.
    var isAtStart: Bool { ["SELECT", "SET"].contains(last) }
    /// Whether the SELECT of this list has its FROM already.
    var hasFrom: Bool { hasSeenFrom }
    /// The column of an assignment is to come, and not its value.
    var wantsAssignedColumn: Bool { kind == .assignments && (last == "SET" || last == ",") }
    /// The sign of an assignment is to come.
    var wantsAssignment: Bool { kind == .assignments && (beforeLast == "SET" || beforeLast == ",") && !wantsOperand }

    /// `words` as a place has them.
    init(_ words: [String]) {
        for word in words {
            take(word)
            (beforeLast, last) = (last, word)
        }
    }

    /// Words behind which a value comes.
    private static let openers: Set<String> = [
        "(", ",", "[", "=", "<", ">", "!", "+", "-", "/", "%", "|", "&", "#", "~", "SELECT", "DISTINCT", "WHERE", "ON", "HAVING", "QUALIFY", "BY", "AND", "OR",
        "NOT", "WHEN", "THEN", "ELSE", "CASE", "BETWEEN", "LIKE", "ILIKE", "ESCAPE", "SET",
    ]

    /// Whether a value is to come; otherwise one stands before the cursor.
    var wantsOperand: Bool {
        // A star is a sign of a product where a value stands in front of it.
        if last == "*" { return !(CompletionClause.openers.contains(beforeLast) || beforeLast == ".") }
        return CompletionClause.openers.contains(last)
    }

    private mutating func take(_ word: String) {
        let top = frames.count - 1
        switch word {
        case "(": frames.append(Frame(kind: kindInParenthesis, opener: last))
        case "[": frames.append(Frame(kind: .arguments, opener: "["))
        case ")", "]": if top > 0 { frames.removeLast() }
        case "CASE": frames[top].openCases += 1
        case "END": frames[top].openCases = max(0, frames[top].openCases - 1)
        case "SELECT": frames[top].kind = .list
        case "UNION", "EXCEPT", "INTERSECT": frames[top].kind = .question
        case "FROM":
            // EXTRACT(… FROM …) and IS DISTINCT FROM are no clauses.
            guard frames[top].kind != .arguments, last != "DISTINCT" || beforeLast == "SELECT" else { return }
            frames[top].kind = .from
            hasSeenFrom = true
        case "JOIN", "USING", "INTO": if frames[top].kind != .arguments { frames[top].kind = .from }
        case "UPDATE": if last.isEmpty { frames[top].kind = .from }
        case "ON": if frames[top].kind == .from || frames[top].kind == .on { frames[top].kind = .on }
        case "WHERE": frames[top].kind = .filter
        case "GROUP", "PARTITION", "ORDER": break
        case "BY": frames[top].kind = last == "GROUP" ? .group : last == "PARTITION" ? .partition : last == "ORDER" ? .order : frames[top].kind
        case "HAVING": frames[top].kind = .having
        case "QUALIFY": frames[top].kind = .qualify
        case "SET": if frames[top].kind == .from { frames[top].kind = .assignments }
        case "VALUES": frames[top].kind = .values
        case "LIMIT", "OFFSET": if top == 0 || frames[top].kind != .arguments { frames[top].kind = .limit }
        case "EMIT": frames[top].kind = .emit
        case "WINDOW": frames[top].kind = .window
        default: break
        }
    }

    private var kindInParenthesis: Kind {
        switch last {
        case "VALUES": return .values
        case "," where kind == .values: return .values
        case "FROM", "JOIN", "EXISTS", "LATERAL", "AS", "": return .question
        case "TUMBLING", "HOPPING", "SESSION": return .window
        default: break
        }
        // Behind a word that is no name, parentheses only hold together.
        return CompletionClause.openers.contains(last) && kind != .question ? .arguments : kind == .from ? .from : .arguments
    }
}

extension CompletionClause {
    /// Words that a value can begin with, beside columns and functions.
    private static let operandWords = ["NOT", "CASE", "CAST(", "TRY_CAST(", "NULL", "TRUE", "FALSE", "ARRAY[", "MAP(", "STRUCT("]
    /// What can stand behind a value, and go on with it.
    private static let operators = ["AND", "OR", "IN (", "NOT IN (", "LIKE", "NOT LIKE", "BETWEEN", "NOT BETWEEN", "IS NULL", "IS NOT NULL"]
    /// What can stand behind sources.
    private static let joins = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "WHERE", "WINDOW"]
    private static let tail = ["EMIT CHANGES", "EMIT FINAL", "ORDER BY", "LIMIT", "UNION"]

    /// The keywords that can come here.
    var keywords: [String] {
        if kind == .question, last != ")" { return ["SELECT"] }
        if kind == .limit { return last == "LIMIT" || last == "OFFSET" ? [] : last == ")" ? [] : ["OFFSET"] }
        if kind == .emit { return last == "EMIT" ? ["CHANGES", "FINAL"] : ["LIMIT"] }
        if wantsAssignedColumn { return [] }
        if frames[frames.count - 1].opener == "OVER", last == "(" { return ["PARTITION BY", "ORDER BY"] }
        if wantsAssignment { return ["= "] }
        if wantsOperand {
            if isNegatedTest { return ["IN (", "LIKE", "BETWEEN"] }
            return CompletionClause.operandWords.filter { last != "NOT" || $0 != "NOT" } + (last == "SELECT" ? ["DISTINCT"] : [])
                + (kind == .filter || kind == .having ? ["EXISTS ("] : [])
        }
        if hasOpenCase { return ["WHEN", "THEN", "ELSE", "END"] + CompletionClause.operators }
        if isNested, kind == .arguments { return CompletionClause.operators + (isCast ? ["AS"] : []) }
        return behindValue
    }

    private var behindValue: [String] {
        let operators = CompletionClause.operators, tail = CompletionClause.tail
        switch kind {
        case .list: return operators + ["AS", "OVER ("] + (hasFrom ? [] : ["FROM"])
        case .from: return CompletionClause.joins + ["GROUP BY", "PARTITION BY", "HAVING", "AS"] + tail
        case .window: return isNested ? [] : ["WHERE", "GROUP BY", "HAVING"] + tail
        case .on: return operators + CompletionClause.joins + ["GROUP BY", "PARTITION BY"] + tail
        case .filter: return operators + ["GROUP BY", "PARTITION BY", "HAVING", "QUALIFY"] + tail
        case .group: return ["HAVING"] + tail
        case .partition: return isNested ? ["ORDER BY"] : tail
        case .having, .qualify: return operators + tail
        case .order: return ["ASC", "DESC", "NULLS FIRST", "NULLS LAST"] + (isNested ? ["ROWS", "RANGE"] : ["LIMIT", "OFFSET"])
        case .assignments: return operators + ["FROM", "WHERE"]
        case .values, .none: return []
        case .arguments: return operators
        case .limit, .emit, .question: return []
        }
    }

    /// Whether columns of the statement's sources can come here.
    var takesColumns: Bool { (wantsOperand && !isNegatedTest || wantsAssignedColumn) && kind != .values && kind != .limit && kind != .question && kind != .window }
    /// Whether functions can.
    var takesFunctions: Bool { wantsOperand && !isNegatedTest && !wantsAssignedColumn && kind != .limit && kind != .question && kind != .window }
    /// Behind a value and NOT, which a test follows.
    private var isNegatedTest: Bool { last == "NOT" && !CompletionClause.openers.contains(beforeLast) }

    /// The sources that words name, each under the names by which its columns can be called: what stands behind FROM, JOIN, INTO, UPDATE and
    /// USING, and behind commas between these.
    static func sources(in words: [String]) -> [(source: String, names: [String])] {
        var found: [(source: String, names: [String])] = []
        var isInList = false
        let ends: Set = ["WHERE", "ON", "GROUP", "PARTITION", "HAVING", "ORDER", "LIMIT", "EMIT", "SELECT", "SET", "VALUES", "WINDOW", "(", ")"]
        for (index, word) in words.enumerated() {
            if ends.contains(word) { isInList = false }
            if ["FROM", "USING"].contains(word) { isInList = true }
            let isIntroduced = index > 0 && (["FROM", "JOIN", "INTO", "UPDATE", "USING"].contains(words[index - 1]) || isInList && words[index - 1] == ",")
            guard isIntroduced, word.first.map({ $0.isLetter || $0 == "_" || $0 == "`" || $0 == "\"" }) ?? false else { continue }
            let source = word.first == "`" || word.first == "\"" ? String(word.dropFirst().dropLast()) : word
            var names = [source]
            let next = words.dropFirst(index + 1).prefix(2)
            let alias = next.first == "AS" ? next.dropFirst().first : next.first
            if let alias, alias.first?.isLetter ?? false, !keywordsBehindSources.contains(alias) { names.append(alias) }
            found.append((source, names))
        }
        return found
    }

    private static let keywordsBehindSources: Set<String> = [
        "AS", "WHERE", "JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "NATURAL", "ASOF", "ON", "USING", "WINDOW", "GROUP", "PARTITION", "HAVING", "ORDER", "LIMIT",
        "OFFSET", "EMIT", "WITHIN", "SET", "VALUES", "SELECT", "UNION", "EXCEPT", "INTERSECT", "QUALIFY", "FROM", "UNTIL", "DEFAULT",
    ]
}
