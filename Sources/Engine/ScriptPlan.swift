// What of a script is to be carried out at this start. A script says what should exist; what exists already as it says stays as it is, with
// its state. Of each name the statements count from the last DROP in front of its last CREATE on:
//
//     the CREATE describes what exists          nothing is carried out, the DROP neither
//     something else exists, or nothing does    the DROP and all that follows it are carried out, whatever earlier starts did
//
// A table that reads from one that is dropped has to be dropped in front of it, so its DROP and CREATE are carried out too, and so are
// those of what has columns of a type that is made anew. A DROP without a CREATE behind it is carried out whenever there is something to
// drop, and a TERMINATE whenever there is a query to end that no statement behind it makes. Everything else (PAUSE, INSERT … SELECT)
// happens once: the catalog remembers it with a mark. So does an INSERT … VALUES in each topic: one that is made anew gets the row again.

import Bytes
import Catalog
import Syntax
import Values

/// A statement of a script.
struct ScriptStatement: Sendable {
    /// Nil for a text that is no statement: it is carried out, and refused there with the reason.
    let statement: Statement?
    /// What the catalog remembers it by; nil for a statement that only concerns the session. An INSERT … VALUES is remembered with its topic
    /// as well (`ScriptRun.mark`).
    let mark: String?
    /// What an earlier server remembered a CREATE OR REPLACE or IF NOT EXISTS by; nil for others.
    let formerMark: String?
    /// The canonical text of what it makes: without OR REPLACE and IF NOT EXISTS.
    let canonical: String
    /// How many statements of this text the script has up to this one: it may insert the same row twice.
    let occurrence: Int

    /// What the statement makes, changes or drops; nil when that is nothing with a name.
    var subject: CatalogKey? {
        switch statement {
        case .createSource(let create): .source(create.name.text)
        case .createAs(let create): .source(create.name.text)
        case .alterSource(let alter): .source(alter.name.text)
        case .dropSource(let drop): .source(drop.name.text)
        case .createType(let name, _, _), .dropType(let name, _): .type(name.text)
        default: nil
        }
    }

    var isCreate: Bool {
        switch statement {
        case .createSource, .createAs, .createType: true
        default: false
        }
    }

    var isDrop: Bool {
        switch statement {
        case .dropSource, .dropType: true
        default: false
        }
    }

    /// Whether all that it does is to give rows to the client that asked.
    var isForReaders: Bool {
        switch statement {
        case .query, .question, .print: true
        default: false
        }
    }

    /// Whether it is a CREATE OR REPLACE.
    var replaces: Bool {
        switch statement {
        case .createSource(let create): create.orReplace
        case .createAs(let create): create.orReplace
        default: false
        }
    }

    /// Whether it is a TERMINATE. Of what it ends, the source remains, as if it had been made without a query.
    var endsQueries: Bool {
        if case .manageQuery(.terminate, _) = statement { true } else { false }
    }

    /// Whether it is a CREATE that takes what exists for what it says.
    var takesWhatExists: Bool {
        switch statement {
        case .createSource(let create): create.ifNotExists
        case .createAs(let create): create.ifNotExists
        case .createType(_, _, let ifNotExists): ifNotExists
        default: false
        }
    }
}

/// The statements of a script, and which of them are to be carried out.
struct ScriptPlan: Sendable {
    let statements: [ScriptStatement]
    /// For the statements that are decided by what exists: whether to carry them out. The rest goes by marks.
    private var decisions: [Int: Bool] = [:]
    /// Sources that the script drops and makes anew, and those of them whose records go too.
    private var renewed: Set<String> = [], emptied: Set<String> = []
    private let catalog: CatalogSnapshot

    /// Reads the texts of a script, with the variables that they define, and compares them with what exists. `options` are those of the
    /// session at the start; `isBroken` tells what exists but could not be brought back.
    init(_ texts: [String], _ options: ParserOptions, _ catalog: CatalogSnapshot, isBroken: (CatalogKey) -> Bool) {
        statements = ScriptPlan.read(texts, options)
        self.catalog = catalog
        var makers: [CatalogKey: (create: Int, drop: Int?)] = [:]
        for (index, statement) in statements.enumerated() {
            guard let subject = statement.subject else { continue }
            if statement.isCreate {
                if repeats(index, of: subject, makers[subject]?.create) {
                    // A mistake, which each start tells, also one at which the first of them is there already.
                    decisions[index] = true
                    continue
                }
                makers[subject] = (index, lastDrop(of: subject, before: index))
            }
            if statement.isDrop { makers[subject] = nil }
        }
        var missing = Set(
            makers.filter { subject, maker in
                // What could not be brought back is left alone, unless the script says something else now.
                !(isBroken(subject) && isMarked(maker.create)) && !isThere(subject, maker.create)
            }.keys)
        addReaders(to: &missing, makers.filter { $0.value.drop != nil })
        for (index, statement) in statements.enumerated() {
            guard let subject = statement.subject else { continue }
            guard let maker = makers[subject] else {
                if statement.isDrop { decisions[index] = text(of: subject) != nil || isMadeBefore(index, subject) }
                continue
            }
            if decisions[index] != nil { continue }
            if missing.contains(subject) {
                if index >= maker.drop ?? maker.create { decisions[index] = true }
            } else if index <= maker.create {
                decisions[index] = false
            }
        }
        for case .source(let name) in missing {
            guard let drop = makers[.source(name)]?.drop, catalog.sources[name] != nil else { continue }
            renewed.insert(name)
            if case .dropSource(let dropped)? = statements[drop].statement, dropped.deleteTopic || catalog.sources[name]?.ownsTopic == true {
                emptied.insert(name)
            }
        }
    }

    /// Whether a statement is to be carried out now, when `current` exists; the catalog will remember it with `mark`.
    func isDue(_ index: Int, mark: String?, in current: CatalogSnapshot) -> Bool {
        if let decision = decisions[index] { return decision }
        let statement = statements[index]
        if statement.mark == nil { return true }
        let isMarked = isMarked(index)
        switch statement.statement {
        case .insertSelect(let insert):
            guard !isMarked || renewed.contains(insert.target.text) else { return false }
            return current.sortedQueries.count { isSame($0.statement, statement) } < statement.occurrence
        case .insertValues(let insert):
            if let mark, current.scriptMarks.contains(mark) { return mark == statement.mark && emptied.contains(insert.target.text) }
            // What an earlier server remembered without the topic.
            return !isMarked || emptied.contains(insert.target.text)
        default: return !isMarked
        }
    }

    /// Ids of the queries of `current` that the TERMINATE at an index ends: of those that it means, the ones that no statement behind it makes.
    func terminated(by index: Int, _ target: QueryTarget, in current: CatalogSnapshot) -> [String] {
        let later = Set(statements[(index + 1)...].map(\.canonical))
        return current.sortedQueries.filter { query in
            if case .query(let name) = target, name.text != query.id { return false }
            if case .all = target, query.id.hasPrefix(QueryIDs.Prefix.sourceTable.rawValue) { return false }
            return ScriptPlan.canonical(of: query.statement).map(later.contains) != true
        }.map(\.id)
    }

    /// Names of sources and ids of queries that exist although nothing in the script makes or drops them, sorted.
    var leftovers: [String] {
        var made = Set(statements.lazy.filter { $0.isCreate || $0.isDrop }.compactMap(\.subject))
        for case .createFilled(let create, _)? in statements.map(\.statement) { made.insert(.source(create.name.text)) }
        let sources = catalog.sources.filter { source in
            !made.contains(.source(source.name)) && !SystemTopics.sources.contains { $0.name == source.name }
        }
        let queries = catalog.sortedQueries.filter { query in
            guard let statement = try? parse(query.statement, options: ScriptPlan.plainOptions).first?.statement,
                case .insertSelect = statement
            else { return false }
            return !statements.contains { isSame(query.statement, $0) }
        }
        return sources.map(\.name).sorted() + queries.map(\.id)
    }

    private static func read(_ texts: [String], _ options: ParserOptions) -> [ScriptStatement] {
        var options = options
        var counts: [String: Int] = [:], formerCounts: [String: Int] = [:]
        return texts.map { text in
            guard let statement = (try? parse(text, options: options))?.first?.statement else {
                return ScriptStatement(statement: nil, mark: nil, formerMark: nil, canonical: text, occurrence: 1)
            }
            if case .define(let name, let value) = statement { options.variables[name.text.uppercased()] = value }
            if case .undefine(let name) = statement { options.variables[name.text.uppercased()] = nil }
            let (canonical, written) = (CanonicalText.statement(statement.unconditional), CanonicalText.statement(statement))
            let (occurrence, formerOccurrence) = ((counts[canonical] ?? 0) + 1, (formerCounts[written] ?? 0) + 1)
            (counts[canonical], formerCounts[written]) = (occurrence, formerOccurrence)
            return ScriptStatement(
                statement: statement, mark: statement.changesData ? mark(of: canonical, occurrence) : nil,
                formerMark: statement.changesData && written != canonical ? mark(of: written, formerOccurrence) : nil,
                canonical: canonical, occurrence: occurrence)
        }
    }

    private static func mark(of text: String, _ occurrence: Int) -> String {
        "\(String(fnv1a(text.utf8), radix: 16))-\(occurrence)"
    }

    private static var plainOptions: ParserOptions {
        var options = ParserOptions()
        options.acceptsMissingSemicolon = true
        return options
    }

    /// Whether a CREATE says once more what an earlier one says, with nothing between them that changes it.
    private func repeats(_ index: Int, of subject: CatalogKey, _ earlier: Int?) -> Bool {
        guard let earlier, statements[earlier].canonical == statements[index].canonical, !statements[index].takesWhatExists,
            !statements[index].replaces
        else { return false }
        return !statements[(earlier + 1)..<index].contains { $0.subject == subject || $0.endsQueries }
    }

    private func lastDrop(of subject: CatalogKey, before index: Int) -> Int? {
        statements[..<index].lastIndex { $0.isDrop && $0.subject == subject }
    }

    /// Whether what a CREATE makes exists as it says.
    private func isThere(_ subject: CatalogKey, _ create: Int) -> Bool {
        let statement = statements[create]
        guard let known = text(of: subject) else { return false }
        if isSame(known, statement) { return true }
        // What exists was changed by a later statement of the script, or the statement took it as it was.
        let isAltered = statements[(create + 1)...].contains { $0.subject == subject || $0.endsQueries }
        return (isAltered || statement.takesWhatExists) && isMarked(create)
    }

    /// The statement that made what exists; nil when nothing does.
    private func text(of subject: CatalogKey) -> String? {
        switch subject {
        case .source(let name): catalog.sources[name]?.statement
        case .type(let name): catalog.customTypes[name]?.statement
        default: nil
        }
    }

    /// Whether something of that name existed when the script began.
    func existedAtStart(_ subject: CatalogKey) -> Bool { text(of: subject) != nil }

    /// Whether the script makes what a DROP drops, at this start.
    private func isMadeBefore(_ drop: Int, _ subject: CatalogKey) -> Bool {
        statements[..<drop].indices.contains { statements[$0].isCreate && statements[$0].subject == subject && !isMarked($0) }
    }

    /// Whether a statement has been carried out at an earlier start.
    func isMarked(_ index: Int) -> Bool {
        [statements[index].mark, statements[index].formerMark].contains { $0.map(catalog.scriptMarks.contains) == true }
    }

    private func isSame(_ text: String, _ statement: ScriptStatement) -> Bool {
        ScriptPlan.canonical(of: text) == statement.canonical
    }

    /// The canonical text of what a statement of the catalog makes; nil for one that cannot be read.
    private static func canonical(of text: String) -> String? {
        let known = try? parse(text, options: plainOptions).first?.statement
        return known.map { CanonicalText.statement($0.unconditional) }
    }

    /// Whether a CREATE mentions a type that is made anew. A column of that name counts too: making the source anew without need is
    /// right as well.
    private func mentionsType(in missing: Set<CatalogKey>, _ create: Int?) -> Bool {
        guard let create else { return false }
        let words = Set(statements[create].canonical.uppercased().split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init))
        return missing.contains { if case .type(let name) = $0 { words.contains(name.uppercased()) } else { false } }
    }

    /// Adds what reads from the sources in `missing`, or has columns of the types there, as far as the script drops and makes that.
    private func addReaders(to missing: inout Set<CatalogKey>, _ makers: [CatalogKey: (create: Int, drop: Int?)]) {
        var hasGrown = true
        while hasGrown {
            hasGrown = false
            for case .source(let name) in makers.keys where !missing.contains(.source(name)) {
                let query = catalog.sources[name]?.queryID.flatMap { catalog.queries[$0] }
                let isReader = query?.reads.contains { missing.contains(.source($0)) && makers[.source($0)] != nil } == true
                if isReader || mentionsType(in: missing, makers[.source(name)]?.create) { hasGrown = missing.insert(.source(name)).inserted }
            }
        }
    }
}
