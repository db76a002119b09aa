// A setting as code reads it: a name with the type of its value. `values[.commitInterval]` is a length of time within its range,
// whatever text stands in a catalog of long ago.

package import Quantities

/// The key of a setting whose value is a `Value`. All of them stand in `SettingKeys.swift`, their entries in `SettingTable.swift`.
package struct SettingKey<Value: SettingConvertible>: Sendable {
    /// The name in files and in SET.
    package let name: String

    init(_ name: String) { self.name = name }
}

/// A type that values of settings may have. `nil` is a setting that is not set and has no default.
package protocol SettingConvertible: Sendable {
    init(setting: SettingContent?)
}

extension Bool: SettingConvertible {
    package init(setting: SettingContent?) { self = setting?.isOn ?? false }
}

extension Int: SettingConvertible {
    package init(setting: SettingContent?) { self = setting?.integer ?? 0 }
}

extension String: SettingConvertible {
    package init(setting: SettingContent?) { self = setting?.text ?? "" }
}

extension Milliseconds: SettingConvertible {
    package init(setting: SettingContent?) { self.init(Int64(setting?.integer ?? 0)) }
}

extension Optional: SettingConvertible where Wrapped: SettingConvertible {
    package init(setting: SettingContent?) { self = setting.map { Wrapped(setting: $0) } }
}

extension NetworkAddress: SettingConvertible {
    package init(setting: SettingContent?) { self = setting?.address ?? NetworkAddress(host: "", port: 0) }
}

/// Texts of settings by name, read by key. What is not set has its default; what is out of range is the nearest value in range, and what
/// is no value at all counts as not set, because the texts may come from a catalog that an older version wrote.
package struct SettingValues: Sendable {
    private let texts: [String: String]

    package init(_ texts: [String: String]) { self.texts = texts }

    package subscript<Value>(key: SettingKey<Value>) -> Value {
        guard let entry = SettingTable.entry(key.name) else { return Value(setting: nil) }
        return Value(setting: texts[entry.name].flatMap { entry.kind.nearestValue(of: $0) } ?? entry.defaultValue)
    }

    /// The texts with every value that the table would not take now made one that it takes, and a sentence for each that was changed.
    package static func mending(_ texts: [String: String]) -> (texts: [String: String], notes: [String]) {
        var mended = texts
        var notes: [String] = []
        for (name, text) in texts.sorted(by: { $0.key < $1.key }) {
            guard let entry = SettingTable.entry(name), let problem = entry.kind.problem(with: text) else { continue }
            if let number = entry.kind.nearestValue(of: text)?.integer {
                mended[name] = String(number)
                notes.append("\(name) \(problem); it counts as \(number)")
            } else {
                mended[name] = nil
                notes.append("\(name) \(problem); it counts as not set")
            }
        }
        return (mended, notes)
    }
}
