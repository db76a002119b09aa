// The APIs that are served: which versions of each, and what answers them. A client is told of versions below those that are read, too, where
// clients of old look for them in what a broker says of itself (librdkafka before 2.11 takes Produce without version 2 for a broker without
// message format 2); they are answered by an error.

import LogStore

enum APIs {
    /// Called once with the answer, or with nil where the client wants none.
    typealias Reply = @Sendable (ResponseFrame?) -> Void

    /// One API.
    struct Entry: Sendable {
        let key: Int16
        /// Kafka's name of it.
        let name: String
        let versions: ClosedRange<Int16>
        /// The least version that clients are told of.
        let announced: Int16
        let firstFlexible: Int16
        let answer: @Sendable (KafkaBroker, _ frame: [UInt8], RequestHeader, @escaping Reply) throws(MessageError) -> Void
        /// An answer with an error, for a version that is not read.
        let refusal: @Sendable (RequestHeader) -> ResponseFrame

        /// `body` answers a request, at once or later.
        init<Request: MessageRequest, Response: MessageResponse>(
            _ request: Request.Type, _ response: Response.Type, announcedFrom announced: Int16? = nil,
            _ body: @escaping @Sendable (KafkaBroker, Request, RequestHeader, @escaping @Sendable (Response?) -> Void) -> Void
        ) {
            key = Request.key
            name = String("\(Request.self)".dropLast("Request".count))
            versions = Request.versions
            self.announced = announced ?? Request.versions.lowerBound
            firstFlexible = Request.firstFlexible
            answer = { broker, frame, header, reply throws(MessageError) in
                body(broker, try Request(frame, header), header) { response in reply(response?.frame(header)) }
            }
            refusal = { header in
                var response = Response()
                response.fail(.unsupportedVersion)
                return response.frame(correlation: header.correlation, version: Request.versions.lowerBound)
            }
        }
    }

    static let all: [Int16: Entry] = Dictionary(entries.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })

    private static let entries: [Entry] = [
        Entry(ApiVersionsRequest.self, ApiVersionsResponse.self) { $3($0.versions($1, $2)) },
        // Where a login is needed these are answered before they come here (`KafkaSession`).
        Entry(SaslHandshakeRequest.self, SaslHandshakeResponse.self) { _, _, _, reply in
            var response = SaslHandshakeResponse()
            response.fail(.illegalSaslState)
            reply(response)
        },
        Entry(SaslAuthenticateRequest.self, SaslAuthenticateResponse.self) { _, _, _, reply in
            var response = SaslAuthenticateResponse()
            response.fail(.illegalSaslState)
            reply(response)
        },
        Entry(MetadataRequest.self, MetadataResponse.self) { $3($0.metadata($1, $2.version)) },
        Entry(ProduceRequest.self, ProduceResponse.self, announcedFrom: 0) { $0.produce($1, $3) },
        Entry(FetchRequest.self, FetchResponse.self, announcedFrom: 0) { $0.fetch($1, $3) },
        Entry(ListOffsetsRequest.self, ListOffsetsResponse.self, announcedFrom: 0) { $3($0.listOffsets($1)) },
        Entry(OffsetForLeaderEpochRequest.self, OffsetForLeaderEpochResponse.self) { $3($0.offsetsForEpochs($1)) },
        Entry(InitProducerIdRequest.self, InitProducerIdResponse.self) { $0.initProducer($1, $2.version, $3) },
        Entry(AddPartitionsToTxnRequest.self, AddPartitionsToTxnResponse.self) { $0.addPartitions($1, $2.version, $3) },
        Entry(AddOffsetsToTxnRequest.self, AddOffsetsToTxnResponse.self) { $0.addOffsets($1, $2.version, $3) },
        Entry(EndTxnRequest.self, EndTxnResponse.self) { $0.endTransaction($1, $2.version, $3) },
        Entry(TxnOffsetCommitRequest.self, TxnOffsetCommitResponse.self) { broker, request, _, reply in broker.commitOffsets(request, reply) },
        Entry(DescribeTransactionsRequest.self, DescribeTransactionsResponse.self) { $3($0.describeTransactions($1)) },
        Entry(ListTransactionsRequest.self, ListTransactionsResponse.self) { $3($0.listTransactions($1)) },
        Entry(DescribeProducersRequest.self, DescribeProducersResponse.self) { $3($0.describeProducers($1)) },
        Entry(CreateTopicsRequest.self, CreateTopicsResponse.self, announcedFrom: 0) { $3($0.createTopics($1)) },
        Entry(DeleteTopicsRequest.self, DeleteTopicsResponse.self, announcedFrom: 0) { $3($0.deleteTopics($1)) },
        Entry(DescribeConfigsRequest.self, DescribeConfigsResponse.self, announcedFrom: 0) { $3($0.describeConfigs($1)) },
        Entry(DescribeClusterRequest.self, DescribeClusterResponse.self) { broker, _, _, reply in reply(broker.describeCluster()) },
        Entry(AlterConfigsRequest.self, AlterConfigsResponse.self) { broker, request, _, reply in reply(broker.alterConfigs(request)) },
        Entry(IncrementalAlterConfigsRequest.self, IncrementalAlterConfigsResponse.self) { broker, request, _, reply in
            reply(broker.alterConfigs(request))
        },
        Entry(CreatePartitionsRequest.self, CreatePartitionsResponse.self) { $3($0.createPartitions($1)) },
        Entry(DeleteRecordsRequest.self, DeleteRecordsResponse.self) { $3($0.deleteRecords($1)) },
        Entry(OffsetDeleteRequest.self, OffsetDeleteResponse.self) { broker, request, _, reply in broker.deleteOffsets(request, reply) },
        Entry(DescribeLogDirsRequest.self, DescribeLogDirsResponse.self) { $3($0.describeLogDirs($1)) },
        Entry(FindCoordinatorRequest.self, FindCoordinatorResponse.self) { $3($0.findCoordinator($1)) },
        Entry(JoinGroupRequest.self, JoinGroupResponse.self) { $0.join($1, $2, $3) },
        Entry(SyncGroupRequest.self, SyncGroupResponse.self) { $0.groups.sync($1, reply: $3) },
        Entry(HeartbeatRequest.self, HeartbeatResponse.self) { $3($0.heartbeat($1)) },
        Entry(LeaveGroupRequest.self, LeaveGroupResponse.self) { $3($0.leave($1, $2.version)) },
        Entry(OffsetCommitRequest.self, OffsetCommitResponse.self, announcedFrom: 0) { $0.commitOffsets($1, $3) },
        Entry(OffsetFetchRequest.self, OffsetFetchResponse.self, announcedFrom: 0) { $3($0.fetchOffsets($1, $2.version)) },
        Entry(DescribeGroupsRequest.self, DescribeGroupsResponse.self) { $3($0.describeGroups($1)) },
        Entry(ListGroupsRequest.self, ListGroupsResponse.self) { $3($0.listGroups($1)) },
        Entry(DeleteGroupsRequest.self, DeleteGroupsResponse.self) { $0.deleteGroups($1, $3) },
    ]

    /// The header of a request.
    static func header(of frame: [UInt8]) throws(MessageError) -> RequestHeader {
        try RequestHeader(frame) { key, version in all[key].map { version >= $0.firstFlexible } ?? false }
    }

    /// What clients are told.
    static let versions: ApiVersionsResponse = {
        var response = ApiVersionsResponse()
        response.apiKeys = all.values.sorted { $0.key < $1.key }.map { api in
            var entry = ApiVersionsResponse.ApiKey()
            (entry.apiKey, entry.minVersion, entry.maxVersion) = (api.key, api.announced, api.versions.upperBound)
            return entry
        }
        return response
    }()
}
