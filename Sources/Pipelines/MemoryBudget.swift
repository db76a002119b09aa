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

    fileprivate struct Share {
        let name: String
        let user: MemoryUser
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
        /// Sums over all shares, by their standing.
        var active = 0, idle = 0, leaving = 0, spare = 0
    }

    private let ledger = Mutex(Ledger())

    /// An account with a limit in bytes, or without one.
    package init(limit: Int? = nil) { self.limit = limit }

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
        let gone = ledger.withLock { ledger in
            ledger.move(number, to: .active)
            let gone = ledger.shares.removeValue(forKey: number)
            ledger.active -= gone?.total ?? 0
            return gone
        }
        withExtendedLifetime(gone) {}
    }

    fileprivate func stores(of number: Int) -> [String: Int] { ledger.withLock { $0.shares[number]?.stores ?? [:] } }
    fileprivate func total(of number: Int) -> Int { ledger.withLock { $0.shares[number]?.total ?? 0 } }

    /// Counts growth, or the opposite, by store. Gives why the share must not have it, when it must not; what a persistent query holds counts
    /// as idle from then on.
    fileprivate func change(_ number: Int, by growths: [String: Int], asks: Bool) -> MemoryExcess? {
        let (excess, releases) = ledger.withLock { ledger -> (MemoryExcess?, [@Sendable () -> Void]) in
            let growth = ledger.add(growths, to: number)
            guard asks, growth > 0, let limit, let share = ledger.shares[number], share.user != .cache else { return (nil, []) }
            if share.standing == .active, ledger.active > limit {
                let excess = ledger.excess(of: number, limit)
                // What ends, or stands still, is no reason to stop another one.
                ledger.move(number, to: share.user == .query ? .idle : .leaving)
                return (excess, [])
            }
            return (nil, ledger.lend(upTo: limit, and: max(limit / 16, 2 * (step ?? 0))))
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
        let old = ledger.withLock { ledger in
            ledger.move(number, to: standing)
            defer { ledger.shares[number]?.release = release }
            return ledger.shares[number]?.release
        }
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
    fileprivate let budget: MemoryBudget
    fileprivate let number: Int

    /// A share that holds nothing yet. `name` is how users know it.
    package init(of name: String, in budget: MemoryBudget, for user: MemoryUser) {
        self.budget = budget
        number = budget.open(name, user)
    }

    deinit { budget.close(number) }

    /// Bytes that are held, in all and by store.
    package var bytes: Int { budget.total(of: number) }
    package var stores: [String: Int] { budget.stores(of: number) }
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

/// What one part of a query holds: a task, or the readable rows. What it last reported counts until it reports again or is gone.
package final class MemoryHold: Sendable {
    private let share: MemoryShare
    private let bytes = Mutex<[String: Int]>([:])

    /// Holds nothing yet.
    package init(_ share: MemoryShare) { self.share = share }

    deinit { keep([:]) }

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
}
