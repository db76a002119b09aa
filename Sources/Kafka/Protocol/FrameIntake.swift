// Cuts what a client sends into frames: four bytes of length, then so many bytes. Memory is taken for what has come, never for what is announced.

import Bytes

/// Bytes in, frames out.
package struct FrameIntake {
    /// Bytes of the largest frame, as in Kafka (`socket.request.max.bytes`).
    package static let largestFrame = 100 << 20
    /// Bytes of the largest frame of a client that has to log in and has not, as in Kafka (`sasl.server.max.receive.size`).
    package static let largestBeforeLogin = 512 << 10
    /// A frame has at least the fixed part of a header.
    private static let smallestFrame = 8

    private var bytes: [UInt8] = []
    /// Where the next frame begins.
    private var start = 0

    /// Without bytes.
    package init() {}

    /// Bytes that wait for the end of their frame, or for being taken.
    package var waiting: Int { bytes.count - start }

    /// Takes in bytes as they come.
    package mutating func append(_ more: [UInt8]) {
        if start > 0 {
            bytes.removeSubrange(..<start)
            start = 0
        }
        bytes += more
    }

    /// The next whole frame without its length, of `largest` bytes at most; nil until it has come. Error: what is wrong with the length.
    package mutating func next(largest: Int = FrameIntake.largestFrame) throws(FrameError) -> [UInt8]? {
        guard waiting >= 4 else { return nil }
        let length = bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
        guard FrameIntake.smallestFrame <= length, length <= largest else {
            throw FrameError(reason: FrameIntake.foreign(bytes[start...]) ?? "a request of \(length) bytes; the largest has \(largest)")
        }
        guard waiting - 4 >= length else { return nil }
        defer {
            start += 4 + length
            if start == bytes.count {
                bytes.removeAll(keepingCapacity: bytes.count < 1 << 20)
                start = 0
            }
        }
        return Array(bytes[start + 4..<start + 4 + length])
    }

    /// What speaks another protocol.
    private static func foreign(_ bytes: ArraySlice<UInt8>) -> String? {
        if bytes.starts(with: "GET ".utf8) || bytes.starts(with: "POST".utf8) || bytes.starts(with: "HEAD".utf8) { return "an HTTP request" }
        if bytes.starts(with: [0x16, 0x03]) { return "a TLS handshake at a listener without TLS" }
        return nil
    }
}

/// Why a connection cannot go on.
package struct FrameError: Error, Equatable {
    /// What came, for the log.
    package let reason: String
}
