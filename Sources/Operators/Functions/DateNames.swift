// The names of months, weekdays, halves of the day, eras and quarters in texts of dates, for reading and writing by patterns.

/// Names in dates, in English.
enum DateNames {
    static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
    ]
    /// From Monday on.
    static let weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    static let halves = ["AM", "PM"]

    /// All names of a field in the style of `width` letters, with their numbers; the first number is 1, except that AM and BC are 0.
    static func names(_ letter: UInt8, _ width: Int) -> [(name: String, value: Int64)] {
        func styled(_ names: [String]) -> [(String, Int64)] {
            names.enumerated().map { (width == 4 ? $1 : String($1.prefix(width == 5 ? 1 : 3)), Int64($0 + 1)) }
        }
        switch Character(Unicode.Scalar(letter)) {
        case "M": return styled(months)
        case "E": return styled(weekdays)
        case "a": return [("AM", 0), ("PM", 1)]
        case "B":
            let exact = width == 5 ? ["mi", "n"] : ["midnight", "noon"]
            return (exact + ["in the morning", "in the afternoon", "in the evening", "at night"]).enumerated().map { ($1, Int64($0)) }
        case "G":
            return width == 4 ? [("Before Christ", 0), ("Anno Domini", 1)] : width == 5 ? [("B", 0), ("A", 1)] : [("BC", 0), ("AD", 1)]
        default:
            let ordinals = ["1st", "2nd", "3rd", "4th"]
            return (1...4).map { (width == 4 ? ordinals[$0 - 1] + " quarter" : width == 5 ? "\($0)" : "Q\($0)", Int64($0)) }
        }
    }

    /// Which part of the day a time is, by its place among the names of `B`.
    static func partOfDay(_ milliseconds: Int64) -> Int64 {
        if milliseconds == 0 { return 0 }
        if milliseconds == 43_200_000 { return 1 }
        switch milliseconds / 3_600_000 {
        case 6..<12: return 2
        case 12..<18: return 3
        case 18..<21: return 4
        default: return 5
        }
    }
}
