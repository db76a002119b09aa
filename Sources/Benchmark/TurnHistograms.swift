// How long the workers were busy with one thing, counted.

import Pipelines
import Platform

/// Counts what it hears.
final class TurnHistograms: TurnObserver {
    private struct Key: Hashable {
        var part: TurnPart
        var isOfProcessor: Bool
    }

    private let counts = Monitor<[Key: LatencyHistogram]>([:])

    func took(_ part: TurnPart, _ time: TurnTime) {
        counts.withLock { counts in
            counts[Key(part: part, isOfProcessor: false), default: LatencyHistogram()].add(time.elapsed)
            counts[Key(part: part, isOfProcessor: true), default: LatencyHistogram()].add(time.processor)
        }
    }

    /// What was heard of a part: nanoseconds by the clock, or of the processor.
    func times(of part: TurnPart, ofProcessor: Bool) -> LatencyHistogram {
        counts.withLock { $0[Key(part: part, isOfProcessor: ofProcessor)] } ?? LatencyHistogram()
    }

    /// Begins anew.
    func forget() { counts.withLock { $0 = [:] } }
}
