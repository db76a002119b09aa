#!/usr/bin/env python3
"""Uses a server through the client for Python that is among the examples, as PEP 249 describes it.

  python_client.py MILLRACE CLIENT_FOLDER
"""
import datetime, decimal, sys, tempfile

sys.dont_write_bytecode = True
from serving import Server

sys.path.insert(0, sys.argv[2])
import millrace

CREATE = """CREATE STREAM s (id INT KEY, name VARCHAR, x DOUBLE, de DECIMAL(20,5), b BOOLEAN, ts TIMESTAMP, d DATE, t TIME, raw BYTES,
  a ARRAY<DOUBLE>, m MAP<VARCHAR, INT>, big BIGINT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1)"""
ROW = (
    1, "it's ? ☕ \\", 0.1, decimal.Decimal("12345678901234.50000"), True, datetime.datetime(2024, 2, 29, 1, 2, 3, 4000),
    datetime.date(2024, 1, 2), datetime.time(10, 11, 12), b"\0\xffx", [1.5, -2.0], {"a": 1}, 2**60,
)


def same(found, wanted, what):
    if found != wanted:
        sys.exit("%s: %r instead of %r" % (what, found, wanted))


def refused(kind, code, call, *arguments):
    try:
        call(*arguments)
    except kind as error:
        return same(error.code, code, "the code of %s" % error)
    sys.exit("%r is not refused" % (arguments,))


def use(address):
    with millrace.connect(address) as connection:
        cursor = connection.cursor()
        cursor.execute(CREATE)
        same((cursor.description, cursor.rowcount), (None, -1), "a statement without rows")
        cursor.execute("INSERT INTO s VALUES (" + ", ".join("?" * len(ROW)) + ")", ROW)
        cursor.execute("SELECT * FROM s -- ? is no parameter")
        same(cursor.fetchall(), [ROW], "a row of all types")
        same([column[0] for column in cursor.description][:3], ["ID", "NAME", "X"], "names")
        same((cursor.description[3][1] == millrace.NUMBER, cursor.description[5][1] == millrace.DATETIME), (True, True), "types")
        same(cursor.rowcount, 1, "the number of rows")

        report = connection.load("s", [{"ID": 2, "TS": ROW[5], "DE": ROW[3], "RAW": ROW[8], "D": ROW[6], "T": ROW[7]}])
        same(report["rows"], 1, "loaded rows")
        connection.load("s", [(3, "c"), (4, "d")], columns=["ID", "NAME"])
        cursor.execute("SELECT ts, de, raw, d, t, name FROM s WHERE id = ?", (2,))
        same(cursor.fetchone(), (ROW[5], ROW[3], ROW[8], ROW[6], ROW[7], None), "a loaded row")
        same((cursor.fetchone(), cursor.fetchmany()), (None, []), "the end")
        cursor.executemany("INSERT INTO s (id, name) VALUES (?, ?)", [(5, None), (6, "f")])
        same(cursor.rowcount, 2, "inserted rows")
        cursor.execute("CREATE TABLE prices (item VARCHAR PRIMARY KEY, price INT)")
        for statement, rows in [("INSERT INTO prices VALUES ('pen', 1), ('ink', 2)", 2), ("UPDATE prices SET price = 3 WHERE item = 'pen'", 1),
                                ("UPDATE prices SET price = 3 WHERE item = 'cup'", 0), ("DELETE FROM prices", 2)]:
            cursor.execute(statement)
            same(cursor.rowcount, rows, statement)
        cursor.execute("SELECT COUNT(*) FROM s")
        same(cursor.fetchall(), [(6,)], "all rows")

        refused(millrace.ProgrammingError, "42601", cursor.execute, "SELEC 1")
        refused(millrace.ProgrammingError, "", cursor.execute, "SELECT ?", ())
        refused(millrace.DataError, "22000", connection.load, "s", [{"ID": "x"}])
        refused(millrace.NotSupportedError, "0A000", connection.rollback)
        connection.commit()

        cursor.execute("SET 'auto.offset.reset' = 'earliest'")
        changes = connection.cursor().execute("SELECT id FROM s EMIT CHANGES")
        same([changes.fetchone() for _ in range(6)], [(number,) for number in range(1, 7)], "a query that goes on")
        # Requests of one connection run side by side.
        cursor.execute("INSERT INTO s (id) VALUES (7)")
        same(changes.fetchone(), (7,), "a row that came while the query ran")
        changes.cancel()
        refused(millrace.OperationalError, "57014", changes.fetchone)
    refused(millrace.OperationalError, "08006", cursor.execute, "SHOW TABLES")
    refused(millrace.OperationalError, "08001", millrace.connect, "127.0.0.1:1")


def outlive(folder):
    """A query over a stream goes on behind its last row when the server was killed, and when it was ended, and started anew."""
    server = Server(sys.argv[1], folder + "/data")
    port = server.port
    address = "127.0.0.1:%d" % port
    try:
        with millrace.connect(address) as connection:
            connection.cursor().execute("CREATE STREAM e (v INT) WITH (KAFKA_TOPIC='e', VALUE_FORMAT='JSON', PARTITIONS=3)")
            connection.cursor().execute("SET 'auto.offset.reset' = 'earliest'")
            rows = connection.cursor().execute("SELECT v FROM e WHERE v >= 0 EMIT CHANGES LIMIT 400")
            other = connection.cursor().execute("SELECT v, COUNT(*) FROM e GROUP BY v EMIT CHANGES")
            seen = []
            for turn in range(4):
                with millrace.connect(address) as writer:
                    writer.load("e", [{"V": turn * 100 + number} for number in range(100)])
                # Not all of them: the connection ends while rows are on their way.
                seen += [rows.fetchone()[0] for _ in range(100 if turn == 3 else 70)]
                if turn < 3:
                    server.process.kill() if turn % 2 else server.process.terminate()
                    server.process.wait()
                    server = Server(sys.argv[1], folder + "/data", port=port)
            seen += [v for v, in rows]
            same(sorted(seen), list(range(400)), "all rows, each once")
            same((rows.summary["message"], any("goes on behind" in str(message) for _, message in rows.messages)), ("Limit Reached", True), "the end")
            # What keeps state has no place to go on from.
            try:
                while other.fetchone():
                    pass
                sys.exit("a query with state goes on")
            except millrace.OperationalError as error:
                same(error.code in ("08006", "57P01"), True, "a query with state ends")
            cursor = connection.cursor().execute("SELECT COUNT(*) FROM e")
            same(cursor.fetchall(), [(400,)], "the next statement")
    finally:
        server.process.kill()
        server.process.wait()


def main():
    with tempfile.TemporaryDirectory() as folder:
        outlive(folder)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(sys.argv[1], folder + "/data")
        try:
            use("127.0.0.1:%d" % server.port)
        finally:
            server.process.terminate()
            server.process.wait()
    print("ok")


main()
