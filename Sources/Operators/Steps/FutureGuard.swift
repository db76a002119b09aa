// Stands below what goes by stream time, and keeps out rows of a far future: one of them would close all windows for everything that comes
// before that future.

import Plans
import Quantities

/// Leaves out and reports rows whose time is further beyond the clock than it may be.
final class FutureGuard: Operator {
    /// A clock that shows a time before this (2020-01-01) has not been set and says nothing of rows.
    private static let leastTrusted: Int64 = 1_577_836_800_000

    private let most: Milliseconds
    private let step: String
    /// The rows that remain of a batch that has others.
    private var rest = Batch()

    /// `most` is how far beyond the clock times may be; `step` is what the reports call the step above.
    init(_ most: Milliseconds, step: String, _ context: DataflowContext, next: Operator) {
        self.most = most
        self.step = step
        super.init(context, next: next)
    }

    override func push(_ batch: Batch) throws(DataflowError) {
        let now = context.environment.now()
        let latest = now.later(by: most)
        var newest = Int64.min
        let times = batch.timestamps
        batch.selection.forEach { newest = max(newest, times[$0]) }
        guard newest > latest, now >= FutureGuard.leastTrusted else { return try emit(batch) }
        rest.adoptRows(of: batch)
        rest.columns = batch.columns
        rest.old = batch.old
        rest.selection = batch.selection.filtered { times[$0] <= latest }
        batch.selection.forEach { row in
            guard times[row] > latest else { return }
            context.errors.add(
                .future, step: step, column: nil,
                message: "the time \(times[row]) is more than \(most) ms beyond the clock, which shows \(now)", batch: batch, row: row)
        }
        if !rest.selection.isEmpty { try emit(rest) }
    }

    override func releaseMemory() { rest = Batch() }
}
