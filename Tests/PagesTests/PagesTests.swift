// The reference pages: those that the program's tables write are as the tables are, and all of them fit a terminal.

import CommandLineTable
import Diagnostics
import Foundation
import Functions
import Pages
import Sessions
import Shell
import Syntax
import TestSupport
import Testing

private let folder = Surroundings.root + "/Sources/Documentation.docc"

/// The pages that are written by the program. `MILLRACE_UPDATE_GOLDEN=1 swift test --filter PagesTests` writes them; a build puts them into the
/// program.
@Test(arguments: [
    ("Statements", StatementHelp.reference), ("Functions", FunctionTable.builtIn.reference), ("Settings", HelpText.settingReference),
    ("Codes", ErrorCode.reference), ("CommandLine", HelpText.commandReference),
])
func theTablesWriteTheirPages(file: String, text: String) throws {
    let path = "\(folder)/\(file).md"
    if Surroundings.updatesGolden { try text.write(toFile: path, atomically: true, encoding: .utf8) }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == text, "\(file).md is older than the program: write it with MILLRACE_UPDATE_GOLDEN=1")
}

/// What stands as an example on the page of statements is one, and the grammar's statements about sources and rows are on the page.
@Test func examplesOfStatementsAreStatements() throws {
    var options = ParserOptions()
    options.acceptsRunScript = true
    options.acceptsTestAssertions = true
    for help in StatementHelp.all {
        #expect(throws: Never.self, "\(help.name)") { try parse(help.example, options: options) }
        #expect(help.name.split(separator: " ").allSatisfy { help.form.contains($0) }, "\(help.name)")
    }
    let grammar = try String(contentsOfFile: Surroundings.root + "/grammar/sql.ebnf", encoding: .utf8)
    let names = Set(StatementHelp.all.flatMap { $0.form.split { !$0.isLetter } }.map(String.init))
    let verbs = ["CREATE", "DROP", "ALTER", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "SELECT", "COMMENT", "ASSERT", "EXPLAIN", "PRINT", "DEFINE"]
    for word in verbs { #expect(grammar.contains("= '\(word)'"), "\(word) is no statement of the grammar") }
    for word in verbs { #expect(names.contains(word), "\(word) has no help") }
}

/// Every page of the folder is in the program as it is there, and on the first page.
@Test func everyPageIsInTheProgram() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".md") && $0 != "Documentation.md" }
    #expect(Set(files) == Set(Page.all.map { $0.file + ".md" }))
    let first = try String(contentsOfFile: folder + "/Documentation.md", encoding: .utf8)
    for page in Page.all {
        let text = try String(contentsOfFile: "\(folder)/\(page.file).md", encoding: .utf8)
        #expect(Surroundings.updatesGolden || text == page.text, "\(page.file) has changed since the last build")
        #expect(first.contains("<doc:\(page.file)>"), "Documentation.md does not name \(page.file)")
        #expect(!page.title.isEmpty && page.summary.count > 20 && Page.about(page.topic) == page)
        #expect(HelpText.overview.contains(page.topic), "millrace help does not name \(page.topic)")
    }
}

@Test(arguments: [60, 80, 120])
func pagesFitTheTerminal(width: Int) {
    for page in Page.all {
        for line in page.rendered(width: width).split(separator: "\n") where !line.hasPrefix("    ") {
            // A word that is wider stands alone.
            #expect(displayWidth(line) <= width || !line.contains(" "), "\(page.topic): \(line)")
        }
    }
}

@Test func markdownIsDrawn() {
    let page = Page(
        topic: "t", file: "T",
        text: """
            # A title

            One `code` word, **bold**, and
            more of the paragraph.

            ## Part

            - an item that is longer than one line has
            - another

            | a | b |
            |---|---|
            | `x\\|y` | what it is, at some length |

            | first | second |
            |---|---|
            | a_word_that_is_long | another_long_word |

            ```sql
            SELECT 1;
            ```
            """)
    #expect(
        page.rendered(width: 30) == """
            A TITLE

            One code word, bold, and more
            of the paragraph.

            Part
            ----

            - an item that is longer than
              one line has
            - another

            a    b
            x|y  what it is, at some
                 length

            a_word_that_is_long
                second: another_long_word

                SELECT 1;

            """)
}

@Test func topicsAreFoundAsTheyAreTyped() throws {
    #expect(Page.about("FROM-KSQLDB")?.file == "FromKsqlDB" && Page.about("commandline")?.topic == "command-line" && Page.about("nothing") == nil)
    guard case .page(let page) = try parseCommandLine(["help", "tutorial"]) else { return #expect(Bool(false)) }
    #expect(page.topic == "tutorial")
    let unknown = #expect(throws: Diagnostic.self) { try parseCommandLine(["help", "tutorail"]) }
    #expect(unknown?.hint == "Did you mean tutorial?")
}

/// The page for man names every command and flag, and each line that begins with a dot is a request of man(7).
@Test func thePageForManIsOne() throws {
    guard case .help(let text) = try parseCommandLine(["help", "--man"]) else { return #expect(Bool(false)) }
    for command in CommandTable.commands {
        for option in command.allOptions { #expect(text.contains("\\-\\-" + option.name.rawValue.replacing("-", with: "\\-"))) }
    }
    let requests: Set = [".TH", ".SH", ".SS", ".TP", ".B", ".BR", ".I", ".br"]
    for line in text.split(separator: "\n") where line.hasPrefix(".") {
        #expect(requests.contains(String(line.prefix { $0 != " " })), "\(line)")
    }
}

/// The version stands in one place; the list of changes begins with it.
@Test func theListOfChangesBeginsWithTheVersion() throws {
    let changes = try #require(Page.about("changelog")).text
    let newest = try #require(changes.split(separator: "\n").first { $0.hasPrefix("## ") })
    #expect(newest == "## \(productVersion)")
    #expect(productVersion.split(separator: ".").compactMap { Int($0) }.count == 3)
}
