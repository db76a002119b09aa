import CommandLineTable
import Diagnostics
import Settings
import Testing

@Suite struct ParsingTests {
    private func run(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) throws -> Invocation {
        guard case .run(let invocation) = try parseCommandLine(arguments) else {
            Issue.record("no invocation", sourceLocation: sourceLocation)
            return Invocation(command: .shell)
        }
        return invocation
    }

    private func mistake(_ arguments: String...) -> Diagnostic? {
        do throws(Diagnostic) {
            _ = try parseCommandLine(arguments)
            return nil
        } catch {
            return error
        }
    }

    @Test func noCommandMeansShell() throws {
        #expect(try run() == Invocation(command: .shell))
        #expect(try run("--data", "d").command == .shell)
        #expect(try run("shell").command == .shell)
        #expect(try run("-c", "SHOW STREAMS;", "-c", "x").all(.command) == [.text("SHOW STREAMS;"), .text("x")])
    }

    @Test func longFlagsInEverySpelling() throws {
        #expect(try run("serve", "--listen", "0.0.0.0:0", "--insecure")[.listen] == .address(NetworkAddress(host: "0.0.0.0", port: 0)))
        #expect(try run("serve", "--listen=[::1]:80")[.listen] == .address(NetworkAddress(host: "::1", port: 80)))
        #expect(try run("serve", "--dur=os")[.durability] == .text("os"))
        #expect(try run("run", "--output=csv", "f").operands == ["f"])
    }

    @Test func shortFlagsInEverySpelling() throws {
        #expect(try run("-cSELECT 1;")[.command] == .text("SELECT 1;"))
        #expect(try run("-f", "x.sql", "-d", "a=b", "-dc='d'").all(.define) == [.definition(name: "a", value: "b"), .definition(name: "c", value: "d")])
        #expect(try run("test", "-v", "p").isOn(.verbose))
    }

    @Test func operandsAnywhereAndBehindTwoDashes() throws {
        #expect(try run("run", "a.sql", "--output", "csv", "-", "--", "--odd").operands == ["a.sql", "-", "--odd"])
        #expect(try run("load", "s", "--format", "csv", "f").operands == ["s", "f"])
    }

    @Test func whatMayBeRepeatedKeepsItsOrder() throws {
        let texts = try run("run", "a.sql", "-c", "1;", "-fb.sql", "-c", "2;", "--", "-c").sequence.map { argument -> String in
            switch argument {
            case .option(let name, let value): "\(name) \(value.text ?? "")"
            case .operand(let path): path
            }
        }
        #expect(texts == ["a.sql", "command 1;", "file b.sql", "command 2;", "-c"])
    }

    @Test func flagsThatWouldChangeNothingAreRefused() {
        #expect(mistake("load", "s", "--server", "h", "--durability", "os")?.message.contains("--durability") == true)
        #expect(mistake("topics", "list", "--data", "d", "--limit", "3")?.message.contains("--limit") == true)
        #expect(mistake("topics", "list", "--data", "d", "--partition", "3")?.message.contains("--partition") == true)
        #expect(mistake("topics", "dump", "t", "--server", "h", "--partition", "3")?.message.contains("--partition") == true)
        #expect(mistake("topics", "list", "t", "--data", "d")?.hint == "topics describe t shows one.")
        #expect(mistake("run", "-d", "1a=2")?.message.contains("NAME=VALUE") == true)
    }

    @Test func defaults() throws {
        let serve = try run("serve")
        #expect(serve[.listen] == .address(NetworkAddress(host: "127.0.0.1", port: 6455)))
        #expect(serve[.data]?.text == "./millrace-data")
        #expect(serve[.durability]?.text == "fsync")
        #expect(serve[.threads] == nil && !serve.isOn(.insecure))
        let places = ["/run/m.sock", "./m.sock", "tls://h:1", "h:1"]
        #expect(try places.map { try run("--server", $0)[.server]?.address?.description } == places)
        #expect(try places.map { try run("--server", $0)[.server]?.address?.path } == [places[0], places[1], nil, nil])
        #expect(try run("--server", "host")[.server] == .address(NetworkAddress(host: "host", port: 6455)))
    }

    @Test func mistakesSayWhatWouldBeRight() {
        #expect(mistake("serv")?.hint == "Did you mean serve?")
        #expect(mistake("serve", "--lisen", "x")?.hint == "Did you mean --listen?")
        #expect(mistake("serve", "--l", "x")?.message == "--l could be --listen or --log-level")
        #expect(mistake("serve", "--threads", "0")?.message == "--threads takes a number from 1 to 1024, not 0")
        #expect(mistake("serve", "--threads")?.message == "--threads needs a value: --threads N")
        #expect(mistake("serve", "--insecure=yes")?.message == "--insecure takes no value")
        #expect(mistake("--server", "h:99999")?.message == "--server takes HOST:PORT with a port from 1 to 65535, not 'h:99999'")
        #expect(mistake("serve", "--listen", "/run/m.sock")?.message == "--listen takes HOST:PORT, not '/run/m.sock'; --socket PATH listens at a path")
        #expect(mistake("--server", "http://h:1")?.message == "--server takes HOST:PORT, tls://HOST:PORT or the path of a socket, not 'http://h:1'")
        #expect(mistake("--output", "xml")?.message == "--output takes one of table, vertical, csv, tsv, json, ndjson, markdown, not 'xml'")
        #expect(mistake("-x")?.message == "unknown flag '-x'")
        #expect(mistake("-d", "x")?.message == "-d takes NAME=VALUE with a name of letters, digits and _, not 'x'")
        #expect(mistake("load")?.message == "STREAM [FILE…] is missing")
        #expect(mistake("tail", "a", "b")?.message == "unexpected 'b'")
        #expect(mistake("topics", "lst")?.hint == "Did you mean list?")
        #expect(mistake("topics", "dump")?.message == "topics dump needs a TOPIC")
        #expect(mistake("completions", "csh")?.message == "unknown shell 'csh'")
        #expect(mistake("--data", "d", "--server", "h")?.message == "--data and --server exclude each other")
        #expect(mistake("help", "serv")?.hint == "Did you mean serve?")
        for arguments in [["serv"], ["-x"], ["load"]] {
            #expect(throws: Diagnostic.self) { try parseCommandLine(arguments) }
        }
        #expect(mistake("-x")?.code == .usage)
    }

    @Test func helpAndVersion() throws {
        #expect(try parseCommandLine(["--version"]) == .version)
        #expect(try parseCommandLine(["--help"]) == .help(HelpText.overview))
        #expect(try parseCommandLine(["help"]) == .help(HelpText.overview))
        for command in CommandTable.commands {
            let text = HelpText.command(command)
            #expect(try parseCommandLine([command.name.rawValue, "--help"]) == .help(text))
            #expect(try parseCommandLine(["help", command.name.rawValue]) == .help(text))
            for option in command.allOptions { #expect(text.contains("--\(option.name.rawValue)")) }
        }
        guard case .help(let text) = try parseCommandLine(["load", "-h"]) else { return #expect(Bool(false)) }
        #expect(text.contains("Usage: millrace load [FLAGS] STREAM [FILE…]"))
        #expect(text.contains("--format json|csv|tsv|line|avro"))
    }
}

@Suite struct CommandTableTests {
    @Test func everyCommandIsThereOnce() {
        #expect(CommandTable.commands.map(\.name.rawValue).sorted() == CommandName.allCases.map(\.rawValue).sorted())
        for name in CommandName.allCases { #expect(CommandTable[name].name == name) }
    }

    @Test func flagsOfACommandDoNotClash() {
        for command in CommandTable.commands {
            let names = command.allOptions.map(\.name)
            #expect(Set(names).count == names.count)
            let shorts = command.allOptions.compactMap(\.short)
            #expect(Set(shorts).count == shorts.count)
        }
    }

    @Test func defaultsAreValues() {
        for command in CommandTable.commands {
            let invocation = Invocation(command: command.name)
            for option in command.options { #expect((invocation[option.name] != nil) == (option.defaultText != nil), "\(option.name)") }
            for option in command.options { if let key = option.setting { #expect(SettingTable.entry(key)?.kind == option.kind, "\(key)") } }
        }
        for setting in SettingTable.entries {
            guard let text = setting.defaultText, !text.isEmpty else { continue }
            #expect(throws: Never.self) { try parseProperties("\(setting.name)=\(text)") }
        }
    }

    @Test func keysAndEnvironmentNamesAreUnique() {
        let keys = SettingTable.entries.map(\.name)
        #expect(Set(keys).count == keys.count)
        #expect(SettingTable.environmentName("millrace.log.level") == "MILLRACE_LOG_LEVEL")
        #expect(SettingTable.environmentName("commit.interval.ms") == "MILLRACE_COMMIT_INTERVAL_MS")
    }

    @Test func theReferenceNamesEverything() {
        let text = HelpText.commandReference + HelpText.settingReference
        for command in CommandTable.commands { for option in command.options { #expect(text.contains("--\(option.name.rawValue)")) } }
        for setting in SettingTable.entries where setting.isRead { #expect(text.contains("`\(setting.name)`")) }
    }
}
