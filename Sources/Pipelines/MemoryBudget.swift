// The account of memory: what the state of all queries of a server takes, by query and store, against one limit.
//
// Tasks count for themselves and report once a commit, once a slice of a restore, or when their state has grown by `step`: the lock of the
// ledger is never taken inside a batch. So the limit can be passed by what is made between two reports: by each task that works just
// then, one step and what ten milliseconds of work make, or one batch that takes longer. (With three million new groups a second, a
// hundred bytes each, these are three megabytes.)
//
//     who asks for more                              while all that runs is       what happens
//     anyone                                         within the limit             it has it
//     a persistent query                             beyond                       it is paused, and counts as idle from this moment on
//     a client's query                               beyond                       it ends with an error
//     a cache                                        within or beyond             it has it; caches have limits of their own
//
// What caches hold comes and goes with the work, and is no reason to pause anybody: it does not count when a query asks for more. They are
// emptied when all memory together is more than the limit and what may be lent beyond it.
//
// Some stores can go to disk (see `Dataflow.spill`). While what is active is more than three quarters of the limit, those that hold most
// are told to, the largest first, until what the others hold is less. Nobody is paused while any of them has still to do so: what asks for
// more beyond the limit waits for them instead. What holds less than a thirty-second of the limit is not told: that would only cost time.
//
// Who has no state asks for nothing, and who asks for nothing is left alone, however much others take. The one to pause is the one that
// grows: pausing the largest instead would stop a query for what another one does.
//
// What a paused query still holds are the rows of its table, which stay readable. Idle memory is lent: while active and idle memory together
// are more than the limit and a sixteenth (two steps at least), the largest idle share is let go of. That sixteenth is for the steps by which
// the paused query came beyond the limit, and for small changes of all others, which should not cost anybody a table.
//
// A pause for memory is no pause for good. After a restart the limit may be higher and the others smaller, and a server that was given more
// memory should not need a word for each query. So all of them start, and are counted while they read their state back: the one that passes
// the limit is paused before it has the rest. Its state is in the log, and nothing of it is lost. (The engine starts those last that did not
// fit before, so that none of the others pays for them.)

import Synchronization

/// The account of one server.
package final class MemoryBudget: Sendable {
    /// Bytes that state may take; nil for any number.
    package let limit: Int?

    /// A hold with a store that can go to disk.
    fileprivate struct Spiller {
        let share: Int
        /// Bytes that would be free.
        var bytes = 0
        var isTold = false
        /// Tells it.
        let tell: @Sendable () -> Void
    }

    fileprivate struct Share {
        let name: String
        let user: MemoryUser
        /// Bytes on disk.
        var disk = 0
        var stores: [String: Int] = [:]
        var total = 0
        var standing = Standing.active
        /// Has what is idle let go of.
        var release: (@Sendable () -> Void)?
    }

    /// How a share counts.
    fileprivate enum Standing {
        case active
        /// Of a query that does not run: it can be let go of.
        case idle
        /// It is being let go of.
        case leaving
        /// Of a cache, which is emptied when others need the memory.
        case spare
    }

    fileprivate struct Ledger {
        var shares: [Int: Share] = [:]
        var next = 0
        var spillers: [Int: Spiller] = [:]
        /// Holds that wait until there is room, and what they are to be told then.
        var waiting: [Int: @Sendable () -> Void] = [:]
        /// Sums over all shares, by their standing.
        var active = 0, idle = 0, leaving = 0, spare = 0
    }

    private let ledger = Mutex(Ledger())
    /// Whether more is active than the limit, and will be less when those that have been told to go to disk have done so.
    private let isWaitedFor = Atomic(false)

    /// An account with a limit in bytes, or without one.
    package init(limit: Int? = nil) { self.limit = limit }

    /// Bytes of active memory beyond which stores go to disk, and what such a store has at least.
    private var spillStart: Int? { limit.map { $0 - $0 / 4 } }
    private var smallestSpill: Int { (limit ?? 0) / 32 }

    /// By how many bytes the state of a task grows until it reports, where there is a limit: a sixty-fourth of that, but not less than a
    /// mebibyte, nor more than sixteen.
    package var step: Int? { limit.map { min(16 << 20, max(1 << 20, $0 / 64)) } }

    /// Bytes that are held now.
    package var used: Int { ledger.withLock { $0.active + $0.idle + $0.leaving + $0.spare } }

    /// Bytes that may be asked for now; nil for any number.
    package var room: Int? { limit.map { limit in ledger.withLock { max(0, limit - $0.active) } } }

    /// Who holds how much, largest first.
    package var holders: [MemoryExcess.Holder] {
        ledger.withLock { $0.shares.values.map { MemoryExcess.Holder(name: $0.name, bytes: $0.total) } }.sorted()
    }

    /// What one share holds in memory, by store, and on disk.
    package struct Holding: Sendable {
        package let name: String
        package let user: MemoryUser
        package let stores: [String: Int]
        package let diskBytes: Int
    }

    /// All that is held, in the order in which the shares were opened.
    package var holdings: [Holding] {
        let shares = ledger.withLock { $0.shares }
        return shares.sorted { $0.key < $1.key }.map { _, share in
            Holding(name: share.name, user: share.user, stores: share.stores, diskBytes: share.disk)
        }
    }

    // MARK: Shares

    fileprivate func open(_ name: String, _ user: MemoryUser) -> Int {
        ledger.withLock { ledger in
            ledger.next += 1
            ledger.shares[ledger.next] = Share(name: name, user: user, standing: user == .cache ? .spare : .active)
            return ledger.next
        }
    }

    fileprivate func close(_ number: Int) {
        // Its closure goes outside of the lock.
        let (gone, calls) = ledger.withLock { ledger in
            ledger.move(number, to: .active)
            let gone = ledger.shares.removeValue(forKey: number)
            ledger.active -= gone?.total ?? 0
            return (gone, settle(&ledger))
        }
        for call in calls { call() }
        withExtendedLifetime(gone) {}
    }

    /// Tells stores to go to disk if they must, and those that wait that they need not any more: gives what is to be called for that.
    private func settle(_ ledger: inout Ledger) -> [@Sendable () -> Void] {
        guard let limit, let spillStart else { return [] }
        var calls = ledger.tellSpillers(beyond: spillStart, smallest: smallestSpill)
        let isWaitedFor = ledger.active > limit && ledger.willHaveRoom
        self.isWaitedFor.store(isWaitedFor, ordering: .relaxed)
        if !isWaitedFor, !ledger.waiting.isEmpty {
            calls += ledger.waiting.values
            ledger.waiting = [:]
        }
        return calls
    }

    // MARK: Going to disk

    /// A number for a hold.
    func nextNumber() -> Int {
        ledger.withLock { ledger in
            ledger.next += 1
            return ledger.next
        }
    }

    /// A hold may go to disk; `tell` is called, on any thread, when it must.
    func openSpiller(_ number: Int, of share: Int, _ tell: @escaping @Sendable () -> Void) {
        ledger.withLock { $0.spillers[number] = Spiller(share: share, tell: tell) }
    }

    func closeSpiller(_ number: Int) {
        let (gone, calls) = ledger.withLock { ledger in
            let gone = (ledger.spillers.removeValue(forKey: number), ledger.waiting.removeValue(forKey: number))
            return (gone, settle(&ledger))
        }
        for call in calls { call() }
        withExtendedLifetime(gone) {}
    }

    /// So many bytes of a hold can go to disk. With `hasSpilled` it has just done what it was told.
    func offer(_ number: Int, bytes: Int, hasSpilled: Bool) {
        let calls = ledger.withLock { ledger -> [@Sendable () -> Void] in
            ledger.spillers[number]?.bytes = bytes
            if hasSpilled { ledger.spillers[number]?.isTold = false }
            return settle(&ledger)
        }
        for call in calls { call() }
    }

    /// Whether a hold must wait for others that go to disk. Then `call` is called, on any thread, when it need not any more.
    func waits(_ number: Int, of share: Int, orCall call: @escaping @Sendable () -> Void) -> Bool {
        guard isWaitedFor.load(ordering: .relaxed) else { return false }
        return ledger.withLock { ledger in
            guard isWaitedFor.load(ordering: .relaxed), ledger.shares[share]?.total ?? 0 > 0, ledger.spillers[number]?.isTold != true else {
                return false
            }
            ledger.waiting[number] = call
            return true
        }
    }

    func addDisk(_ number: Int, _ growth: Int) { ledger.withLock { $0.shares[number]?.disk += growth } }
    fileprivate func disk(of number: Int) -> Int { ledger.withLock { $0.shares[number]?.disk ?? 0 } }

    fileprivate func stores(of number: Int) -> [String: Int] { ledger.withLock { $0.shares[number]?.stores ?? [:] } }
    fileprivate func total(of number: Int) -> Int { ledger.withLock { $0.shares[number]?.total ?? 0 } }

    /// Counts growth, or the opposite, by store. Gives why the share must not have it, when it must not; what a persistent query holds counts
    /// as idle from then on.
    func change(_ number: Int, by growths: [String: Int], asks: Bool) -> MemoryExcess? {
        let (excess, releases) = ledger.withLock { ledger -> (MemoryExcess?, [@Sendable () -> Void]) in
            let growth = ledger.add(growths, to: number)
            let calls = settle(&ledger)
            guard asks, growth > 0, let limit, let share = ledger.shares[number], share.user != .cache else { return (nil, calls) }
            if share.standing == .active, ledger.active > limit {
                // There will be room.
                if ledger.willHaveRoom { return (nil, calls) }

                let excess = ledger.excess(of: number, limit)
                // What ends, or stands still, is no reason to stop another one.
                ledger.move(number, to: share.user == .query ? .idle : .leaving)
                return (excess, calls)
            }
            return (nil, calls + ledger.lend(upTo: limit, and: max(limit / 16, 2 * (step ?? 0))))
        }
        for release in releases { release() }
        return excess
    }

    /// Why a share cannot be active with so many bytes; nil when it can.
    fileprivate func obstacle(to number: Int, holding bytes: Int) -> MemoryExcess? {
        guard let limit else { return nil }
        return ledger.withLock { ledger in
            let own = ledger.shares[number].map { $0.standing == .active ? $0.total : 0 } ?? 0
            let (sum, overflow) = (ledger.active - own).addingReportingOverflow(bytes)
            guard overflow || sum > limit else { return nil }
            var excess = ledger.excess(of: number, limit)
            excess?.held = bytes
            return excess
        }
    }

    fileprivate func move(_ number: Int, to standing: Standing, release: (@Sendable () -> Void)?) {
        let (old, calls) = ledger.withLock { ledger in
            ledger.move(number, to: standing)
            defer { ledger.shares[number]?.release = release }
            return (ledger.shares[number]?.release, settle(&ledger))
        }
        for call in calls { call() }
        withExtendedLifetime(old) {}
    }
}

extension MemoryBudget.Ledger {
    /// Changes the stores of a share; gives by how much it has grown.
    fileprivate mutating func add(_ growths: [String: Int], to number: Int) -> Int {
        guard let standing = shares[number]?.standing else { return 0 }
        var growth = 0
        for (store, bytes) in growths where bytes != 0 {
            let now = (shares[number]?.stores[store] ?? 0) + bytes
            shares[number]?.stores[store] = now == 0 ? nil : now
            growth += bytes
        }
        shares[number]?.total += growth
        self[standing] += growth
        return growth
    }

    fileprivate mutating func move(_ number: Int, to standing: MemoryBudget.Standing) {
        guard let share = shares[number] else { return }
        self[share.standing] -= share.total
        self[standing] += share.total
        shares[number]?.standing = standing
    }

    /// Whether one that has been told to go to disk has still to do so.
    fileprivate var willHaveRoom: Bool { spillers.contains { $0.value.isTold && shares[$0.value.share]?.standing == .active } }

    /// Tells the stores that hold most to go to disk, until all else that is active is no more than `start`; gives what is to be called.
    fileprivate mutating func tellSpillers(beyond start: Int, smallest: Int) -> [@Sendable () -> Void] {
        guard active > start, !spillers.isEmpty else { return [] }
        let candidates = spillers.filter { $0.value.bytes >= max(1, smallest) && shares[$0.value.share]?.standing == .active }
        var expected = active - candidates.values.reduce(0) { $0 + ($1.isTold ? $1.bytes : 0) }
        if expected <= start { return [] }
        var calls: [@Sendable () -> Void] = []
        let untold = candidates.filter { !$0.value.isTold }
        for (number, spiller) in untold.sorted(by: { ($1.value.bytes, $0.key) < ($0.value.bytes, $1.key) }) {
            if expected <= start { break }
            spillers[number]?.isTold = true
            expected -= spiller.bytes
            calls.append(spiller.tell)
        }
        return calls
    }

    /// Has idle shares go, the largest first, until the rest fits into a limit and some more; gives what is to be called for that.
    fileprivate mutating func lend(upTo limit: Int, and more: Int) -> [@Sendable () -> Void] {
        var releases: [@Sendable () -> Void] = []
        if active + idle + spare - more > limit { releases += shares.values.filter { $0.standing == .spare }.compactMap(\.release) }
        while active + idle - more > limit {
            let idle = shares.filter { $0.value.standing == .idle && $0.value.release != nil && $0.value.total > 0 }
            guard let largest = idle.max(by: { $0.value.total < $1.value.total }), let release = largest.value.release else { break }
            releases.append(release)
            move(largest.key, to: .leaving)
        }
        return releases
    }

    fileprivate func excess(of number: Int, _ limit: Int) -> MemoryExcess? {
        guard let share = shares[number] else { return nil }
        let stores = share.stores.map { MemoryExcess.Holder(name: $0.key, bytes: $0.value) }.sorted().prefix(3)
        let others = shares.filter { $0.key != number && $0.value.standing == .active && $0.value.total > 0 }
        // One that would not help is not worth a word.
        let largest = others.values.filter { $0.user == .query && $0.total >= limit / 64 }.map { MemoryExcess.Holder(name: $0.name, bytes: $0.total) }.min()
        return MemoryExcess(
            limit: limit, held: share.total, others: active - (share.standing == .active ? share.total : 0), stores: Array(stores),
            largestOther: largest, isClient: share.user == .client)
    }

    private subscript(standing: MemoryBudget.Standing) -> Int {
        get {
            switch standing {
            case .active: active
            case .idle: idle
            case .leaving: leaving
            case .spare: spare
            }
        }
        set {
            switch standing {
            case .active: active = newValue
            case .idle: idle = newValue
            case .leaving: leaving = newValue
            case .spare: spare = newValue
            }
        }
    }
}

extension MemoryExcess.Holder: Comparable {
    /// The largest comes first, of equal ones the first by name.
    package static func < (left: Self, right: Self) -> Bool { (-left.bytes, left.name) < (-right.bytes, right.name) }
}

/// For whom memory is held.
package enum MemoryUser: Hashable, Sendable {
    /// A persistent query.
    case query
    /// A push query or a question.
    case client
    /// Several queries, which can do without it.
    case cache
}

/// What one query holds. It leaves the account with its last reference.
package final class MemoryShare: Sendable {
    let budget: MemoryBudget
    let number: Int

    /// A share that holds nothing yet. `name` is how users know it.
    package init(of name: String, in budget: MemoryBudget, for user: MemoryUser) {
        self.budget = budget
        number = budget.open(name, user)
    }

    deinit { budget.close(number) }

    /// Bytes that are held, in all and by store.
    package var bytes: Int { budget.total(of: number) }
    package var stores: [String: Int] { budget.stores(of: number) }
    /// Bytes of state on disk.
    package var diskBytes: Int { budget.disk(of: number) }
    /// As of the budget.
    package var step: Int? { budget.step }

    /// Why the query cannot run with so many bytes; nil when it can.
    package func obstacle(holding bytes: Int) -> MemoryExcess? { budget.obstacle(to: number, holding: bytes) }

    /// The query has stopped: what it still holds is let go of by `release`, which any thread may call and which must not wait, when others
    /// need it.
    package func becomeIdle(_ release: @escaping @Sendable () -> Void) { budget.move(number, to: .idle, release: release) }

    /// A cache: it is emptied by `release`, which any thread may call and which must not wait, when others need the memory.
    package func lend(_ release: @escaping @Sendable () -> Void) { budget.move(number, to: .spare, release: release) }

    /// The query runs: what it holds is its own.
    package func becomeActive() { budget.move(number, to: .active, release: nil) }
}
