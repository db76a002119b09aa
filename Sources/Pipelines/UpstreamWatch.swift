// What a task that reads several topics must know of the queries that write them. Of inputs at their ends nothing can be said by themselves: their
// next records may be on their way through other queries, older than what the task would take instead. A table that another query computes from
// rows that were there first would then be looked up too early.

/// How far those have come that write what a task reads.
package enum UpstreamProgress: Hashable, Sendable {
    /// Nothing that runs here writes it.
    case none
    /// Whatever was there when the task asked first has been processed.
    case caughtUp
    /// Something is still on its way: a call comes when it is worth asking again.
    case behind
}

/// Knows what writes the topics of one task. Confined as the task is.
package protocol UpstreamWatch: AnyObject {
    /// How far the queries behind these topics have come. Asked again after `behind`, it goes on with the same wait, which has an end.
    func progress(of topics: Set<String>, orCall resume: @escaping @Sendable () -> Void) -> UpstreamProgress
    /// Whether any topic of the task is written by a query at all; quick.
    var hasWriters: Bool { get }
}

extension QueryTask {
    /// Whether records are to be left for now, because others that may be due before them have not come out of the queries that make them. Inputs
    /// that had none are asked again before anything is processed without them.
    func waitsForUpstream(orCall resume: @escaping @Sendable () -> Void) throws(QueryFailure) -> Bool {
        guard description.inputs.count > 1, let upstream = description.upstream, upstream.hasWriters else { return false }
        var hasRecords = false
        var empty: Set<String> = []
        for input in description.inputs where !input.isFinished {
            if input.remaining > 0 { hasRecords = true } else { empty.insert(input.topicName) }
        }
        guard hasRecords, !empty.isEmpty else { return false }
        switch upstream.progress(of: empty, orCall: resume) {
        case .none: return false
        case .behind: return true
        case .caughtUp: return try !fetchMissing(orCall: resume)
        }
    }
}
