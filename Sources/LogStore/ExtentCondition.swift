// What stands in the segments where the journal says that the appends of a commit do. Bytes that never reached the disk end the log
// before that commit; bytes that are there and wrong are damage, which stays in its place: it must not take what follows it away.
import Bytes
import Platform
import Quantities

/// What the segments have of a commit that was written ahead of its journal record.
enum ExtentCondition: Equatable {
    /// All of it, as it was written.
    case whole
    /// All of it, but one place does not have what was written.
    case damaged([Place])
    /// Some of it did not reach the disk, as after a power cut, or more than one place is wrong.
    case torn

    /// Bytes of a segment that are not as they were written.
    struct Place: Hashable {
        var path: String
        var range: Range<Int64>
    }
}

extension JournalReplay {
    /// Whether a commit belongs to the log. Damage in it is noted.
    func belongs(_ appends: [JournalAppend], isProvenDurable: @autoclosure () -> Bool) throws(LogError) -> Bool {
        switch try condition(of: appends) {
        case .whole: return true
        case .damaged(let places):
            for place in places {
                recovery.noteOnce(
                    .quarantinedSegment, place.path,
                    "its bytes \(place.range.lowerBound) to \(place.range.upperBound) fail the checksum of their commit: they stay in "
                        + "their place, and what is sound around them is served")
            }
            return true
        // Opening the partition says what is missing.
        case .torn: return areSynced(appends) && isProvenDurable()
        }
    }

    private func condition(of appends: [JournalAppend]) throws(LogError) -> ExtentCondition {
        var places: [ExtentCondition.Place] = []
        for append in appends {
            guard case .extent(let byteCount, let crc, let isSynced) = append.content, let path = segmentPath(append),
                let bytes = try extent(append, byteCount)
            else { continue }
            if bytes.count != byteCount { return .torn }
            if crc32c(bytes) == crc { continue }
            let wrong = placesWithoutBatch(bytes, append)
            // What was synced has reached the disk, whatever it looks like.
            let isTorn = wrong.count > 1 || wrong.contains { hasLostBlock(bytes, $0, at: append.position) }
            if !isSynced && isTorn { return .torn }
            // Where all batches are whole something is wrong that their checksums do not cover.
            for range in wrong.isEmpty ? [bytes.indices] : wrong {
                let (start, end) = (append.position + Int64(range.lowerBound), append.position + Int64(range.upperBound))
                places.append(ExtentCondition.Place(path: path, range: start..<end))
            }
        }
        if places.isEmpty { return .whole }
        return places.count == 1 || areSynced(appends) ? .damaged(places) : .torn
    }

    /// The bytes of an extent between the whole batches of its commit.
    private func placesWithoutBatch(_ bytes: [UInt8], _ append: JournalAppend) -> [Range<Int>] {
        var (places, start) = ([Range<Int>](), 0)
        let end = append.baseOffset + Int64(append.recordCount)
        forEachWholeBatch(in: bytes, from: append.baseOffset) { header, place in
            guard header.lastOffset < end else { return false }
            if start < place { places.append(start..<place) }
            start = place + header.totalBytes
            return true
        }
        if start < bytes.count { places.append(start..<bytes.count) }
        return places
    }

    /// Whether a block of the disk in which part of `wrong` lies was never written, or not to its end: a power cut leaves zeros there.
    private func hasLostBlock(_ bytes: [UInt8], _ wrong: Range<Int>, at position: Int64) -> Bool {
        let (blockBytes, leastZeros) = (512, 32)
        let skew = Int(position % Int64(blockBytes))
        var block = (wrong.lowerBound + skew) / blockBytes
        while block * blockBytes - skew < wrong.upperBound {
            let start = max(0, block * blockBytes - skew)
            let end = min(bytes.count, (block + 1) * blockBytes - skew)
            let zeros = bytes[start..<end].reversed().prefix { $0 == 0 }.count
            if zeros == end - start || zeros >= leastZeros { return true }
            block += 1
        }
        return false
    }
}
