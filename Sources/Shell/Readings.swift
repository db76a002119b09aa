// What a question has read, in words.

import Sessions
import Values

extension [SourceReading] {
    /// A line a source, with its partitions where they are few.
    var lines: [String] {
        sources.map { source in
            let own = filter { $0.source == source }
            let records = own.reduce(0) { $0 + $1.records }
            let places = own.compactMap { reading -> String? in
                guard let partition = reading.partition, let offsets = reading.offsets else { return nil }
                return offsets.isEmpty
                    ? "nothing of partition \(partition)"
                    : "offsets \(offsets.lowerBound) to \(offsets.upperBound - 1) of partition \(partition)"
            }
            var line = "read \(records) record\(records == 1 ? "" : "s") of \(source)"
            if !places.isEmpty { line += ": " + (places.count > 4 ? "\(places.count) partitions" : places.joined(separator: ", ")) }
            let times = own.compactMap(\.times)
            if let first = times.map(\.lowerBound).min(), let last = times.map(\.upperBound).max() {
                line += ", times \(TemporalText.text(timestamp: first)) to \(TemporalText.text(timestamp: last))"
            }
            return line
        }
    }

    /// Why there is no row: what was read, or that there was nothing to read. Nil where nothing was to be read.
    var reasonForNothing: String? {
        guard !isEmpty else { return nil }
        return sources.map { source in
            let own = filter { $0.source == source }
            let records = own.reduce(0) { $0 + $1.records }
            guard records == 0 else { return "\(records) row\(records == 1 ? "" : "s") of \(source) read, and none is left" }
            // Without offsets it is a table whose rows a query keeps, of which perhaps only some keys were looked at.
            return own.allSatisfy { $0.offsets == nil } ? "\(source) has no such row" : "nothing of \(source) was there to be read"
        }.joined(separator: "; ")
    }

    /// The names of the sources, each once.
    var sources: [String] {
        reduce(into: []) { names, reading in if !names.contains(reading.source) { names.append(reading.source) } }
    }
}
