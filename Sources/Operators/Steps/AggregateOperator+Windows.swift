// The windows of an aggregation: which are open, which have expired, and what memory they take.

import Bytes
import Plans
import Quantities

extension AggregateOperator {
    /// The earliest window that has not been emitted for good.
    var firstOpen: Int64? {
        let place = firstOpenPlace
        return place < state.starts.count ? state.starts[place] : nil
    }

    var firstOpenPlace: Int { state.starts.firstPlace { state.windows[$0]?.isClosed == false } }

    /// Drops the windows that have expired. Called with the lock of the state held.
    func dropExpired() {
        var count = 0
        while count < state.starts.count, isExpired(state.starts[count]) {
            let start = state.starts[count]
            if let window = state.windows[start] {
                guard window.table.pending.isEmpty else { break }
                countedMemory -= window.countedMemory
                window.countedMemory = 0
            }
            state.remove(start)
            if latest?.start == start { latest = nil }
            count += 1
        }
        state.starts.removeFirst(count)
    }

    /// Whether no row in time can change the window that starts at `start`, and questions do not see it any more.
    func isExpired(_ start: Int64) -> Bool {
        start.later(by: retention) < state.latestStart && start.later(by: size + grace) <= state.streamTime
    }

    // MARK: Memory

    /// The window's memory is to be counted anew.
    func noteGrowth(_ window: WindowGroups) {
        guard !window.isUncounted else { return }
        window.isUncounted = true
        uncounted.append(window)
    }

    /// Bytes of all windows. Counting looks only at those that have changed: there may be a million others.
    var memory: Int {
        for window in uncounted {
            window.isUncounted = false
            guard state.windows[window.start] === window else { continue }
            let now = window.table.memory
            countedMemory += now - window.countedMemory
            window.countedMemory = now
        }
        uncounted.removeAll(keepingCapacity: true)
        return countedMemory + (state.spilled?.memory ?? 0) + (state.keepsEarlierRows ? state.earlierMemory : 0)
    }
}
