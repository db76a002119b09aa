#!/usr/bin/env python3
"""Has a server use a registry outside: that of another millrace, or the one at HOST:PORT, which is to be empty and may be Karapace's or
Confluent's. Columns come from there, sinks are registered there, refusals come from there, and records wait for it while it is away.

  outside_registry.py MILLRACE [HOST:PORT]

Ends with 1 and says what is wrong."""
import base64, http.server, json, os, shutil, signal, ssl, subprocess, sys, tempfile, threading, time, urllib.error, urllib.request

ROW = {"type": "record", "name": "Row", "namespace": "shop", "fields": [
    {"name": "ID", "type": "long"}, {"name": "NAME", "type": ["null", "string"], "default": None}]}
LOGIN = "ann:se:cret"


def check(name, expected, actual):
    if expected != actual:
        sys.exit("%s: %r, not %r" % (name, actual, expected))


def expect(name, part, text):
    if part not in text:
        sys.exit("%s: %r is not in:\n%s" % (name, part, text))


def until(name, holds, seconds=60):
    """Polls another process, which has no other way to say that it is ready."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = holds()
        if value:
            return value
        time.sleep(0.05)
    sys.exit("%s has not come about" % name)


class Server:
    def __init__(self, millrace, folder, *flags, **environment):
        self.millrace = millrace
        self.process = subprocess.Popen(
            [millrace, "serve", "--data", folder, "--listen", "127.0.0.1:0"] + list(flags), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
            text=True, env=dict(os.environ, **environment))
        self.addresses, self.lines = {}, []
        wanted = {"lines"} | ({"registry"} if "--registry" in flags else set())
        for line in self.process.stderr:
            self.lines.append(line)
            words = dict(word.split("=", 1) for word in line.split() if "=" in word)
            if "listening" in line and "address" in words:
                self.addresses[words.get("protocol", "lines")] = words["address"].strip('"')
            if wanted <= set(self.addresses):
                break
        else:
            sys.exit("the server does not start:\n" + "".join(self.lines))
        self.rest = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL)

    def ask(self, text):
        done = subprocess.run(
            [self.millrace, "run", "--server", self.addresses["lines"], "--output", "ndjson", "-c", text], capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout, done.stderr

    def sql(self, text):
        code, out, errors = self.ask(text)
        if code != 0:
            sys.exit("%s\n%s" % (text, errors))
        return [json.loads(line) for line in out.splitlines() if line.startswith("{")]

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        self.rest.wait(timeout=60)


class Gate(http.server.ThreadingHTTPServer):
    """Stands before a registry: it lets in who has the login, can be away, and fails now and then."""
    daemon_threads = True

    def __init__(self, behind, certificate=None):
        super().__init__(("127.0.0.1", 0), Passage)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.behind, self.away, self.floods, self.count, self.failures = behind, False, False, 0, 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, address):
        """A client may leave in the middle of an answer."""


class Passage(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def pass_on(self):
        gate = self.server
        gate.count += 1
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(LOGIN.encode()).decode():
            return self.answer(401, b'{"error_code":401,"message":"who are you"}')
        if gate.away or gate.count % 5 == 0:
            gate.failures += 1
            return self.answer(503, b"away")
        if gate.floods:
            return self.answer(200, b" " * (17 << 20))
        status, answer = ask(gate.behind, self.command, self.path, body)
        self.answer(status, answer)

    do_GET = do_POST = do_DELETE = pass_on

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def ask(address, method, path, body=None):
    request = urllib.request.Request(
        "http://%s%s" % (address, path), body, {"Content-Type": "application/vnd.schemaregistry.v1+json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def register(address, subject, schema):
    status, body = ask(address, "POST", "/subjects/%s/versions" % subject, json.dumps({"schema": json.dumps(schema)}).encode())
    check("registering %s" % subject, 200, status)
    return json.loads(body)["id"]


class Own:
    def __init__(self, millrace, folder):
        self.server = Server(millrace, folder + "/registry", "--registry", "127.0.0.1:0")
        self.address = self.server.addresses["registry"]

    def close(self):
        self.server.close()


def load(server, stream, lines):
    done = subprocess.run(
        [server.millrace, "load", stream, "--format", "json", "--server", server.addresses["lines"]], input="".join(lines), text=True,
        capture_output=True, timeout=120)
    check("load into %s: %s" % (stream, done.stderr), 0, done.returncode)


def start(millrace, folder, gate, port=None):
    return Server(
        millrace, folder + "/data", "--schema-registry", "http://127.0.0.1:%d" % (port or gate.server_address[1]),
        MILLRACE_KSQL_SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO=LOGIN)


def scenario(millrace, folder, registry):
    gate = Gate(registry.address)
    number = register(registry.address, "rows-value", ROW)
    server = start(millrace, folder, gate)
    # Columns from the registry, and a sink that is registered there.
    server.sql("CREATE STREAM rows WITH (KAFKA_TOPIC='rows', VALUE_FORMAT='AVRO', PARTITIONS=1);"
               "CREATE STREAM names WITH (KAFKA_TOPIC='names', VALUE_FORMAT='AVRO') AS SELECT id, UCASE(name) AS upper_ FROM rows;"
               "INSERT INTO rows (id, name) VALUES (1, 'é');")
    check("rows", [{"ID": 1, "UPPER_": "É"}], server.sql("SELECT * FROM names;"))
    status, body = ask(registry.address, "GET", "/subjects/names-value/versions/latest")
    check("the sink's schema", 200, status)
    expect("the sink's schema", "UPPER_", body.decode())
    expect("SHOW SCHEMAS", "names-value", json.dumps(server.sql("SHOW SCHEMAS;")))
    code, _, errors = server.ask("CREATE STREAM other WITH (KAFKA_TOPIC='names', VALUE_FORMAT='AVRO') AS SELECT name AS id FROM rows;")
    check("an incompatible sink", 1, code)
    expect("an incompatible sink", "ncompatible", errors)
    for shown in [json.dumps(server.sql("SHOW PROPERTIES;")), "".join(server.lines)]:
        if "se:cret" in shown:
            sys.exit("the password is shown:\n" + shown)
    # A start while the registry is away: what is known goes on, what is not waits and is told.
    server.close()
    gate.away = True
    server = start(millrace, folder, gate)
    server.sql("INSERT INTO rows (id, name) VALUES (2, 'b');")
    check("rows without the registry", 2, len(server.sql("SELECT * FROM names;")))
    code, _, errors = server.ask("CREATE STREAM more WITH (KAFKA_TOPIC='rows', VALUE_FORMAT='AVRO', VALUE_SCHEMA_ID=%d);" % (number + 1000))
    check("CREATE without the registry", 1, code)
    expect("CREATE without the registry", "503", errors)
    code, _, errors = server.ask("CREATE STREAM away (id BIGINT) WITH (KAFKA_TOPIC='away', VALUE_FORMAT='AVRO', PARTITIONS=1);")
    check("registering without the registry", 1, code)
    expect("registering without the registry", "58030: the schema registry does not answer", errors)
    shown = {row["NAME"]: row["VALUE"] for row in server.sql("SELECT name, value FROM millrace.settings;")}
    check("the login", "[hidden]", shown["ksql.schema.registry.basic.auth.user.info"])
    later = dict(ROW, fields=ROW["fields"] + [{"name": "LATER", "type": "int", "default": 0}])
    number = register(registry.address, "rows-value", later)
    server.sql("CREATE STREAM raw (b BYTES) WITH (KAFKA_TOPIC='rows', VALUE_FORMAT='KAFKA');")
    record = b"\0" + number.to_bytes(4, "big") + bytes([6, 2, 2]) + b"c" + bytes([8])
    server.sql("INSERT INTO raw (b) VALUES (TO_BYTES('%s', 'base64'));" % base64.b64encode(record).decode())
    waiting = until("the wait", lambda: [text for text in [server.ask("SHOW QUERIES;")[2]] if "waits for a schema" in text])
    expect("what waits", "number %d" % number, waiting[0])
    gate.away = False
    until("the row", lambda: len(server.sql("SELECT * FROM names;")) == 3)
    if gate.failures == 0:
        sys.exit("no request has failed")
    gate.floods = True
    code, _, errors = server.ask("SHOW SCHEMAS;")
    check("an answer without end", 1, code)
    expect("an answer without end", "answers with more than 16777216 bytes", errors)
    gate.floods = False
    # Subjects go with their topic.
    server.sql("DROP STREAM names DELETE TOPIC;")
    check("the subject of a topic that was deleted", 404, ask(registry.address, "GET", "/subjects/names-value/versions")[0])
    server.close()
    # Who is not let in hears so.
    process = subprocess.run(
        [millrace, "run", "-c", "SHOW SCHEMAS;"], capture_output=True, text=True, timeout=60,
        env=dict(os.environ, MILLRACE_KSQL_SCHEMA_REGISTRY_URL="http://ann:wrong@127.0.0.1:%d" % gate.server_address[1]))
    check("a wrong password", 1, process.returncode)
    expect("a wrong password", "does not let us in (status 401): who are you", process.stderr)
    gate.shutdown()
    if shutil.which("openssl"):
        over_tls(millrace, folder, registry)


def over_tls(millrace, folder, registry):
    certificate = folder + "/certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=registry", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
         certificate, "-out", certificate + ".own"], check=True, capture_output=True)
    with open(certificate + ".own") as own, open(certificate, "a") as both:
        both.write(own.read())
    gate = Gate(registry.address, certificate)

    def show(**more):
        done = subprocess.run(
            [millrace, "run", "--output", "ndjson", "-c", "SHOW SCHEMAS;"], capture_output=True, text=True, timeout=60,
            env=dict(os.environ, MILLRACE_KSQL_SCHEMA_REGISTRY_URL="https://%s@127.0.0.1:%d" % (LOGIN, gate.server_address[1]), **more))
        return done.returncode, done.stdout + done.stderr

    code, text = show()
    check("a certificate that nobody vouches for", 1, code)
    expect("a certificate that nobody vouches for", "certificate", text)
    code, text = show(MILLRACE_KSQL_SCHEMA_REGISTRY_SSL_TRUSTSTORE_LOCATION=certificate + ".own")
    check("a certificate that is known: " + text, 0, code)
    expect("subjects over TLS", "rows-value", text)
    gate.shutdown()


class Given:
    def __init__(self, address):
        self.address = address

    def close(self):
        pass


millrace = os.path.abspath(sys.argv[1])
with tempfile.TemporaryDirectory() as folder:
    registry = Given(sys.argv[2]) if len(sys.argv) > 2 else Own(millrace, folder)
    try:
        scenario(millrace, folder, registry)
    finally:
        registry.close()
