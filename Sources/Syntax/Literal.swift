// Literals and durations: the constants of the language, with nothing lost of what was written.

/// A constant.
package enum Literal: Hashable, Sendable {
    case null
    case boolean(Bool)
    /// An integer of at most 64 bits; it is an INTEGER when it fits 32, else a BIGINT. The sign belongs to the literal.
    case integer(Int64)
    /// A decimal in plain notation with at least one digit before the point and always a point: `-0.50`, `1.`. All digits are kept.
    case decimal(String)
    case double(Double)
    case string(String)
}

/// A unit of time in windows, durations and date functions.
package enum TimeUnit: String, Hashable, Sendable, CaseIterable {
    case days = "DAYS"
    case hours = "HOURS"
    case minutes = "MINUTES"
    case seconds = "SECONDS"
    case milliseconds = "MILLISECONDS"

    /// The unit of a word in upper case, in singular or plural.
    package init?(word: String) {
        switch word {
        case "DAY", "DAYS": self = .days
        case "HOUR", "HOURS": self = .hours
        case "MINUTE", "MINUTES": self = .minutes
        case "SECOND", "SECONDS": self = .seconds
        case "MILLISECOND", "MILLISECONDS": self = .milliseconds
        default: return nil
        }
    }

    /// The length of one.
    package var milliseconds: Int64 {
        switch self {
        case .days: 86_400_000
        case .hours: 3_600_000
        case .minutes: 60_000
        case .seconds: 1_000
        case .milliseconds: 1
        }
    }
}

/// `5 MINUTES`: a length of time as written.
package struct Duration: Hashable, Sendable {
    /// How many units.
    package var count: Int64
    /// The unit.
    package var unit: TimeUnit
    /// Where it was written.
    package var span: SourceSpan = .none

    package init(count: Int64, unit: TimeUnit, span: SourceSpan = .none) {
        self.count = count
        self.unit = unit
        self.span = span
    }

    /// The length in milliseconds, or nil when it is longer than `SyntaxLimits.longestDuration`, forwards or backwards.
    package var milliseconds: Int64? {
        let (product, overflow) = count.multipliedReportingOverflow(by: unit.milliseconds)
        return overflow || product.magnitude > SyntaxLimits.longestDuration.magnitude ? nil : product
    }
}
