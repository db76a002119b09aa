// A consumer group as a machine: who joins, plans, leaves and goes silent, and what each is told.

import Synchronization
import Testing

@testable import Kafka

/// What members were told, in order.
private final class Heard: Sendable {
    private let lines = Mutex<[String]>([])
    func note(_ line: String) { lines.withLock { $0.append(line) } }
    /// What has come since the last call.
    func take() -> [String] {
        lines.withLock { lines in
            defer { lines = [] }
            return lines
        }
    }
}

@Suite struct ConsumerGroupTests {
    private let heard = Heard()

    private func join(
        _ group: inout ConsumerGroup, _ id: String, new: String = "new", instance: String? = nil, protocols: [String] = ["range"],
        metadata: UInt8 = 1, at now: Int64 = 0, asksTwice: Bool = false
    ) {
        var request = JoinGroupRequest()
        (request.groupId, request.memberId, request.groupInstanceId, request.protocolType) = ("g", id, instance, "consumer")
        (request.sessionTimeoutMs, request.rebalanceTimeoutMs) = (10_000, 30_000)
        request.protocols = protocols.map { name in
            var offered = JoinGroupRequest.OfferedProtocol()
            (offered.name, offered.metadata) = (name, [metadata])
            return offered
        }
        group.join(request, newID: new, asksTwice: asksTwice, client: "c", host: "h", now: now) { [heard] response in
            let members = response.members.map(\.memberId).joined(separator: ",")
            heard.note("join \(response.memberId): \(response.errorCode) gen \(response.generationId) leader \(response.leader) [\(members)]")
        }
        deliver(&group)
    }

    private func sync(_ group: inout ConsumerGroup, _ id: String, gen: Int32, plan: [String: UInt8] = [:], at now: Int64 = 0) {
        var request = SyncGroupRequest()
        (request.groupId, request.memberId, request.generationId) = ("g", id, gen)
        request.assignments = plan.sorted { $0.key < $1.key }.map { member, part in
            var assignment = SyncGroupRequest.Assignment()
            (assignment.memberId, assignment.assignment) = (member, [part])
            return assignment
        }
        group.sync(request, now: now) { [heard] response in heard.note("sync \(id): \(response.errorCode) \(response.assignment)") }
        deliver(&group)
    }

    private func heartbeat(_ group: inout ConsumerGroup, _ id: String, gen: Int32, at now: Int64 = 0) -> KafkaError {
        var request = HeartbeatRequest()
        (request.groupId, request.memberId, request.generationId) = ("g", id, gen)
        return group.heartbeat(request, now: now)
    }

    private func deliver(_ group: inout ConsumerGroup) {
        let answers = group.answers
        group.answers = []
        for answer in answers { answer() }
    }

    /// A group with the members a, its leader, and b, in generation 2.
    private func pair() -> ConsumerGroup {
        var group = ConsumerGroup(name: "g")
        join(&group, "", new: "a")
        sync(&group, "a", gen: 1, plan: ["a": 1])
        join(&group, "", new: "b")
        join(&group, "a")
        sync(&group, "b", gen: 2)
        sync(&group, "a", gen: 2, plan: ["a": 1, "b": 2])
        _ = heard.take()
        return group
    }

    @Test func twoMembersShare() {
        var group = ConsumerGroup(name: "g")
        join(&group, "", new: "a", asksTwice: true)
        #expect(heard.take() == ["join a: 79 gen -1 leader  []"])
        join(&group, "a", asksTwice: true)
        #expect(heard.take() == ["join a: 0 gen 1 leader a [a]"])
        sync(&group, "a", gen: 1, plan: ["a": 7])
        #expect(heard.take() == ["sync a: 0 [7]"] && group.phase == .stable)
        join(&group, "", new: "b")
        #expect(heard.take() == [] && heartbeat(&group, "a", gen: 1) == .rebalanceInProgress)
        join(&group, "a")
        #expect(heard.take() == ["join a: 0 gen 2 leader a [a,b]", "join b: 0 gen 2 leader a []"])
        sync(&group, "b", gen: 2)
        #expect(heard.take() == [] && heartbeat(&group, "b", gen: 2) == .none)
        sync(&group, "a", gen: 2, plan: ["a": 1, "b": 2])
        #expect(heard.take() == ["sync a: 0 [1]", "sync b: 0 [2]"])
        // Who asks again is told the same.
        sync(&group, "b", gen: 2)
        #expect(heard.take() == ["sync b: 0 [2]"])
    }

    @Test func whatIsOutOfDateIsRefused() {
        var group = pair()
        sync(&group, "a", gen: 1)
        sync(&group, "c", gen: 2)
        #expect(heard.take() == ["sync a: 22 []", "sync c: 25 []"])
        #expect(heartbeat(&group, "c", gen: 2) == .unknownMemberID && heartbeat(&group, "a", gen: 1) == .illegalGeneration)
        #expect(group.check(commitOf: "a", nil, generation: 2, now: 0) == .none)
        #expect(group.check(commitOf: "a", nil, generation: 1, now: 0) == .illegalGeneration)
        #expect(group.check(commitOf: "", nil, generation: -1, now: 0) == .unknownMemberID)
        join(&group, "c")
        join(&group, "", new: "d", protocols: ["other"])
        #expect(heard.take() == ["join c: 25 gen -1 leader  []", "join d: 23 gen -1 leader  []"].map { $0.replacing("join d", with: "join ") })
    }

    @Test func whoLeavesOrGoesSilentIsReplaced() {
        var group = pair()
        #expect(group.leave("b", nil, now: 0) == .none && group.leave("b", nil, now: 0) == .unknownMemberID)
        #expect(group.phase == .preparing)
        join(&group, "a")
        #expect(heard.take() == ["join a: 0 gen 3 leader a [a]"])
        sync(&group, "a", gen: 3, plan: ["a": 1])
        #expect(heartbeat(&group, "a", gen: 3, at: 5_000) == .none)
        group.tick(14_999)
        #expect(group.members.count == 1)
        group.tick(15_000)
        #expect(group.isIdle && group.phase == .empty)
    }

    /// The leader does not come back: the others go on without it when the time is up.
    @Test func aLeaderThatIsGone() {
        var group = pair()
        join(&group, "", new: "c", at: 100)
        join(&group, "b", at: 100)
        #expect(heard.take() == [])
        group.tick(10_000)
        deliver(&group)
        #expect(heard.take() == ["join b: 0 gen 3 leader b [b,c]", "join c: 0 gen 3 leader b []"])
        // The new one goes silent before it has planned.
        sync(&group, "c", gen: 3, at: 11_000)
        group.tick(20_000)
        deliver(&group)
        #expect(heard.take() == ["sync c: 27 []"])
        join(&group, "c", at: 20_000)
        #expect(heard.take() == ["join c: 0 gen 4 leader c [c]"])
    }

    /// A static member that begins anew takes its place again, and nobody else notices.
    @Test func staticMembers() {
        var group = ConsumerGroup(name: "g")
        join(&group, "", new: "a1", instance: "a")
        sync(&group, "a1", gen: 1, plan: ["a1": 5])
        _ = heard.take()
        join(&group, "", new: "a2", instance: "a")
        #expect(heard.take() == ["join a2: 0 gen 1 leader a1 []"])
        sync(&group, "a2", gen: 1)
        #expect(heard.take() == ["sync a2: 0 [5]"])
        join(&group, "a1", instance: "a")
        #expect(heard.take() == ["join a1: 82 gen -1 leader  []"])
        #expect(group.leave("", "a", now: 0) == .none && group.isIdle)
    }

    /// Whatever comes, in whatever order: every request is answered once, and the parts of the machine agree.
    @Test(arguments: 0..<20) func anything(seed: Int) {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        func random(_ bound: UInt64) -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state % bound
        }
        var group = ConsumerGroup(name: "g")
        var (asked, now) = (0, Int64(0))
        var answered = 0
        for step in 0..<3000 {
            now += Int64(random(400))
            let known = group.members.map(\.id)
            let id = known.isEmpty || random(5) == 0 ? "" : known[Int(random(UInt64(known.count)))]
            switch random(12) {
            case 0..<5:
                let instance = random(4) == 0 ? "s\(random(3))" : nil
                join(&group, id, new: "m\(step)", instance: instance, metadata: UInt8(random(3)), at: now, asksTwice: random(2) == 0)
                asked += 1
            case 5..<9:
                let gen = random(6) == 0 ? group.generation - 1 : group.generation
                sync(&group, id, gen: gen, plan: Dictionary(uniqueKeysWithValues: known.map { ($0, UInt8(1)) }), at: now)
                asked += 1
            case 9: _ = heartbeat(&group, id, gen: group.generation, at: now)
            case 10: _ = group.leave(id, nil, now: now)
            default: group.tick(now)
            }
            deliver(&group)
            answered += heard.take().count
            let waiting = group.members.count { $0.joining != nil } + group.members.count { $0.syncing != nil }
            #expect(asked == answered + waiting)
            #expect(Set(group.members.map(\.id)).count == group.members.count)
            if group.phase == .stable || group.phase == .completing { #expect(group.members.contains { $0.id == group.leader }) }
            #expect((group.phase == .empty) == group.members.isEmpty || group.phase == .preparing)
        }
        group.end()
        deliver(&group)
        #expect(asked == answered + heard.take().count)
    }
}
