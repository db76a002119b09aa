#!/usr/bin/env python3
"""Uses the shell on terminals of 60, 80 and 140 columns as people do who know other shells: pastes, completes, looks around, makes mistakes,
and has its server started anew.

  shell.py MILLRACE
"""
import os, re, signal, subprocess, sys, tempfile

sys.dont_write_bytecode = True
from pseudo_terminal import Terminal

millrace = sys.argv[1]
folder = tempfile.mkdtemp()
PROMPT = r"millrace> $"
CREATE = """CREATE STREAM quakes (id INT KEY, mag DOUBLE, place VARCHAR, kind VARCHAR, net VARCHAR, felt BIGINT, tsunami BOOLEAN, happened TIMESTAMP)
  WITH (KAFKA_TOPIC='quakes', VALUE_FORMAT='JSON', PARTITIONS=1);"""
INSERT = """INSERT INTO quakes VALUES (1, 0.31, '37km NNE of Zürich ☕ 東京 and a long way from there', 'earthquake', 'uw', 123456789012, false,
  '2018-01-31T20:00:00');"""


def check(condition, what, seen=""):
    if not condition:
        sys.exit("%s: %r" % (what, seen))


class Shell(Terminal):
    def __init__(self, columns, *arguments, **variables):
        super().__init__([millrace, *arguments], folder, columns, 40, **variables)
        self.until(PROMPT, "the first prompt")

    def paste(self, text):
        """As terminals send what is pasted to programs that have asked for marks around it."""
        self.command("\x1b[200~" + text.replace("\n", "\r") + "\x1b[201~")
        self.command("\n")

    def answer(self, text, what):
        self.paste(text)
        return self.carried_out(what)

    def carried_out(self, what):
        """What is shown between Enter and the next prompt."""
        self.until("\x1b\\[\\?2004l", what)
        return self.until(PROMPT, what).replace("\x1b[?2004h", "")


def width(line):
    """Cells of the terminal that a line of the tests takes."""
    return sum(2 if character in "☕東京" else 1 for character in line)


for columns in 60, 80, 140:
    shell = Shell(columns)
    seen = shell.answer(CREATE, "a stream")
    check("Stream created" in seen, "a pasted statement of two lines", seen + "|" + shell.seen)
    check("1 row inserted" in shell.answer(INSERT, "a row"), "a pasted row")
    seen = shell.answer("SELECT * FROM quakes;", "a wide row")
    check(all(width(line) <= columns for line in seen.splitlines()), "%d columns are kept" % columns, seen)
    check("123456789012" in seen and "(1 row)" in seen and "37km" in seen, "numbers whole, texts readable, a count", seen)
    check(("-[ row 1 ]" in seen) == (columns < 140), "a row of many columns is expanded where it does not fit", seen)
    seen = shell.answer("SELECT place, felt FROM quakes;", "two columns")
    check("37km NNE of Zürich ☕ 東京" in seen and all(width(line) <= columns for line in seen.splitlines()), "wide characters", seen)
    borders = [line.rstrip() for line in seen.splitlines() if line.startswith(("+", "|"))]
    check(len({width(line) for line in borders}) == 1, "the right border is straight", seen)
    seen = shell.answer("SELECT id FROM quakes WHERE id > 7;", "nothing")
    check("(0 rows: 1 row of QUAKES read, and none is left)" in seen, "an empty answer says why", seen)
    seen = shell.answer("SELECT statsu FROM quakes WHERE place LIKE '%Alaska%' AND kind = 'earthquake' AND mag > 5.5 AND net = 'uw';", "a mistake")
    lines = seen.splitlines()
    check(all(width(line) <= columns for line in lines), "a mistake fits the terminal, its sentence broken between words", seen)
    check(any(line.startswith(" 1 | ") for line in lines), "the line of a mistake", seen)
    place = next((index for index, line in enumerate(lines) if line.lstrip(" |").startswith("^")), None)
    check(place and lines[place - 1][lines[place].index("^"):].startswith("statsu"), "the caret stands below the mistake", seen)
    seen = shell.answer("help", "help")
    check("CREATE STREAM" in seen and "INSERT INTO" in seen, "help has a first example", seen)
    shell.leave("\\q\n", "\\q leaves")

shell = Shell(80)
check("Stream created" in shell.answer(CREATE, "a stream"), "a stream")
check("1 row inserted" in shell.answer(INSERT, "a row"), "a row")
# A paste is one entry: its Tabs stay, and each of its lines is carried out after Enter.
seen = shell.answer("SELECT 'x\tuca\ty' AS b;\n\\echo between\nSELECT 'quoted;\n\\q' AS c;", "a paste")
check("x\\tuca\\ty" in seen and "between" in seen and "quoted;\\n\\q" in seen, "everything pasted is there", seen)
shell.command("\x1b[200~SELECT 'held' AS\rheld;\x1b[201~")
check("held   |" not in shell.until(r"held;", "the pasted text is shown"), "a paste waits for Enter")
shell.command("\n")
check("HELD" in shell.until(PROMPT, "then it is carried out"), "a held paste")
# What cannot be taken as it is, is told, and nothing is carried out.
for bad in b"SELECT 'a\xff' AS lost;\n", b"SELECT 'a\x00' AS lost;\n", b"\x1b[200~SELECT 'a\x07' AS lost;\x1b[201~\n":
    shell.command(bad)
    check("The entry is not carried out" in shell.until(PROMPT, "a loss"), "a loss is told", bad)
# Prompts show what is open.
for line, prompt in ("SELECT ('a", r"     '\.\.\. $"), ("b',", r"     \(\.\.\. $"), ("/* why", r"    /\*\.\.\. $"), ("*/ 1)", r"      \.\.\. $"):
    shell.command(line + "\n")
    shell.until(prompt, "the prompt behind %s" % line)
shell.command("exit\n")
shell.until(r"\\q leaves, \\r forgets", "exit in a statement says how to leave")
shell.until(r"\.\.\. $", "the statement is still open")
shell.command("\\r\n")
shell.until(PROMPT, "\\r forgets a statement")

# Completion: of statements, sources, columns, clauses, settings, formats, files; not in strings and comments.
open(folder + "/script.sql", "w").write("\\echo from a file\nSELECT 1 AS one;\n")
for line, wanted in (
    ("SEL\t* FROM qua\tWHE\tpla\tLIKE '%N%';", "37km"), ("des\tqua\t;", "TSUNAMI"), ("SELECT upp\t'lava') AS u;", "LAVA"), ("sho\tstr\t;", "Stream Name"),
    ("SET 'auto.off\t= 'earliest';", "auto.offset.reset"), ("\\i %s/scr\t" % folder, "from a file"), ("\\pset fo\tcs\t", "output is csv"),
    ("OUTPUT tab\t", "output is table"), ("\\d qua\t", "TSUNAMI"), ("\\h create str\t", "KAFKA_TOPIC"),
    ("help changel\t", "0.1.0"),
):
    shell.command(line + "\n")
    seen = shell.until(PROMPT, line)
    check(wanted in seen and "error" not in seen, "completion in %r" % line, seen)
shell.command("SELECT 'sel\tx' AS s; -- na\t\n")
check("| selx |" in shell.until(PROMPT, "no completion"), "nothing is completed in strings and comments")
shell.command("SELECT abs(\t")
shell.until(r"ABS\(DOUBLE val\)", "Tab behind a function shows its arguments")
shell.command("\x15")
# Words by Ctrl-Left, and keys that mean nothing here.
shell.command("SELECT 1 AS twox\x1b[1;5D\x1b[5~\x1b[6~\x1b[2~\x1b[15~one_\x05;\n")
check("ONE_TWOX" in shell.until(PROMPT, "keys"), "Ctrl-Left goes back by a word")

# What people type by habit.
for line, wanted in (
    ("\\d", "QUAKES"), ("\\ds q*", "(1 row)"), ("\\ds x*", "(0 rows)"), ("\\df *_LENGTH", "ARRAY_LENGTH"), ("\\d+ quakes", "quakes"),
    ("\\x on", "a line of its own"), ("SELECT id FROM quakes;", "ID | 1"), ("\\x auto", "fits"), ("\\pset null -", "NULL is shown as '-'"),
    ("SELECT CAST(NULL AS INT) AS n;", "| - |"), ("\\pset null null", "NULL"), ("SELECT 'null' AS n;", '| "null" |'),
    ("\\! echo from a shell", "from a shell"), ("\\conninfo", "in memory"), ("\\set who 'ann''s'", ""), ("\\l", "\\dT lists"), ("\\tming", "Did you mean \\timing?"),
    ("SELECT id FROM quakes\n\\g", "| ID |"), ("\\gx", "ID | 1"), ("\\o %s/result.txt" % folder, "result.txt"), ("SELECT id FROM quakes;", ""),
    ("\\o", "wrote"), ("\\copy quakes TO %s/out.csv" % folder, "wrote"), ("\\copy quakes FROM %s/out.csv" % folder, "1 record into quakes"),
    ("SELECT COUNT(*) AS n FROM quakes;", "| 2 |"), ("\\copy quakes FROM /nowhere", "cannot open"), ("\\watch 0", "\\watch takes"),
    ("server 127.0.0.1:1", "Connection refused"), ("help selec", "Did you mean SELECT?"), ("\\p", "SELECT COUNT"),
):
    shell.command(line + "\n")
    seen = shell.until(PROMPT, line)
    check(wanted in seen, "%r shows %r" % (line, wanted), seen)
check("| ID |" in open(folder + "/result.txt").read(), "\\o writes results into a file")
shell.command("SELECT 5 AS five;\n")
shell.until(PROMPT, "a statement")
shell.command("\\watch 0.01\n")
for _ in range(3):
    shell.until(r"Ctrl-C ends\)", "\\watch repeats and says when")
while not re.search(PROMPT, shell.seen):
    # Between two statements there is nothing that it would end.
    shell.type("\x03")
    shell.wait(PROMPT, "Ctrl-C ends \\watch")
shell.until(PROMPT, "Ctrl-C ends \\watch")
# The last one may have come late: it has been dealt with when a command that nothing ends has answered.
shell.command("\\echo calm\n")
shell.until(r"2004lcalm", "the shell is calm again")
shell.until(PROMPT, "the prompt behind it")
# A query that goes on says where it begins, and its end is no error.
shell.command("UNSET 'auto.offset.reset';\n")
shell.until(PROMPT, "the default")
shell.command("SELECT id FROM quakes EMIT CHANGES;\n")
shell.until(r"Rows from now on; SET 'auto.offset.reset'='earliest'; shows those that are\s+there", "a push query says where it begins")
shell.until(r"\| +ID", "its head")
shell.type("\x03")
seen = shell.until(PROMPT, "the end of a push query")
check("Query cancelled after 0 rows." in seen and "error" not in seen, "the end of a push query is no error", seen)
shell.leave("\x04", "Ctrl-D leaves")

# The last statement, edited by a program that makes another one of it.
shell = Shell(80, EDITOR="sed -i s/one/two/")
shell.answer("SELECT 1 AS one;", "a statement")
shell.command("\\e\n")
check("TWO" in shell.until(PROMPT, "\\e"), "\\e carries out what was edited")
shell.leave("\\q\n", "\\q leaves")

# A result that is taller than the terminal goes through a pager, and one that is not does not.
shell = Shell(80, PAGER="sed 's/^/paged: /'")
check("paged: " in shell.answer("SHOW FUNCTIONS;", "a tall result"), "a tall result is paged")
check("paged: " not in shell.answer("SHOW TABLES;", "a small result"), "a small result is not paged")
shell.leave("\\q\n", "\\q leaves")

# ~/.millracerc comes first. Two shells keep each other's history, in a file that nobody else may read.
open(folder + "/.millracerc", "w").write("\\x on\nDEFINE greeting = 'hello';\n")
first, second = Shell(80), Shell(80)
check("hello" in first.answer("SELECT '${greeting}' AS first_shell;", "the profile"), "the profile is carried out")
second.answer("SELECT 1 AS second_shell;", "another shell")
first.answer("SELECT 2 AS first_again;", "the first shell again")
second.leave("\\q\n", "leaves")
first.leave("\\q\n", "leaves")
third = Shell(80)
seen = third.answer("history", "history")
check(all(name in seen for name in ("first_shell", "second_shell", "first_again")), "the history of all shells", seen)
third.leave("\\q\n", "leaves")
check(os.stat(folder + "/.millrace-history").st_mode & 0o777 == 0o600, "nobody else reads the history")
os.remove(folder + "/.millracerc")


# A server that is started anew is talked to again.
def serve(address):
    server = subprocess.Popen(
        [millrace, "serve", "--data", folder + "/data", "--listen", address], stderr=subprocess.PIPE, text=True)
    for line in server.stderr:
        found = re.search(r"event=listening address=(\S+)", line)
        if found:
            return server, found.group(1)
    sys.exit("the server does not start")


server, address = serve("127.0.0.1:0")
shell = Shell(80, "--server", address)
check("created" in shell.answer("CREATE STREAM s (id INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');", "a stream"), "a stream")
server.send_signal(signal.SIGKILL)
server.wait()
seen = shell.answer("SHOW TABLES;", "without a server")
check("error" in seen, "the server is gone", seen)
server, _ = serve(address)
seen = shell.answer("DESCRIBE s;", "with a server again")
check("is there again" in seen and "| ID " in seen, "a server that is back is talked to", seen)
shell.leave("\\q\n", "leaves")
server.terminate()
server.communicate()
print("ok")
