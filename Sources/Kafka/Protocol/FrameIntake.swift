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

    /// Whole frames that wait to be taken, at most; what comes behind them stays as it came. Small frames cost more than their bytes.
    private static let mostReady = 8
    /// Bytes for which there is room at once in a frame that has begun.
    private static let firstRoom = 64 << 10

    /// The length of the frame under way, as far as it has come.
    private var prefix: [UInt8] = []
    /// What has come of the frame behind the prefix.
    private var frame: [UInt8] = []
    private var ready: [[UInt8]] = []
    /// What has come behind the frames that are ready.
    private var rest: [UInt8] = []
    /// Where in `rest` the bytes begin that have not been looked at.
    private var start = 0

    /// Without bytes.
    package init() {}

    /// Bytes that wait for the end of their frame, or for being taken.
    package var waiting: Int { ready.reduce(0) { $0 + 4 + $1.count } + prefix.count + frame.count + rest.count - start }

    /// Takes in bytes as they come. Those of a frame are copied once, to where they stay.
    package mutating func append(_ more: Span<UInt8>) {
        let taken = start < rest.count ? 0 : cut(more)
        guard taken < more.count else { return }
        if start > 0 {
            rest.removeSubrange(..<start)
            start = 0
        }
        rest.append(more.extracting(taken...))
    }

    /// The next whole frame without its length, of `largest` bytes at most; nil until it has come. Error: what is wrong with the length.
    package mutating func next(largest: Int = FrameIntake.largestFrame) throws(FrameError) -> [UInt8]? {
        guard let first = ready.first else {
            if let length { try check(length, largest) }
            return nil
        }
        try check(first.count, largest)
        ready.removeFirst()
        if start < rest.count {
            var rest: [UInt8] = []
            swap(&rest, &self.rest)
            start += cut(rest.span.extracting(start...))
            if start == rest.count {
                rest.removeAll(keepingCapacity: rest.capacity <= FrameIntake.firstRoom)
                start = 0
            }
            swap(&rest, &self.rest)
        }
        return first
    }

    /// The length of the frame under way; nil until it has come.
    private var length: Int? { prefix.count == 4 ? prefix.reduce(0) { $0 << 8 | Int($1) } : nil }

    private func check(_ length: Int, _ largest: Int) throws(FrameError) {
        if FrameIntake.smallestFrame <= length, length <= largest { return }
        throw FrameError(reason: FrameIntake.foreign(prefix) ?? "a request of \(length) bytes; the largest has \(largest)")
    }

    /// Cuts bytes into frames, as many as may be ready; gives how many bytes belong to them and to the one under way.
    private mutating func cut(_ bytes: Span<UInt8>) -> Int {
        var at = 0
        while at < bytes.count, ready.count < FrameIntake.mostReady {
            guard let length else {
                prefix.append(bytes[at])
                at += 1
                continue
            }
            // One of a length that no client has is the end of the connection, whatever comes behind it.
            guard FrameIntake.smallestFrame <= length, length <= FrameIntake.largestFrame else { return at }
            let count = min(length - frame.count, bytes.count - at)
            let needed = frame.count + count
            if needed > frame.capacity { frame.reserveCapacity(min(length, max(FrameIntake.firstRoom, needed, 4 * frame.count))) }
            frame.append(bytes.extracting(at..<at + count))
            at += count
            if frame.count == length {
                ready.append(frame)
                (frame, prefix) = ([], [])
            }
        }
        return at
    }

    /// What speaks another protocol.
    private static func foreign(_ bytes: [UInt8]) -> String? {
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
