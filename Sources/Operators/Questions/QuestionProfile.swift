// Where the time of a question goes, for EXPLAIN ANALYZE: at each moment one step is at work, and the clock is read whenever that changes.

import Plans

/// The account of one question, by step of its plan. Steps that a plan has twice under the same one are counted together.
package final class QuestionProfile {
    /// A step and what was counted of it.
    package struct Step {
        /// As the plan shows it.
        package let heading: String
        /// How many steps stand above it.
        package let depth: Int
        /// How often it was carried out; more than once in subqueries and recursions.
        package var runs = 0
        /// Rows and chunks that it has handed on.
        package var rows = 0
        package var chunks = 0
        /// Nanoseconds of its own work.
        package var nanoseconds: Int64 = 0
        /// Bytes that it holds, and the most that it has held.
        fileprivate var heldBytes = 0
        package var mostBytes = 0
        fileprivate var children: [Int] = []
    }

    /// The first one stands for the answer, which takes the rows of the plan.
    private var steps = [Step(heading: "ANSWER", depth: 0)]
    private var current = 0
    private var since: Int64
    private let now: () -> Int64

    /// Begins now; `now` gives nanoseconds.
    package init(now: @escaping () -> Int64) {
        self.now = now
        since = now()
    }

    /// The steps from the top, each in front of its inputs. What has gone since the last change counts for the step that is at work.
    package var result: [Step] {
        change(to: current)
        func below(_ index: Int) -> [Step] { [steps[index]] + steps[index].children.flatMap(below) }
        return below(0)
    }

    /// From now on the time is that of `step`.
    func change(to step: Int) {
        let time = now()
        steps[current].nanoseconds += time - since
        (since, current) = (time, step)
    }

    /// A step below the one that is at work begins; gives both.
    func begin(_ heading: String) -> (step: Int, parent: Int) {
        let parent = current
        let step: Int
        if let known = steps[parent].children.first(where: { steps[$0].heading == heading }) {
            step = known
        } else {
            step = steps.count
            steps.append(Step(heading: heading, depth: steps[parent].depth + 1))
            steps[parent].children.append(step)
        }
        steps[step].runs += 1
        change(to: step)
        return (step, parent)
    }

    func count(rows: Int, of step: Int) {
        steps[step].rows += rows
        steps[step].chunks += 1
    }

    /// The step that is at work holds so many bytes more, or less.
    func hold(_ bytes: Int) {
        steps[current].heldBytes += bytes
        steps[current].mostBytes = max(steps[current].mostBytes, steps[current].heldBytes)
    }
}

/// Stands behind a step and sees what it hands on.
final class ProfiledStage: QuestionStage {
    private let profile: QuestionProfile
    private let step: Int
    private let parent: Int

    init(_ profile: QuestionProfile, _ places: (step: Int, parent: Int), _ context: QuestionContext, next: QuestionStage) {
        self.profile = profile
        (step, parent) = places
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        profile.count(rows: chunk.rowCount, of: step)
        profile.change(to: parent)
        defer { profile.change(to: step) }
        try next?.push(chunk)
    }

    override func end() throws(DataflowError) {
        profile.change(to: parent)
        defer { profile.change(to: step) }
        try next?.end()
    }
}
