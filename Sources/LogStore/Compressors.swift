// Kafka's four codecs, each by its C library. A decompressed section is limited, so that a small batch cannot fill the memory.
import Bytes
import CLZ4
import CSnappy
import CZlib
import CZstd

/// Compresses the record section of a batch.
func compress(_ section: [UInt8], by codec: Compression) throws(LogError) -> [UInt8] {
    let result: [UInt8]? =
        switch codec {
        case .none: section
        case .gzip: gzipped(section)
        case .snappy: xerialSnappy(section)
        case .lz4: lz4Frame(section)
        case .zstd: zstdFrame(section)
        }
    guard let result else { throw LogError(.storage, "the \(codec.name) library failed to compress \(section.count) bytes") }
    return result
}

/// Decompresses `bytes[range]`; nil when that is not what the codec writes, or more than `limit` bytes.
func decompress(
    _ bytes: [UInt8], _ range: Range<Int>, by codec: Compression, limit: Int = RecordBatchHeader.largestBatch
) -> [UInt8]? {
    switch codec {
    case .none: Array(bytes[range])
    // 32: gzip or zlib, whichever the header says.
    case .gzip: inflated(bytes, range, limit, windowBits: 15 + 32)
    case .snappy: unsnapped(bytes, range, limit)
    case .lz4: unframedLZ4(bytes, range, limit)
    case .zstd: unframedZstd(bytes, range, limit)
    }
}

/// How a block of bytes is compressed that stands alone, without the framing that Kafka's clients put around it: the codecs of Avro's object
/// container files (specification 1.11), by their names there.
package enum BlockCodec: String, Hashable, Sendable, CaseIterable {
    case null, deflate, snappy, zstandard

    /// Decompresses `bytes[range]`; nil when that is not what the codec writes, or more than `limit` bytes. Behind a block of Snappy stands
    /// the CRC-32 of what it holds, big-endian.
    package func decompress(_ bytes: [UInt8], _ range: Range<Int>, limit: Int) -> [UInt8]? {
        switch self {
        case .null: return range.count <= limit ? Array(bytes[range]) : nil
        case .deflate: return inflated(bytes, range, limit, windowBits: -15)
        case .zstandard: return unframedZstd(bytes, range, limit)
        case .snappy:
            let sumBytes = 4
            guard range.count >= sumBytes else { return nil }
            let end = range.upperBound - sumBytes
            var sum = ByteReader(bytes, end..<range.upperBound)
            guard let wanted = sum.uint32(), let block = unsnappedBlock(bytes, range.lowerBound..<end, limit) else { return nil }
            let found = unsafe block.withUnsafeBufferPointer { unsafe crc32(crc32(0, nil, 0), $0.baseAddress, UInt32($0.count)) }
            return found == UInt(wanted) ? block : nil
        }
    }
}

/// Room for a first guess at what `count` compressed bytes hold.
private func firstRoom(_ count: Int, _ limit: Int) -> Int {
    min(max(count * 4, 1 << 14), limit)
}

// MARK: gzip

private func gzipped(_ section: [UInt8]) -> [UInt8]? {
    var stream = unsafe z_stream()
    let size = unsafe Int32(MemoryLayout<z_stream>.size)
    // 15 bits of window, and 16 for gzip's header.
    guard unsafe deflateInit2_(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK
    else { return nil }
    defer { unsafe deflateEnd(&stream) }
    var result = unsafe [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(section.count))))
    let isDone = unsafe section.withUnsafeBufferPointer { source in
        unsafe result.withUnsafeMutableBufferPointer { target in
            unsafe stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
            unsafe stream.avail_in = UInt32(source.count)
            unsafe stream.next_out = target.baseAddress
            unsafe stream.avail_out = UInt32(target.count)
            return unsafe deflate(&stream, Z_FINISH) == Z_STREAM_END
        }
    }
    guard isDone else { return nil }
    unsafe result.removeLast(Int(stream.avail_out))
    return result
}

/// `windowBits` is zlib's: it says which header there is, none where it is negative.
private func inflated(_ bytes: [UInt8], _ range: Range<Int>, _ limit: Int, windowBits: Int32) -> [UInt8]? {
    var stream = unsafe z_stream()
    guard unsafe inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
    defer { unsafe inflateEnd(&stream) }
    var result = [UInt8](repeating: 0, count: firstRoom(range.count, limit))
    var done = 0
    let status = unsafe bytes.withUnsafeBufferPointer { source in
        guard let base = source.baseAddress else { return Z_DATA_ERROR }
        unsafe stream.next_in = UnsafeMutablePointer(mutating: base + range.lowerBound)
        unsafe stream.avail_in = UInt32(range.count)
        while true {
            let status = unsafe result.withUnsafeMutableBufferPointer { target in
                guard let room = target.baseAddress else { return Z_BUF_ERROR }
                unsafe stream.next_out = room + done
                unsafe stream.avail_out = UInt32(target.count - done)
                return unsafe inflate(&stream, Z_NO_FLUSH)
            }
            unsafe done = result.count - Int(stream.avail_out)
            if unsafe status != Z_OK || stream.avail_out > 0 && stream.avail_in == 0 { return status }
            if unsafe stream.avail_out == 0 && !grow(&result, limit) { return Z_BUF_ERROR }
        }
    }
    guard status == Z_STREAM_END else { return nil }
    result.removeLast(result.count - done)
    return result
}

private func grow(_ bytes: inout [UInt8], _ limit: Int) -> Bool {
    guard bytes.count < limit else { return false }
    bytes.append(contentsOf: repeatElement(0, count: min(bytes.count, limit - bytes.count)))
    return true
}

// MARK: LZ4

private func lz4Frame(_ section: [UInt8]) -> [UInt8]? {
    var preferences = LZ4F_preferences_t()
    // Kafka's Java reader refuses linked blocks.
    preferences.frameInfo.blockMode = LZ4F_blockIndependent
    preferences.frameInfo.blockSizeID = LZ4F_max64KB
    let room = unsafe LZ4F_compressFrameBound(section.count, &preferences)
    var result = [UInt8](repeating: 0, count: room)
    let written = unsafe LZ4F_compressFrame(&result, room, section, section.count, &preferences)
    guard LZ4F_isError(written) == 0 else { return nil }
    result.removeLast(room - written)
    return result
}

private func unframedLZ4(_ bytes: [UInt8], _ range: Range<Int>, _ limit: Int) -> [UInt8]? {
    var created: OpaquePointer?
    guard unsafe LZ4F_isError(LZ4F_createDecompressionContext(&created, UInt32(LZ4F_VERSION))) == 0, let context = unsafe created
    else { return nil }
    defer { unsafe LZ4F_freeDecompressionContext(context) }
    var result = [UInt8](repeating: 0, count: firstRoom(range.count, limit))
    var (done, read) = (0, 0)
    let isWhole = unsafe bytes.withUnsafeBufferPointer { source in
        guard let base = source.baseAddress else { return false }
        while true {
            var taken = range.count - read
            var given = result.count - done
            let status = unsafe result.withUnsafeMutableBufferPointer { target in
                guard let room = target.baseAddress else { return Int.max }
                return unsafe LZ4F_decompress(context, room + done, &given, base + range.lowerBound + read, &taken, nil)
            }
            guard LZ4F_isError(status) == 0 else { return false }
            read += taken
            done += given
            if status == 0 { return read == range.count }
            if done == result.count {
                if !grow(&result, limit) { return false }
            } else if taken == 0 && given == 0 || read == range.count {
                return false
            }
        }
    }
    guard isWhole else { return nil }
    result.removeLast(result.count - done)
    return result
}

// MARK: Zstandard

private func zstdFrame(_ section: [UInt8]) -> [UInt8]? {
    let room = ZSTD_compressBound(section.count)
    var result = [UInt8](repeating: 0, count: room)
    let written = unsafe ZSTD_compress(&result, room, section, section.count, ZSTD_CLEVEL_DEFAULT)
    guard ZSTD_isError(written) == 0 else { return nil }
    result.removeLast(room - written)
    return result
}

private func unframedZstd(_ bytes: [UInt8], _ range: Range<Int>, _ limit: Int) -> [UInt8]? {
    guard let stream = unsafe ZSTD_createDStream() else { return nil }
    defer { unsafe ZSTD_freeDStream(stream) }
    var result = [UInt8](repeating: 0, count: firstRoom(range.count, limit))
    var done = 0
    let isWhole = unsafe bytes.withUnsafeBufferPointer { source in
        guard let base = source.baseAddress else { return false }
        var input = unsafe ZSTD_inBuffer(src: base + range.lowerBound, size: range.count, pos: 0)
        while true {
            let status = unsafe result.withUnsafeMutableBufferPointer { target in
                var output = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: done)
                let status = unsafe ZSTD_decompressStream(stream, &output, &input)
                unsafe done = output.pos
                return status
            }
            guard ZSTD_isError(status) == 0 else { return false }
            if status == 0 { return unsafe input.pos == input.size }
            if done == result.count {
                if !grow(&result, limit) { return false }
            } else if unsafe input.pos == input.size {
                return false
            }
        }
    }
    guard isWhole else { return nil }
    result.removeLast(result.count - done)
    return result
}

// MARK: Snappy

/// The framing of xerial's snappy-java, which Kafka's clients write: a magic of 8 bytes, two version numbers of 4, then blocks
/// of a 4-byte length and as many bytes of Snappy.
private let xerialMagic: [UInt8] = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]
private let xerialHeaderBytes = 16
/// What snappy-java cuts its input into.
private let xerialBlockBytes = 32 << 10

private func xerialSnappy(_ section: [UInt8]) -> [UInt8]? {
    var result = xerialMagic
    result.append(int32: 1)
    result.append(int32: 1)
    var block = [UInt8](repeating: 0, count: snappy_max_compressed_length(xerialBlockBytes))
    for start in stride(from: 0, to: section.count, by: xerialBlockBytes) {
        let length = min(xerialBlockBytes, section.count - start)
        var written = block.count
        let status = unsafe section.withUnsafeBytes { source in
            unsafe block.withUnsafeMutableBytes { target in
                guard let from = unsafe source.bindMemory(to: CChar.self).baseAddress,
                    let to = unsafe target.bindMemory(to: CChar.self).baseAddress
                else { return SNAPPY_INVALID_INPUT }
                return unsafe snappy_compress(from + start, length, to, &written)
            }
        }
        guard status == SNAPPY_OK else { return nil }
        result.append(int32: Int32(written))
        result.append(contentsOf: block[..<written])
    }
    return result
}

private func unsnapped(_ bytes: [UInt8], _ range: Range<Int>, _ limit: Int) -> [UInt8]? {
    guard bytes[range].starts(with: xerialMagic) else { return unsnappedBlock(bytes, range, limit) }
    var reader = ByteReader(bytes, range)
    guard reader.skip(xerialHeaderBytes) != nil else { return nil }
    var result: [UInt8] = []
    while !reader.isAtEnd {
        guard let length = reader.int32(), let block = reader.skip(Int(length)),
            let piece = unsnappedBlock(bytes, block, limit - result.count)
        else { return nil }
        result.append(contentsOf: piece)
    }
    return result
}

private func unsnappedBlock(_ bytes: [UInt8], _ range: Range<Int>, _ limit: Int) -> [UInt8]? {
    unsafe bytes.withUnsafeBytes { source in
        guard let base = unsafe source.bindMemory(to: CChar.self).baseAddress else { return nil }
        let from = unsafe base + range.lowerBound
        var length = 0
        guard unsafe snappy_uncompressed_length(from, range.count, &length) == SNAPPY_OK, length <= limit else { return nil }
        if length == 0 { return [] }
        var result = [UInt8](repeating: 0, count: length)
        let status = unsafe result.withUnsafeMutableBytes { target in
            guard let to = unsafe target.bindMemory(to: CChar.self).baseAddress else { return SNAPPY_INVALID_INPUT }
            return unsafe snappy_uncompress(from, range.count, to, &length)
        }
        return status == SNAPPY_OK ? result : nil
    }
}
