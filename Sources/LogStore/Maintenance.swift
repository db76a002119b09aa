// Retention and compaction, in rounds.
import Bytes
import Platform
import Synchronization

extension SegmentedLog {
    /// The body of the cleaner's thread.
    func maintainUntilClosed() {
        let interval = options.maintenanceInterval * 1_000_000
        while true {
            let isClosing = order.wait(nanoseconds: interval, until: { $0.isClosing }, then: { $0.isClosing })
            if isClosing { return }
            maintain()
        }
    }

    /// One round of retention and compaction over all topics. What fails is tried again in the next round.
    package func maintain() {
    }
}
