// One transactional id: what its producer may do next. States are those of Kafka's own coordinator, without the two that prepare the end: here the
// markers, the offsets and the new state are one commit of the log.
//
//   empty ── partitions or offsets ──▶ ongoing ── end, or the time is up ──▶ completeCommit, completeAbort ── partitions … ──▶ ongoing
//     ▲                                   │ a new life of the producer: aborted, then                     │
//     └───────────────────────────────────┴───────────────────────────────────────────────────────────────┘

import LogStore
import Quantities

/// The state of a transactional id.
struct TransactionState: Equatable, Sendable {
    /// By Kafka's numbers.
    enum Phase: Int8, Sendable, CaseIterable {
        case empty = 0
        case ongoing = 1
        case completeCommit = 4
        case completeAbort = 5

        /// Kafka's name.
        var name: String {
            switch self {
            case .empty: "Empty"
            case .ongoing: "Ongoing"
            case .completeCommit: "CompleteCommit"
            case .completeAbort: "CompleteAbort"
            }
        }
    }

    /// Kafka's names of states that come with brokers of several machines: a client may ask for them, and there are none.
    static let unusedPhases: Set<String> = ["PrepareCommit", "PrepareAbort", "Dead", "PrepareEpochFence"]
    /// What one transaction may hold: partitions, and committed offsets.
    static let mostPartitions = 100_000, mostOffsets = 100_000

    var producer: Int64
    var epoch: Int16 = 0
    /// The epoch before, where the producer asked for the new one itself: it may ask again.
    var askedWith: Int16?
    /// Milliseconds that a transaction may be open.
    var timeout: Int32
    var phase = Phase.empty
    var partitions: Set<NamedPartition> = []
    /// The groups of which offsets may be committed, with those that were.
    var offsets: [String: [NamedPartition: CommittedOffset]] = [:]
    /// When the transaction began, or the last one, in milliseconds since the epoch; -1 before the first.
    var startedAt: Int64 = -1
    var updatedAt: Int64

    var offsetCount: Int { offsets.values.reduce(0) { $0 + $1.count } }

    /// When an open transaction is aborted, milliseconds since the epoch.
    var deadline: Int64? { phase == .ongoing ? startedAt.addingSaturated(Int64(timeout)) : nil }

    /// What is wrong with who asks.
    func problem(producer: Int64, epoch: Int16) -> KafkaError? {
        if producer != self.producer { return .invalidProducerIDMapping }
        return epoch == self.epoch ? nil : .producerFenced
    }

    /// Opens a transaction, where there is none.
    mutating func begin(now: Int64) {
        if phase != .ongoing { (phase, startedAt) = (.ongoing, now) }
        updatedAt = now
    }

    /// Ends the transaction.
    mutating func end(isCommit: Bool, now: Int64) {
        phase = isCommit ? .completeCommit : .completeAbort
        (partitions, offsets, updatedAt) = ([], [:], now)
    }

    /// Shuts out all who have the epoch of now; `newProducer` is taken where there is no epoch left.
    mutating func fence(newProducer: Int64) {
        askedWith = nil
        if epoch < .max - 1 { epoch += 1 } else { (producer, epoch) = (newProducer, 0) }
    }
}
