// The text form of plans: what EXPLAIN prints and golden tests compare. One step a line, inputs indented below.

import Formats
import Values

extension QueryPlan {
    /// The plan as an indented tree, sink first.
    package var description: String {
        let head: String =
            switch destination {
            case .sink(let sink):
                "SINK \(sink.sourceName) (topic \(sink.topic), key \(sink.keyFormat.name.rawValue), value \(sink.valueFormat.name.rawValue))"
            case .exchange(let topic): "EXCHANGE \(topic.name)"
            case .client(let limit, _): "CLIENT" + (limit.map { " (limit \($0))" } ?? "")
            }
        return head + "\n" + root.text(indent: 1)
    }
}

extension Step {
    /// The step and what lies below it, each line indented by two blanks a level.
    package func text(indent: Int) -> String {
        let lines = [String(repeating: "  ", count: indent) + headline] + inputs.map { $0.text(indent: indent + 1) }
        return lines.joined(separator: "\n")
    }

    private var headline: String {
        switch self {
        case .source(let step):
            let read = zip(step.schema.columns, step.needed).filter(\.1).map(\.0.name)
            return
                "SOURCE \(step.sourceName) (topic \(step.topic), \(step.kind.rawValue), reads \(read.isEmpty ? "nothing" : read.joined(separator: ", ")))"
                + (step.store.map { " STORE \($0.name)" } ?? "")
        case .exchange(let step): return "READ EXCHANGE \(step.topic.name)"
        case .filter(let step): return "FILTER \(step.predicate.text(over: step.input.output))"
        case .project(let step):
            let items = zip(step.expressions, step.output.columns).map { "\($0.text(over: step.input.output)) AS \($1.name)" }
            return "PROJECT " + items.joined(separator: ", ")
        case .rekey(let step): return "PARTITION BY " + (step.keys.isEmpty ? "NULL" : texts(step.keys, step.input.output))
        case .explode(let step):
            return "EXPLODE " + step.functions.map { "\($0.function)(\(texts($0.arguments, step.input.output)))" }.joined(separator: ", ")
        case .aggregate(let step): return aggregateHeadline(step)
        case .join(let step): return joinHeadline(step)
        case .keyed(let step): return step.headline
        }
    }

    private func aggregateHeadline(_ step: AggregateStep) -> String {
        let calls = step.aggregates.map { call in
            "\(call.function)(\((call.arguments.map { $0.text(over: step.input.output) } + call.options.map(\.text)).joined(separator: ", ")))"
        }
        var text =
            "AGGREGATE " + calls.joined(separator: ", ") + " BY "
            + (step.grouping.isEmpty ? "ALL" : texts(step.grouping, step.input.output))
        if let window = step.window { text += " " + window.text }
        if step.isFinal { text += " EMIT FINAL" }
        if let late = step.late { text += " LATE ROWS INTO \(late.sink.sourceName) (topic \(late.sink.topic))" }
        return text + " STORE \(step.store.name)" + (step.repartition.map { " REPARTITION \($0.name)" } ?? "")
    }

    private func joinHeadline(_ step: JoinStep) -> String {
        let kind: String =
            switch step.kind {
            case .streamStream(let window) where window.isAsof:
                "ASOF WITHIN (\(window.before) ms before, \(window.after) ms after, waits \(window.patience) ms)"
            case .streamStream(let window):
                "STREAM-STREAM WITHIN (\(window.before) ms before, \(window.after) ms after, grace \(window.grace) ms"
                    + (window.hasGrace ? ")" : ", not waited for)")
            case .streamTable: "STREAM-TABLE"
            case .tableTable: "TABLE-TABLE"
            case .foreignKey(let expression): "FOREIGN KEY \(expression.text(over: step.left.output)) =>"
            }
        let keys = step.isForeign ? step.right.output.key : step.output.key
        return "\(step.type.rawValue) JOIN \(kind) ON \(keys.map(\.name).joined(separator: ", "))"
            + " STORE \(step.stores.map(\.name).joined(separator: ", "))"
            + (step.leftCondition.map { " LEFT WHERE \($0.text(over: step.left.output))" } ?? "")
            + (step.rightCondition.map { " RIGHT WHERE \($0.text(over: step.right.output))" } ?? "")
            + (step.leftRepartition.map { " REPARTITION LEFT \($0.name)" } ?? "")
            + (step.rightRepartition.map { " REPARTITION RIGHT \($0.name)" } ?? "")
    }

    private func texts(_ expressions: [TypedExpression], _ schema: RowSchema) -> String {
        expressions.map { $0.text(over: schema) }.joined(separator: ", ")
    }
}

extension JoinStep {
    fileprivate var isForeign: Bool { if case .foreignKey = kind { true } else { false } }
}

extension WindowDescription {
    /// `TUMBLING (60000 ms, grace 0 ms)`
    package var text: String {
        if let calendar { return "TUMBLING (\(calendar.text), grace \(grace) ms)" }
        let kind: String =
            switch shape {
            case .tumbling(let size): "TUMBLING (\(size) ms"
            case .hopping(let size, let advance): "HOPPING (\(size) ms by \(advance) ms"
            case .session(let gap): "SESSION (\(gap) ms"
            }
        return kind + ", grace \(grace) ms)"
    }
}

extension TypedExpression {
    /// The expression with its columns named as in `schema`.
    package func text(over schema: RowSchema) -> String {
        func inside(_ part: TypedExpression) -> String { part.text(over: schema) }
        func list(_ parts: [TypedExpression]) -> String { parts.map(inside).joined(separator: ", ") }
        switch node {
        case .literal(let value): return value.text
        case .column(let index): return index < schema.columns.count ? schema.columns[index].name : "#\(index)"
        case .pseudo(let column): return column.rawValue
        case .lambdaParameter(let slot): return "$\(slot)"
        case .arithmetic(let operation, let a, let b): return "(\(inside(a)) \(operation.rawValue) \(inside(b)))"
        case .negate(let a): return "-\(inside(a))"
        case .compare(let operation, let a, let b): return "(\(inside(a)) \(operation.rawValue) \(inside(b)))"
        case .isDistinct(let a, let b, let negated): return "(\(inside(a)) IS \(negated ? "NOT " : "")DISTINCT FROM \(inside(b)))"
        case .and(let a, let b): return "(\(inside(a)) AND \(inside(b)))"
        case .or(let a, let b): return "(\(inside(a)) OR \(inside(b)))"
        case .not(let a): return "(NOT \(inside(a)))"
        case .isNull(let a, let negated): return "(\(inside(a)) IS \(negated ? "NOT " : "")NULL)"
        case .between(let x, let a, let b, let negated):
            return "(\(inside(x)) \(negated ? "NOT " : "")BETWEEN \(inside(a)) AND \(inside(b)))"
        case .isIn(let x, let items, let negated): return "(\(inside(x)) \(negated ? "NOT " : "")IN (\(list(items))))"
        case .like(let x, let pattern, _, let negated): return "(\(inside(x)) \(negated ? "NOT " : "")LIKE \(inside(pattern)))"
        case .searchedCase(let branches, let otherwise):
            return "(CASE " + branches.map { "WHEN \(inside($0.condition)) THEN \(inside($0.result)) " }.joined()
                + "ELSE \(inside(otherwise)) END)"
        case .cast(let a): return "CAST(\(inside(a)) AS \(type))"
        case .subscripted(let a, let index): return "\(inside(a))[\(inside(index))]"
        case .field(let a, let index):
            if case .structure(let fields) = a.type, index < fields.count { return "\(inside(a))->\(fields[index].name)" }
            return "\(inside(a))->#\(index)"
        case .makeArray(let items): return "ARRAY[\(list(items))]"
        case .makeMap(let items): return "MAP(" + items.map { "\(inside($0.key)):=\(inside($0.value))" }.joined(separator: ", ") + ")"
        case .makeStruct(let items):
            guard case .structure(let fields) = type else { return "STRUCT(\(list(items)))" }
            return "STRUCT(" + zip(fields, items).map { "\($0.name):=\(inside($1))" }.joined(separator: ", ") + ")"
        case .call(let name, let arguments): return "\(name)(\(list(arguments)))"
        case .lambda(let parameters, let body): return "(\(parameters.map { "$\($0.slot)" }.joined(separator: ", "))) => \(inside(body))"
        }
    }
}

extension Value {
    /// The value as a literal of SQL, or near it.
    package var text: String {
        switch self {
        case .null: "null"
        case .boolean(let value): String(value)
        case .integer(let value): String(value)
        case .bigint(let value): String(value)
        case .double(let value): "\(value)"
        case .decimal(let value): value.description
        case .string(let value): "'\(value)'"
        case .bytes(let value): "BYTES(\(value.count))"
        case .time(let value): "TIME '\(TemporalText.text(time: value))'"
        case .date(let value): "DATE '\(TemporalText.text(date: value))'"
        case .timestamp(let value): "TIMESTAMP '\(TemporalText.text(timestamp: value))'"
        case .array(let values): "ARRAY[\(values.map(\.text).joined(separator: ", "))]"
        case .map(let entries): "MAP(\(entries.map { "\($0.key.text):=\($0.value.text)" }.joined(separator: ", ")))"
        case .structure(let values): "STRUCT(\(values.map(\.text).joined(separator: ", ")))"
        }
    }
}
