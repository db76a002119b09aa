// What a task reads: partitions, how far it has got in each, and which of them comes next.

package import Bytes
package import LogStore
package import Quantities

/// One partition that a task reads.
package struct TaskInput: Sendable {
    /// Which input of the dataflow its records are for.
    package let index: Int
    package let partition: PartitionKey
    package let topicName: String
    /// The offset of the next record to process. It never goes back: records that are to be processed again are read by a new task.
    package var position: Offset {
        didSet { assert(position >= oldValue, "the position of a task goes back") }
    }
    /// Where a bounded read stops; nil for one that goes on with whatever is appended.
    package var end: Offset?
    /// Its records are changes of a table: of records of one time they come before those of streams, which look them up.
    package var isTable = false

    /// Records that are to be skipped, by offset, each with the reason.
    package var skips: [Offset: String] = [:]

    /// Records fetched and not yet processed: those of `run` from `next` on.
    var run: RecordRun?
    var next = 0
    /// The event times of the records of `run`, by which inputs are merged.
    private(set) var times: [Int64] = []
    /// The log's generation when `run`, or `held`, was fetched.
    var generation: UInt64 = 0
    /// Records fetched of which some wait for their schemas; nil while there are none.
    private(set) var held: RecordRun?

    package init(index: Int, partition: PartitionKey, topicName: String, position: Offset, end: Offset? = nil) {
        self.index = index
        self.partition = partition
        self.topicName = topicName
        self.position = position
        self.end = end
    }

    /// How many fetched records are left to process.
    var remaining: Int { run.map { $0.count - next } ?? 0 }
    /// A bounded read that has seen all it should.
    package var isFinished: Bool { end.map { position >= $0 } ?? false }
    /// The event time of the next record, if there is one.
    var headTime: Int64? { remaining > 0 ? times[next] : nil }

    /// Takes over fetched records; those before the position have been processed, and those at or behind the end of a bounded read are left
    /// out. `times` are the event times of all of them; without them they are the log's timestamps.
    package mutating func take(_ fetched: RecordRun, times: [Int64]? = nil, generation: UInt64 = 0) {
        assert(remaining == 0, "fetched records are dropped unprocessed")
        assert(zip(fetched.offsets, fetched.offsets.dropFirst()).allSatisfy { $0 < $1 }, "the offsets of a run do not ascend")
        assert(fetched.offsets.last.map { $0 >= position.count } ?? true, "a fetch gives no records from the position on")
        assert(times.map { $0.count == fetched.count } ?? true, "each record has an event time")
        run = fetched.count > 0 ? fetched : nil
        held = nil
        self.times = times ?? fetched.timestamps
        next = fetched.offsets.firstPlace { $0 >= position.count }
        self.generation = generation
        if fetched.count == 0 { position = max(position, fetched.nextOffset) }
    }

    /// Keeps fetched records until the schemas of all of them are there.
    mutating func hold(_ fetched: RecordRun, generation: UInt64) {
        assert(remaining == 0, "fetched records are dropped unprocessed")
        held = fetched
        self.generation = generation
    }

    /// Drops fetched records that were not fetched under this generation of the log; they are to be fetched again.
    mutating func dropRun(olderThan current: UInt64) {
        guard run != nil || held != nil, generation != current else { return }
        run = nil
        held = nil
        times = []
        next = 0
    }

    /// How many of the remaining records lie before the end of a bounded read.
    package func available(atMost limit: Int) -> Int {
        guard let run else { return 0 }
        var count = min(limit, remaining)
        if let end {
            while count > 0 && run.offsets[next + count - 1] >= end.count { count -= 1 }
        }
        return count
    }

    /// How many of the next `count` records come before one that is to be skipped; nil when there is none.
    func distanceToSkip(within count: Int) -> Int? {
        guard !skips.isEmpty, let run else { return nil }
        return (0..<count).first { skips[run.offset(at: next + $0)] != nil }
    }

    /// Moves on over `count` records that have been processed.
    mutating func advance(by count: Int) {
        guard let current = run else { return }
        next += count
        if next >= current.count {
            position = end.map { min($0, current.nextOffset) } ?? current.nextOffset
            run = nil
            times = []
            next = 0
        } else {
            position = current.offset(at: next)
            if let end, position >= end { position = end }
        }
    }
}

/// Chooses which of a task's inputs gives the next records, and how many.
package protocol InputChooser {
    /// The place in `inputs` to take from and the greatest number of records to take; nil when nothing can be taken now.
    mutating func choose(among inputs: [TaskInput], atMost limit: Int) -> (input: Int, count: Int)?

    /// The next records of several inputs in one order, as `choose` would have given them one after the other; nil when only one input has
    /// any, or two of them are partitions of one input of the dataflow.
    mutating func merge(_ inputs: [TaskInput], atMost limit: Int) -> MergedChoice?
}

/// Records of several inputs in one order.
package struct MergedChoice: Hashable, Sendable {
    /// Places among the task's inputs, each with how many of its next records are taken.
    package var parts: [Part]
    /// Record by record, whose next record comes, as an index into `parts`.
    package var order: [Int32] = []

    package init(parts: [Part]) { self.parts = parts }

    /// What one input gives.
    package struct Part: Hashable, Sendable {
        /// Among the inputs of the task.
        package var place: Int
        /// How many of its next records are taken.
        package var count = 0
        package init(place: Int) { self.place = place }
    }
}

/// When a record is due: by its time, tables before streams.
private struct MergeRank: Comparable {
    var time: Int64
    var isStream: Bool

    static func < (a: MergeRank, b: MergeRank) -> Bool { a.time < b.time || a.time == b.time && !a.isStream && b.isStream }
}

/// Kafka Streams' choice: the input whose next record is oldest; inputs at their end do not hold up the others.
package struct OldestFirst: InputChooser {
    package init() {}

    package mutating func choose(among inputs: [TaskInput], atMost limit: Int) -> (input: Int, count: Int)? {
        var best: (place: Int, turn: MergeRank)?
        var runnerUp: MergeRank?
        for (place, input) in inputs.enumerated() {
            guard !input.isFinished, let time = input.headTime else { continue }
            let turn = MergeRank(time: time, isStream: !input.isTable)
            if let current = best, !(turn < current.turn) {
                runnerUp = runnerUp.map { min($0, turn) } ?? turn
            } else {
                if let current = best { runnerUp = runnerUp.map { min($0, current.turn) } ?? current.turn }
                best = (place, turn)
            }
        }
        guard let best else { return nil }
        let input = inputs[best.place]
        var count = input.available(atMost: limit)
        // Several inputs: only so far as this one stays the oldest.
        if let runnerUp {
            var oldest = 1
            while oldest < count, !(runnerUp < MergeRank(time: input.times[input.next + oldest], isStream: !input.isTable)) { oldest += 1 }
            count = min(count, oldest)
        }
        return count > 0 ? (best.place, count) : nil
    }

    package mutating func merge(_ inputs: [TaskInput], atMost limit: Int) -> MergedChoice? {
        let lanes = inputs.indices.compactMap { MergeLane($0, inputs[$0], atMost: limit) }
        guard lanes.count > 1, Set(lanes.map(\.input)).count == lanes.count else { return nil }
        var choice = MergedChoice(parts: lanes.map { MergedChoice.Part(place: $0.place) })
        choice.order.reserveCapacity(min(limit, lanes.reduce(0) { $0 + $1.end - $1.next }))
        if lanes.count == 2 {
            mergeTwo(lanes[0], lanes[1], limit, &choice)
        } else {
            mergeMany(lanes, limit, &choice)
        }
        return choice
    }

    /// Goes on with one lane as long as the other one's next record is not before its own.
    private func mergeTwo(_ a: MergeLane, _ b: MergeLane, _ limit: Int, _ choice: inout MergedChoice) {
        let (timesA, timesB) = (a.times, b.times)
        var (nextA, nextB) = (a.next, b.next)
        // Of records of one time, those of a table come first.
        let (isAFirst, isBFirst) = (!a.isStream && b.isStream, !b.isStream && a.isStream)
        func isBBefore() -> Bool { timesB[nextB] < timesA[nextA] || isBFirst && timesB[nextB] == timesA[nextA] }
        func isABefore() -> Bool { timesA[nextA] < timesB[nextB] || isAFirst && timesA[nextA] == timesB[nextB] }
        var isAsTurn = !isBBefore()
        // Whether the log has more of an input must be seen before another one goes on.
        while choice.order.count < limit, nextA < a.end, nextB < b.end {
            if isAsTurn {
                choice.order.append(0)
                nextA += 1
                isAsTurn = nextA == a.end || !isBBefore()
            } else {
                choice.order.append(1)
                nextB += 1
                isAsTurn = nextB < b.end && isABefore()
            }
        }
        choice.parts[0].count = nextA - a.next
        choice.parts[1].count = nextB - b.next
    }

    private func mergeMany(_ lanes: [MergeLane], _ limit: Int, _ choice: inout MergedChoice) {
        var heads = lanes.map { $0.rank(0) }
        var current = heads.indices.min { heads[$0] < heads[$1] } ?? 0
        while choice.order.count < limit {
            let next = heads.indices.min { heads[$0] < heads[$1] } ?? current
            if heads[next] < heads[current] { current = next }
            choice.parts[current].count += 1
            choice.order.append(Int32(truncatingIfNeeded: current))
            if lanes[current].next + choice.parts[current].count == lanes[current].end { return }
            heads[current] = lanes[current].rank(choice.parts[current].count)
        }
    }
}

/// What a merge looks at of an input: the times of the records that are there.
private struct MergeLane {
    /// Among the inputs of the task.
    let place: Int
    /// Among the inputs of the dataflow.
    let input: Int
    let times: [Int64]
    let next: Int
    let end: Int
    let isStream: Bool

    /// Nil when the input has no records now.
    init?(_ place: Int, _ input: TaskInput, atMost limit: Int) {
        guard !input.isFinished else { return nil }
        let count = input.available(atMost: limit)
        guard count > 0 else { return nil }
        self.place = place
        self.input = input.index
        times = input.times
        next = input.next
        end = input.next + count
        isStream = !input.isTable
    }

    /// When the record this many behind the next one is due.
    func rank(_ distance: Int) -> MergeRank { MergeRank(time: times[next + distance], isStream: isStream) }
}
