// DESCRIBE and EXPLAIN.

import Analysis
import Catalog
import Diagnostics
import Formats
import Functions
import LogStore
import Pipelines
import Planner
import Plans
import Platform
import Quantities
import Sessions
import Syntax
import Values

extension StatementExecution {
    func describe(_ subject: DescribeSubject) throws(Diagnostic) -> AnswerSummary {
        switch subject {
        case .source(let name, let extended):
            if context.isFull, let view = engine.catalog.views[name.text] { return try describe(view, extended: extended) }
            guard let source = engine.catalog.sources[name.text] else {
                throw Diagnostic(
                    .unknownSource, "Could not find STREAM/TABLE '\(name.text)' in the Metastore",
                    hint: nameSuggestion(for: name.text, among: engine.catalog.sources.keys.sorted()),
                    at: name.span.range)
            }
            if extended { return answer(text: extendedDescription(of: source)) }
            if let comment = engine.catalog.comments[CatalogComment.subject(source: source.name)] { sink.emit(.notice("\(source.name): \(comment)")) }
            return answer(fields(of: source))
        case .system(let name): return try describe(system: name)
        case .streams(let extended): return describeAll(.stream, extended: extended)
        case .tables(let extended): return describeAll(.table, extended: extended)
        case .function(let name): return try describeFunction(name)
        case .schema(let subject): return try describeSchema(subject)
        case .consumerGroup(let name): return answer(try describeConsumerGroup(name))
        case .connector: throw noConnectors
        }
    }

    func describeAll(_ kind: Values.SourceKind, extended: Bool) -> AnswerSummary {
        var lines: [String] = []
        for source in engine.catalog.sortedSources where source.kind == kind {
            lines += extended ? extendedDescription(of: source) : [source.name] + fieldTexts(of: source).map { "  \($0.0): \($0.1)" }
            lines.append("")
        }
        return answer(text: lines)
    }

    private func fields(of source: SourceDefinition) -> Listing {
        let texts = fieldTexts(of: source)
        let comments = texts.map { engine.catalog.comments[CatalogComment.subject(source: source.name, column: $0.0)] }
        guard comments.contains(where: { $0 != nil }) else {
            var listing = Listing(texts: ["Field", "Type"])
            for (name, type) in texts { listing.add(texts: [name, type]) }
            return listing
        }
        var listing = Listing(texts: ["Field", "Type", "Comment"])
        for ((name, type), comment) in zip(texts, comments) { listing.add(texts: [name, type, comment ?? ""]) }
        return listing
    }

    private func fieldTexts(of source: SourceDefinition) -> [(String, String)] {
        let window =
            switch source.window {
            case nil: ""
            case .session: " (Window type: SESSION)"
            case .time(let kind, _): " (Window type: \(kind.rawValue))"
            }
        let role = source.hidesKey == true ? ownKeyRemark : source.kind == .table ? "primary key" : "key"
        let key = source.schema.key.map { ($0.name, "\($0.type)  (\(role))" + window) }
        let headers = source.schema.headers.map { ($0.name, "\($0.type)  (\($0.key.map { "header('\($0)')" } ?? "headers"))") }
        return key + source.schema.value.map { ($0.name, $0.type.description) } + headers
    }

    private func extendedDescription(of source: SourceDefinition) -> [String] {
        var lines = [
            "Name                 : \(source.name)", "Type                 : \(source.kind.rawValue)",
            "Timestamp field      : "
                + (source.timestamp.map { $0.column + ($0.pattern.map { " (format \($0))" } ?? "") } ?? "Not set - using <ROWTIME>"),
            "Key format           : \(source.keyFormat.name.rawValue)", "Value format         : \(source.valueFormat.name.rawValue)",
        ]
        if let topic = engine.log.describeTopic(named: source.topic) {
            lines.append("Kafka topic          : \(source.topic) (partitions: \(topic.partitions.count), replication: 1)")
        } else {
            lines.append("Kafka topic          : \(source.topic) (missing)")
        }
        if let comment = engine.catalog.comments[CatalogComment.subject(source: source.name)] { lines.append("Comment              : \(comment)") }
        lines += ["Statement            : \(source.statement)", ""]
        lines += fieldTexts(of: source).map { name, type in
            let comment = engine.catalog.comments[CatalogComment.subject(source: source.name, column: name)]
            return "  \(name): \(type)" + (comment.map { "  -- \($0)" } ?? "")
        }
        let queries = engine.state.withLock { Array($0.queries.values) }.filter { $0.reads.contains(source.name) || $0.makes(source.name) }
            .sorted { $0.id < $1.id }
        for (title, found) in [
            ("Queries that read from this \(source.kind.rawValue)", queries.filter { $0.reads.contains(source.name) }),
            ("Queries that write to this \(source.kind.rawValue)", queries.filter { $0.makes(source.name) }),
        ] where !found.isEmpty {
            lines += ["", title]
            for query in found {
                let content = query.run.status.content.withLock { $0 }
                lines.append("  \(query.id) (\(content.state.name)) : \(query.statement)")
                lines.append("    \(countersText(content.counters, query.run.status.memory))")
                lines += troubles(of: query.id, content).map { "    " + $0 }
                lines += positions(of: query, content)
            }
        }
        return lines
    }

    /// What is wrong with a query, or was when it last tried.
    func troubles(of id: String, _ content: QueryStatus.Content) -> [String] {
        [
            engine.remark(on: id),
            failure(content.state).map { "error: \($0)" },
            content.pauseReason.map { "left paused: \($0)" },
            content.excess.map { "paused by the server: \($0.reason)" },
            content.isRestoring ? "is restoring its state" : nil,
            content.obstacle.map { "waits and tries again: \($0)" },
            content.awaitedSchemas.isEmpty ? nil : "waits for a schema: \(content.awaitedSchemas.values.sorted().joined(separator: "; "))",
            content.snapshotProblem.map { "the latest snapshot of its state could not be written: \($0)" },
        ].compactMap(\.self)
    }

    /// Start, end, position and lag of each partition that the query reads.
    private func positions(of query: PersistentQuery, _ content: QueryStatus.Content) -> [String] {
        do throws(LogError) {
            return try engine.progress(of: query, content).map { part in
                "    \(part.topic.name) partition \(part.partition): start \(part.bounds.start), end \(part.bounds.durableEnd), "
                    + "offset \(part.position), lag \(part.lag)"
            }
        } catch {
            return ["    its positions cannot be read: \(error.message)"]
        }
    }

    private func describeFunction(_ name: Name) throws(Diagnostic) -> AnswerSummary {
        if let function = engine.catalog.functions[name.text] {
            let comment = engine.catalog.comments[CatalogComment.subject(function: name.text)]
            return answer(
                text: ["Name        : \(function.name)"] + (comment.map { ["Overview    : \($0)"] } ?? [])
                    + ["Type        : \(function.isAggregate ? "AGGREGATE" : "SCALAR"), of a user", "Variations  :", "  \(function.heading)",
                        "Statement   : \(function.statement)"])
        }
        let written = FunctionTable.written.filter { $0.key == name.text || $0.key.hasPrefix(name.text + " ") }.sorted { $0.key < $1.key }
        if context.isFull, let first = written.first {
            return answer(
                text: ["Name        : \(name.text)", "Category    : \(first.value.category.rawValue)", "Type        : SCALAR", "Variations  :"]
                    + written.map { "  \($0.value.call(of: $0.key)) is \($0.value.expression)" })
        }
        guard let family = engine.configuration.functions.family(named: name.text, withAliases: context.isFull) else {
            throw Diagnostic(
                .unknownFunction, "Can't find any functions with the name '\(name.text)'",
                hint: closestMatch(to: name.text.uppercased(), among: engine.configuration.functions.all.map(\.name)).map {
                    "Did you mean \($0)?"
                },
                at: name.span.range)
        }
        var lines = [
            "Name        : \(family.name)", "Overview    : \(family.summary)", "Type        : \(family.kind.rawValue)", "Variations  :",
        ]
        let others = FunctionTable.aliases.filter { $0.value == family.name }.keys.sorted()
        if context.isFull, !others.isEmpty { lines.insert("Also called : \(others.joined(separator: ", "))", at: 1) }
        for signature in family.signatures { lines.append("  \(family.text(of: signature)) returns \(signature.result.description)") }
        return answer(text: lines)
    }

    // MARK: EXPLAIN

    func explain(queryNamed name: Name) throws(Diagnostic) -> AnswerSummary {
        guard let query = engine.state.withLock({ $0.queries[name.text] }) else {
            if let broken = engine.state.withLock({ $0.broken.first { $0.queryID == name.text } }) {
                return answer(
                    text: ["ID: \(name.text)", "Status: ERROR", "SQL: \(broken.statement)", "Error: \(broken.reason)"], queryID: name.text)
            }
            if let query = engine.state.withLock({ $0.transient(named: name) }) { return explain(query) }
            let known = engine.state.withLock { $0.queries.keys.sorted() + $0.transients.keys.sorted() }
            throw Diagnostic(
                .unknownQuery, "Query with id:\(name.text) does not exist, use SHOW QUERIES to view the full set of queries.",
                hint: nameSuggestion(for: name.text, among: known), at: name.span.range)
        }
        let content = query.run.status.content.withLock { $0 }
        var lines = [
            "ID: \(query.id)", "Status: \(content.state.name)", "SQL: \(query.statement)",
            "Counters: \(countersText(content.counters, query.run.status.memory))",
        ]
        lines += troubles(of: query.id, content).map { $0.prefix(1).uppercased() + $0.dropFirst() }
        return answer(text: lines + planLines(query.plan), queryID: query.id)
    }

    /// EXPLAIN of a client's query.
    private func explain(_ query: TransientQuery) -> AnswerSummary {
        var lines = ["ID: \(query.id)", "Status: RUNNING, a \(query.isPush ? "push query" : "question") of a client", "SQL: \(query.statement)"]
        if let run = query.run { lines.append("Counters: \(countersText(run.status.counters, run.status.memory))") }
        if let problem = query.run?.status.counters.firstProblem { lines.append("First problem: \(problem)") }
        return answer(text: lines + (query.plan.map(planLines) ?? []), queryID: query.id)
    }

    func explain(_ statement: Statement, _ text: String) throws(Diagnostic) -> AnswerSummary {
        let plan: QueryPlan
        var access: [String] = []
        switch try statement.meant(in: context) {
        case .query(let query):
            if query.emit == nil, isForQuestions(query) { return answer(text: questionText(text, try analyse(query.question, in: context))) }
            let resolved = try analyse(query, for: query.emit == nil ? .pull : .push, in: context)
            plan = transientPlan(resolved, in: planning("EXPLAINED"))
            if query.emit == nil {
                let isTable = resolved.sources[0].kind == .table
                let path = isTable ? try tableAccess(of: resolved).text(key: resolved.sources[0].schema.key) : nil
                access = ["Access: " + (path ?? "log of " + readingLine(of: resolved.sources[0], where: resolved.filter))]
            }
        case .question(let question, _):
            let resolved = try analyse(question, in: context)
            return answer(text: questionText(text, resolved))
        case .changeRows(let change):
            let resolved = try analyse(change, in: context)
            return answer(text: ["SQL: \(text)", "", "Plan of the rows"] + resolved.question.step.lines.map { "  " + $0 })
        case .createAs(let create): plan = Planner.plan(try analyse(create, text: text, in: context), in: planning("EXPLAINED"))
        case .insertSelect(let insert): plan = Planner.plan(try analyse(insert, in: context), in: planning("EXPLAINED"))
        default:
            throw Diagnostic(.statementError, "EXPLAIN takes a query, CREATE … AS SELECT or INSERT INTO … SELECT", at: parsed.range)
        }
        return answer(text: ["SQL: \(text)"] + access + planLines(plan))
    }

    /// The plan of a question, and what it would read now.
    private func questionText(_ text: String, _ resolved: ResolvedQuestion) -> [String] {
        let reads = readingLines(of: resolved.step, resolved.sources)
        return ["SQL: \(text)", "", "Plan"] + resolved.step.lines.map { "  " + $0 } + (reads.isEmpty ? [] : ["", "Reads"] + reads.map { "  " + $0 })
    }

    private func planLines(_ plan: QueryPlan) -> [String] {
        var lines = ["", "Logical plan"] + plan.description.split(separator: "\n").map { "  " + $0 }
        lines += ["", "Physical plan"]
        for (index, pipeline) in QueryLauncher(engine: engine).pipelines(of: plan).enumerated() {
            let part = QueryPlan(id: plan.id, root: pipeline.root, destination: pipeline.destination, resultKind: plan.resultKind)
            lines.append("  pipeline \(index): \(pipeline.tasks) task\(pipeline.tasks == 1 ? "" : "s")")
            lines += part.description.split(separator: "\n").map { "    " + $0 }
        }
        return lines + ["", "State: " + stateBound(plan.root)]
    }

    /// How the state of a query grows.
    private func stateBound(_ step: Step) -> String {
        var bounds: [String] = []
        func look(_ step: Step) {
            switch step {
            case .aggregate(let aggregate):
                if let window = aggregate.window {
                    bounds.append("grows with keys and windows, and shrinks as windows expire after \(window.retention) ms of event time")
                } else {
                    bounds.append("grows with the number of distinct keys, without bound")
                }
            case .source(let source) where source.store != nil: bounds.append("one row a key of \(source.sourceName), without bound")
            case .join(let join):
                if case .streamStream(let window) = join.kind {
                    bounds.append("rows of both sides of a join, for \(window.before + window.after + window.grace) ms of event time")
                } else {
                    bounds.append("the rows of joined tables, without bound")
                }
            case .keyed(let keyed):
                switch keyed.kind {
                case .top(_, let count): bounds.append("at most \(count) rows a key, for more and more keys")
                case .running: bounds.append("the last rows of each key, for more and more keys")
                case .distinct: bounds.append("the different rows of open windows")
                }
            case .source, .exchange, .filter, .project, .rekey, .explode: break
            }
            step.inputs.forEach(look)
        }
        look(step)
        return bounds.isEmpty ? "none" : bounds.joined(separator: "; ")
    }
}
