// Schemas that records name and nobody has registered yet, or that an outside registry has not given yet. The registry is asked again with
// growing pauses while the query waits; after a time that a setting gives, records that name the schema are error rows. From then on it
// holds up nothing: it is asked for now and then, as long as records name it, and once it is there they are read.

import Platform
import Quantities
import Schemas

/// The schemas that the queries of one engine wait for.
final class SchemaWaits: SchemaLookup {
    private struct Wait {
        /// When it was first asked for, monotonic nanoseconds.
        let began: Int64
        /// When the registry was asked last.
        var asked: Int64
        var attempts = 0
        var isAsking = true
        /// Nothing waits for it any more.
        var isOver = false
        /// What the registry said last.
        var answer: String
        var callers: [@Sendable () -> Void] = []
    }

    private let registry: any SchemaRegistry
    private let room: WaitingRoom
    private let time: any TimeSource
    private let random: any RandomSource
    /// Nanoseconds that a schema is waited for.
    private let patience: Int64
    private let threads: ThreadPool
    private let waits = Monitor<[SchemaID: Wait]>([:])

    /// Numbers come from records and may be any: when so many are not known, those that nothing waits for are forgotten, and without those a
    /// record that names yet another one is an error row at once.
    private static let mostWaits = 10_000
    private static let firstPause: Milliseconds = 100
    private static let longestPause: Milliseconds = 2_000
    /// So long after the last time the registry is asked for what nothing waits for.
    private static let idlePause: Milliseconds = 10_000

    init(
        _ registry: any SchemaRegistry, patience: Milliseconds, room: WaitingRoom, time: any TimeSource, random: any RandomSource,
        scheduler: any Scheduler
    ) {
        self.registry = registry
        self.patience = patience.nanoseconds
        self.room = room
        self.time = time
        self.random = random
        threads = ThreadPool("schemas", limit: 2, scheduler: scheduler)
    }

    /// Takes no more questions; what is being asked is given so many nanoseconds to end.
    func close(within nanoseconds: Int64) { _ = threads.close(within: nanoseconds) }

    func knownSchema(_ id: SchemaID) -> SchemaDocument? { registry.knownSchema(id) }

    func absence(of id: SchemaID) -> String {
        waits.withLock { $0[id]?.answer } ?? SchemaWaits.unknown(id)
    }

    private static func unknown(_ id: SchemaID) -> String { "the schema with number \(id) is not known" }

    /// Whether what the registry has is in the memory of this process: then nothing is to be fetched.
    private var isKept: Bool { registry is any KeptRegistry }

    func standing(of id: SchemaID, orCall call: @escaping @Sendable () -> Void) -> SchemaStanding {
        if registry.knownSchema(id) != nil {
            waits.withLock { $0[id] = nil }
            return .known
        }
        if patience == 0, isKept { return .missing }
        let now = time.monotonicNanoseconds()
        let (standing, mustAsk) = waits.withLock { waits -> (SchemaStanding, Bool) in
            if var wait = waits[id] {
                defer { waits[id] = wait }
                guard wait.isOver else {
                    wait.callers.append(call)
                    return (.awaited(wait.answer), false)
                }
                guard !wait.isAsking, now - wait.asked >= SchemaWaits.idlePause.nanoseconds else { return (.missing, false) }
                (wait.isAsking, wait.asked) = (true, now)
                return (.missing, true)
            }
            if waits.count >= SchemaWaits.mostWaits { waits = waits.filter { !$0.value.isOver } }
            guard waits.count < SchemaWaits.mostWaits else { return (.missing, false) }
            waits[id] = Wait(began: now, asked: now, answer: SchemaWaits.unknown(id), callers: [call])
            return (.awaited(SchemaWaits.unknown(id)), true)
        }
        // Where no thread takes the question any more, the engine is closing, and what waits ends with it.
        if mustAsk { threads.run { [self] in ask(id) } }
        return standing
    }

    /// Asks the registry. On one of the threads that may wait.
    private func ask(_ id: SchemaID) {
        var answer = SchemaWaits.unknown(id)
        var isKnown = false
        do throws(RegistryError) { isKnown = try registry.schema(id) != nil } catch {
            answer = "the schema with number \(id) is not known, and the registry does not answer: \(error.message)"
        }
        let now = time.monotonicNanoseconds()
        let (callers, next) = waits.withLock { waits -> ([@Sendable () -> Void], Int64?) in
            guard var wait = waits[id] else { return ([], nil) }
            let callers = wait.callers
            if isKnown {
                waits[id] = nil
                return (callers, nil)
            }
            let left = wait.began.addingSaturated(patience) - now
            (wait.answer, wait.asked, wait.callers) = (answer, now, [])
            wait.attempts += 1
            // Those who wait are told each time: what they wait for may have another reason now.
            if left <= 0 { (wait.isOver, wait.isAsking) = (true, false) }
            let pause = wait.isOver ? nil : min(left, self.pause(after: wait.attempts))
            waits[id] = wait
            return (callers, pause)
        }
        for call in callers { call() }
        guard let next else { return }
        room.when(room.ticket(), { false }, news: [], deadline: now.addingSaturated(next)) { [self] outcome in
            if outcome == .timedOut { threads.run { [self] in ask(id) } }
        }
    }

    /// Nanoseconds; between half and all of what it would be without chance.
    private func pause(after attempts: Int) -> Int64 {
        let whole = min(SchemaWaits.longestPause.nanoseconds, SchemaWaits.firstPause.nanoseconds << Int64(min(attempts - 1, 10)))
        return whole / 2 + Int64(random.next() % UInt64(clamping: max(1, whole / 2)))
    }
}
