// The page about functions, from the table that SHOW FUNCTIONS and DESCRIBE FUNCTION read.

extension FunctionTable {
    /// The page about functions, as Markdown.
    package var reference: String {
        var text = "# Functions\n\nEvery function with its forms, as `DESCRIBE FUNCTION` shows them.\n\n"
        text += "Functions that ksqlDB does not have are marked with `+`: `millrace.dialect=ksqldb` refuses them.\n"
        for category in FunctionCategory.allCases {
            let families = all.filter { $0.category == category }
            guard !families.isEmpty else { continue }
            text += "\n## \(category.rawValue.capitalizedWords)\n"
            for family in families {
                text += "\n### \(family.name)\(family.isOwn ? " +" : "")\n\n\(family.summary)\n\n```\n"
                for signature in family.signatures { text += "\(self.text(of: signature, of: family))\n" }
                text += "```\n"
            }
        }
        text += "\n## Other names\n\nNames that other databases have for the same functions.\n\n| name | function |\n|---|---|\n"
        for (name, function) in Self.aliases.sorted(by: { $0.key < $1.key }) { text += "| `\(name)` | `\(function)` |\n" }
        text += "\n## Functions by expressions\n\nA call of one is read as its expression, in which the arguments are `A`, `B` and `C`.\n\n| call | expression |\n|---|---|\n"
        for (name, function) in Self.written.sorted(by: { $0.key < $1.key }) {
            text += "| `\(function.call(of: name))` | `\(function.expression)` |\n"
        }
        return text
    }

    private func text(of signature: FunctionSignature, of family: FunctionFamily) -> String {
        "\(family.text(of: signature)) returns \(signature.result.description)"
    }
}

extension String {
    /// `DATE / TIME` as `Date / Time`.
    fileprivate var capitalizedWords: String {
        split(separator: " ").map { $0.prefix(1) + $0.dropFirst().lowercased() }.joined(separator: " ")
    }
}
