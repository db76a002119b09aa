import CommandLineTable
import Foundation
import Testing

@Suite struct CompletionTests {
    @Test(arguments: ["bash", "zsh", "fish"])
    func everyCommandAndFlagIsThere(shell: String) throws {
        let script = try #require(CompletionScript.script(for: shell))
        for command in CommandTable.commands {
            #expect(script.contains(command.name.rawValue))
            for option in command.options {
                #expect(script.contains(shell == "fish" ? "-l \(option.name.rawValue)" : "--\(option.name.rawValue)"))
            }
        }
    }

    @Test func otherShellsHaveNone() { #expect(CompletionScript.script(for: "csh") == nil) }

    /// Runs a shell over a script; nil where the shell is not installed.
    private func output(_ shell: String, _ arguments: [String], input: String) throws -> (status: Int32, text: String)? {
        guard let path = ["/bin/\(shell)", "/usr/bin/\(shell)"].first(where: FileManager.default.isExecutableFile) else { return nil }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        let (stdin, stdout) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput, process.standardError) = (stdin, stdout, stdout)
        try process.run()
        stdin.fileHandleForWriting.write(Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        let text = String(decoding: stdout.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func shellsReadTheirScript(shell: String) throws {
        let script = try #require(CompletionScript.script(for: shell))
        guard let result = try output(shell, ["-n"], input: script) else { return }
        #expect(result.status == 0, "\(result.text)")
    }

    private func bashCompletes(_ words: [String]) throws -> [String]? {
        let script = try #require(CompletionScript.script(for: "bash"))
        let quoted = words.map { "'\($0)'" }.joined(separator: " ")
        let run = "\(script)\nCOMP_WORDS=(\(quoted)); COMP_CWORD=\(words.count - 1); _millrace; printf '%s\\n' \"${COMPREPLY[@]}\""
        return try output("bash", ["--norc"], input: run).map { $0.text.split(separator: "\n").map(String.init) }
    }

    @Test func bashCompletesWhatIsMeant() throws {
        guard let commands = try bashCompletes(["millrace", "s"]) else { return }
        #expect(commands == ["shell", "serve"])
        #expect(try bashCompletes(["millrace", "serve", "--du"]) == ["--durability"])
        #expect(try bashCompletes(["millrace", "serve", "--durability", ""]) == ["fsync", "os"])
        #expect(try bashCompletes(["millrace", "topics", "v"]) == ["verify"])
        #expect(try bashCompletes(["millrace", "--out"]) == ["--output"])
        #expect(try bashCompletes(["millrace", "load", "s", "--format", "c"]) == ["csv"])
    }
}
