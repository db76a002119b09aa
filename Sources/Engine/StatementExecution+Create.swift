// CREATE STREAM, CREATE TABLE, CREATE … AS SELECT and INSERT INTO … SELECT: topics that are missing first, then one
// commit of everything in the catalog, then what runs.

import Analysis
import Catalog
import Diagnostics
import Formats
import LogStore
import Pipelines
import Planner
import Plans
import Platform
import Quantities
import Sessions
import Settings
import Syntax
import Values

extension StatementExecution {
    func perform(_ create: CreateSource, text: String? = nil) throws(Diagnostic) -> AnswerSummary {
        let new = try analyse(create, text: text ?? parsed.text, in: context)
        if let exists = try existing(create.name, create.kind, create.orReplace, create.ifNotExists, isSource: create.isSource) {
            return exists
        }
        let place = new.properties.place(of: "KAFKA_TOPIC") ?? create.name.span.range
        if let refusal = refusalOfSource(create.name.text, over: new.definition.topic, isWritten: false, at: place) { throw refusal }
        if let old = engine.catalog.sources[create.name.text] { try checkReplacement(old, by: new.definition) }
        var source = try engine.registeringSchemas(of: new.definition, isSink: false)
        let old = engine.catalog.sources[source.name]
        source.origin = old?.origin
        let makesTopic = new.properties.topic == nil && engine.log.describeTopic(named: source.topic) == nil
        if context.isFull, source.kind == .table, !create.isSource, makesTopic || old?.ownsTopic == true { source.ownsTopic = true }
        var change = CatalogChange()
        if create.isSource && source.kind == .table {
            let (id, numbers) = try nextQueryID(.sourceTable, create.name.text)
            source.queryID = id
            change.set = [.query(engine.sourceTableQuery(source, id, session.givenProperties)), numbers]
        }
        change.set.append(.source(source))
        let known = recordsThere(for: source, new.properties)
        try commit(change, makingTopicOf: source, new.properties, sourcePartitions: nil)
        if source.queryID != nil { session.state.withLock { $0.writes += 1 } }
        if let chosen = new.chosen { sink.emit(.notice(chosen)) }
        for contradiction in source.contradictions + source.rulesLeftOut { sink.emit(.notice(contradiction)) }
        if let known { sink.emit(.notice(known)) }
        return AnswerSummary(message: "\(source.kind == .stream ? "Stream" : "Table") created", queryID: source.queryID)
    }

    /// What to say of records that stand in the topic of a new source and that nobody may expect there: of a table, and where the statement does
    /// not name the topic. A stream over a topic with records is what the statement is for.
    private func recordsThere(for source: SourceDefinition, _ properties: SourceProperties) -> String? {
        guard source.kind == .table || properties.topic == nil, let topic = engine.log.describeTopic(named: source.topic) else { return nil }
        let count = topic.partitions.reduce(Int64(0)) { sum, partition in
            sum.addingSaturated(partition.bounds.appendedEnd.count.subtractingSaturated(partition.bounds.start.count))
        }
        guard count > 0 else { return nil }
        return "the topic \(source.topic) was there, with \(count) record\(count == 1 ? "" : "s"), which \(source.name) shows; "
            + "DROP … DELETE TOPIC makes an end of them"
    }

    func perform(_ create: CreateAs) throws(Diagnostic) -> AnswerSummary {
        if let exists = try existing(create.name, create.kind, create.orReplace, create.ifNotExists, isSource: false) { return exists }
        var new = try analyse(create, text: parsed.text, in: context)
        var source = new.definition
        let place = new.properties.place(of: "KAFKA_TOPIC") ?? create.name.span.range
        if let refusal = refusalOfSource(source.name, over: source.topic, isWritten: true, at: place) { throw refusal }
        let old = engine.catalog.sources[create.name.text]
        if let old { try checkReplacement(old, by: source) }
        let replaced = old?.queryID.flatMap { engine.catalog.queries[$0] }
        source = try engine.registeringSchemas(of: source, isSink: true)
        new.definition = source
        var change = CatalogChange()
        let id: String
        if let known = old?.queryID {
            id = known
        } else {
            try checkQueryLimit()
            let made = try nextQueryID(source.kind == .stream ? .streamAs : .tableAs, create.name.text)
            id = made.id
            change.set.append(made.numbers)
        }
        source.queryID = id
        let plan = plan(new, in: planning(id))
        let reads = new.query.sources.map(\.name)
        let query = queryDefinition(plan, expanded: expanded(create, new.query), reads: reads, writes: source.name)
        try checkRuns(plan, query.properties)
        let generation = engine.log.generation
        let partitions = engine.partitions(of: new.query.sources[0].topic)
        source.origin = old?.origin
        if new.properties.keyFormat == nil, let first = source.schema.key.first, source.keyFormat.name == .json,
            new.query.sources[0].keyFormat.name == .kafka || new.query.sources[0].keyFormat.name == .none
        {
            let what = source.schema.key.count > 1 ? "its key of several columns" : "its key, a \(first.type),"
            sink.emit(.notice("\(what) is kept as JSON"))
        }
        let madeForLate = try makeLateRows(new.query.lateRows, partitions, &change)
        do throws(Diagnostic) {
            if let replaced {
                try replace(replaced, by: query, of: source, change, new.properties, sourcePartitions: partitions, at: create.name)
            } else {
                try commit(change, creating: query, makingTopicOf: source, new.properties, sourcePartitions: partitions, generation)
            }
        } catch {
            if let madeForLate { discard(madeForLate) }
            throw error
        }
        return created(query)
    }

    /// Makes the topic of a stream of late rows and adds the stream to the change, as far as they are missing. Gives the topic if it was made.
    private func makeLateRows(
        _ late: SourceDefinition?, _ partitions: Int?, _ change: inout CatalogChange
    ) throws(Diagnostic) -> TopicDescription? {
        guard var late else { return nil }
        if let refusal = refusalOfSource(late.name, over: late.topic, isWritten: true, at: parsed.range) { throw refusal }
        if engine.catalog.sources[late.name] == nil {
            late.statement = plainStatement(of: late)
            change.set.append(.source(late))
        }
        let made = try ensureSinkTopic(late, try SourceProperties([], at: .createAs), sourcePartitions: partitions)
        if made != nil { change.remove.append(.removedTopic(late.topic)) }
        return made
    }

    func perform(_ insert: InsertSelect) throws(Diagnostic) -> AnswerSummary {
        let new = try analyse(insert, in: context)
        if let refusal = refusalOfWriting(to: new.target, at: insert.target.span.range) { throw refusal }
        try checkQueryLimit()
        var change = CatalogChange()
        let id: String
        if let given = new.queryID {
            id = try explicitID(given)
        } else {
            let made = try nextQueryID(.insert, nil)
            id = made.id
            change.set.append(made.numbers)
        }
        let plan = plan(new, in: planning(id))
        let reads = new.query.sources.map(\.name)
        let query = queryDefinition(plan, expanded: expanded(insert, new.query), reads: reads, writes: new.target.name)
        try checkRuns(plan, query.properties)
        try commit(change, creating: query, keeping: [])
        return created(query)
    }

    private func created(_ query: QueryDefinition) -> AnswerSummary {
        session.state.withLock { $0.writes += 1 }
        return AnswerSummary(message: "Created query with ID \(query.id)", queryID: query.id)
    }

    // MARK: Committing

    /// Makes the topic of a source if it is missing, and commits; a topic that was made for a commit that fails goes
    /// again.
    private func commit(
        _ change: CatalogChange, makingTopicOf source: SourceDefinition, _ properties: SourceProperties, sourcePartitions: Int?
    ) throws(Diagnostic) {
        let made = try ensureSinkTopic(source, properties, sourcePartitions: sourcePartitions)
        var change = change
        if made != nil { change.remove.append(.removedTopic(source.topic)) }
        do throws(Diagnostic) { try apply(change) } catch {
            if let made { discard(made) }
            throw error
        }
    }

    /// Makes the topics of a source and of its query and commits both. The rows of a table begin behind everything that
    /// stands in its topic now; `generation` is the log's before that was looked at.
    private func commit(
        _ change: CatalogChange, creating query: QueryDefinition, makingTopicOf source: SourceDefinition, _ properties: SourceProperties,
        sourcePartitions: Int?, _ generation: UInt64
    ) throws(Diagnostic) {
        let made = try ensureSinkTopic(source, properties, sourcePartitions: sourcePartitions, writtenBy: query.plan)
        do throws(Diagnostic) {
            var source = source
            source.origin = origin(of: source)
            var change = change
            if made != nil { change.remove.append(.removedTopic(source.topic)) }
            change.set.append(.source(source))
            try commit(change, creating: query, keeping: [], generation: generation)
        } catch {
            if let made { discard(made) }
            throw error
        }
    }

    /// Where a query begins to read.
    private enum Beginning {
        /// As `auto.offset.reset` says, tables at their beginning.
        case first
        /// Where the query that it replaces stands.
        case replaced
        /// At positions that are committed with it.
        case again(Append?)
    }

    /// Makes the internal topics of a query and commits the query with the positions that it begins at.
    private func commit(
        _ change: CatalogChange, creating query: QueryDefinition, keeping kept: Set<String>, from beginning: Beginning = .first,
        generation: UInt64? = nil
    ) throws(Diagnostic) {
        let made = try engine.makeInternalTopics(for: query.plan, keeping: kept)
        do throws(Diagnostic) {
            var query = query
            var appends: [Append] = []
            switch beginning {
            case .first:
                let first = QueryLauncher(engine: engine).firstPositions(of: query.plan, properties: query.properties)
                query.starts = first.starts
                if let append = first.append { appends.append(append) }
            case .again(let positions): if let positions { appends.append(positions) }
            case .replaced: break
            }
            var change = change
            change.set.append(.query(query))
            try apply(change, appends: appends, generation: generation)
        } catch {
            _ = engine.collect(made)
            throw error
        }
    }

    /// Puts a query in the place of another, which goes on running until that is committed. The new one goes on with
    /// the state and the positions of the old one; where its state is of another layout it begins again.
    private func replace(
        _ old: QueryDefinition, by new: QueryDefinition, of source: SourceDefinition, _ change: CatalogChange,
        _ properties: SourceProperties, sourcePartitions: Int?, at name: Name
    ) throws(Diagnostic) {
        func refuse(_ reason: String) -> Diagnostic {
            Diagnostic(
                .incompatibleReplacement, "Cannot upgrade \(source.name): its query \(old.id) \(reason)",
                hint: "DROP it and create it again: the new query then starts from the beginning.", at: name.span.range)
        }
        if let obstacle = obstacle(toReplacing: old.plan, by: new.plan) { throw refuse(obstacle) }
        let made = try ensureSinkTopic(source, properties, sourcePartitions: sourcePartitions, writtenBy: new.plan)
        var change = change
        if made != nil { change.remove.append(.removedTopic(source.topic)) }
        change.set.append(.source(source))
        var query = new
        query.starts = old.starts
        query.plan = new.plan.takingInternals(of: old.plan)
        query.layouts = query.plan.stateLayouts
        guard query.layouts.contains(where: { old.layouts[$0.key] != $0.value }) else {
            return try commit(change, creating: query, keeping: old.plan.internalTopics, from: .replaced)
        }
        let again: RebuiltQuery
        do throws(RebuildingError) { again = try engine.rebuilt(query, in: engine.catalog) } catch {
            throw refuse("keeps other columns in its state, and cannot begin again: \(error.reason)")
        }
        try commit(change, creating: again.definition, keeping: old.plan.internalTopics, from: .again(again.positions))
    }

    private func discard(_ topic: TopicDescription) {
        // One that stays is deleted with the next change of the catalog, or at the next start: it has been announced.
        try? engine.log.deleteTopic(topic.id)
    }

    // MARK: Definitions

    private func queryDefinition(_ plan: QueryPlan, expanded: String, reads: [String], writes: String) -> QueryDefinition {
        QueryDefinition(
            id: plan.id, statement: parsed.text, expanded: expanded, properties: session.givenProperties, reads: reads, writes: writes,
            plan: plan, layouts: plan.stateLayouts)
    }

    /// Errors: the server's limit of persistent queries allows no more.
    private func checkQueryLimit() throws(Diagnostic) {
        let key = SettingKey<Int?>.persistentQueries
        guard let most = SettingValues(engine.serverProperties)[key], engine.catalog.queries.count >= most else { return }
        throw Diagnostic(
            .tooLarge, "this would be more than \(most) persistent \(most == 1 ? "query" : "queries"), the limit of this server",
            hint: "\(key.name) sets the limit; TERMINATE or DROP makes room.", at: parsed.range)
    }

    func planning(_ id: String) -> PlanningContext { PlanningContext(session.settings, queryID: id) }

    /// Builds the query once before anything is written: what cannot run is refused now.
    private func checkRuns(_ plan: QueryPlan, _ properties: [String: String]) throws(Diagnostic) {
        let launcher = QueryLauncher(engine: engine)
        do throws(QueryFailure) {
            for pipeline in launcher.pipelines(of: plan) { _ = try launcher.dataflow(pipeline, properties: properties) }
        } catch {
            throw Diagnostic(.featureNotSupported, "the query cannot run: \(error.message)", at: parsed.range)
        }
    }

    /// An id with the next number, and the object that keeps the number from being given again after a restart. In this life of
    /// the server it is not given again whatever becomes of the statement: topics of that name may be left over.
    private func nextQueryID(
        _ prefix: QueryIDs.Prefix, _ name: String?
    ) throws(Diagnostic) -> (id: String, numbers: CatalogObject) {
        let number = engine.catalog.nextQueryNumber
        guard number < QueryIDs.numbersEnd else {
            throw Diagnostic(.internalError, "the numbers of query ids are used up", category: .general)
        }
        let numbers = CatalogObject.numbers(next: number + 1)
        engine.state.update { $0.catalog.set(numbers) }
        return (QueryIDs.made(prefix, name: name, number: number), numbers)
    }

    private func explicitID(_ id: String) throws(Diagnostic) -> String {
        if let problem = QueryIDs.problem(ofGiven: id) {
            throw Diagnostic(QueryIDs.reservedPrefix(of: id) == nil ? .invalidName : .reservedName, problem, at: parsed.range)
        }
        let isTaken = engine.state.withLock { state in state.catalog.queries[id] != nil || state.broken.contains { $0.queryID == id } }
        if isTaken { throw Diagnostic(.duplicateSource, "Query ID '\(id)' already exists.", at: parsed.range) }
        return id
    }

    /// Where a table that is made now begins in its topic: behind everything that stands there. Nil for streams, which
    /// are the whole topic.
    private func origin(of source: SourceDefinition) -> SourceOrigin? {
        guard source.kind == .table, let topic = engine.log.describeTopic(named: source.topic) else { return nil }
        return SourceOrigin(topicID: topic.id.description, offsets: topic.partitions.map(\.bounds.appendedEnd))
    }
}
