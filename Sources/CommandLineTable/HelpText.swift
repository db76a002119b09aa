// Help and reference texts, drawn from the table.

import Pages
import Settings

/// Texts for people who ask how it is used.
package enum HelpText {
    /// `millrace --help`
    package static var overview: String {
        let width = CommandTable.commands.map(\.name.rawValue.count).max() ?? 0
        let lines = CommandTable.commands.map { "  " + padded($0.name.rawValue, width) + "  " + $0.summary }
        return """
            \(CommandTable.program): SQL over streams

            Usage: \(CommandTable.program) [COMMAND] [FLAGS]

            Commands (shell unless given):
            \(lines.joined(separator: "\n"))

            Pages (\(CommandTable.program) help TOPIC):
            \(topics)

            \(CommandTable.program) COMMAND --help shows the flags of a command, \(CommandTable.program) --version the version.
            Settings come from flags, then the environment (MILLRACE_…), then a --config file of key=value lines.
            Exit codes: 0 done, 1 a statement failed, 2 wrong usage, 3 cannot connect or start, 130 interrupted.

            """
    }

    /// The topics of pages, in lines of a terminal.
    private static var topics: String {
        var lines = ["  "]
        for topic in Page.all.map(\.topic) {
            if lines[lines.count - 1].count + topic.count > 76 { lines.append("  ") }
            lines[lines.count - 1] += (lines[lines.count - 1] == "  " ? "" : ", ") + topic
        }
        return lines.joined(separator: ",\n")
    }

    /// `millrace COMMAND --help`
    package static func command(_ spec: CommandSpec) -> String {
        var text = "\(CommandTable.program) \(spec.name.rawValue): \(spec.summary)\n\nUsage: \(usage(spec))\n"
        if !spec.operands.isEmpty {
            let width = spec.operands.map(\.name.count).max() ?? 0
            text += "\n" + spec.operands.map { "  " + padded($0.name, width) + "  " + $0.help + "\n" }.joined()
        }
        let heads = spec.allOptions.map(head)
        let width = heads.map(\.count).max() ?? 0
        text += "\nFlags:\n"
        for (option, head) in zip(spec.allOptions, heads) { text += "  " + padded(head, width) + "  " + description(option) + "\n" }
        return text
    }

    static func usage(_ spec: CommandSpec) -> String {
        let command = spec.name == .shell ? "[shell]" : spec.name.rawValue
        let operands = HelpText.operands(spec)
        return "\(CommandTable.program) \(command) [FLAGS]" + (operands.isEmpty ? "" : " " + operands)
    }

    static func operands(_ spec: CommandSpec) -> String {
        spec.operands.map { operand in
            let name = operand.count.upperBound > 1 ? operand.name + "…" : operand.name
            return operand.count.lowerBound == 0 ? "[\(name)]" : name
        }.joined(separator: " ")
    }

    /// `-c, --command SQL`
    static func head(_ option: OptionSpec) -> String {
        let short = option.short.map { "-\($0), " } ?? "    "
        return short + "--\(option.name.rawValue)" + (option.kind == .flag ? "" : " " + option.kind.placeholder)
    }

    static func description(_ option: OptionSpec) -> String {
        var text = option.help
        if option.repeats { text += "; may be repeated" }
        if let value = option.defaultText { text += " (default: \(value))" }
        if let setting = option.setting { text += " [\(SettingTable.environmentName(setting))]" }
        return text
    }

    static func padded(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(width - text.count, 0)) }

    /// The page about commands and flags, as Markdown.
    package static var commandReference: String {
        var text = "# Command line\n\nEvery command with its flags, as `millrace COMMAND --help` shows them.\n\n"
        for spec in CommandTable.commands {
            let sentence = spec.summary.prefix(1).uppercased() + spec.summary.dropFirst()
            text += "## `\(usage(spec))`\n\n\(sentence).\n\n| flag | meaning |\n|---|---|\n"
            for option in spec.allOptions {
                let head = head(option).drop { $0 == " " }
                text += "| `\(cell(String(head)))` | \(cell(description(option))) |\n"
            }
            text += "\n"
        }
        return text + "`millrace help TOPIC` shows a page, `millrace help --man` the page for `man`, `millrace --version` the version.\n"
    }

    /// The page about settings, as Markdown.
    package static var settingReference: String {
        var text = "# Settings\n\nEvery setting, and where it may be given.\n\n"
        text += "Settings of a session are changed with `SET`; all of them can stand in the file of `--config`, and in the environment under the second name.\n\n"
        text += "| key | environment | default | meaning |\n|---|---|---|---|\n"
        for setting in SettingTable.entries where setting.isRead {
            let fallback = setting.defaultText.map { $0.isEmpty ? "" : "`\($0)`" } ?? ""
            let scope = setting.scope == .session ? " (`SET`)" : ""
            text += "| `\(setting.name)` | `\(SettingTable.environmentName(setting.name))` | \(fallback) | \(cell(setting.summary))\(scope) |\n"
        }
        text += "\n## Without effect\n\nAccepted for the sake of files and scripts that were written for ksqlDB.\n\n| key | Millrace… |\n|---|---|\n"
        for setting in SettingTable.entries {
            if case .noted(let reason) = setting.treatment { text += "| `\(setting.name)` | \(cell(reason)) |\n" }
        }
        text += "\n## Refused\n\nBecause nothing here could keep what they promise.\n\n| key | reason |\n|---|---|\n"
        for setting in SettingTable.entries {
            if case .refused(let reason) = setting.treatment { text += "| `\(setting.name)` | \(cell(reason)) |\n" }
        }
        return text
    }

    private static func cell(_ text: String) -> String {
        text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}
