// Messages against frames that the classes of Kafka's Java client have made: every message in every version that is served, with values in all
// fields and with nulls where there may be some.

import Bytes
import Foundation
import Testing

@testable import Kafka

@Suite struct MessageTests {
    static let types: [any Message.Type] = [
        ApiVersionsRequest.self, ApiVersionsResponse.self, CreateTopicsRequest.self, CreateTopicsResponse.self, DeleteGroupsRequest.self,
        DeleteGroupsResponse.self, DeleteTopicsRequest.self, DeleteTopicsResponse.self, DescribeClusterRequest.self, DescribeClusterResponse.self,
        DescribeConfigsRequest.self, DescribeConfigsResponse.self, DescribeGroupsRequest.self, DescribeGroupsResponse.self, FetchRequest.self,
        FetchResponse.self, FindCoordinatorRequest.self, FindCoordinatorResponse.self, HeartbeatRequest.self, HeartbeatResponse.self,
        InitProducerIdRequest.self, InitProducerIdResponse.self, JoinGroupRequest.self, JoinGroupResponse.self, LeaveGroupRequest.self,
        LeaveGroupResponse.self, ListGroupsRequest.self, ListGroupsResponse.self, ListOffsetsRequest.self, ListOffsetsResponse.self,
        MetadataRequest.self, MetadataResponse.self, OffsetCommitRequest.self, OffsetCommitResponse.self, OffsetFetchRequest.self,
        OffsetFetchResponse.self, OffsetForLeaderEpochRequest.self, OffsetForLeaderEpochResponse.self, ProduceRequest.self, ProduceResponse.self,
        SyncGroupRequest.self, SyncGroupResponse.self,
        AddOffsetsToTxnRequest.self, AddOffsetsToTxnResponse.self, AddPartitionsToTxnRequest.self, AddPartitionsToTxnResponse.self,
        AlterConfigsRequest.self, AlterConfigsResponse.self, CreatePartitionsRequest.self, CreatePartitionsResponse.self,
        DeleteRecordsRequest.self, DeleteRecordsResponse.self, DescribeLogDirsRequest.self, DescribeLogDirsResponse.self,
        DescribeProducersRequest.self, DescribeProducersResponse.self, DescribeTransactionsRequest.self, DescribeTransactionsResponse.self,
        SaslAuthenticateRequest.self, SaslAuthenticateResponse.self, SaslHandshakeRequest.self, SaslHandshakeResponse.self, EndTxnRequest.self, EndTxnResponse.self, IncrementalAlterConfigsRequest.self, IncrementalAlterConfigsResponse.self,
        ListTransactionsRequest.self, ListTransactionsResponse.self, OffsetDeleteRequest.self, OffsetDeleteResponse.self,
        TxnOffsetCommitRequest.self, TxnOffsetCommitResponse.self,
    ]

    struct Frame {
        let type: any Message.Type
        let version: Int16
        let bytes: [UInt8]
    }

    /// A line a frame: the message, its version, and its bytes in hexadecimal digits.
    static let frames: [Frame] = {
        let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "frames.txt")
        let text = (try? String(contentsOf: path, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 3, let type = types.first(where: { "\($0)" == parts[0] }), let version = Int16(parts[1]) else { return nil }
            let digits = Array(parts[2])
            let bytes = stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
            return Frame(type: type, version: version, bytes: bytes)
        }
    }()

    private func rewritten<M: Message>(_ type: M.Type, _ bytes: [UInt8], _ version: Int16) throws -> [UInt8] {
        var reader = MessageReader(bytes, 0..<bytes.count, isFlexible: version >= M.firstFlexible)
        let message = try M(&reader, version: version)
        guard reader.remaining == 0 else { throw MessageError(reason: "\(reader.remaining) bytes are left") }
        var writer = MessageWriter(isFlexible: version >= M.firstFlexible)
        message.write(to: &writer, version: version)
        return writer.bytes
    }

    @Test func everyMessageInEveryVersion() throws {
        for type in Self.types {
            for version in type.versions { #expect(Self.frames.contains { $0.type == type && $0.version == version }, "\(type) \(version)") }
        }
        for frame in Self.frames {
            #expect(try rewritten(frame.type, frame.bytes, frame.version) == frame.bytes, "\(frame.type) \(frame.version)")
        }
    }

    /// What ends early, or has other bits, is refused or read as something else; nothing else happens.
    @Test func damage() {
        for frame in Self.frames {
            for length in 0..<frame.bytes.count { _ = try? rewritten(frame.type, Array(frame.bytes[..<length]), frame.version) }
            for place in frame.bytes.indices {
                for bit in [0, 3, 7] {
                    var other = frame.bytes
                    other[place] ^= 1 << UInt8(bit)
                    _ = try? rewritten(frame.type, other, frame.version)
                }
            }
        }
    }

    /// A count that is only announced makes nothing.
    @Test func announcedCounts() {
        for bytes in [[0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0x0f], [0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]] as [[UInt8]] {
            for version in MetadataRequest.versions { #expect(throws: MessageError.self) { try rewritten(MetadataRequest.self, bytes, version) } }
        }
    }

    /// The Swift files are what the table makes of them.
    @Test func filesAreCurrent() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let folder = FileManager.default.temporaryDirectory.appending(path: "kafka-messages-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", root.appending(path: "grammar/kafka-messages.py").path(), folder.path()]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let committed = root.appending(path: "Sources/Kafka/Messages")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted()
        #expect(try FileManager.default.contentsOfDirectory(atPath: committed.path()).sorted() == names)
        for name in names {
            let (made, kept) = (try Data(contentsOf: folder.appending(path: name)), try Data(contentsOf: committed.appending(path: name)))
            #expect(made == kept, "\(name): run grammar/kafka-messages.py")
        }
    }

    /// However the bytes of many frames come, the frames are the same, and nothing is kept of them afterwards.
    @Test(arguments: [1, 3, 7, 64, 1000, 100_000]) func framesDoNotDependOnHowTheyCome(pieces: Int) throws {
        let frames = (0..<300).map { number in [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 8 + number * number % 4000) }
        let bytes = frames.flatMap { frame -> [UInt8] in [0, 0, UInt8(frame.count >> 8), UInt8(frame.count & 0xff)] + frame }
        var intake = FrameIntake()
        var found: [[UInt8]] = []
        for (number, start) in stride(from: 0, to: bytes.count, by: pieces).enumerated() {
            intake.append(bytes[start..<min(start + pieces, bytes.count)].span)
            #expect(intake.waiting == min(start + pieces, bytes.count) - found.reduce(0) { $0 + 4 + $1.count })
            // Now and then several come before one is taken.
            if number % 5 == 4 { while let frame = try intake.next() { found.append(frame) } }
        }
        while let frame = try intake.next() { found.append(frame) }
        #expect(found == frames && intake.waiting == 0)
    }

    @Test func frameIntake() throws {
        var intake = FrameIntake()
        let frame: [UInt8] = [0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9]
        for byte in frame + frame { intake.append([byte].span) }
        #expect(try intake.next() == Array(frame[4...]))
        #expect(try intake.next() == Array(frame[4...]))
        #expect(try intake.next() == nil && intake.waiting == 0)
        for wrong in [[0xff, 0xff, 0xff, 0xff], [0, 0, 0, 7], [0x7f, 0, 0, 0], Array("GET / HTTP/1.1\r\n".utf8)] as [[UInt8]] {
            var intake = FrameIntake()
            intake.append(wrong.span)
            #expect(throws: FrameError.self) { try intake.next() }
        }
        // A limit counts as soon as the length has come.
        var small = FrameIntake()
        small.append(([0, 0, 0, 9, 1] as [UInt8]).span)
        #expect(throws: FrameError.self) { try small.next(largest: 8) }
        #expect(try small.next(largest: 9) == nil)
    }
}
