// What stands in front of each message: the header of a request, of version 1 or, for flexible messages, 2; that of a response, of version 0 or 1.

import Bytes

/// A message with its number and the versions of it that are served.
protocol Message: Equatable, Sendable {
    /// Number of the API.
    static var key: Int16 { get }
    /// The versions that can be read and written.
    static var versions: ClosedRange<Int16> { get }
    /// The first version with tagged fields.
    static var firstFlexible: Int16 { get }

    init(_ reader: inout MessageReader, version: Int16) throws(MessageError)
    func write(to writer: inout MessageWriter, version: Int16)
}

/// What a client sends.
protocol MessageRequest: Message {}

/// What it gets.
protocol MessageResponse: Message {
    init()
    /// Makes it the answer to a request that failed as a whole, where the message has a place for that.
    mutating func fail(_ error: KafkaError)
}

extension MessageResponse {
    mutating func fail(_ error: KafkaError) {}
}

/// The header of a request.
struct RequestHeader: Equatable, Sendable {
    var key: Int16
    var version: Int16
    /// Given back with the response.
    var correlation: Int32
    /// What the client calls itself; nil where it does not say.
    var client: String?
    /// Where the message begins in the frame.
    var end: Int

    /// Reads the header of a frame. `isFlexible` says of an API's version whether it has tagged fields.
    init(_ frame: [UInt8], isFlexible: (_ key: Int16, _ version: Int16) -> Bool) throws(MessageError) {
        var reader = MessageReader(frame, 0..<frame.count, isFlexible: false)
        key = try reader.int16()
        version = try reader.int16()
        correlation = try reader.int32()
        client = try reader.nullableString(isNullable: true)
        end = reader.position
        guard isFlexible(key, version) else { return }
        // The client's name keeps its form of old.
        var tags = MessageReader(frame, end..<frame.count, isFlexible: true)
        try tags.skipTags()
        end = tags.position
    }
}

extension MessageRequest {
    /// Reads the message of a frame behind its header.
    init(_ frame: [UInt8], _ header: RequestHeader) throws(MessageError) {
        var reader = MessageReader(frame, header.end..<frame.count, isFlexible: header.version >= Self.firstFlexible)
        try self.init(&reader, version: header.version)
    }
}

extension MessageResponse {
    /// The frame of a response, with its length. Only the answer to ApiVersions never has tagged fields in its header: a client reads it
    /// before it knows what the broker can do.
    func frame(_ header: RequestHeader) -> ResponseFrame { frame(correlation: header.correlation, version: header.version) }

    func frame(correlation: Int32, version: Int16) -> ResponseFrame {
        let isFlexible = version >= Self.firstFlexible
        var writer = MessageWriter(isFlexible: isFlexible)
        writer.put(int32: 0)
        writer.put(int32: correlation)
        if isFlexible, Self.key != ApiVersionsResponse.key { writer.put(MessageTags()) }
        write(to: &writer, version: version)
        return writer.takeFrame()
    }
}

/// An answer as it is sent.
struct ResponseFrame: Sendable {
    let bytes: [UInt8]
    /// Fields for error codes that are not 0.
    let errors: Int
}
