// The one error of this room: what kind, said in a sentence, with advice where there is any.
package import Quantities

/// Why a request to the log failed.
package struct LogError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds that callers distinguish.
    package enum Kind: Hashable, Sendable {
        case topicExists
        /// No topic has this id or name now; it may have been deleted and created again.
        case unknownTopic
        case unknownPartition
        /// A name, a number of partitions or a configuration that no topic can have.
        case invalidTopic
        /// Retention removed the position asked for: offsets `first` up to and without `next` are gone.
        case offsetLost(first: Offset, next: Offset)
        case offsetBeyondEnd(end: Offset)
        /// Bytes that were durable fail their checksum. They are neither served nor cut.
        case damaged
        case recordTooLarge
        case sequenceGap
        case fencedProducer
        /// The commit belongs to a run that a newer one of the same group has replaced, or that has ended.
        case fencedOwner
        /// Records that the committer had read as appended were taken back; reload from what is durable.
        case withdrawn
        /// Another process works in the data directory.
        case directoryInUse
        /// The disk is full. Nothing of the commit was kept.
        case diskFull
        /// The file system failed.
        case storage
        /// The log cannot promise durability any more and takes no commits until it is opened anew.
        case stopped
        case closed
    }

    /// What went wrong, for programs.
    package let kind: Kind
    /// What went wrong, as a message: lower case, no full stop.
    package let message: String
    /// What to do about it, in whole sentences.
    package let hint: String?

    /// An error with its sentence.
    package init(_ kind: Kind, _ message: String, hint: String? = nil) {
        self.kind = kind
        self.message = message
        self.hint = hint
    }

    /// Message, and hint on a line of its own.
    package var description: String {
        if let hint { message + "\n" + hint } else { message }
    }
}
