// Completion scripts for the shells that people use, drawn from the table.

import Settings

/// Completion scripts by shell.
package enum CompletionScript {
    /// The script for bash, zsh or fish; nil for other shells.
    package static func script(for shell: String) -> String? {
        switch shell {
        case "bash": bash
        case "zsh": zsh
        case "fish": fish
        default: nil
        }
    }

    private static let program = CommandTable.program

    private static func words(_ spec: CommandSpec) -> [String] {
        spec.allOptions.flatMap { option in ["--" + option.name.rawValue] + (option.short.map { ["-\($0)"] } ?? []) }
    }

    private static func choices(_ kind: ValueKind) -> [String]? { if case .choice(let words) = kind { words } else { nil } }

    // MARK: bash

    private static var bash: String {
        var text = """
            # bash completion for \(program); load it with: source <(\(program) completions bash)
            _\(program)() {
                local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" command=shell
                COMPREPLY=()
                case "${COMP_WORDS[1]}" in
                    \(CommandName.allCases.map(\.rawValue).joined(separator: "|"))) command="${COMP_WORDS[1]}" ;;
                esac
                case "$command $previous" in

            """
        for spec in CommandTable.commands {
            for option in spec.options {
                let names = ["--" + option.name.rawValue] + (option.short.map { ["-\($0)"] } ?? [])
                let pattern = names.map { "'\(spec.name.rawValue) \($0)'" }.joined(separator: "|")
                if let action = bashAction(option.kind) { text += "        \(pattern)) \(action); return ;;\n" }
            }
        }
        text += """
                esac
                if [[ $COMP_CWORD -eq 1 && "$current" != -* ]]; then
                    COMPREPLY=($(compgen -W "\(CommandName.allCases.map(\.rawValue).joined(separator: " "))" -- "$current")); return
                fi
                case "$command" in

            """
        for spec in CommandTable.commands {
            let operands = spec.operands.first.flatMap { choices($0.kind) } ?? []
            text += "        \(spec.name.rawValue))\n"
            let flags = words(spec).joined(separator: " ")
            text += "            if [[ \"$current\" == -* ]]; then COMPREPLY=($(compgen -W \"\(flags)\" -- \"$current\"))\n"
            if operands.isEmpty {
                text += "            else COMPREPLY=($(compgen -f -- \"$current\")); fi ;;\n"
            } else {
                text += "            else COMPREPLY=($(compgen -W \"\(operands.joined(separator: " "))\" -- \"$current\")); fi ;;\n"
            }
        }
        return text + "    esac\n}\ncomplete -o filenames -F _\(program) \(program)\n"
    }

    private static func bashAction(_ kind: ValueKind) -> String? {
        switch kind {
        case .flag: nil
        case .choice(let words): "COMPREPLY=($(compgen -W \"\(words.joined(separator: " "))\" -- \"$current\"))"
        case .file: "COMPREPLY=($(compgen -f -- \"$current\"))"
        case .directory: "COMPREPLY=($(compgen -d -- \"$current\"))"
        case .text, .possiblyEmptyText, .sql, .address, .server, .integer, .milliseconds, .bytes, .definition, .countOrShare: "COMPREPLY=()"
        }
    }

    // MARK: zsh

    private static var zsh: String {
        var text = """
            #compdef \(program)
            # zsh completion for \(program); put it into a file named _\(program) in your $fpath
            _\(program)() {
                local -a commands=(\(CommandTable.commands.map { "'\($0.name.rawValue):\(zshText($0.summary))'" }.joined(separator: " ")))
                local command=shell
                if (( CURRENT == 2 )) && [[ "$words[2]" != -* ]]; then _describe command commands; return; fi
                if (( ${+commands[(r)$words[2]:*]} )); then command="$words[2]"; shift words; (( CURRENT-- )); fi
                case "$command" in

            """
        for spec in CommandTable.commands {
            text += "        \(spec.name.rawValue)) _arguments"
            for option in spec.allOptions { text += " \\\n            \(zshSpec(option))" }
            for (index, operand) in spec.operands.enumerated() {
                let place = operand.count.upperBound > 1 ? "*" : "\(index + 1)"
                text += " \\\n            '\(place):\(operand.name.lowercased()):\(zshAction(operand.kind))'"
            }
            text += " ;;\n"
        }
        return text + "    esac\n}\n_\(program) \"$@\"\n"
    }

    private static func zshSpec(_ option: OptionSpec) -> String {
        let value = option.kind == .flag ? "" : ":\(option.kind.placeholder.lowercased()):\(zshAction(option.kind))"
        let body = "[\(zshText(option.help))]" + zshValue(value)
        let repeats = option.repeats ? "*" : ""
        let long = "'\(repeats)--\(option.name.rawValue)\(body)'"
        return option.short.map { "'\(repeats)-\($0)\(body)' " + long } ?? long
    }

    /// A colon inside the placeholder would end it.
    private static func zshValue(_ text: String) -> String {
        text.hasPrefix(":host:port:") ? ":address:" : text
    }

    private static func zshAction(_ kind: ValueKind) -> String {
        switch kind {
        case .choice(let words): "(\(words.joined(separator: " ")))"
        case .file: "_files"
        case .directory: "_files -/"
        default: ""
        }
    }

    private static func zshText(_ text: String) -> String {
        String(text.map { $0 == "'" || $0 == "[" || $0 == "]" || $0 == ":" ? " " : $0 })
    }

    // MARK: fish

    private static var fish: String {
        let all = CommandName.allCases.map(\.rawValue).joined(separator: " ")
        var text = "# fish completion for \(program); put it into ~/.config/fish/completions/\(program).fish\n"
        for spec in CommandTable.commands {
            text += "complete -c \(program) -n 'not __fish_seen_subcommand_from \(all)' -f -a \(spec.name.rawValue)"
            text += " -d '\(fishText(spec.summary))'\n"
        }
        for spec in CommandTable.commands {
            let seen = "__fish_seen_subcommand_from \(spec.name.rawValue)"
            let condition = spec.name == .shell ? "\(seen); or not __fish_seen_subcommand_from \(all)" : seen
            for option in spec.allOptions {
                let short = option.short.map { " -s \($0)" } ?? ""
                text += "complete -c \(program) -n '\(condition)'\(short) -l \(option.name.rawValue)\(fishValue(option.kind))"
                text += " -d '\(fishText(option.help))'\n"
            }
            for operand in spec.operands {
                if let words = choices(operand.kind) {
                    text += "complete -c \(program) -n '\(condition)' -f -a '\(words.joined(separator: " "))'\n"
                }
            }
        }
        return text
    }

    private static func fishValue(_ kind: ValueKind) -> String {
        switch kind {
        case .flag: ""
        case .choice(let words): " -x -a '\(words.joined(separator: " "))'"
        case .file, .directory: " -r"
        case .text, .possiblyEmptyText, .sql, .address, .server, .integer, .milliseconds, .bytes, .definition, .countOrShare: " -x"
        }
    }

    private static func fishText(_ text: String) -> String {
        text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "\\'")
    }
}
