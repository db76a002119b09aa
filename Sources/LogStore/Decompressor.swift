// Compressed files, taken apart piece by piece: what comes out at once is limited, however little went in.

import CLZ4
import CZlib
import CZstd

/// Decompresses a stream of bytes. One owner, one thread.
@safe package final class Decompressor {
    /// What a file is compressed with.
    package enum Method: String, Hashable, Sendable {
        case gzip, zstd, lz4

        /// Told by the first four bytes of a file; nil when these are of something else.
        package init?(magic: some Collection<UInt8>) {
            if magic.starts(with: [0x1F, 0x8B]) {
                self = .gzip
            } else if magic.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
                self = .zstd
            } else if magic.starts(with: [0x04, 0x22, 0x4D, 0x18]) {
                self = .lz4
            } else {
                return nil
            }
        }
    }

    /// What a call gave.
    package enum Outcome: Hashable, Sendable {
        /// The next bytes; none at the end.
        case bytes([UInt8])
        /// The input is not what the method writes, or ends too early.
        case damaged
    }

    private let method: Method
    private var zlib = unsafe z_stream()
    private var zstd: OpaquePointer?
    private var lz4: OpaquePointer?
    /// Compressed bytes that were read, and how many of them are done with.
    private var input: [UInt8] = []
    private var position = 0
    /// Between two frames, where the input may end.
    private var isBetween = true

    /// Nil when the library has no memory.
    package init?(_ method: Method) {
        self.method = method
        switch method {
        case .gzip:
            let size = unsafe Int32(clamping: MemoryLayout<z_stream>.size)
            // 15 bits of window, and 16 for gzip's header.
            guard unsafe inflateInit2_(&zlib, 31, ZLIB_VERSION, size) == Z_OK else { return nil }
        case .zstd:
            unsafe zstd = ZSTD_createDStream()
            guard unsafe zstd != nil else { return nil }
        case .lz4:
            guard unsafe LZ4F_isError(LZ4F_createDecompressionContext(&lz4, UInt32(clamping: LZ4F_VERSION))) == 0 else { return nil }
        }
    }

    deinit {
        switch method {
        case .gzip: unsafe inflateEnd(&zlib)
        case .zstd: unsafe ZSTD_freeDStream(zstd)
        case .lz4: unsafe LZ4F_freeDecompressionContext(lz4)
        }
    }

    /// Up to `limit` bytes. `refill` gives the next compressed bytes, none at their end.
    package func read<Failure>(upTo limit: Int, refill: () throws(Failure) -> [UInt8]) throws(Failure) -> Outcome {
        var output = [UInt8](repeating: 0, count: limit)
        while true {
            if position == input.count {
                input = try refill()
                position = 0
                if input.isEmpty { return isBetween ? .bytes([]) : .damaged }
            }
            guard let count = step(&output) else { return .damaged }
            if count > 0 { return .bytes(Array(output[..<count])) }
        }
    }

    /// Takes some of the input and writes some output; the bytes of that, or nil when the input is damaged.
    private func step(_ output: inout [UInt8]) -> Int? {
        let given = input.count - position
        let room = output.count
        let step = unsafe input.withUnsafeBytes { source in
            unsafe output.withUnsafeMutableBytes { target -> (taken: Int, made: Int, isFrameOver: Bool)? in
                guard let from = source.baseAddress, let to = target.baseAddress else { return (given, 0, isBetween) }
                let start = unsafe UnsafeMutableRawPointer(mutating: from + position)
                return switch method {
                case .gzip: unsafe inflateStep(start, given, to, room)
                case .zstd: unsafe zstdStep(start, given, to, room)
                case .lz4: unsafe lz4Step(start, given, to, room)
                }
            }
        }
        guard let step else { return nil }
        position += step.taken
        isBetween = step.isFrameOver
        return step.made
    }

    private typealias Step = (taken: Int, made: Int, isFrameOver: Bool)

    private func inflateStep(_ from: UnsafeMutableRawPointer, _ given: Int, _ to: UnsafeMutableRawPointer, _ room: Int) -> Step? {
        unsafe zlib.next_in = from.assumingMemoryBound(to: UInt8.self)
        unsafe zlib.avail_in = UInt32(clamping: given)
        unsafe zlib.next_out = to.assumingMemoryBound(to: UInt8.self)
        unsafe zlib.avail_out = UInt32(clamping: room)
        let result = unsafe inflate(&zlib, Z_NO_FLUSH)
        guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else { return nil }
        let taken = unsafe given - Int(zlib.avail_in), made = unsafe room - Int(zlib.avail_out)
        // Several files one behind the other are one.
        if result == Z_STREAM_END { unsafe inflateReset(&zlib) }
        return taken == 0 && made == 0 && result == Z_BUF_ERROR ? nil : (taken, made, result == Z_STREAM_END)
    }

    private func zstdStep(_ from: UnsafeMutableRawPointer, _ given: Int, _ to: UnsafeMutableRawPointer, _ room: Int) -> Step? {
        var source = unsafe ZSTD_inBuffer(src: from, size: given, pos: 0)
        var target = unsafe ZSTD_outBuffer(dst: to, size: room, pos: 0)
        let result = unsafe ZSTD_decompressStream(zstd, &target, &source)
        guard ZSTD_isError(result) == 0 else { return nil }
        return unsafe (source.pos, target.pos, result == 0)
    }

    private func lz4Step(_ from: UnsafeMutableRawPointer, _ given: Int, _ to: UnsafeMutableRawPointer, _ room: Int) -> Step? {
        var taken = given, made = room
        let result = unsafe LZ4F_decompress(lz4, to, &made, from, &taken, nil)
        guard LZ4F_isError(result) == 0 else { return nil }
        return (taken, made, result == 0)
    }
}
