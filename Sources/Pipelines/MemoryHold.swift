// What one part of a query holds of the memory, and what of that can go to disk.

import Synchronization

/// What one part of a query holds: a task, or the readable rows. What it last reported counts until it reports again or is gone.
package final class MemoryHold: Sendable {
    private let share: MemoryShare
    private let number: Int
    private let bytes = Mutex<[String: Int]>([:])
    private let disk = Mutex(0)
    /// Called when it must go to disk.
    private let wake = Mutex<@Sendable () -> Void>({})
    private let isTold = Atomic(false)

    /// Holds nothing yet.
    package init(_ share: MemoryShare) {
        self.share = share
        number = share.budget.nextNumber()
    }

    deinit {
        endSpilling()
        set(disk: 0)
        keep([:])
    }

    /// Asks for so many bytes by store, which are held already. Gives why the query must not go on with them, when it must not.
    package func report(_ now: [String: Int]) -> MemoryExcess? { set(now, asks: true) }

    /// The same for what is left of something that ends: it asks for nothing.
    package func keep(_ now: [String: Int]) { _ = set(now, asks: false) }

    private func set(_ now: [String: Int], asks: Bool) -> MemoryExcess? {
        let growths = bytes.withLock { bytes -> [String: Int]? in
            if bytes == now { return nil }
            defer { bytes = now }
            return now.merging(bytes.mapValues { -$0 }) { $0 + $1 }
        }
        return growths.flatMap { share.budget.change(share.number, by: $0, asks: asks) }
    }

    // MARK: Going to disk

    /// From now on the account may have it go to disk.
    package func beginSpilling() { share.budget.openSpiller(number, of: share.number) { [weak self] in self?.tell() } }

    private func tell() {
        isTold.store(true, ordering: .releasing)
        wake.withLock { $0 }()
    }

    /// Has `wake` called, on any thread, whenever it must go to disk; at once if that is so.
    package func whenToldToSpill(_ wake: @escaping @Sendable () -> Void) {
        self.wake.withLock { $0 = wake }
        if mustSpill { wake() }
    }

    /// Whether it has been told to go to disk, and has not done so.
    package var mustSpill: Bool { isTold.load(ordering: .acquiring) }

    /// So many bytes could go to disk, and so many are there.
    package func offer(spillable bytes: Int, onDisk disk: Int) {
        set(disk: disk)
        share.budget.offer(number, bytes: bytes, hasSpilled: false)
    }

    /// It has gone to disk, and said by a report what is left of it; so many bytes of that could go there, too.
    package func didSpill(leaving bytes: Int = 0) {
        isTold.store(false, ordering: .releasing)
        share.budget.offer(number, bytes: bytes, hasSpilled: true)
    }

    private func set(disk now: Int) {
        let growth = disk.withLock { disk in
            defer { disk = now }
            return now - disk
        }
        if growth != 0 { share.budget.addDisk(share.number, growth) }
    }

    /// Whether it must wait for others that go to disk. Then `call` is called, on any thread, when it need not any more.
    package func waits(orCall call: @escaping @Sendable () -> Void) -> Bool { share.budget.waits(number, of: share.number, orCall: call) }

    /// It cannot go to disk any more.
    package func endSpilling() {
        isTold.store(false, ordering: .releasing)
        share.budget.closeSpiller(number)
    }
}
