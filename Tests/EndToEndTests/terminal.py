#!/usr/bin/env python3
"""Uses the shell on a pseudo-terminal as a person would: types, completes, interrupts, looks back, leaves.

  terminal.py MILLRACE
"""
import fcntl, re, select, os, struct, sys, tempfile, termios

sys.dont_write_bytecode = True
from pseudo_terminal import Terminal

millrace = sys.argv[1]
home = tempfile.mkdtemp()


def shell_of(*arguments):
    return Terminal([millrace, *arguments], home)


shell = shell_of()
shell.expect(r"millrace> ", "the prompt")
shell.type("CREATE STREAM visits (id INT KEY, page VARCHAR)\n")
shell.expect(r"\.\.\. ", "the continuation prompt")
shell.type("  WITH (KAFKA_TOPIC='visits', VALUE_FORMAT='JSON');\n")
shell.expect(r"Stream created", "a statement over two lines")
shell.expect(r"millrace> ", "the prompt")
shell.type("INSERT INTO visits VALUES (1, 'a;b');\n")
shell.expect(r"1 row inserted", "a semicolon in quotes")
shell.command("SELECT * FROM vis\t;\n")
shell.expect(r"\| +1 \| a;b", "Tab completes a source, the row comes back")
shell.expect(r"millrace> ", "the prompt")

shell.type("INSERT INTO visits VALUES (2, 'Zürich 日本');\n")
shell.expect(r"1 row inserted", "letters outside ASCII")
shell.type("SELECT page FROM visits WHERE id = 2;\n")
shell.expect(r"\| Zürich 日本", "they are stored as they were typed, in any locale")
shell.expect(r"millrace> ", "the prompt")

shell.type("SELEC 1;\n")
shell.expect(r"SELEC 1;\s+\|? *\^", "an error with its line and a caret")
shell.expect(r"millrace> ", "the prompt")
shell.type("SELECT * FROM visit;\n")
shell.expect(r"[Dd]id you mean VISITS", "a name nearly right")

shell.type("SELECT * FROM visits EMIT CHANGES;\n")
shell.expect(r"PAGE", "the head of a push query")
shell.type("\x03")
shell.expect(r"cancelled", "Ctrl-C ends the query")
shell.expect(r"millrace> ", "Ctrl-C does not end the shell")
shell.type("SELECT * FROM visits EMIT CHANGES;\n")
shell.expect(r"PAGE", "the head of a push query")
shell.type("SELECT 7 AS ahead;\n\x03")
shell.expect(r"AHEAD", "what was typed ahead is carried out behind the Ctrl-C that ends a query")
shell.expect(r"millrace> ", "the prompt")
shell.type("SELECT 8 AS again;\n")
shell.expect(r"\| +8 \|", "a statement")
shell.command("\\watch 0.01\n")
shell.expect(r"\| +8 \|", "it is repeated")
shell.expect(r"\| +8 \|", "again and again")
shell.type("\x03")
shell.expect(r"millrace> ", "one Ctrl-C ends \\watch, wherever it comes")
shell.type("SELECT forgotten\x03")
shell.expect(r"millrace> ", "Ctrl-C forgets a line")
# A prompt that comes again and again shows only while nobody types: this one wait is for something that must not happen.
if select.select([shell.fd], [], [], 0.2)[0]:
    sys.exit("one Ctrl-C interrupts more than one prompt: %r" % os.read(shell.fd, 200))

shell.type("spool '%s/spooled.txt'\n" % home)
shell.expect(r"spooling to", "a spool begins")
shell.type("SHOW TABLES;\n")
shell.expect(r"Table Name", "an answer while spooling")
shell.expect(r"millrace> ", "the prompt")
spooled = open(home + "/spooled.txt").read()
if "SHOW TABLES;" not in spooled or "Table Name" not in spooled:
    sys.exit("the spool lacks what was shown: %r" % spooled)
shell.type("spool off\n")
shell.expect(r"wrote ", "a spool ends")

shell.type("SHOW PROPERTIES;\n")
shell.expect(r"auto.offset.reset", "a setting")
shell.expect(r"millrace> ", "the prompt")
shell.command("SET 'auto.offset.reset' = 'e\t;\n")
shell.expect(r"to 'earliest'", "Tab completes the value of a setting")
shell.command("SET 'ksql.lambdas.enabled' = 'f\t;\n")
shell.expect(r"to 'false'", "Tab completes true and false")
shell.type("\\h SHOW WATERMARKS\n")
shell.expect(r"how far the time of windows has come", "help for a listing")
shell.type("\\live SELECT COUNT(*) AS n FROM visits;\n")
shell.expect(r"\| +2 \|", "a table is drawn")
shell.expect(r"q ends", "and says how it ends")
shell.expect(r"\x1b\[H[\s\S]*?\| +2 \|", "it is drawn again in place")
shell.type("q")
shell.expect(r"millrace> ", "q ends it")
shell.type("\\live\n")
shell.expect(r"q ends", "the same again")
shell.type("\x03")
shell.expect(r"millrace> ", "Ctrl-C ends it as well")
shell.type("\\q now\n")
shell.expect(r"stands behind it", "\\q with more behind it does not leave")
shell.type("output vertical\n")
shell.expect(r"output is vertical", "a command of the shell")
shell.type("SELECT * FROM visits;\n")
shell.expect(r"ID +\| 1", "the vertical form")
shell.type("history\n")
shell.expect(r"CREATE STREAM visits", "the history has the statement of two lines")
shell.leave("exit\n", "exit leaves")

again = shell_of("-c", "SHOW TABLES;")
again.expect(r"Table Name", "-c runs a statement")
again.leave("", "-c ends by itself")
script = shell_of("run", "-c", "CREATE STREAM s (a INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON'); SELECT * FROM s EMIT CHANGES;")
script.expect(r"\| +A ", "a script's push query")
script.leave("\x03", "Ctrl-C ends a script", status=130)
third = shell_of()
third.expect(r"millrace> ", "the prompt")
third.command("\x12visits EMIT\n")
third.expect(r"SELECT \* FROM visits EMIT CHANGES;", "Ctrl-R searches the history of an earlier session")
third.expect(r"millrace> ", "the found line was carried out")
third.leave("\x04", "Ctrl-D leaves")

# A terminal says what size it likes. The editor would have a picture of 32 GiB of it.
vast = shell_of()
vast.expect(r"millrace> ", "the prompt")
fcntl.ioctl(vast.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 65535, 65535, 0, 0))
for _ in range(2):
    vast.type("SHOW TABLES;\n")
    vast.expect(r"Table Name", "a vast terminal")
    vast.expect(r"millrace> ", "the prompt on a vast terminal")
resident = int(re.search(r"VmHWM:\s+(\d+)", open("/proc/%d/status" % vast.pid).read()).group(1))
if resident > 300 << 10:
    sys.exit("a vast terminal costs %d KiB" % resident)
vast.type("\x03")
vast.expect(r"millrace> ", "Ctrl-C on a vast terminal")
fcntl.ioctl(vast.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
vast.type("SHOW TABLES;\n")
vast.expect(r"Table Name", "a terminal that has shrunk")
vast.expect(r"millrace> ", "the prompt on a terminal that has shrunk")
vast.leave("exit\n", "exit leaves")
print("ok")
