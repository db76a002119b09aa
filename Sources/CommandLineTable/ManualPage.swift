// The page for `man`, drawn from the table of commands, in the macros of man(7).

import Pages
import Settings

/// The page for `man`.
package enum ManualPage {
    /// The page, without a date, so that it is the same for each build of a version. The version stands in the package that holds it.
    package static var text: String {
        let program = CommandTable.program
        var text = ".TH \(program.uppercased()) 1 \"\" \"Millrace\" \"User Commands\"\n.SH NAME\n\(program) \\- SQL over streams\n"
        text += ".SH SYNOPSIS\n" + CommandTable.commands.map { ".B \(escaped(HelpText.usage($0)))\n" }.joined(separator: ".br\n")
        text += ".SH DESCRIPTION\nA SQL server over streams: a durable partitioned log, a continuous SQL engine and a shell, in ksqlDB's dialect.\n"
        text += "Without a command it is the shell. Settings come from flags, then the environment, then a file of\n.BR \\-\\-config .\n"
        text += ".SH COMMANDS\n"
        for spec in CommandTable.commands {
            text += ".SS \(escaped(HelpText.usage(spec)))\n\(sentence(spec.summary))\n"
            for operand in spec.operands { text += ".TP\n.I \(escaped(operand.name))\n\(line(operand.help))\n" }
            for option in spec.allOptions {
                text += ".TP\n.B \(escaped(String(HelpText.head(option).drop { $0 == " " })))\n\(line(HelpText.description(option)))\n"
            }
        }
        text += ".SH ENVIRONMENT\nEach setting has a variable; \\(lq\(program) help settings\\(rq lists them.\n"
        for name in [SettingKey<NetworkAddress?>.server.name, SettingKey<String?>.dataDirectory.name] {
            text += ".TP\n.B \(SettingTable.environmentName(name))\n\(line(SettingTable.entry(name)?.summary ?? ""))\n"
        }
        text += ".SH EXIT STATUS\n"
        for (code, meaning) in [("0", "done"), ("1", "a statement failed"), ("2", "wrong usage"), ("3", "cannot connect or start"), ("130", "interrupted")] {
            text += ".TP\n.B \(code)\n\(meaning)\n"
        }
        text += ".SH SEE ALSO\n"
        return text + Page.all.map { ".B \(escaped("\(program) help \($0.topic)"))\n" }.joined(separator: ".br\n")
    }

    private static func sentence(_ text: String) -> String { line(text.prefix(1).uppercased() + text.dropFirst() + ".") }

    /// A line of text: one that begins with a dot or an apostrophe would be a request.
    private static func line(_ text: String) -> String {
        let escaped = escaped(text)
        return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
    }

    private static func escaped(_ text: String) -> String {
        text.map { character in
            switch character {
            case "\\": "\\e"
            case "-": "\\-"
            case "…": "..."
            default: String(character)
            }
        }.joined()
    }
}
