// One consumer group under Kafka's classic protocol, as a machine: requests and the time in, answers out. (Described in Kafka's protocol guide;
// the states are those of its own coordinator.)
//
//   empty ── join ──▶ preparing ── all have joined, or the time is up ──▶ completing ── the leader's plan has come ──▶ stable
//                        ▲                                                   │ a member leaves, joins anew or goes silent │
//                        └───────────────────────────────────────────────────┴────────────────────────────────────────────┘

/// A member of a group.
struct GroupMember {
    let id: String
    /// What a static member calls itself, over restarts.
    var instance: String?
    var client: String
    var host: String
    /// Milliseconds without a heartbeat after which it is gone.
    var sessionTimeout: Int64
    /// Milliseconds that it may take to join again.
    var rebalanceTimeout: Int64
    var protocols: [JoinGroupRequest.OfferedProtocol]
    /// What the leader has planned for it.
    var assignment: [UInt8] = []
    /// When it is gone, unless something comes of it.
    var deadline: Int64
    /// It waits for the end of the joining.
    var joining: (@Sendable (JoinGroupResponse) -> Void)?
    /// It waits for the plan.
    var syncing: (@Sendable (SyncGroupResponse) -> Void)?

    func metadata(of name: String) -> [UInt8] { protocols.first { $0.name == name }?.metadata ?? [] }
}

/// A group. Answers are not given by the machine, whose owner holds a lock: they are gathered in `answers`.
struct ConsumerGroup {
    enum Phase: String {
        case empty = "Empty"
        case preparing = "PreparingRebalance"
        case completing = "CompletingRebalance"
        case stable = "Stable"
    }

    let name: String
    private(set) var phase = Phase.empty
    private(set) var generation: Int32 = 0
    private(set) var protocolType: String?
    private(set) var protocolName: String?
    private(set) var leader: String?
    /// In the order of their first joining.
    private(set) var members: [GroupMember] = []
    /// Identities that were given out and whose bearers have not joined yet, and until when they may.
    private var promised: [String: Int64] = [:]
    /// When the joining ends, or when who has not asked for its plan is gone.
    private var deadline = Int64.max
    /// What is to be done once the lock is free.
    var answers: [@Sendable () -> Void] = []
    /// What happened to it, for the log.
    var notes: [String] = []

    init(name: String) { self.name = name }

    /// Whether nothing of it is left but offsets.
    var isIdle: Bool { members.isEmpty && promised.isEmpty }

    /// The kind of protocol that consumers speak with each other; Connect and others have their own.
    static let consumers = "consumer"

    /// Whether a member reads a topic, or may: of consumers whose subscriptions cannot be read, and before they have agreed on a protocol, any.
    func isSubscribed(to topic: String) -> Bool {
        guard !isIdle, protocolType == ConsumerGroup.consumers else { return false }
        guard let protocolName else { return true }
        return members.contains { ConsumerGroup.topics(ofSubscription: $0.metadata(of: protocolName))?.contains(topic) ?? true }
    }

    /// What stands in a subscription of Kafka's consumers (`ConsumerProtocolSubscription`, of which all versions begin alike); nil where it cannot be
    /// read: it is between the members.
    private static func topics(ofSubscription bytes: [UInt8]) -> [String]? {
        var reader = MessageReader(bytes, 0..<bytes.count, isFlexible: false)
        do throws(MessageError) {
            _ = try reader.int16()
            return try reader.array { reader throws(MessageError) in try reader.string() }
        } catch {
            return nil
        }
    }

    /// Members, and those that are to come.
    var size: Int { members.count + promised.count }

    func member(_ id: String) -> GroupMember? { members.first { $0.id == id } }

    private func place(_ id: String) -> Int? { members.firstIndex { $0.id == id } }

    // MARK: Joining

    /// A member joins; `newID` is used where it has none. `asksTwice`: the client knows that it is told its identity first.
    mutating func join(
        _ request: JoinGroupRequest, newID: String, asksTwice: Bool, client: String, host: String, now: Int64,
        reply: @escaping @Sendable (JoinGroupResponse) -> Void
    ) {
        if let error = problem(request) { return refuse(error, request.memberId, reply) }
        let given = request.memberId
        if let instance = request.groupInstanceId, let old = members.firstIndex(where: { $0.instance == instance }) {
            if given.isEmpty { return rejoin(old, request, newID, client, now, reply) }
            if members[old].id != given { return refuse(.fencedInstanceID, given, reply) }
        } else if given.isEmpty {
            if asksTwice, request.groupInstanceId == nil {
                promised[newID] = now + Int64(request.sessionTimeoutMs)
                return refuse(.memberIDRequired, newID, reply)
            }
            return add(request, newID, client, host, now, reply)
        }
        if promised.removeValue(forKey: given) != nil { return add(request, given, client, host, now, reply) }
        guard let place = place(given) else { return refuse(.unknownMemberID, given, reply) }
        let isSame = members[place].protocols == request.protocols
        members[place].protocols = request.protocols
        members[place].sessionTimeout = Int64(request.sessionTimeoutMs)
        members[place].rebalanceTimeout = rebalanceTimeout(request)
        switch phase {
        case .completing where isSame, .stable where isSame && leader != given:
            members[place].deadline = now + members[place].sessionTimeout
            let response = joined(members[place])
            answers.append { reply(response) }
        case .empty, .preparing, .completing, .stable:
            wait(place, reply)
            if phase != .preparing { prepare(now, "'\(given)' \(isSame ? "joins again" : "has other protocols or topics")") }
            completeIfAllAreThere(now)
        }
    }

    private func problem(_ request: JoinGroupRequest) -> KafkaError? {
        if request.protocols.isEmpty || request.protocolType.isEmpty { return .inconsistentGroupProtocol }
        guard !members.isEmpty else { return nil }
        if protocolType != request.protocolType { return .inconsistentGroupProtocol }
        let others = members.filter { $0.id != request.memberId }
        let isCommon = request.protocols.contains { offered in
            others.allSatisfy { $0.protocols.contains { $0.name == offered.name } }
        }
        return isCommon ? nil : .inconsistentGroupProtocol
    }

    private mutating func refuse(_ error: KafkaError, _ id: String, _ reply: @escaping @Sendable (JoinGroupResponse) -> Void) {
        var response = JoinGroupResponse()
        response.errorCode = error.rawValue
        response.memberId = id
        answers.append { [response] in reply(response) }
    }

    /// Clients of old have one time for both.
    private func rebalanceTimeout(_ request: JoinGroupRequest) -> Int64 {
        Int64(request.rebalanceTimeoutMs > 0 ? request.rebalanceTimeoutMs : request.sessionTimeoutMs)
    }

    private mutating func add(
        _ request: JoinGroupRequest, _ id: String, _ client: String, _ host: String, _ now: Int64,
        _ reply: @escaping @Sendable (JoinGroupResponse) -> Void
    ) {
        if members.isEmpty { protocolType = request.protocolType }
        members.append(
            GroupMember(
                id: id, instance: request.groupInstanceId, client: client, host: host, sessionTimeout: Int64(request.sessionTimeoutMs),
                rebalanceTimeout: rebalanceTimeout(request), protocols: request.protocols, deadline: .max))
        wait(members.count - 1, reply)
        if phase != .preparing { prepare(now, "'\(id)' joins") }
        completeIfAllAreThere(now)
    }

    /// A static member has begun anew: it takes the place of what it was. What it would be given is what it had, as long as it asks for the
    /// same; so nobody else is disturbed.
    private mutating func rejoin(
        _ place: Int, _ request: JoinGroupRequest, _ id: String, _ client: String, _ now: Int64,
        _ reply: @escaping @Sendable (JoinGroupResponse) -> Void
    ) {
        let old = members[place]
        refuseWaiting(place, .fencedInstanceID)
        var new = GroupMember(
            id: id, instance: old.instance, client: client, host: old.host, sessionTimeout: Int64(request.sessionTimeoutMs),
            rebalanceTimeout: rebalanceTimeout(request), protocols: request.protocols, deadline: now + Int64(request.sessionTimeoutMs))
        new.assignment = old.assignment
        members[place] = new
        let wasLeader = leader == old.id
        if wasLeader { leader = id }
        guard phase == .stable, old.protocols == request.protocols else {
            wait(place, reply)
            if phase != .preparing { prepare(now, "the static member '\(old.instance ?? "")' begins anew with other protocols or topics") }
            return completeIfAllAreThere(now)
        }
        var response = joined(new)
        // It is not to make a plan: another one is named as the leader.
        if wasLeader {
            response.leader = old.id
            response.members = []
        }
        answers.append { [response] in reply(response) }
    }

    private mutating func wait(_ place: Int, _ reply: @escaping @Sendable (JoinGroupResponse) -> Void) {
        refuseWaiting(place, .unknownMemberID)
        members[place].joining = reply
        members[place].deadline = .max
    }

    /// Ends what a member waits for, because it asks again or has gone.
    private mutating func refuseWaiting(_ place: Int, _ error: KafkaError) {
        if let joining = members[place].joining { refuse(error, members[place].id, joining) }
        members[place].joining = nil
        refuseSync(place, error)
    }

    private mutating func refuseSync(_ place: Int, _ error: KafkaError) {
        guard let syncing = members[place].syncing else { return }
        members[place].syncing = nil
        answers.append {
            var response = SyncGroupResponse()
            response.errorCode = error.rawValue
            syncing(response)
        }
    }

    // MARK: Rebalancing

    private mutating func prepare(_ now: Int64, _ reason: String) {
        notes.append("a rebalance begins behind generation \(generation), with \(members.count) members: \(reason)")
        for place in members.indices { refuseSync(place, .rebalanceInProgress) }
        phase = .preparing
        deadline = now + (members.map(\.rebalanceTimeout).max() ?? 0)
    }

    private mutating func completeIfAllAreThere(_ now: Int64) {
        guard phase == .preparing, promised.isEmpty, members.allSatisfy({ $0.joining != nil }) else { return }
        complete(now)
    }

    /// Ends the joining: those that have not joined again are gone, but for static ones.
    private mutating func complete(_ now: Int64) {
        members.removeAll { $0.joining == nil && $0.instance == nil }
        generation = generation == .max ? 1 : generation + 1
        guard !members.isEmpty else {
            (phase, leader, protocolName, deadline) = (.empty, nil, nil, .max)
            return notes.append("generation \(generation) has no members")
        }
        if leader.flatMap({ place($0) }).map({ members[$0].joining == nil }) ?? true {
            leader = (members.first { $0.joining != nil } ?? members[0]).id
        }
        protocolName = elected()
        phase = .completing
        notes.append("generation \(generation) has \(members.count) members, and assigns by '\(protocolName ?? "")': \(memberList)")
        deadline = now + (members.map(\.rebalanceTimeout).max() ?? 0)
        for place in members.indices {
            members[place].deadline = now + members[place].sessionTimeout
            guard let reply = members[place].joining else { continue }
            members[place].joining = nil
            let response = joined(members[place])
            answers.append { reply(response) }
        }
    }

    /// The first of the members, for the log.
    private var memberList: String {
        let most = 20
        let names = members.prefix(most).map { "'\($0.id)'" }.joined(separator: ", ")
        return members.count > most ? names + " and \(members.count - most) more" : names
    }

    /// Of the protocols that all members know, the one that most of them would rather have.
    private func elected() -> String? {
        guard let first = members.first else { return nil }
        let common = first.protocols.map(\.name).filter { name in members.allSatisfy { $0.protocols.contains { $0.name == name } } }
        var votes: [String: Int] = [:]
        for member in members {
            if let choice = member.protocols.first(where: { common.contains($0.name) }) { votes[choice.name, default: 0] += 1 }
        }
        return common.max { (votes[$0] ?? 0) < (votes[$1] ?? 0) }
    }

    /// The answer to one that has joined; the leader learns of all.
    private func joined(_ member: GroupMember) -> JoinGroupResponse {
        var response = JoinGroupResponse()
        response.generationId = generation
        response.protocolType = protocolType
        response.protocolName = protocolName ?? ""
        response.leader = leader ?? ""
        response.memberId = member.id
        guard member.id == leader else { return response }
        response.members = members.map { other in
            var listed = JoinGroupResponse.Member()
            listed.memberId = other.id
            listed.groupInstanceId = other.instance
            listed.metadata = other.metadata(of: protocolName ?? "")
            return listed
        }
        return response
    }

    // MARK: The plan

    mutating func sync(_ request: SyncGroupRequest, now: Int64, reply: @escaping @Sendable (SyncGroupResponse) -> Void) {
        func refuse(_ error: KafkaError) {
            answers.append {
                var response = SyncGroupResponse()
                response.errorCode = error.rawValue
                reply(response)
            }
        }
        if let error = problem(request.memberId, request.groupInstanceId, request.generationId) { return refuse(error) }
        if let type = request.protocolType, type != protocolType { return refuse(.inconsistentGroupProtocol) }
        if let name = request.protocolName, name != protocolName { return refuse(.inconsistentGroupProtocol) }
        guard let place = place(request.memberId) else { return refuse(.unknownMemberID) }
        members[place].deadline = now + members[place].sessionTimeout
        switch phase {
        case .empty: refuse(.unknownMemberID)
        case .preparing: refuse(.rebalanceInProgress)
        case .stable:
            let response = planned(members[place])
            answers.append { reply(response) }
        case .completing:
            refuseSync(place, .unknownMemberID)
            members[place].syncing = reply
            if request.memberId == leader { settle(request.assignments) }
        }
    }

    /// The leader's plan has come.
    private mutating func settle(_ assignments: [SyncGroupRequest.Assignment]) {
        let planned = Dictionary(assignments.map { ($0.memberId, $0.assignment) }, uniquingKeysWith: { first, _ in first })
        phase = .stable
        deadline = .max
        for place in members.indices {
            members[place].assignment = planned[members[place].id] ?? []
            guard let reply = members[place].syncing else { continue }
            members[place].syncing = nil
            let response = self.planned(members[place])
            answers.append { reply(response) }
        }
    }

    private func planned(_ member: GroupMember) -> SyncGroupResponse {
        var response = SyncGroupResponse()
        response.protocolType = protocolType
        response.protocolName = protocolName
        response.assignment = member.assignment
        return response
    }

    // MARK: Staying and leaving

    /// What is wrong with what a member says of itself.
    private func problem(_ id: String, _ instance: String?, _ generation: Int32) -> KafkaError? {
        if let instance, let known = members.first(where: { $0.instance == instance }), known.id != id { return .fencedInstanceID }
        if member(id) == nil { return .unknownMemberID }
        return generation == self.generation ? nil : .illegalGeneration
    }

    mutating func heartbeat(_ request: HeartbeatRequest, now: Int64) -> KafkaError {
        if let error = problem(request.memberId, request.groupInstanceId, request.generationId) { return error }
        guard let place = place(request.memberId) else { return .unknownMemberID }
        if members[place].deadline != .max { members[place].deadline = now + members[place].sessionTimeout }
        return phase == .preparing ? .rebalanceInProgress : .none
    }

    /// Whether offsets may be committed in the name of a member; one without a name is no member, and may while there is none.
    mutating func check(commitOf id: String, _ instance: String?, generation: Int32, now: Int64) -> KafkaError {
        if generation < 0, id.isEmpty { return members.isEmpty ? .none : .unknownMemberID }
        if let error = problem(id, instance, generation) { return error }
        if let place = place(id), members[place].deadline != .max { members[place].deadline = now + members[place].sessionTimeout }
        return phase == .completing ? .rebalanceInProgress : .none
    }

    mutating func leave(_ id: String, _ instance: String?, now: Int64) -> KafkaError {
        if promised.removeValue(forKey: id) != nil {
            completeIfAllAreThere(now)
            return .none
        }
        let found = instance.map { instance in members.firstIndex { $0.instance == instance } } ?? place(id)
        guard let place = found else { return .unknownMemberID }
        if instance != nil, !id.isEmpty, members[place].id != id { return .fencedInstanceID }
        remove(place, now, "leaves")
        return .none
    }

    private mutating func remove(_ place: Int, _ now: Int64, _ reason: String) {
        refuseWaiting(place, .unknownMemberID)
        let gone = members.remove(at: place)
        if phase == .stable || phase == .completing { prepare(now, "'\(gone.id)' \(reason)") }
        completeIfAllAreThere(now)
    }

    /// Whom time has overtaken.
    mutating func tick(_ now: Int64) {
        let gone = promised.filter { $0.value <= now }.map(\.key)
        for id in gone { promised[id] = nil }
        while let place = members.firstIndex(where: { $0.deadline <= now }) { remove(place, now, "has been silent for its session time-out") }
        if deadline <= now {
            if phase == .preparing {
                complete(now)
            } else if phase == .completing {
                // The leader, or somebody who waits for no plan, has gone silent.
                members.removeAll { $0.syncing == nil && $0.instance == nil }
                prepare(now, "the leader's plan has not come in time")
            }
        }
        if !gone.isEmpty || phase == .preparing { completeIfAllAreThere(now) }
    }

    /// The broker stops: who waits is told to look for another coordinator.
    mutating func end() {
        for place in members.indices { refuseWaiting(place, .coordinatorNotAvailable) }
    }
}
