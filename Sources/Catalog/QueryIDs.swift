// The ids of persistent queries: those that the server makes end with a number that never comes twice, those that statements give are
// checked for their form.

/// How query ids are made, read and checked.
package enum QueryIDs {
    /// The beginnings of ids that the server makes, by what makes the query.
    package enum Prefix: String, Sendable, CaseIterable {
        case streamAs = "CSAS_"
        case tableAs = "CTAS_"
        case sourceTable = "CST_"
        case insert = "INSERTQUERY_"
    }

    /// The most bytes of an id: names of internal topics, which hold it, have at most 240.
    package static let longest = 128

    /// The number after the last one that could be given; far from where arithmetic on numbers would overflow.
    package static let numbersEnd: Int64 = 1 << 53

    /// The id of a new query; `name` is the source that it makes, nil for INSERT INTO.
    package static func made(_ prefix: Prefix, name: String?, number: Int64) -> String {
        prefix.rawValue + (name.map { $0.uppercased() + "_" } ?? "") + String(number)
    }

    /// The number in an id that the server made; nil for other ids. Digits at the end of an id that a statement gave count for nothing.
    package static func number(in id: String) -> Int64? {
        guard Prefix.allCases.contains(where: { id.hasPrefix($0.rawValue) }), let last = id.split(separator: "_").last,
            let number = Int64(last), number >= 0, number < numbersEnd
        else { return nil }
        return number
    }

    /// Why a statement may not give its query this id; nil when it may.
    package static func problem(ofGiven id: String) -> String? {
        guard !id.isEmpty, id.utf8.allSatisfy({ ($0 >= 48 && $0 <= 57) || ($0 >= 65 && $0 <= 90) || $0 == 95 }) else {
            return "Query IDs may contain only alphanumeric characters and '_'. Got: '\(id)'"
        }
        if let prefix = reservedPrefix(of: id) {
            return "Query IDs must not start with a reserved query ID prefix (\(prefix)). Got: '\(id)'"
        }
        return id.utf8.count > longest ? "Query IDs have at most \(longest) characters. Got: \(id.utf8.count)" : nil
    }

    /// The beginning that makes an id one of the server's; nil when it is free to be given.
    package static func reservedPrefix(of id: String) -> String? {
        Prefix.allCases.first { id.hasPrefix($0.rawValue) }?.rawValue
    }
}
