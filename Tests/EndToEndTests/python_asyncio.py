#!/usr/bin/env python3
"""Uses a server through the client for asyncio that is among the examples.

  python_asyncio.py MILLRACE CLIENT_FOLDER
"""
import asyncio, datetime, decimal, sys, tempfile

sys.dont_write_bytecode = True
from serving import Server

sys.path.insert(0, sys.argv[2])
import millrace, millrace_asyncio

CREATE = """CREATE STREAM s (id INT KEY, name VARCHAR, de DECIMAL(20,5), ts TIMESTAMP, raw BYTES)
  WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1)"""
ROW = (1, "it's ? ☕", decimal.Decimal("12345678901234.50000"), datetime.datetime(2024, 2, 29, 1, 2, 3, 4000), b"\0\xffx")


def same(found, wanted, what):
    if found != wanted:
        sys.exit("%s: %r instead of %r" % (what, found, wanted))


async def refused(kind, code, awaitable):
    try:
        await awaitable
    except kind as error:
        return same(error.code, code, "the code of %s" % error)
    sys.exit("%s is not refused" % code)


async def pushes(connection):
    """How many push queries the server has."""
    cursor = await connection.execute("SELECT COUNT(*) FROM millrace.queries WHERE kind = 'PUSH'")
    return (await cursor.fetchone())[0]


async def use(address):
    async with await millrace_asyncio.connect(address) as connection:
        cursor = await connection.execute(CREATE)
        same(cursor.description, None, "a statement without rows")
        await cursor.execute("INSERT INTO s VALUES (?, ?, ?, ?, ?)", ROW)
        await cursor.execute("SELECT * FROM s -- ? is no parameter")
        same(await cursor.fetchall(), [ROW], "a row of all types")
        same([column[0] for column in cursor.description], ["ID", "NAME", "DE", "TS", "RAW"], "names")
        same((cursor.rowcount, await cursor.fetchone(), await cursor.fetchmany()), (1, None, []), "the end")
        same((await connection.load("s", [{"ID": 2, "NAME": "b", "TS": ROW[3]}]))["rows"], 1, "loaded rows")

        async def more():
            yield (3, "c")
            yield (4, "d")

        await connection.load("s", more(), columns=["ID", "NAME"])
        await refused(millrace.ProgrammingError, "42601", connection.execute("SELEC 1"))
        await refused(millrace.DataError, "22000", connection.load("s", [{"ID": "x"}]))

        await connection.execute("SET 'auto.offset.reset' = 'earliest'")
        async with await connection.execute("SELECT id FROM s EMIT CHANGES") as changes:
            same([await changes.fetchone() for _ in range(4)], [(1,), (2,), (3,), (4,)], "a query that goes on")
            # Others wait meanwhile, and requests run side by side.
            waiting = asyncio.ensure_future(changes.fetchone())
            await connection.execute("INSERT INTO s (id) VALUES (5)")
            same(await waiting, (5,), "a row that came while the query ran")
            await changes.cancel()
            await refused(millrace.OperationalError, "57014", changes.fetchone())
        async with await connection.execute("SELECT id FROM s EMIT CHANGES") as changes:
            async for row in changes:
                if row == (3,):
                    break
        while await pushes(connection):
            pass

        # A task that is cancelled ends its statement.
        async def watch():
            async for _ in await connection.execute("SELECT id FROM s EMIT CHANGES"):
                pass

        task = asyncio.ensure_future(watch())
        while not await pushes(connection):
            pass
        task.cancel()
        same(await asyncio.gather(task, return_exceptions=True) != [None], True, "a task that was cancelled")
        while await pushes(connection):
            pass
    await refused(millrace.OperationalError, "08006", cursor.execute("SHOW TABLES"))
    await refused(millrace.OperationalError, "08001", millrace_asyncio.connect("127.0.0.1:1"))


async def many(address):
    """More statements at once than a server takes over one connection; those that all go on for ever are refused."""
    async with await millrace_asyncio.connect(address) as connection:
        async def count(number):
            cursor = await connection.execute("SELECT ? + COUNT(*) FROM s", (number,))
            return (await cursor.fetchone())[0]

        first = await count(0)
        same(await asyncio.gather(*map(count, range(200))), [first + number for number in range(200)], "200 statements at once")
        endless = []
        try:
            while len(endless) < 100:
                endless.append(await connection.execute("SELECT id FROM s EMIT CHANGES"))
            sys.exit("100 queries that go on, over one connection")
        except millrace.OperationalError as error:
            same((error.code, len(endless) >= 60), ("53400", True), "the limit")


async def outlive(folder):
    """A query over a stream goes on behind its last row when the server was killed and started anew."""
    server = Server(sys.argv[1], folder + "/data")
    port = server.port
    address = "127.0.0.1:%d" % port
    try:
        async with await millrace_asyncio.connect(address) as connection:
            await connection.execute("CREATE STREAM e (v INT) WITH (KAFKA_TOPIC='e', VALUE_FORMAT='JSON', PARTITIONS=3)")
            await connection.execute("SET 'auto.offset.reset' = 'earliest'")
            rows = await connection.execute("SELECT v FROM e EMIT CHANGES LIMIT 200")
            seen = []
            for turn in range(2):
                async with await millrace_asyncio.connect(address) as writer:
                    await writer.load("e", [{"V": turn * 100 + number} for number in range(100)])
                seen += [(await rows.fetchone())[0] for _ in range(60)]
                if turn == 0:
                    server.process.kill()
                    server.process.wait()
                    server = Server(sys.argv[1], folder + "/data", port=port)
            seen += [v async for v, in rows]
            same(sorted(seen), list(range(200)), "all rows, each once")
    finally:
        server.process.kill()
        server.process.wait()


def main():
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(outlive(folder))
    with tempfile.TemporaryDirectory() as folder:
        server = Server(sys.argv[1], folder + "/data")
        try:
            asyncio.run(use("127.0.0.1:%d" % server.port))
            asyncio.run(many("127.0.0.1:%d" % server.port))
        finally:
            server.process.terminate()
            server.process.wait()
    print("ok")


main()
