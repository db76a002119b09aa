"""Kafka's clients over TLS: certificates of the server and of clients, logins behind them, who speaks no TLS, and certificates that are replaced.

    kafka_tls.py MILLRACE

Certificates are made by `openssl` for this run. Clients that are not there are skipped with a line, as in kafka_clients.py. The last line is
`N passed, N skipped`."""
import asyncio, os, shutil, signal, socket, ssl, subprocess, sys, tempfile, urllib.request
import kafka_clients
from kafka_clients import check, kafka_address, module, wait
from kafka_wire import Client
from serving import Server


class Certificates:
    """An authority, and what it vouches for: a server, the same server later, and a client."""

    def __init__(self, folder):
        self.folder = folder
        elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self.run("req", "-x509", *elliptic, "-keyout", "authority.key", "-out", "authority.pem", "-days", "3", "-subj", "/CN=authority")
        with open(self.path("names"), "w") as file:
            file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        for name, key in [("server", ["-newkey", "rsa:2048", "-nodes"]), ("later", elliptic), ("client", elliptic)]:
            self.run("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.request", "-subj", f"/CN={name}")
            self.run("x509", "-req", "-in", f"{name}.request", "-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial", "-days", "2",
                     "-extfile", "names", "-out", f"{name}.pem")

    def run(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def path(self, name):
        return os.path.join(self.folder, name)

    def flags(self, certificate="server", authority=False):
        given = ["--kafka", "127.0.0.1:0", "--kafka-tls-cert", self.path(f"{certificate}.pem"), "--kafka-tls-key", self.path(f"{certificate}.key")]
        return given + (["--kafka-tls-ca", self.path("authority.pem")] if authority else [])

    def context(self, newest=None, client=False):
        made = ssl.create_default_context(cafile=self.path("authority.pem"))
        if newest:
            made.maximum_version = newest
        if client:
            made.load_cert_chain(self.path("client.pem"), self.path("client.key"))
        return made


def ask(broker, context):
    """The number of APIs that a client is told of, by its own socket."""
    client = Client(broker, wrap=lambda plain: context.wrap_socket(plain, server_hostname="localhost"))
    try:
        return len(client.ask("ApiVersions", 0)["apiKeys"])
    finally:
        client.close()


def told(server, text):
    return wait(lambda: [line for line in server.lines if text in line], f"the log does not say: {text}")


def kcat(broker, made):
    def run(mechanism, *arguments, given=None):
        login = {"security.protocol": "SASL_SSL", "ssl.ca.location": made.path("authority.pem"), "sasl.mechanism": mechanism,
                 "sasl.username": "ann", "sasl.password": "secret"}
        settings = [word for key, value in login.items() for word in ("-X", f"{key}={value}")]
        done = subprocess.run(["kcat", "-b", broker, *settings, *arguments], input=given, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("PLAIN", "-P", "-t", "kcat", "-K:", given="a:1\nb:2\n")
    assert run("SCRAM-SHA-256", "-C", "-t", "kcat", "-e", "-q", "-K:") == "a:1\nb:2\n"


def confluent(broker, made):
    from confluent_kafka import Consumer, Producer

    login = {"bootstrap.servers": broker, "security.protocol": "SASL_SSL", "ssl.ca.location": made.path("authority.pem"),
             "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "ann", "sasl.password": "secret"}
    producer = Producer({**login, "enable.idempotence": True})
    problems, total = [], 0
    for number in range(5000):
        value = b"%d " % number * (number % 400)
        total += len(value)
        producer.produce("confluent", value=value, on_delivery=lambda error, _: error and problems.append(error))
        producer.poll(0)
    assert producer.flush(60) == 0 and not problems, problems
    consumer = Consumer({**login, "group.id": "confluent", "auto.offset.reset": "earliest"})
    consumer.subscribe(["confluent"])
    count = 0
    while count < 5000:
        message = consumer.poll(30)
        assert message is not None and not message.error(), message
        assert message.value() == b"%d " % count * (count % 400), count
        count += 1
    consumer.close()


def kafka_python(broker, made):
    from kafka import KafkaConsumer, KafkaProducer

    login = {"bootstrap_servers": broker, "security_protocol": "SASL_SSL", "ssl_cafile": made.path("authority.pem"), "sasl_mechanism": "PLAIN",
             "sasl_plain_username": "ann", "sasl_plain_password": "secret"}
    producer = KafkaProducer(**login)
    for number in range(300):
        producer.send("kafka-python", b"%d" % number)
    producer.flush()
    producer.close()
    consumer = KafkaConsumer("kafka-python", **login, auto_offset_reset="earliest", consumer_timeout_ms=2000)
    assert [message.value for message in consumer] == [b"%d" % number for number in range(300)]
    consumer.close()


def aiokafka(broker, made):
    from aiokafka import AIOKafkaProducer

    async def run():
        producer = AIOKafkaProducer(
            bootstrap_servers=broker, security_protocol="SASL_SSL", ssl_context=made.context(), sasl_mechanism="SCRAM-SHA-256",
            sasl_plain_username="ann", sasl_plain_password="secret")
        await producer.start()
        assert (await producer.send_and_wait("aiokafka", b"x")).offset == 0
        await producer.stop()

    asyncio.run(asyncio.wait_for(run(), 60))


def java(broker, made, classes):
    settings = made.path("java.properties")
    with open(settings, "w") as file:
        file.write(f"security.protocol=SASL_SSL\nssl.truststore.type=PEM\nssl.truststore.location={made.path('authority.pem')}\n"
                   "sasl.mechanism=SCRAM-SHA-256\n"
                   'sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="ann" password="secret";\n')

    def run(tool, *arguments):
        done = subprocess.run(["java", "-cp", classes, "org.apache.kafka.tools." + tool, "--bootstrap-server", broker, *arguments],
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "20000 records sent" in run("ProducerPerformance", "--topic", "java", "--num-records", "20000", "--record-size", "1000", "--throughput", "-1",
                                       "--command-config", settings)
    run("ConsumerPerformance", "--topic", "java", "--num-records", "20000", "--group", "java-group", "--command-config", settings)
    assert "java-group" in run("consumer.group.ConsumerGroupCommand", "--list", "--command-config", settings)


def versions(broker, made):
    """Both versions of TLS that there are; Python says what was agreed on."""
    host, port = broker.rsplit(":", 1)
    for newest, name in [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")]:
        with made.context(newest).wrap_socket(socket.create_connection((host, int(port))), server_hostname="localhost") as found:
            assert found.version() == name, found.version()
    assert ask(broker, made.context()) > 30


def strangers(server, broker):
    """Who speaks no TLS is told apart, and who does not go on holds nothing for long."""
    try:
        Client(broker).ask("ApiVersions", 0)
        raise AssertionError("a client without TLS is served")
    except ConnectionError:
        pass
    told(server, "speaks without TLS")
    host, port = broker.rsplit(":", 1)
    with socket.create_connection((host, int(port))) as half:
        half.sendall(b"\x16\x03\x01\x02\x00" + os.urandom(512))
        half.settimeout(60)
        try:
            # An alert that tells why, and the end.
            while half.recv(1000):
                pass
        except ConnectionResetError:
            pass
    told(server, "a TLS handshake fails")


def replaced(server, broker, made):
    """SIGHUP has a new certificate shown to those who come then; one that cannot be read changes nothing."""
    def shown():
        return ssl.get_server_certificate(tuple(broker.rsplit(":", 1)), timeout=30)

    with open(made.path("server.pem")) as file:
        first = file.read()
    assert shown().split() == first.split()
    host, port = broker.rsplit(":", 1)
    before = made.context().wrap_socket(socket.create_connection((host, int(port))), server_hostname="localhost")
    for part in ["key", "pem"]:
        os.replace(made.path(f"later.{part}"), made.path(f"server.{part}"))
    with open(made.path("server.pem")) as file:
        second = file.read()
    server.process.send_signal(signal.SIGHUP)
    wait(lambda: shown().split() == second.split(), "the new certificate is not shown")
    with open(made.path("server.pem"), "w") as file:
        file.write("nothing\n")
    server.process.send_signal(signal.SIGHUP)
    told(server, "certificate_not_reloaded")
    assert shown().split() == second.split()
    # Who was there is there still.
    before.sendall(b"\0\0\0\x0a\0\x12\0\0\0\0\0\x07\xff\xff")
    assert before.recv(8)[4:] == b"\0\0\0\x07"
    before.close()


def counters(server):
    line = next(line for line in server.lines if "protocol=http" in line)
    page = urllib.request.urlopen(f"http://{line.split('address=')[1].split()[0]}/metrics", timeout=30).read().decode()
    for begin in ['millrace_kafka_api_requests_total{api="SaslHandshake"} ', 'millrace_kafka_api_requests_total{api="SaslAuthenticate"} ',
                  "millrace_kafka_tls_failures_total ", "millrace_kafka_logins_refused_total "]:
        assert any(line.startswith(begin) and int(line[len(begin):]) > 0 for line in page.splitlines()), (begin, page)


def refused_login(broker, made):
    import base64
    client = Client(broker, wrap=lambda plain: made.context().wrap_socket(plain, server_hostname="localhost"))
    assert client.ask("SaslHandshake", 1, mechanism="PLAIN")["errorCode"] == 0
    assert client.ask("SaslAuthenticate", 1, authBytes=b"\0ann\0wrong")["errorCode"] == 58
    client.close()


def client_certificates(millrace, made, folder):
    """Only clients that the authority vouches for; without users that is enough for addresses that others reach."""
    flags = made.flags(authority=True)
    flags[1] = "0.0.0.0:0"
    server = Server(millrace, folder, *flags)
    try:
        broker = "127.0.0.1:" + kafka_address(server).rsplit(":", 1)[1]
        assert ask(broker, made.context(client=True)) > 30
        try:
            ask(broker, made.context())
            raise AssertionError("a client without a certificate is served")
        except (ssl.SSLError, ConnectionError):
            pass
        told(server, "peer did not return a certificate")
    finally:
        server.process.kill()
        server.process.wait()


def without_tls(millrace, made, folder):
    """A client that speaks TLS where nobody else does."""
    server = Server(millrace, folder, "--kafka", "127.0.0.1:0")
    try:
        try:
            ask(kafka_address(server), made.context())
            raise AssertionError("TLS is spoken")
        except (ssl.SSLError, ConnectionError):
            pass
        told(server, "a TLS handshake at a listener without TLS")
    finally:
        server.process.kill()
        server.process.wait()


def refusals(millrace, made, folder):
    def run(*flags):
        done = subprocess.run([millrace, "serve", "--data", folder, "--listen", "127.0.0.1:0", "--kafka", "127.0.0.1:0", *flags],
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr

    code, said = run("--kafka-tls-cert", made.path("client.pem"))
    assert code != 0 and "TLS needs both --kafka-tls-cert and --kafka-tls-key" in said, said
    code, said = run("--kafka-tls-cert", made.path("client.pem"), "--kafka-tls-key", made.path("authority.key"))
    assert code != 0 and "is not that of the certificate" in said, said


def main():
    millrace = sys.argv[1]
    if not shutil.which("openssl"):
        print("skipped: openssl is not installed\n0 passed, 1 skipped")
        return
    with tempfile.TemporaryDirectory() as folder:
        made = Certificates(folder)
        users = made.path("users")
        subprocess.run([millrace, "user", "add", "ann", "--kafka-users", users], input="secret\n", text=True, check=True, timeout=60)
        server = Server(millrace, made.path("data"), *made.flags(), "--kafka-users", users, "--metrics", "127.0.0.1:0")
        silent = []
        try:
            address = kafka_address(server)
            broker = "localhost:" + address.rsplit(":", 1)[1]
            # They come first, and their time is up while the others are served.
            for beginning in [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"]:
                silent.append(socket.create_connection(tuple(address.rsplit(":", 1))))
                silent[-1].sendall(beginning)
            check(True, "both versions of TLS", lambda: versions(address, made))
            check(shutil.which("kcat"), "kcat", lambda: kcat(broker, made))
            check(module("confluent_kafka"), "confluent-kafka", lambda: confluent(broker, made))
            check(module("kafka"), "kafka-python", lambda: kafka_python(broker, made))
            check(module("aiokafka"), "aiokafka", lambda: aiokafka(broker, made))
            classes = os.path.join(os.environ.get("MILLRACE_SHARED", ""), "kafka", "lib")
            check(shutil.which("java") and os.path.isdir(classes), "the Java tools", lambda: java(broker, made, classes + "/*"))
            check(True, "clients without TLS, and garbage", lambda: strangers(server, address))
            check(True, "what is counted", lambda: (refused_login(address, made), counters(server)))
            check(True, "handshakes that do not go on end", lambda: [(each.settimeout(60), each.recv(1) == b"" or 1 / 0) for each in silent])
            check(True, "a certificate is replaced", lambda: replaced(server, address, made))
        finally:
            server.process.kill()
            server.process.wait()
        made = Certificates(folder)
        check(True, "certificates of clients", lambda: client_certificates(millrace, made, made.path("second")))
        check(True, "TLS where there is none", lambda: without_tls(millrace, made, made.path("third")))
        check(True, "files that cannot be used", lambda: refusals(millrace, made, made.path("fourth")))
    print(f"{kafka_clients.passed} passed, {kafka_clients.skipped} skipped")


if __name__ == "__main__":
    main()
