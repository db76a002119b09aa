"""Transactions of Kafka's clients against the server's listener: commits, aborts, a copy from topic to topic, producers that are shut out or too
late, what SQL sees of them, kills of the server under a copy, and Kafka Streams' word count.

    kafka_transactions.py MILLRACE [--kills N]

Clients that are not there are skipped with a line. The last line is `N passed, N skipped`."""
import os, shutil, subprocess, sys, tempfile, threading, uuid
import kafka_clients
from kafka_clients import check, kafka_address, module, rows, wait
from serving import Connection, Server


def consumer(broker, **settings):
    from confluent_kafka import Consumer

    return Consumer({"bootstrap.servers": broker, "group.id": str(uuid.uuid4()), "auto.offset.reset": "earliest", "enable.auto.commit": False,
                     "isolation.level": "read_committed", "log_level": 0, **settings})


def values(broker, topic, isolation="read_committed"):
    """All of a topic, as numbers in their order."""
    from confluent_kafka import KafkaError, TopicPartition

    reader = consumer(broker, **{"enable.partition.eof": True, "isolation.level": isolation})
    partitions = reader.list_topics(topic, 30).topics[topic].partitions
    reader.assign([TopicPartition(topic, index, 0) for index in partitions])
    found, ended = [], set()
    while len(ended) < len(partitions):
        message = reader.poll(30)
        assert message is not None, "the end of the topic does not come"
        if message.error() is None:
            found.append(int(message.value()))
        else:
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            ended.add(message.partition())
    reader.close()
    return sorted(found)


def producer(broker, name, **settings):
    from confluent_kafka import Producer

    # What is said about a producer that is shut out is not this test's output.
    made = Producer({"bootstrap.servers": broker, "transactional.id": name, "log_level": 0, **settings})
    made.init_transactions(30)
    return made


def create(broker, **topics):
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": broker})
    for future in admin.create_topics([NewTopic(name, count, 1) for name, count in topics.items()]).values():
        future.result()


def write(made, topic, numbers):
    for number in numbers:
        made.produce(topic, key=str(number), value=str(number))
    assert made.flush(30) == 0


def commits_and_aborts(broker, sql):
    create(broker, ends=2)
    rows(sql, "CREATE STREAM ends_stream (k STRING KEY, v BIGINT) WITH (kafka_topic='ends', key_format='KAFKA', value_format='DELIMITED');\n")
    rows(sql, "CREATE TABLE ends_count AS SELECT 'all' AS name, COUNT(*) AS n FROM ends_stream GROUP BY 'all';\n")
    made = producer(broker, "ends")
    made.begin_transaction()
    write(made, "ends", range(10))
    assert values(broker, "ends") == [] and values(broker, "ends", "read_uncommitted") == list(range(10))
    assert rows(sql, "SELECT v FROM ends_stream;\n") == []
    made.commit_transaction(30)
    assert values(broker, "ends") == list(range(10))
    made.begin_transaction()
    write(made, "ends", range(10, 20))
    made.abort_transaction(30)
    made.begin_transaction()
    write(made, "ends", range(20, 25))
    made.commit_transaction(30)
    expected = list(range(10)) + list(range(20, 25))
    assert values(broker, "ends") == expected and len(values(broker, "ends", "read_uncommitted")) == 25
    assert sorted(int(row.strip("[]").split(",")[-1].strip('"')) for row in rows(sql, "SELECT v FROM ends_stream;\n")) == expected
    wait(lambda: rows(sql, "SELECT n FROM ends_count;\n") == ["[15]"], "a query does not come to what was committed")


def shut_out(broker, sql):
    from confluent_kafka import KafkaException

    create(broker, outs=1)
    old = producer(broker, "outs")
    old.begin_transaction()
    write(old, "outs", [1])
    new = producer(broker, "outs")
    try:
        write(old, "outs", [2])
        old.commit_transaction(30)
        raise AssertionError("a producer that was replaced has committed")
    except KafkaException as error:
        assert error.args[0].fatal() or error.args[0].name() == "_FENCED", error
    new.begin_transaction()
    write(new, "outs", [3])
    new.commit_transaction(30)
    late = producer(broker, "late", **{"transaction.timeout.ms": 1000})
    late.begin_transaction()
    write(late, "outs", [4])
    write_after = producer(broker, "after")
    write_after.begin_transaction()
    write(write_after, "outs", [5])
    write_after.commit_transaction(30)
    # What is behind an open transaction is seen once that was aborted.
    wait(lambda: values(broker, "outs") == [3, 5], "a transaction that is open too long is not aborted")
    try:
        late.commit_transaction(30)
        raise AssertionError("a transaction that was open too long is committed")
    except KafkaException:
        pass


def copy(broker, source, target, count):
    """Copies records until all are there; any error begins a new life, as after a kill of the copying program."""
    from confluent_kafka import KafkaException

    reader, made = consumer(broker, **{"group.id": "copy", "session.timeout.ms": 6000}), None
    try:
        reader.subscribe([source])
        made = producer(broker, "copy")
        while len(values(broker, target)) < count:
            messages = [message for message in reader.consume(7, 2) if message.error() is None]
            if not messages:
                continue
            made.begin_transaction()
            for message in messages:
                made.produce(target, key=message.key(), value=message.value())
            made.send_offsets_to_transaction(reader.position(reader.assignment()), reader.consumer_group_metadata(), 30)
            made.commit_transaction(30)
        return True
    except KafkaException:
        return False
    finally:
        reader.close()


def write_on(broker, topic, ends, acknowledged):
    """An idempotent producer that writes number after number, whatever happens to the server, until `ends` is set."""
    from confluent_kafka import Producer

    made = Producer({"bootstrap.servers": broker, "enable.idempotence": True, "linger.ms": 1, "message.timeout.ms": 300000, "log_level": 0})
    number = 0
    while not ends.is_set():
        made.produce(topic, value=str(number), on_delivery=lambda error, message: error is None and acknowledged.append(int(message.value())))
        number += 1
        made.poll(0.01)
    assert made.flush(60) == 0, "records are left over"


def kills(millrace, count):
    """A copy, and an idempotent producer, with the server killed under them, again and again: in the end each record is there once."""
    import random

    chance = random.Random(13)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(millrace, folder, "--kafka", "127.0.0.1:0")
        broker = kafka_address(server)
        create(broker, source=2, target=2, plain=1)
        made = producer(broker, "source")
        made.begin_transaction()
        write(made, "source", range(100))
        made.commit_transaction(30)
        del made
        ends = threading.Event()

        def kill():
            nonlocal server
            for _ in range(count):
                if ends.wait(chance.uniform(0.2, 1.5)):
                    break
                server.process.kill()
                server.process.wait()
                server = Server(millrace, folder, "--kafka", broker)
            ends.set()

        acknowledged = []
        killer = threading.Thread(target=kill)
        writer = threading.Thread(target=write_on, args=(broker, "plain", ends, acknowledged))
        killer.start()
        writer.start()
        try:
            wait(lambda: copy(broker, "source", "target", 100), "the copy does not come to its end", 120 + 5 * count)
            ends.set()
            killer.join()
            assert values(broker, "target") == list(range(100)), values(broker, "target")
            writer.join(90)
            assert not writer.is_alive(), "the idempotent producer does not come to its end"
            written = values(broker, "plain")
            assert written == list(range(len(written))) and sorted(acknowledged) == written, (len(written), len(acknowledged))
        finally:
            ends.set()
            killer.join()
            server.process.kill()
            server.process.wait()


def streams(broker, classes):
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "WordCount.java")
        done = subprocess.run(["java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", classes, source, broker, folder],
                              capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.split() == ["each=120", "word0=30", "word1=30", "word2=30", "word3=30"], done.stdout + done.stderr


def main():
    millrace = sys.argv[1]
    count = int(sys.argv[3]) if sys.argv[2:3] == ["--kills"] else 6
    with tempfile.TemporaryDirectory() as folder:
        server = Server(millrace, folder, "--kafka", "127.0.0.1:0")
        try:
            broker, sql = kafka_address(server), Connection(server.port)
            check(module("confluent_kafka"), "confluent-kafka: commits and aborts", lambda: commits_and_aborts(broker, sql))
            check(module("confluent_kafka"), "confluent-kafka: producers that are shut out", lambda: shut_out(broker, sql))
            classes = os.path.join(os.environ.get("MILLRACE_SHARED", ""), "kafka", "lib")
            check(shutil.which("javac") and os.path.isdir(classes), "Kafka Streams", lambda: streams(broker, classes + "/*"))
        finally:
            server.process.kill()
            server.process.wait()
    check(module("confluent_kafka"), f"confluent-kafka: a copy and an idempotent producer with {count} kills", lambda: kills(millrace, count))
    print(f"{kafka_clients.passed} passed, {kafka_clients.skipped} skipped")


main()
