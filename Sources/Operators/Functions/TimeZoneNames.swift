// Names of time zones in texts: the ids of zone arguments, and the abbreviations and names that dates carry.

import Values

/// Finds zones by id and keeps those that were found. One owner, one thread.
final class TimeZoneTable {
    private var known: [String: TimeZone] = [:]
    private let file: (String) -> [UInt8]?

    init(_ environment: DataflowEnvironment) { file = environment.timeZoneFile }

    /// Ids that the time zone database has but SQL does not take: three letters that name an offset, not a region.
    private static let refused: Set<String> = ["EST", "MST", "HST", "ROC"]

    /// `UTC`, `GMT+2`, `+02:00`, `Z` or a region's id; nil for anything else.
    func zone(_ id: String) -> TimeZone? {
        if let zone = known[id] { return zone }
        guard let zone = make(id) else { return nil }
        known[id] = zone
        return zone
    }

    private func make(_ id: String) -> TimeZone? {
        if id == "Z" { return TimeZone(id: "Z", offset: 0) }
        for prefix in ["UTC", "GMT", "UT"] where id.hasPrefix(prefix) {
            let rest = id.dropFirst(prefix.count)
            if rest.isEmpty { return TimeZone(id: id, offset: 0) }
            if let offset = TimeZoneNames.offset(rest.utf8) { return TimeZone(id: id, offset: offset) }
        }
        if let offset = TimeZoneNames.offset(id.utf8) {
            return TimeZone(id: offset == 0 ? "Z" : TimeZoneNames.text(offset), offset: offset)
        }
        if TimeZoneTable.refused.contains(id) { return nil }
        return file(id).flatMap { TimeZone(id: id, file: $0) }
    }
}

enum TimeZoneNames {
    /// `+h`, `+hh`, `+hhmm`, `+hh:mm`, `+hhmmss`, `+hh:mm:ss` as seconds east of UTC, at most 18 hours.
    static func offset(_ text: some Collection<UInt8>) -> Int64? {
        guard let sign = text.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return nil }
        let body = Array(text.dropFirst())
        let pieces = body.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var parts: [ArraySlice<UInt8>]
        if pieces.count > 1 {
            parts = pieces
            guard pieces.count <= 3, pieces.allSatisfy({ $0.count == 2 }) else { return nil }
        } else if body.count <= 2 {
            parts = [body[...]]
        } else {
            guard body.count == 4 || body.count == 6 else { return nil }
            parts = stride(from: 0, to: body.count, by: 2).map { body[$0..<$0 + 2] }
        }
        parts += Array(repeating: [0x30][...], count: 3 - parts.count)
        var values: [Int64] = []
        for part in parts {
            guard !part.isEmpty, part.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let value = NumberText.integer(part) else { return nil }
            values.append(value)
        }
        let seconds = values[0] * 3600 + values[1] * 60 + values[2]
        guard values[1] < 60, values[2] < 60, seconds <= 18 * 3600 else { return nil }
        return sign == UInt8(ascii: "-") ? -seconds : seconds
    }

    /// `+02:00`, with seconds only where there are some.
    static func text(_ offset: Int64) -> String {
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let magnitude = Int64(offset.magnitude)
        let seconds = magnitude % 60 == 0 ? "" : ":" + two(magnitude % 60)
        return (offset < 0 ? "-" : "+") + two(magnitude / 3600) + ":" + two(magnitude / 60 % 60) + seconds
    }

    /// Abbreviations in lower case, with the region that each stands for: the region decides whether daylight time holds, as in Java.
    static let regions: [String: String] = [
        "utc": "UTC", "gmt": "GMT", "ut": "UT", "z": "Z", "pst": "America/Los_Angeles", "pdt": "America/Los_Angeles",
        "mst": "America/Denver",
        "mdt": "America/Denver", "cst": "America/Chicago", "cdt": "America/Chicago", "est": "America/New_York", "edt": "America/New_York",
        "akst": "America/Anchorage", "akdt": "America/Anchorage", "hst": "Pacific/Honolulu", "ast": "America/Halifax",
        "adt": "America/Halifax",
        "nst": "America/St_Johns", "ndt": "America/St_Johns", "brt": "America/Sao_Paulo", "art": "America/Argentina/Buenos_Aires",
        "wet": "Europe/Lisbon", "west": "Europe/Lisbon", "bst": "Europe/London", "cet": "Europe/Paris", "cest": "Europe/Paris",
        "eet": "Europe/Helsinki", "eest": "Europe/Helsinki", "msk": "Europe/Moscow", "trt": "Europe/Istanbul", "ist": "Asia/Kolkata",
        "pkt": "Asia/Karachi", "ict": "Asia/Bangkok", "wib": "Asia/Jakarta", "sgt": "Asia/Singapore", "hkt": "Asia/Hong_Kong",
        "jst": "Asia/Tokyo", "kst": "Asia/Seoul", "awst": "Australia/Perth", "acst": "Australia/Adelaide", "acdt": "Australia/Adelaide",
        "aest": "Australia/Sydney", "aedt": "Australia/Sydney", "nzst": "Pacific/Auckland", "nzdt": "Pacific/Auckland",
        "sast": "Africa/Johannesburg", "eat": "Africa/Nairobi", "wat": "Africa/Lagos", "cat": "Africa/Maputo",
        "pacific standard time": "America/Los_Angeles", "pacific daylight time": "America/Los_Angeles",
        "mountain standard time": "America/Denver", "mountain daylight time": "America/Denver", "central standard time": "America/Chicago",
        "central daylight time": "America/Chicago", "eastern standard time": "America/New_York",
        "eastern daylight time": "America/New_York",
        "greenwich mean time": "GMT", "coordinated universal time": "UTC", "british summer time": "Europe/London",
        "central european standard time": "Europe/Paris", "central european summer time": "Europe/Paris",
        "eastern european standard time": "Europe/Helsinki", "eastern european summer time": "Europe/Helsinki",
        "india standard time": "Asia/Kolkata", "japan standard time": "Asia/Tokyo", "china standard time": "Asia/Shanghai",
    ]

    private static let longNames: [String: String] = [
        "PST": "Pacific Standard Time", "PDT": "Pacific Daylight Time", "MST": "Mountain Standard Time", "MDT": "Mountain Daylight Time",
        "CST": "Central Standard Time", "CDT": "Central Daylight Time", "EST": "Eastern Standard Time", "EDT": "Eastern Daylight Time",
        "GMT": "Greenwich Mean Time", "UTC": "Coordinated Universal Time", "BST": "British Summer Time",
        "CET": "Central European Standard Time", "CEST": "Central European Summer Time", "EET": "Eastern European Standard Time",
        "EEST": "Eastern European Summer Time", "IST": "India Standard Time", "JST": "Japan Standard Time",
    ]

    /// The name that four letters ask for; the abbreviation where none is known.
    static func longName(_ abbreviation: String) -> String { longNames[abbreviation] ?? abbreviation }
}
