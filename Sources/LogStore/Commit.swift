// What one commit holds and what is said about it when it is done.
package import Bytes
package import Quantities
import Synchronization

/// Appends to any partitions of any topics that happen together or not at all.
package struct Commit: Sendable {
    /// In the order in which offsets are given.
    package var appends: [Append]
    /// For a committer that read with `.appended`: the log's generation when that reading began. The commit is refused with
    /// `withdrawn` if the log has since taken back records that were appended but could not be made durable.
    package var generation: UInt64?
    /// The runs on whose behalf this is done; see `EventLog.beginEpoch`. If the epoch of one of them is not the newest of its group,
    /// the commit is refused whole with `fencedOwner`.
    package var owners: [CommitOwner]
    /// Called once, as soon as the records can be fetched with `.appended`; not called for a refused commit. Called
    /// under the same rules as the completion: once, from any thread, and it must not block.
    package var onAppended: (@Sendable (CommitReceipt) -> Void)?

    /// A commit of these appends.
    package init(
        _ appends: [Append] = [], generation: UInt64? = nil, owners: [CommitOwner] = [],
        onAppended: (@Sendable (CommitReceipt) -> Void)? = nil
    ) {
        self.appends = appends
        self.generation = generation
        self.owners = owners
        self.onAppended = onAppended
    }
}

/// One run of something that is started again and again, such as a query.
package struct CommitOwner: Hashable, Sendable {
    /// What is run.
    package var group: String
    /// Which run, from `EventLog.beginEpoch`.
    package var epoch: Int64

    /// The run of `group` with this number.
    package init(group: String, epoch: Int64) {
        self.group = group
        self.epoch = epoch
    }
}

/// Records for one partition. One partition may occur more than once in a commit; the order is kept.
package struct Append: Sendable {
    /// The topic by identity, so that a recreated one is not hit.
    package var topic: TopicID
    /// Index from 0.
    package var partition: PartitionIndex
    /// May be empty: then nothing is written and the receipt tells the partition's end.
    package var records: OutgoingRecords
    /// With it the log drops what this producer has already appended; see `ProducerStamp`.
    package var producer: ProducerStamp?
    /// The records in the log's own form, where they are ready; then `records` is empty.
    var prepared: PreparedRecords?
    /// What it does to a transaction, where it is part of one.
    var step: TransactionStep?

    /// An append to one partition.
    package init(topic: TopicID, partition: PartitionIndex, records: OutgoingRecords, producer: ProducerStamp? = nil) {
        self.topic = topic
        self.partition = partition
        self.records = records
        self.producer = producer
    }
}

/// Records in the form in which they go to the disk, but for their offsets. There is one owner of the bytes at a time: a second one would make
/// every patch of a batch's offset a copy of all of them.
final class PreparedRecords: Sendable {
    private let framed: Mutex<FramedBatches?>

    init(_ framed: FramedBatches) { self.framed = Mutex(framed) }

    /// The records, the first time.
    func take() -> FramedBatches? { framed.withLock { $0.take() } }
}

/// Identifies the producer of an append and the sequence number of the append's first record, as Kafka's idempotent producers do.
///
/// An append whose sequence the partition has seen (among the last five of that producer) is not repeated: the receipt names
/// the offset of the first time. A gap is refused with `sequenceGap`, an older epoch with `fencedProducer`.
package struct ProducerStamp: Hashable, Sendable {
    /// Not negative.
    package var id: Int64
    /// Which life of the producer; a larger one fences the smaller.
    package var epoch: Int16
    /// Sequence of the first record of the append; counts records per partition from 0, and wraps from `Int32.max` to 0.
    package var baseSequence: Int32

    /// A stamp for one append.
    package init(id: Int64, epoch: Int16, baseSequence: Int32) {
        self.id = id
        self.epoch = epoch
        self.baseSequence = baseSequence
    }
}

/// What became of each append of a commit, in their order.
package struct CommitReceipt: Hashable, Sendable {
    /// Offset of the first record of each append; for an empty append, the end of its partition.
    package var baseOffsets: [Offset]
    /// Whether the append had been there before and was left out.
    package var wereRepeats: [Bool]

    /// A receipt; both arrays have one entry an append.
    package init(baseOffsets: [Offset], wereRepeats: [Bool]) {
        self.baseOffsets = baseOffsets
        self.wereRepeats = wereRepeats
    }
}
