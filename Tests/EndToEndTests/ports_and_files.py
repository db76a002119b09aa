#!/usr/bin/env python3
"""Meets files and ports that are other ones than they should be, and limits that are low.

  ports_and_files.py MILLRACE
"""
import os, resource, socket, subprocess, sys, tempfile, threading

sys.dont_write_bytecode = True
from kafka_clients import wait
from serving import Server

millrace = sys.argv[1]
PATIENCE = 300


def check(condition, what, seen=""):
    if not condition:
        sys.exit("%s: %s" % (what, seen))


def run(*arguments, status=0, **settings):
    done = subprocess.run([millrace, *arguments], capture_output=True, text=True, timeout=PATIENCE, **settings)
    check(done.returncode == status, "%r ended with %d" % (arguments, done.returncode), (done.stdout, done.stderr))
    return done


def few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))


def low_limit(folder):
    """A directory that was filled until no more files could be open opens again under the same limit, after a stop in order and after none."""
    script = folder + "/many.sql"
    with open(script, "w") as file:
        for number in range(300):
            file.write("CREATE STREAM s%d (a INT) WITH (KAFKA_TOPIC='s%d', VALUE_FORMAT='JSON', PARTITIONS=1);\n" % (number, number))
            file.write("INSERT INTO s%d VALUES (1);\n" % number)
    data = ["--data", folder + "/many"]
    full = run("run", *data, script, status=1, preexec_fn=few_files).stderr
    check("Too many open files, of which there may be 200" in full and "ulimit -n" in full, "the limit is met and named", full)
    for _ in range(2):
        found = run("run", *data, "--output", "csv", "-c", "SELECT COUNT(*) AS n FROM s7;", preexec_fn=few_files).stdout
        check(found == "N\n1\n", "it opens again", found)
    run("run", *data, "-c", "DROP STREAM s1 DELETE TOPIC; INSERT INTO s2 VALUES (2);", preexec_fn=few_files)


def pipes(folder):
    """A pipe in the place of a key would be waited for without end."""
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", folder + "/key.pem", "-out",
         folder + "/cert.pem"], capture_output=True)
    if made.returncode != 0:
        return
    os.chmod(folder + "/key.pem", 0o600)
    os.mkfifo(folder + "/pipe", 0o600)
    for certificate, key in ("cert.pem", "pipe"), ("pipe", "key.pem"):
        told = run("serve", "--data", folder + "/data", "--listen", "127.0.0.1:0", "--kafka", "127.0.0.1:0", "--kafka-tls-cert", folder + "/" + certificate,
                   "--kafka-tls-key", folder + "/" + key, status=3).stderr
        check("pipe: it is no file, but a folder, a pipe or a device" in told, "a pipe is no file", told)
    told = run("serve", "--data", folder + "/data", "--listen", "127.0.0.1:0", "--kafka", "127.0.0.1:0", "--kafka-users", folder + "/pipe", status=3).stderr
    check("it is no file" in told, "a pipe is no file of users", told)


def answering(answer, silent_until=b""):
    """A port that answers everyone who has sent what it waits for, or at once."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.settimeout(PATIENCE)
                try:
                    if silent_until and not client.recv(64).startswith(silent_until):
                        continue
                    client.sendall(answer)
                    client.recv(1)
                except OSError:
                    pass

    threading.Thread(target=serve, daemon=True).start()
    return "127.0.0.1:%d" % listener.getsockname()[1]


def others(folder):
    """The error names what answers at a port where no Millrace server greets."""
    server = Server(millrace, folder + "/served", "--metrics", "127.0.0.1:0", "--kafka", "127.0.0.1:0", "--registry", "127.0.0.1:0")
    wanted = []
    for protocol, what in ("http", "an HTTP server"), ("registry", "an HTTP server"), ("kafka", "a Kafka listener"):
        line = wait(lambda: next((line for line in server.lines if "protocol=" + protocol in line), None), "there is no listener of " + protocol)
        wanted.append((line.split("address=")[1].split()[0], what))
    wanted += [
        (answering(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "an SSH server"), (answering(b"-ERR unknown command 'GET'\r\n", b"GET"), "a Redis server"),
        (answering(b"N", b"\0\0\0\x08\x04\xd2\x16\x2f"), "a PostgreSQL server"), (answering(b"\x15\x03\x01\0\x02\x02\x28", b"GET"), "a server that speaks TLS"),
        (answering(b"\x4a\0\0\0\x0a8.0.36\0"), "a MySQL server")]
    running = [(what, subprocess.Popen([millrace, "run", "--server", address, "-c", "SELECT 1;"], stderr=subprocess.PIPE, text=True)) for address, what in wanted]
    for what, process in running:
        told = process.communicate(timeout=PATIENCE)[1]
        check(process.returncode == 3 and "is the port of %s" % what in told and "6455" in told, what, told)
    server.process.terminate()
    check(server.process.wait(PATIENCE) == 0, "the server stops")


with tempfile.TemporaryDirectory() as folder:
    low_limit(folder)
    pipes(folder)
    others(folder)
print("ok")
