// The numbers of Kafka's errors (kafka.apache.org/protocol#protocol_error_codes), as far as this broker gives them.

import LogStore

/// Why a request, or a part of one, was not carried out.
enum KafkaError: Int16, Error, Sendable {
    case none = 0
    case offsetOutOfRange = 1
    case corruptMessage = 2
    case unknownTopicOrPartition = 3
    case messageTooLarge = 10
    case offsetMetadataTooLarge = 12
    case coordinatorNotAvailable = 15
    case invalidTopic = 17
    case invalidRequiredAcks = 21
    case illegalGeneration = 22
    case inconsistentGroupProtocol = 23
    case invalidGroupID = 24
    case unknownMemberID = 25
    case invalidSessionTimeout = 26
    case rebalanceInProgress = 27
    case groupAuthorizationFailed = 30
    case topicAuthorizationFailed = 29
    case unsupportedSaslMechanism = 33
    case illegalSaslState = 34
    case unsupportedVersion = 35
    case topicAlreadyExists = 36
    case invalidPartitions = 37
    case invalidReplicationFactor = 38
    case invalidReplicaAssignment = 39
    case invalidConfig = 40
    case invalidRequest = 42
    case unsupportedForMessageFormat = 43
    case policyViolation = 44
    case outOfOrderSequenceNumber = 45
    case invalidProducerEpoch = 47
    case invalidTransactionState = 48
    case invalidProducerIDMapping = 49
    case invalidTransactionTimeout = 50
    case concurrentTransactions = 51
    case transactionalIDAuthorizationFailed = 53
    case operationNotAttempted = 55
    case kafkaStorageError = 56
    case saslAuthenticationFailed = 58
    case nonEmptyGroup = 68
    case groupIDNotFound = 69
    case fetchSessionIDNotFound = 70
    case unsupportedCompressionType = 76
    case memberIDRequired = 79
    case fencedInstanceID = 82
    case groupSubscribedToTopic = 86
    case invalidRecord = 87
    case unstableOffsetCommit = 88
    case producerFenced = 90
    case unknownTopicID = 100
    case transactionalIDNotFound = 105

    /// What an error of the log is to a client.
    init(_ error: LogError) {
        self =
            switch error.kind {
            case .topicExists: .topicAlreadyExists
            case .unknownTopic, .unknownPartition: .unknownTopicOrPartition
            case .invalidTopic: .invalidTopic
            case .offsetLost, .offsetBeyondEnd: .offsetOutOfRange
            case .damaged: .corruptMessage
            case .recordTooLarge: .messageTooLarge
            case .sequenceGap: .outOfOrderSequenceNumber
            case .fencedProducer: .invalidProducerEpoch
            // The transaction of a batch was ended while that was under way.
            case .fencedOwner: .invalidProducerEpoch
            case .withdrawn, .directoryInUse, .diskFull, .storage, .stopped, .closed: .kafkaStorageError
            }
    }
}
