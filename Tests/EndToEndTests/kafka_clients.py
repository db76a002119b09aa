"""Kafka's clients against the server's listener: what one client writes, the others and SQL read, and the other way round.

    kafka_clients.py MILLRACE

Clients that are not there are skipped with a line: kcat, and the Python modules confluent_kafka, kafka and aiokafka; MILLRACE_SHARED/kafka
has the Java tools. The last line is `N passed, N skipped`."""
import asyncio, importlib.util, os, shutil, subprocess, sys, tempfile, threading, time, urllib.request
from serving import Connection, Server

passed = skipped = 0


def wait(condition, what, seconds=60):
    """Waits until `condition` gives something true, which is the result."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(what)


def check(is_there, name, body):
    global passed, skipped
    if not is_there:
        print(f"skipped: {name} is not installed")
        skipped += 1
        return
    body()
    print(f"passed: {name}")
    passed += 1


def module(name):
    return importlib.util.find_spec(name) is not None


def rows(sql, text):
    sql.send(text)
    lines = sql.answer()
    assert lines[-1][0] == "+", lines
    return [line[2:].strip() for line in lines if line[0] == ":"]


def kcat(broker, sql):
    def run(*arguments, given=None):
        done = subprocess.run(["kcat", "-b", broker, *arguments], input=given, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("-P", "-t", "kcat", "-K:", given="a:1\nb:2\nc:3\n")
    assert run("-C", "-t", "kcat", "-e", "-q", "-K:") == "a:1\nb:2\nc:3\n"
    assert run("-C", "-t", "kcat", "-e", "-q", "-o", "1") == "2\n3\n"
    assert run("-G", "kcat-group", "-X", "auto.offset.reset=earliest", "-e", "-q", "kcat") == "1\n2\n3\n"
    assert run("-G", "kcat-group", "-X", "auto.offset.reset=earliest", "-e", "-q", "kcat") == ""
    # SQL and Kafka see one log.
    rows(sql, "CREATE STREAM kcat_stream (k STRING KEY, v STRING) WITH (kafka_topic='kcat', value_format='KAFKA');\n")
    assert rows(sql, "SELECT k, v FROM kcat_stream;\n") == ['["a","1"]', '["b","2"]', '["c","3"]']
    rows(sql, "INSERT INTO kcat_stream VALUES ('d', '4');\n")
    assert run("-C", "-t", "kcat", "-e", "-q", "-o", "3", "-K:") == "d:4\n"
    # What belongs to queries is read, and not written.
    done = subprocess.run(["kcat", "-b", broker, "-P", "-t", "__millrace_catalog"], input="x\n", capture_output=True, text=True, timeout=60)
    assert "authorization" in done.stderr.lower(), done.stderr


def confluent(broker, sql):
    from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": broker})
    admin.create_topics([NewTopic("confluent", 3, 1, config={"retention.ms": "6000000"})])["confluent"].result()
    try:
        admin.create_topics([NewTopic("confluent", 3, 1)])["confluent"].result()
        raise AssertionError("a topic was made twice")
    except KafkaException as error:
        assert error.args[0].name() == "TOPIC_ALREADY_EXISTS", error
    problems = []
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
        producer = Producer({"bootstrap.servers": broker, "enable.idempotence": True, "linger.ms": 5, "compression.type": codec,
                             "partitioner": "murmur2_random"})
        for number in range(400):
            producer.produce("confluent", key=str(number % 50), value=f"{codec} {number}", headers=[("h", b"x")],
                             on_delivery=lambda error, _: error and problems.append(error))
        assert producer.flush(60) == 0 and not problems, problems
    # Three members share a group; one of them leaves in between.
    seen, lock = [], threading.Lock()

    def consume(most):
        consumer = Consumer({"bootstrap.servers": broker, "group.id": "confluent-group", "auto.offset.reset": "earliest",
                             "session.timeout.ms": 6000, "enable.auto.commit": False})
        consumer.subscribe(["confluent"])
        own = 0
        while own < most and len(seen) < 2000:
            message = consumer.poll(0.2)
            if message is None:
                continue
            assert not message.error(), message.error()
            with lock:
                if (place := (message.partition(), message.offset())) not in seen:
                    seen.append(place)
            own += 1
            consumer.commit(message=message, asynchronous=False)
        consumer.close()

    members = [threading.Thread(target=consume, args=(most,)) for most in (20, 100_000, 100_000)]
    for member in members:
        member.start()
    for member in members:
        member.join(120)
        assert not member.is_alive(), f"{len(seen)} of 2000 records came"
    looking = Consumer({"bootstrap.servers": broker, "group.id": "confluent-group"})
    offsets = looking.committed([TopicPartition("confluent", index) for index in range(3)], 30)
    assert sum(place.offset for place in offsets) == 2000, offsets
    assert [looking.get_watermark_offsets(place, timeout=30)[1] for place in offsets] == [place.offset for place in offsets]
    looking.close()
    assert any(group.group_id == "confluent-group" for group in admin.list_consumer_groups().result().valid)
    admin.delete_consumer_groups(["confluent-group"])["confluent-group"].result()
    rows(sql, "CREATE STREAM confluent_stream (k STRING KEY, v STRING) WITH (kafka_topic='confluent', value_format='KAFKA');\n")
    assert rows(sql, "SELECT COUNT(*) FROM confluent_stream;\n") == ["[2000]"]
    # Keys lie where Millrace would put them, as the Java client does; librdkafka has to be told.
    rows(sql, "CREATE STREAM moved WITH (kafka_topic='moved', partitions=3) AS SELECT * FROM confluent_stream PARTITION BY k EMIT CHANGES;\n")
    same = "SELECT COUNT(*) FROM confluent_stream c JOIN moved m ON c.k = m.k AND c.v = m.v AND c.ROWPARTITION = m.ROWPARTITION;\n"
    wait(lambda: rows(sql, same) == ["[2000]"], "partitions differ")


def kafka_python(broker, sql):
    from kafka import KafkaConsumer, KafkaProducer, TopicPartition

    producer = KafkaProducer(bootstrap_servers=broker)
    for number in range(500):
        producer.send("kafka-python", key=b"%d" % (number % 7), value=b"x%d" % number)
    producer.flush()

    def read():
        consumer = KafkaConsumer("kafka-python", bootstrap_servers=broker, group_id="kafka-python-group", auto_offset_reset="earliest",
                                 consumer_timeout_ms=2000)
        count = sum(1 for _ in consumer)
        consumer.commit()
        place = TopicPartition("kafka-python", 0)
        assert consumer.end_offsets([place]) == {place: 500} and consumer.beginning_offsets([place]) == {place: 0}
        assert consumer.offsets_for_times({place: 0})[place].offset == 0
        consumer.close()
        return count

    assert (read(), read()) == (500, 0)


def aiokafka(broker, sql):
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

    async def run():
        producer = AIOKafkaProducer(bootstrap_servers=broker, enable_idempotence=True)
        await producer.start()
        for number in range(300):
            await producer.send("aiokafka", b"v%d" % number, key=b"k")
        await producer.stop()
        consumer = AIOKafkaConsumer("aiokafka", bootstrap_servers=broker, group_id="aiokafka-group", auto_offset_reset="earliest")
        await consumer.start()
        count = 0
        while count < 300:
            count += sum(len(part) for part in (await consumer.getmany(timeout_ms=1000)).values())
        await consumer.commit()
        await consumer.stop()

    asyncio.run(asyncio.wait_for(run(), 60))


def java(broker, classes):
    def run(tool, *arguments):
        done = subprocess.run(["java", "-cp", classes, "org.apache.kafka.tools." + tool, "--bootstrap-server", broker, *arguments],
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("TopicCommand", "--create", "--topic", "java", "--partitions", "2", "--replication-factor", "1", "--config", "cleanup.policy=compact")
    assert "PartitionCount: 2" in run("TopicCommand", "--describe", "--topic", "java")
    assert "2000 records sent" in run("ProducerPerformance", "--topic", "java-perf", "--num-records", "2000", "--record-size", "100",
                                      "--throughput", "-1")
    run("ConsumerPerformance", "--topic", "java-perf", "--num-records", "2000", "--group", "java-group")
    assert "java-group" in run("consumer.group.ConsumerGroupCommand", "--list")


def statements(broker, sql):
    """What the server says of its clients: groups with their members, producers, and counters."""
    from confluent_kafka import Consumer, Producer

    producer = Producer({"bootstrap.servers": broker, "enable.idempotence": True, "client.id": "teller"})
    for number in range(20):
        producer.produce("told", key=str(number), value="x")
    assert producer.flush(60) == 0
    assert any('"told",0,19,null]' in row for row in rows(sql, "SHOW PRODUCERS;\n"))
    reader = Consumer({"bootstrap.servers": broker, "group.id": "tellers", "auto.offset.reset": "earliest", "client.id": "listener"})
    reader.subscribe(["told"])
    message = wait(lambda: reader.poll(0.2), "nothing comes")
    assert not message.error(), message.error()
    reader.commit(message=message, asynchronous=False)
    assert '["tellers","CLIENTS","Stable",1,"told",19]' in rows(sql, "SHOW CONSUMER GROUPS;\n")
    told = rows(sql, "DESCRIBE CONSUMER GROUP tellers;\n")
    assert len(told) == 1 and told[0].startswith('["told",0,1,20,19,"listener-') and told[0].endswith('"listener"]'), told
    reader.close()
    assert '["tellers","CLIENTS","Empty",0,"told",19]' in rows(sql, "SHOW CONSUMER GROUPS;\n")


def counters(server):
    """The page of metrics, and the log, tell what the clients above have done."""
    line = next(line for line in server.lines if "protocol=http" in line)
    page = urllib.request.urlopen(f"http://{line.split('address=')[1].split()[0]}/metrics", timeout=30).read().decode()
    for begin in ['millrace_kafka_api_requests_total{api="Produce"} ', 'millrace_kafka_api_sent_bytes_total{api="Fetch"} ',
                  'millrace_kafka_client_requests_total{client_id="teller"} ', 'millrace_kafka_api_microseconds_total{api="JoinGroup"} ']:
        assert any(line.startswith(begin) and int(line[len(begin):]) > 0 for line in page.splitlines()), (begin, page)
    told = [line for line in server.lines if "event=kafka_group" in line and "'tellers'" in line]
    assert any("has 1 members" in line for line in told) and any("leaves" in line or "has no members" in line for line in told), told


def logins(millrace):
    """Users of a file: who has one of its passwords comes in, by each mechanism, and nobody else."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    with tempfile.TemporaryDirectory() as folder:
        users = os.path.join(folder, "users")

        def user(*arguments, given=""):
            done = subprocess.run([millrace, "user", *arguments, "--kafka-users", users], input=given, capture_output=True, text=True, timeout=60)
            return done.returncode, done.stdout, done.stderr

        assert user("add", "ann", given="secret\n") == (0, "", "") and user("add", "bob", given="other\n") == (0, "", "")
        assert user("list") == (0, "ann\nbob\n", "") and user("delete", "carl")[0] == 1
        assert os.stat(users).st_mode & 0o777 == 0o600
        server = Server(millrace, os.path.join(folder, "data"), "--kafka", "127.0.0.1:0", "--kafka-users", users)
        try:
            broker = kafka_address(server)

            def topics(mechanism, name, password):
                said = []
                admin = AdminClient({"bootstrap.servers": broker, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": mechanism,
                                     "sasl.username": name, "sasl.password": password, "log_level": 0, "error_cb": said.append})
                try:
                    return sorted(admin.list_topics(timeout=20 if password == "secret" else 3).topics)
                except KafkaException:
                    admin.poll(0)
                    return [error.name() for error in said][:1]

            for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]:
                assert "__consumer_offsets" in topics(mechanism, "ann", "secret"), mechanism
                assert "_AUTHENTICATION" in topics(mechanism, "ann", "wrong"), mechanism
            assert user("delete", "ann")[0] == 0 and "_AUTHENTICATION" in topics("SCRAM-SHA-256", "ann", "secret")
            bare = subprocess.run(["kcat", "-b", broker, "-L", "-m", "3"], capture_output=True, timeout=60) if shutil.which("kcat") else None
            assert bare is None or bare.returncode != 0
            if module("kafka"):
                from kafka import KafkaProducer
                producer = KafkaProducer(bootstrap_servers=broker, security_protocol="SASL_PLAINTEXT", sasl_mechanism="SCRAM-SHA-512",
                                         sasl_plain_username="bob", sasl_plain_password="other")
                assert producer.send("logged-in", b"x").get(timeout=30).offset == 0
                producer.close()
            assert any("a login is refused" in line for line in server.lines)
            assert not any("secret" in line for line in server.lines)
        finally:
            server.process.kill()
            server.process.wait()


def offsets_survive(millrace, folder):
    """Groups and records are there after a kill."""
    server = Server(millrace, folder, "--kafka", "127.0.0.1:0")
    broker = kafka_address(server)
    text = subprocess.run(["kcat", "-b", broker, "-G", "kcat-group", "-X", "auto.offset.reset=earliest", "-e", "-q", "kcat"],
                          capture_output=True, text=True, timeout=60).stdout
    assert text == "4\n", text
    server.process.kill()
    server.process.wait()


def kafka_address(server):
    line = wait(lambda: next((line for line in server.lines if "protocol=kafka" in line), None), "there is no listener for Kafka's clients")
    return line.split("address=")[1].split()[0]


def main():
    millrace = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        server = Server(millrace, folder, "--kafka", "127.0.0.1:0", "--metrics", "127.0.0.1:0")
        try:
            broker, sql = kafka_address(server), Connection(server.port)
            check(shutil.which("kcat"), "kcat", lambda: kcat(broker, sql))
            check(module("confluent_kafka"), "confluent-kafka", lambda: confluent(broker, sql))
            check(module("confluent_kafka"), "confluent-kafka: what the server tells of it", lambda: (statements(broker, sql), counters(server)))
            check(module("kafka"), "kafka-python", lambda: kafka_python(broker, sql))
            check(module("aiokafka"), "aiokafka", lambda: aiokafka(broker, sql))
            classes = os.path.join(os.environ.get("MILLRACE_SHARED", ""), "kafka", "lib")
            check(shutil.which("java") and os.path.isdir(classes), "the Java tools", lambda: java(broker, classes + "/*"))
        finally:
            server.process.kill()
            server.process.wait()
        check(module("confluent_kafka"), "confluent-kafka: logins", lambda: logins(millrace))
        check(shutil.which("kcat"), "kcat after a kill", lambda: offsets_survive(millrace, folder))
    print(f"{passed} passed, {skipped} skipped")


if __name__ == "__main__":
    main()
