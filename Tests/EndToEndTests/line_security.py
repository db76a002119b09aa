#!/usr/bin/env python3
"""TLS and logins of the line protocol: the shell, commands and the clients for Python at a server that has both. Certificates are made by `openssl`.

  line_security.py MILLRACE CLIENT_FOLDER
"""
import asyncio, os, socket, ssl, subprocess, sys, tempfile

sys.dont_write_bytecode = True
from kafka_tls import Certificates
from serving import Server

sys.path.insert(0, sys.argv[2])
import millrace, millrace_asyncio

program = sys.argv[1]


def check(condition, what, seen=""):
    if not condition:
        sys.exit("%s: %s" % (what, seen))


def refused(code, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except millrace.Error as error:
        return check(error.code == code, "the code of %s" % error, error.code)
    sys.exit("%r %r is not refused" % (arguments, named))


def run(*arguments, status=0, **variables):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, env={**os.environ, **variables})
    check(done.returncode == status, "%r ended with %d" % (arguments, done.returncode), (done.stdout, done.stderr))
    return done


async def use(address, **named):
    async with await millrace_asyncio.connect(address, **named) as connection:
        cursor = await connection.execute("SELECT 6 * 7 AS answer")
        return (await cursor.fetchone())[0]


def main(folder):
    made = Certificates(folder)
    users = folder + "/users"
    for name in "ann", "b=o,b":
        subprocess.run([program, "user", "add", name, "--users", users], input="secret\n", text=True, check=True, timeout=60)
    own = folder + "/socket"
    flags = ["--users", users, "--tls-cert", made.path("server.pem"), "--tls-key", made.path("server.key"), "--socket", own]
    # With logins a server may be reached from elsewhere; without, that has to be meant.
    told = run("serve", "--data", folder + "/other", "--listen", "0.0.0.0:0", status=2).stderr
    check("lets other machines in" in told and "--users" in told, "a listener for all", told)
    server = Server(program, folder + "/data", *flags)
    try:
        port = server.port
        address = "tls://localhost:%d" % port
        trust = ssl.create_default_context(cafile=made.path("authority.pem"))
        for user in "ann", "b=o,b":
            with millrace.connect(address, ssl=trust, user=user, password="secret") as connection:
                check(connection.cursor().execute("SELECT 6 * 7 AS answer").fetchall() == [(42,)], "Python over TLS, logged in")
            check(asyncio.run(use(address, ssl=trust, user=user, password="secret")) == 42, "asyncio over TLS, logged in")
        refused("28000", millrace.connect, address, ssl=trust, user="ann", password="wrong")
        refused("28000", millrace.connect, address, ssl=trust, user="nobody", password="secret")
        refused("28001", millrace.connect, address, ssl=trust)
        # Its certificate is one of this test's authority, and of no other name.
        refused("08001", millrace.connect, address, user="ann", password="secret")
        refused("08001", millrace.connect, "127.0.0.1:%d" % port, timeout=3)

        ca = ["--tls-ca", made.path("authority.pem")]
        login = ["--user", "ann", "--password-file", folder + "/password"]
        with open(folder + "/password", "w") as file:
            file.write("secret\n")
        os.chmod(folder + "/password", 0o600)
        for name in "localhost", "127.0.0.1":
            there = ["--server", "tls://%s:%d" % (name, port), *ca]
            done = run("run", *there, *login, "--output", "csv", "-c", "SELECT 6 * 7 AS answer;")
            check(done.stdout == "ANSWER\n42\n", "a command over TLS, logged in", done)
        run("run", *there, *login, "-c", "CREATE STREAM s (v VARCHAR) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);")
        with open(folder + "/rows.json", "w") as file:
            # More than one record of TLS, in both directions.
            file.writelines('{"v":"%s"}\n' % ("x" * 100) for _ in range(20_000))
        check("20000 records" in run("load", "s", folder + "/rows.json", *there, *login).stderr, "a load over TLS")
        check(run("run", *there, "--user", "ann", "--output", "csv", "-c", "SELECT v FROM s;", MILLRACE_PASSWORD="secret").stdout.count("\n") == 20_001, "rows over TLS")
        check("20000" in run(*there, *login, "--output", "csv", "-c", "SELECT COUNT(*) FROM s;").stdout, "the shell")
        told = run("run", *there, "-c", "SHOW TABLES;", status=3).stderr
        check("28001" in told and "--user" in told, "who does not log in is told how", told)
        told = run("run", *there, "--user", "ann", "-c", "SHOW TABLES;", status=3, MILLRACE_PASSWORD="wrong").stderr
        check("28000" in told and "secret" not in told, "a wrong password", told)
        check("there is no password" in run("run", *there, "--user", "ann", "-c", "SHOW TABLES;", status=2).stderr, "no password")
        told = run("run", "--server", "tls://localhost:%d" % port, *login, "-c", "SHOW TABLES;", status=3).stderr
        check("certificate" in told, "an authority that is not trusted", told)
        told = run("run", "--server", "localhost:%d" % port, *login, "-c", "SHOW TABLES;", status=3).stderr
        check("speaks TLS" in told, "plain text where TLS is spoken", told)
        # Over the Unix socket the file says who may come.
        with millrace.connect(own) as connection:
            check(connection.cursor().execute("SELECT COUNT(*) FROM s").fetchall() == [(20_000,)], "the socket of this machine")

        # What a client may do before its login: little, and not for long.
        with trust.wrap_socket(socket.create_connection(("localhost", port)), server_hostname="localhost") as raw:
            lines = raw.makefile("rb")
            check(b'"auth":["SCRAM-SHA-256","SCRAM-SHA-512"],"tls":true' in lines.readline(), "the greeting")
            raw.sendall(b"SHOW TABLES;\n#a .put s json\n{}\n.end\n.status\n.auth nonsense\n.ping\n")
            answers = [lines.readline() for _ in range(5)]
            codes = sorted(line.split(b" ")[1] if line.startswith(b"-") else line[:1] for line in answers)
            check(codes == [b"+", b"28000", b"28001", b"28001", b"28001"], "before the login", answers)
            raw.sendall(b"x" * 70_000)
            rest = lines.read()
            check(b"28001" in rest, "too much before the login", rest)
        log = "".join(server.lines)
        check("login_failed" in log and "secret" not in log, "the log tells of logins that failed", log[-2000:])
    finally:
        server.process.terminate()
        server.process.wait()
    print("ok")


with tempfile.TemporaryDirectory() as folder:
    main(folder)
