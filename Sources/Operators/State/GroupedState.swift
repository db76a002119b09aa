// The groups of an aggregation, window by window, as its task has them now and as they were at the commits that questions may still ask for.
//
// The task changes the state while questions read it on other threads. Both hold `lock`, for a part of a batch at a time. A question sees
// the rows of one commit, the latest durable one when it began: for every group that changes, the row that it had before is kept until
// the commit that holds the change is durable and no question reads an earlier one. So state is held once, and a question neither waits
// for the task nor delays it.

import Plans
import Quantities
import Spill
import Synchronization
import Values

/// What an aggregation holds. Everything but `lock` is guarded by it, as far as anything beside the task may look at it.
final class GroupedState {
    let lock = Mutex<Void>(())
    var windows: [Int64: WindowGroups] = [:]
    /// Window starts in ascending order. Windows that EMIT FINAL has closed stand before all others.
    var starts: [Int64] = []
    var streamTime = StreamTime.unset
    /// The largest start of a window, from which on retention is measured.
    var latestStart: Int64 { starts.last ?? StreamTime.unset }
    /// The groups on disk; nil while none have been put there.
    var spilled: SpilledGroups?
    /// Whether questions may read earlier rows; else none are kept.
    let keepsEarlierRows: Bool

    /// The number of the commit that the changes from now on are part of.
    private var commit = 1
    private var durableCommit = 0
    /// Everything that was restored is there: before that there is nothing to be read.
    private var hasAll = false
    /// The commits that questions are reading, and how many questions each.
    private var readCommits: [Int: Int] = [:]
    /// Windows whose earlier rows may go once a commit is durable, by the number of that commit; in ascending order.
    private var changedWindows: [CommittedWindow] = []
    /// Windows that have expired, and when that becomes durable; in ascending order.
    private var expiredWindows: [ExpiredWindow] = []
    /// The largest window start at the end of each commit that is not durable.
    private var latestStarts: [(commit: Int, start: Int64)] = []
    private var durableLatestStart = StreamTime.unset

    private struct CommittedWindow {
        let commit: Int
        let window: WindowGroups
    }

    private struct ExpiredWindow {
        let commit: Int
        let window: WindowPart
    }

    init(keepsEarlierRows: Bool) { self.keepsEarlierRows = keepsEarlierRows }

    // MARK: The task

    /// Keeps the rows of `groups`, which have not changed since the last commit and are about to. Called with the lock held.
    func keepRows(of groups: ArraySlice<Int32>, in window: WindowGroups) {
        guard keepsEarlierRows, !groups.isEmpty else { return }
        let earlier: EarlierRows
        if let last = window.earlier.last, last.commit == commit {
            earlier = last
        } else {
            earlier = EarlierRows(before: commit, groupCount: window.knownGroups)
            window.earlier.append(earlier)
            changedWindows.append(CommittedWindow(commit: commit, window: window))
        }
        earlier.keep(groups, of: window.table)
    }

    /// The window that starts at `start` is no part of the state any more. Called with the lock held.
    func remove(_ start: Int64) {
        let part = part(start)
        windows[start] = nil
        if keepsEarlierRows { expiredWindows.append(ExpiredWindow(commit: commit, window: part)) }
        spilled?.expire(start)
    }

    private func part(_ start: Int64) -> WindowPart {
        WindowPart(start: start, groups: windows[start], isOnDisk: spilled?.holds(start) ?? false)
    }

    /// All groups of a window are on disk, and leave the memory. Questions that read them go on with those that they have found.
    func moveOut(_ window: WindowGroups, to disk: SpilledGroups) {
        window.hasMovedOut = true
        lock.withLock { _ in
            disk.note(window.start)
            spilled = disk
            windows[window.start] = nil
        }
    }

    /// What has changed so far is one commit; what changes from now on is part of the next.
    func endCommit() {
        guard keepsEarlierRows else { return }
        lock.withLock { _ in
            for changed in changedWindows.reversed() {
                guard changed.commit == commit else { break }
                changed.window.knownGroups = changed.window.table.count
            }
            latestStarts.append((commit, latestStart))
            commit += 1
        }
    }

    /// All that is restored is there.
    func becomeReady() {
        lock.withLock { _ in
            for window in windows.values { window.knownGroups = window.table.count }
            durableLatestStart = latestStart
            hasAll = true
        }
    }

    /// Whether all that was restored is there.
    var isReady: Bool { lock.withLock { _ in hasAll } }

    /// Bytes of earlier rows.
    var earlierMemory: Int {
        lock.withLock { _ in changedWindows.reduce(0) { total, changed in total + changed.window.earlier.reduce(0) { $0 + $1.memory } } }
    }

    // MARK: Questions

    /// The commit with this number, counted from 1, and all before it are durable.
    func commitIsDurable(_ number: Int) {
        lock.withLock { _ in
            durableCommit = max(durableCommit, number)
            while let first = latestStarts.first, first.commit <= durableCommit {
                durableLatestStart = first.start
                latestStarts.removeFirst()
            }
            releaseEarlierRows()
        }
    }

    /// Begins to read the latest durable commit: gives that with the windows that are asked for, or nil while the state is being restored.
    func beginReading(_ isAsked: (Int64) -> Bool) -> StateReading? {
        var reading: StateReading?
        lock.withLock { _ in
            guard hasAll else { return }
            var found: [WindowPart] = []
            for expired in expiredWindows where expired.commit > durableCommit && isAsked(expired.window.start) { found.append(expired.window) }
            for start in starts where isAsked(start) { found.append(part(start)) }
            // All that is on disk is part of the durable commit, and stays as it is for this reading.
            let disk = found.contains(where: \.isOnDisk) ? spilled?.table.read() : nil
            readCommits[durableCommit, default: 0] += 1
            reading = StateReading(commit: durableCommit, windows: found, latestStart: durableLatestStart, disk: disk, diskKeys: spilled?.keys)
        }
        return reading
    }

    /// Ends what `beginReading` has begun.
    func endReading(_ reading: StateReading) {
        lock.withLock { _ in
            let left = (readCommits[reading.commit] ?? 1) - 1
            readCommits[reading.commit] = left > 0 ? left : nil
            releaseEarlierRows()
        }
    }

    /// Frees what neither the durable commit nor one that is being read needs.
    private func releaseEarlierRows() {
        let oldest = min(durableCommit, readCommits.keys.min() ?? durableCommit)
        let unneeded = changedWindows.prefix { $0.commit <= oldest }
        for changed in unneeded { changed.window.earlier.removeAll { $0.commit <= oldest } }
        changedWindows.removeFirst(unneeded.count)
        expiredWindows.removeFirst(expiredWindows.prefix { $0.commit <= oldest }.count)
    }
}

/// A commit that a question reads.
struct StateReading {
    let commit: Int
    /// The windows that are asked for; an unwindowed aggregation has one.
    let windows: [WindowPart]
    /// The largest start of a window, asked for or not.
    let latestStart: Int64
    /// What is on disk, where any of the windows is.
    let disk: (any DiskTableReading)?
    let diskKeys: DiskKeys?
}

/// The groups of a window: in memory, on disk, or some here and some there.
struct WindowPart {
    let start: Int64
    let groups: WindowGroups?
    let isOnDisk: Bool
}
