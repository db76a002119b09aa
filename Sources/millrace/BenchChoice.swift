// What a command line of `millrace bench` asks for.

import Benchmark
import CommandLineTable
import Diagnostics
import LogStore
import Settings

/// Its cases, and how they are measured.
struct BenchChoice {
    let durability: Durability
    /// Of the topics that queries read, where their number is not the question.
    let partitions: Int

    private let invocation: Invocation

    init(_ invocation: Invocation) {
        self.invocation = invocation
        durability = invocation[.durability]?.text == "os" ? .os : .fsync
        // Of several numbers of partitions all are measured, by a case of their own.
        partitions = invocation.all(.partitions).count > 1 ? 1 : invocation[.partitions]?.integer ?? 1
    }

    /// The peer beside which queries are to run.
    var peer: Peer? { invocation[.against]?.text.flatMap(Peer.init) }

    /// The queries that run beside a peer. Errors: it does not know them, or something else is asked for.
    func queries(beside peer: Peer) throws(CommandFailure) -> [NexmarkQuery] {
        let others = try asked()
        guard others.isEmpty, invocation[.plot] == nil, invocation[.compare] == nil else {
            throw .usage(
                Diagnostic(
                    .usage, "--against measures queries only", category: .general,
                    hint: "Leave out --groups, --queries, --log-size, --rate, --plot and --compare, and all but one --partitions."))
        }
        for name in invocation.operands where !peer.queries.contains(name) {
            throw .usage(
                Diagnostic(
                    .usage, "'\(name)' is no query that runs beside \(peer.rawValue)", category: .general,
                    hint: "These do: \(peer.queries.joined(separator: ", "))."))
        }
        let names = invocation.operands.isEmpty ? peer.queries : invocation.operands
        return NexmarkQuery.all.filter { names.contains($0.name) }
    }

    /// What is measured. Errors: the arguments make no sense.
    func cases() throws(CommandFailure) -> [BenchmarkCase] {
        let asked = try asked()
        // A plot without points to draw is one of points that are usual.
        guard invocation[.plot] != nil, !asked.contains(where: { $0.point != nil }) else { return try named(and: asked) }
        return try named(and: asked + BenchChoice.growth)
    }

    /// Enough to see how cost grows, in some minutes.
    private static var growth: [BenchmarkCase] {
        [1_000, 10_000, 100_000, 1_000_000].map(BenchmarkCase.groups) + [1, 10, 100].flatMap(BenchmarkCase.queries)
            + [1, 2, 4, 8].map(BenchmarkCase.partitions) + [64, 256, 1024].map { BenchmarkCase.logEnd($0 << 20) }
    }

    private func numbers(_ values: [SettingContent]) -> [Int] { values.compactMap(\.integer) }

    /// The cases of flags.
    private func asked() throws(CommandFailure) -> [BenchmarkCase] {
        if invocation[.rate] == nil, !invocation.all(.duration).isEmpty {
            throw .usage(Diagnostic(.usage, "--duration is that of --rate, which is not given", category: .general))
        }
        var asked: [BenchmarkCase] = []
        if let rate = invocation[.rate]?.integer {
            asked.append(.rate(rate, seconds: invocation[.duration]?.integer ?? 1))
            if durability == .fsync { asked.append(.sync) }
        }
        for groups in numbers(invocation.all(.groups)) {
            asked += [.groups(groups)] + BenchmarkCase.pauses(whileMaking: groups) + [.restart(ofGroups: groups)]
        }
        for queries in numbers(invocation.all(.queries)) { asked += BenchmarkCase.queries(queries) }
        if numbers(invocation.all(.partitions)).count > 1 { asked += numbers(invocation.all(.partitions)).map(BenchmarkCase.partitions) }
        asked += numbers(invocation.all(.logSize)).map(BenchmarkCase.logEnd)
        return asked
    }

    /// The cases of operands and those that flags ask for; all of the usual where neither names any.
    private func named(and asked: [BenchmarkCase]) throws(CommandFailure) -> [BenchmarkCase] {
        if invocation.operands.isEmpty { return asked.isEmpty ? BenchmarkCase.usual : asked }
        var words: [String] = []
        for word in BenchmarkCase.usual.map(\.word) where word != words.last { words.append(word) }
        for name in invocation.operands where !words.contains(name) {
            throw .usage(
                Diagnostic(
                    .usage, "there is no benchmark '\(name)'", category: .general,
                    hint: "The benchmarks are \(words.joined(separator: ", ")); --groups, --queries, --partitions, --log-size and --rate "
                        + "add others."))
        }
        let taken = asked.map(\.name)
        return BenchmarkCase.usual.filter { invocation.operands.contains($0.word) && !taken.contains($0.name) } + asked
    }
}
