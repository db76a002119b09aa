// What determines how the state of a step is written to its changelog, as text and as a fingerprint. The catalog keeps
// the fingerprint that a store was made with. A server whose text for the same plan differs writes another layout, and
// must not read what is there.
//
// The numbers behind the kinds (`aggregate/1`) are part of the contract: a change of how a kind of state is written raises
// its number.

import Bytes
import Formats
import Values

extension QueryPlan {
    /// The fingerprints of all state stores, by the store's name.
    package var stateLayouts: [String: String] {
        Dictionary(root.layoutTexts.map { ($0.store, fingerprint($0.text)) }, uniquingKeysWith: { first, _ in first })
    }
}

extension Step {
    /// The name of each store in this step and below, with the text that describes its layout.
    fileprivate var layoutTexts: [(store: String, text: String)] {
        let below = inputs.flatMap(\.layoutTexts)
        switch self {
        case .source(let source): return below + (source.store.map { [($0.name, source.layoutText)] } ?? [])
        case .aggregate(let aggregate): return below + [(aggregate.store.name, aggregate.layoutText)]
        case .join(let join): return below + join.layoutTexts
        case .keyed(let keyed): return below + [(keyed.store.name, keyed.layoutText)]
        case .exchange, .filter, .project, .rekey, .explode: return below
        }
    }
}

/// Aggregate functions whose state has been written in more than one way, with the number of the present one; all
/// others are at 1.
private let aggregateVersions: [String: Int] = [
    "CORRELATION": 3, "COVAR_POP": 2, "COVAR_SAMP": 2, "MEDIAN": 2, "PERCENTILE": 2, "STDDEV_SAMP": 2, "STDDEV_SAMPLE": 2, "STDDEV_POP": 2,
    "VAR_POP": 2,
]

extension SourceStep {
    /// The last row of each key: the key as the topic has it, the row in the compact format.
    fileprivate var layoutText: String {
        let stored = needed.map { $0 ? "1" : "0" }.joined()
        return "rows/1 key \(types(schema.key)) \(keyFormat.layoutText) row \(types(schema.columns)) needed \(stored) "
            + "window \(layoutText(of: window))"
    }

    private func layoutText(of window: KeyWindow?) -> String {
        switch window {
        case nil: "none"
        case .session: "session"
        case .time: "time"
        }
    }
}

extension AggregateStep {
    private func version(of call: AggregateCall) -> Int {
        // Where rows can leave it, a sum is kept beside the one that its type can hold.
        if isTableInput, call.function == "SUM", case .decimal? = call.arguments.first?.type { return 2 }
        return aggregateVersions[call.function] ?? 1
    }

    fileprivate var layoutText: String {
        let calls = aggregates.map { call in
            let version = version(of: call)
            let options = call.options.map(optionText).joined(separator: ",")
            if let definition = call.definition { return "\(call.function) state \(definition.state) \(definition.text)" }
            let kind = call.isExact == true ? " exact" : ""
            return "\(call.function)\(kind)/\(version)(\(call.arguments.map(\.type.description).joined(separator: ","));\(options)):\(call.result)"
        }
        let shape =
            switch window?.shape {
            case nil: "none"
            case .tumbling(let size)?: window?.calendar.map { "calendar \($0.text)" } ?? "tumbling \(size)"
            case .hopping(let size, let advance)?: "hopping \(size) \(advance)"
            case .session(let gap)?: "session \(gap)"
            }
        return "aggregate/1 key \(types(output.key)) \(keyFormat.layoutText) window \(shape) undo \(isTableInput) final \(isFinal) "
            + "null keys \(keepsNullKeys) \(emptyIsNull) \(calls.joined(separator: " "))"
    }
}

extension JoinStep {
    fileprivate var layoutTexts: [(store: String, text: String)] {
        // Rows that the condition leaves out are missing in the state.
        func text(_ side: Step, _ condition: TypedExpression?) -> String {
            let name =
                switch kind {
                case .streamStream(let window): window.isAsof ? "asof/1" : "stream-stream/1"
                case .streamTable: "stream-table/1"
                case .tableTable: "table-table/1"
                case .foreignKey(let key): "foreign-key/1 \(key.type)"
                }
            let window: String
            if case .streamStream(let bounds) = kind { window = "\(bounds.before) \(bounds.after)" } else { window = "none" }
            return "\(name) \(type.rawValue) key \(types(output.key)) \(keyFormat.layoutText) row \(types(side.output.columns)) "
                + "window \(window)" + (condition.map { " where \($0.text(over: side.output))" } ?? "")
        }
        let both = [(leftStore.name, text(left, leftCondition)), (rightStore.name, text(right, rightCondition))]
        return kind == .streamTable ? [both[1]] : both
    }
}

extension FormatSpec {
    fileprivate var layoutText: String { "\(name.rawValue)\(name == .delimited ? "'\(delimiter)'" : "")\(isUnwrapped ? " bare" : "")" }
}

private func types(_ columns: some Sequence<ColumnDefinition>) -> String {
    "(" + columns.map(\.type.description).joined(separator: ",") + ")"
}

/// A literal option of an aggregate.
private func optionText(_ value: Value) -> String {
    switch value {
    case .null: "null"
    case .boolean(let flag): "\(flag)"
    case .integer(let number), .time(let number), .date(let number): "\(number)"
    case .bigint(let number), .timestamp(let number): "\(number)"
    case .double(let number): "\(number)"
    case .decimal(let number): "\(number)"
    case .string(let text): "'\(text)'"
    case .bytes(let bytes): "\(bytes)"
    case .array(let values), .structure(let values): "[" + values.map(optionText).joined(separator: ",") + "]"
    case .map(let entries): "{" + entries.map { optionText($0.key) + ":" + optionText($0.value) }.joined(separator: ",") + "}"
    }
}

/// FNV-1a as 16 hexadecimal digits. Part of the contract, like the texts.
private func fingerprint(_ text: String) -> String { hexadecimalDigits(fnv1a(text.utf8)) }
