// The coordinator of all consumer groups: gives each request to its group, one at a time, and the answers once that is done.

import LogStore
import Platform
import Synchronization

/// All groups.
final class GroupCoordinator: Sendable {
    /// Milliseconds that a member may stay silent: Kafka's bounds (`group.min.session.timeout.ms` and its fellow).
    static let sessionTimeouts: ClosedRange<Int32> = 6_000...1_800_000
    /// Groups at once, and members of one: what a client can make others hold.
    static let mostGroups = 10_000, mostMembers = 2_000
    /// Milliseconds that a rebalance may take, and bytes that a member may have to say of itself.
    static let longestRebalance: Int32 = 1_800_000, mostMetadata = 1 << 20

    private let groups = Mutex<[String: ConsumerGroup]>([:])
    /// Groups of which offsets were committed, whether they have members or not, at most `mostGroups`: beyond that all are forgotten, and a
    /// group without members is there as long as it has offsets.
    private let remembered = Mutex<Set<String>>([])
    let offsets: GroupOffsets
    private let clock: any TimeSource
    private let random: any RandomSource
    private let lines: BrokerLines

    init(_ offsets: GroupOffsets, clock: any TimeSource, random: any RandomSource, lines: BrokerLines) {
        self.offsets = offsets
        self.clock = clock
        self.random = random
        self.lines = lines
    }

    private var now: Int64 { clock.monotonicNanoseconds() / 1_000_000 }

    /// Does something with a group, which is made where it is not there and forgotten where nothing is left of it.
    private func with<Result: Sendable>(_ name: String, _ body: (inout ConsumerGroup) -> Result) -> Result {
        let (result, outcome) = groups.withLock { groups -> (Result, Outcome) in
            var group = groups.removeValue(forKey: name) ?? ConsumerGroup(name: name)
            let result = body(&group)
            let outcome = Outcome(of: &group)
            // One that has had members is remembered without them: its next generation is another one.
            if !group.isIdle || group.generation > 0 { groups[name] = group }
            return (result, outcome)
        }
        carryOut(outcome)
        return result
    }

    /// What a group gives once the lock is free.
    private struct Outcome: Sendable {
        let group: String
        let answers: [@Sendable () -> Void]
        let notes: [String]

        init(of group: inout ConsumerGroup) {
            (self.group, answers, notes) = (group.name, group.answers, group.notes)
            (group.answers, group.notes) = ([], [])
        }
    }

    private func carryOut(_ outcome: Outcome) {
        for note in outcome.notes { lines.inform("kafka_group", kind: outcome.group, "'\(outcome.group)': \(note)") }
        for answer in outcome.answers { answer() }
    }

    // MARK: Members

    func join(
        _ request: JoinGroupRequest, version: Int16, client: String, host: String, reply: @escaping @Sendable (JoinGroupResponse) -> Void
    ) {
        var refusal = JoinGroupResponse()
        refusal.memberId = request.memberId
        if request.groupId.isEmpty {
            refusal.errorCode = KafkaError.invalidGroupID.rawValue
        } else if !GroupCoordinator.sessionTimeouts.contains(request.sessionTimeoutMs) {
            refusal.errorCode = KafkaError.invalidSessionTimeout.rawValue
        } else if request.rebalanceTimeoutMs > GroupCoordinator.longestRebalance
            || request.protocols.reduce(0, { $0 + $1.metadata.count + $1.name.utf8.count }) > GroupCoordinator.mostMetadata
        {
            refusal.errorCode = KafkaError.invalidRequest.rawValue
        } else if isFull(request.groupId) {
            refusal.errorCode = KafkaError.coordinatorNotAvailable.rawValue
        }
        guard refusal.errorCode == 0 else { return reply(refusal) }
        let id = "\(request.groupInstanceId ?? client)-\(TopicID(high: random.next(), low: random.next()))"
        with(request.groupId) { group in
            group.join(request, newID: id, asksTwice: version >= 4, client: client, host: host, now: now, reply: reply)
        }
    }

    private func isFull(_ name: String) -> Bool {
        groups.withLock { groups in
            if let group = groups[name] { return group.size >= GroupCoordinator.mostMembers }
            if groups.count >= GroupCoordinator.mostGroups { groups = groups.filter { !$0.value.isIdle } }
            return groups.count >= GroupCoordinator.mostGroups
        }
    }

    func sync(_ request: SyncGroupRequest, reply: @escaping @Sendable (SyncGroupResponse) -> Void) {
        with(request.groupId) { $0.sync(request, now: now, reply: reply) }
    }

    func heartbeat(_ request: HeartbeatRequest) -> KafkaError { with(request.groupId) { $0.heartbeat(request, now: now) } }

    func leave(_ group: String, member: String, instance: String?) -> KafkaError {
        with(group) { $0.leave(member, instance, now: now) }
    }

    /// Whether a commit of offsets is in order.
    func check(commit request: OffsetCommitRequest) -> KafkaError {
        let isKnown = groups.withLock { $0[request.groupId] != nil }
        // Nobody is a member of a group that has never been there.
        if request.generationIdOrMemberEpoch >= 0, !isKnown, (try? offsets.places(of: request.groupId))?.isEmpty ?? true {
            return .illegalGeneration
        }
        return with(request.groupId) {
            $0.check(
                commitOf: request.memberId, request.groupInstanceId, generation: request.generationIdOrMemberEpoch, now: now)
        }
    }

    /// Somebody has committed offsets of a group, perhaps in a transaction that is not over: the group is there, whatever becomes of the offsets,
    /// until it is deleted.
    func remember(_ name: String) {
        remembered.withLock { names in
            if names.count >= GroupCoordinator.mostGroups { names = [] }
            names.insert(name)
        }
    }

    /// Whether a group of which offsets were committed is there, whatever has become of them.
    func isRemembered(_ name: String) -> Bool { remembered.withLock { $0.contains(name) } }

    // MARK: For those who look on

    /// The groups that have, or have had, members, and those with offsets.
    func names() throws(LogError) -> [String] {
        let known = groups.withLock { Array($0.keys) }
        return Set(known).union(remembered.withLock { $0 }).union(try offsets.groups()).sorted()
    }

    /// A group as it is; nil where it has no members and never had.
    func group(_ name: String) -> ConsumerGroup? { groups.withLock { $0[name] } }

    /// The groups that have members, by name.
    func withMembers() -> [ConsumerGroup] { groups.withLock { $0.values.filter { !$0.isIdle } }.sorted { $0.name < $1.name } }

    /// Forgets a group with its offsets, which `completion` says.
    func delete(_ name: String, completion: @escaping @Sendable (KafkaError) -> Void) {
        do throws(LogError) {
            let committed = try offsets.places(of: name)
            let isRemembered = isRemembered(name)
            let state = groups.withLock { groups -> KafkaError in
                guard let group = groups[name] else { return committed.isEmpty && !isRemembered ? .groupIDNotFound : .none }
                if !group.isIdle { return .nonEmptyGroup }
                groups[name] = nil
                return .none
            }
            guard state == .none else { return completion(state) }
            remembered.withLock { _ = $0.remove(name) }
            if committed.isEmpty { return completion(.none) }
            offsets.commit(name, Dictionary(uniqueKeysWithValues: committed.map { ($0, nil) })) { completion($0.map { KafkaError($0) } ?? .none) }
        } catch {
            completion(KafkaError(error))
        }
    }

    // MARK: Time

    /// Looks at what time has overtaken; whether anything waits for a time.
    func tick() -> Bool {
        let now = now
        let (outcomes, isNeeded) = groups.withLock { groups -> ([Outcome], Bool) in
            var outcomes: [Outcome] = []
            var isNeeded = false
            for name in Array(groups.keys) {
                guard groups[name]?.isIdle == false, var group = groups.removeValue(forKey: name) else { continue }
                isNeeded = true
                group.tick(now)
                outcomes.append(Outcome(of: &group))
                if !group.isIdle || group.generation > 0 { groups[name] = group }
            }
            return (outcomes, isNeeded)
        }
        for outcome in outcomes { carryOut(outcome) }
        return isNeeded
    }

    /// The broker stops.
    func close() {
        let outcomes = groups.withLock { groups -> [Outcome] in
            var outcomes: [Outcome] = []
            for var group in groups.values {
                group.end()
                outcomes.append(Outcome(of: &group))
            }
            groups = [:]
            return outcomes
        }
        for outcome in outcomes { carryOut(outcome) }
    }
}
