// What `help` and `\h STATEMENT` show: the commands of the shell, and of each statement its form and an example.

import Diagnostics
import Pages

/// The form of a statement and an example of it.
package struct StatementHelp {
    /// The words that it begins with.
    package let name: String
    /// Its syntax, in several lines where it has several forms.
    package let form: String
    /// Statements that can be carried out as they stand.
    package let example: String

    /// The page about statements, as Markdown.
    package static var reference: String {
        "# Statements\n\nThe form of each statement with an example, as `\\h STATEMENT` shows it in the shell; `grammar/sql.ebnf` has all of the grammar.\n"
            + (all + ShowHelp.all).map { "\n## \($0.name)\n\n```\n\($0.form)\n```\n\n```\n\($0.example)\n```\n" }.joined()
    }

    /// What there is to say about a statement or a topic, in lines of so many cells; a list of both where there is none of that name.
    static func text(about topic: String, width: Int) -> String {
        let found = about(topic)
        if !found.isEmpty { return found.map { "\($0.form)\n\nfor example\n\n\($0.example)" }.joined(separator: "\n\n") }
        if let page = Page.about(topic) { return String(page.rendered(width: width).dropLast()) }
        // `\h DROP STREAM visits` is about the statement, whatever stands behind its words.
        let words = topic.split(separator: " ")
        for count in stride(from: words.count - 1, to: 0, by: -1) {
            let start = words.prefix(count).joined(separator: " ")
            if !about(start).isEmpty { return text(about: start, width: width) }
        }
        let topics = Page.all.map { $0.topic.uppercased() }
        let near = closestMatch(to: topic, among: (all + ShowHelp.all).map(\.name) + topics).map { " Did you mean \($0)?" } ?? ""
        return "There is no help about \(topic.prefix(60)).\(near)\nThere is about: " + all.map(\.name).joined(separator: ", ")
            + ";\nand pages: " + Page.all.map(\.topic).joined(separator: ", ")
    }

    /// The statements of this name, or that begin with these words: `DROP` is several. None where there is no such statement.
    package static func about(_ topic: String) -> [StatementHelp] {
        let topic = topic.hasPrefix("LIST") ? "SHOW" + topic.dropFirst(4) : topic
        let exact = (all + ShowHelp.all).filter { $0.name == topic || $0.name + " EXTENDED" == topic }
        return exact.isEmpty ? all.filter { $0.name.hasPrefix(topic + " ") } : exact
    }

    /// All statements, in the order of the page.
    package static let all = StatementHelp.definitions + StatementHelp.ofRows + StatementHelp.ofServer

    /// The commands of the shell.
    static let commands = """
        Statements end with ; and may span lines. Ctrl-C stops a running query, Ctrl-D
        leaves, Tab completes, Ctrl-R searches the history. \\h STATEMENT shows its form.

        A first stream, a row in it, and what is there:
          CREATE STREAM s (id INT KEY, name VARCHAR)
            WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');
          INSERT INTO s VALUES (1, 'ann');
          SELECT * FROM s;                what is there now
          SELECT * FROM s EMIT CHANGES;   rows as they arrive

        What there is (+ for more, patterns with * and ?)
          \\d[+] [NAME|PATTERN]     streams, tables and views, or one of them
          \\ds \\dt \\dv \\dq \\dT \\dS  streams, tables, views, queries, topics, system tables
          \\df [NAME|PATTERN]       functions
          \\conninfo, server [HOST:PORT], version
        Statements
          \\g [FILE], \\gx           carry out the statement, or the last one again
          \\watch [SECONDS]         repeat the statement before it, or the last one
          \\live [SELECT …]         draw its answer in place, again and again; q ends
          \\e [FILE]                edit it with $EDITOR
          \\p, \\r                   show, or forget, what is typed so far
          \\s, history              earlier entries
        Results
          output [FORM], \\pset format FORM
                                   table, vertical, csv, tsv, json, ndjson, markdown
          \\x [on|off|auto]         a line for each value
          \\pset null TEXT          what stands for NULL
          \\pset pager on|off       long results through $PAGER
          \\timing                  rows and time of answers
          \\o [FILE]                results into a file
          spool 'FILE', spool off  a copy of everything
        Files and the system
          \\i FILE, run script 'FILE'
          \\copy SOURCE FROM FILE, \\copy SOURCE TO FILE
          \\! COMMAND, clear
        help TOPIC shows a page: help tutorial, help functions, help operations ...
        Variables: \\set NAME VALUE, \\unset NAME; ${NAME} in a statement
        exit or \\q leaves.
        """
}
