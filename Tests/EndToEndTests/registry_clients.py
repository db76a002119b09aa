#!/usr/bin/env python3
"""Has the client of Confluent's registry talk to ours: schemas are registered, looked up, compared and deleted, and records go through the serializers
of all three formats, in by Kafka's protocol and out by SQL, and back.

  registry_clients.py MILLRACE

Ends with 1 and says what is wrong; with 77 and a line where the client is not installed."""
import json, os, signal, subprocess, sys, tempfile

try:
    from confluent_kafka import Consumer, Producer
    from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError
    from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
    from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
    from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
    from confluent_kafka.serialization import MessageField, SerializationContext
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
except ImportError as error:
    print("skipped: %s (pip install confluent-kafka[avro,json,protobuf,schema_registry])" % error)
    sys.exit(77)

ROWS = [{"ID": n, "NAME": "é%d" % n, "PRICE": n * 1.5} for n in range(20)]
AVRO = {"type": "record", "name": "Row", "namespace": "shop", "fields": [
    {"name": "ID", "type": "long"}, {"name": "NAME", "type": "string"}, {"name": "PRICE", "type": "double"}]}
JSON = {"type": "object", "title": "Row", "properties": {
    "ID": {"type": "integer"}, "NAME": {"type": "string"}, "PRICE": {"type": "number"}}}


def message():
    file = descriptor_pb2.FileDescriptorProto(name="row.proto", package="shop", syntax="proto3")
    kind = file.message_type.add(name="Row")
    for number, (name, type_) in enumerate([("ID", 3), ("NAME", 9), ("PRICE", 1)], 1):
        kind.field.add(name=name, number=number, type=type_, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Row"))


class Server:
    def __init__(self, millrace, folder):
        self.process = subprocess.Popen(
            [millrace, "serve", "--data", folder, "--listen", "127.0.0.1:0", "--kafka", "127.0.0.1:0", "--registry", "127.0.0.1:0"],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.addresses = {}
        for line in self.process.stderr:
            words = dict(word.split("=", 1) for word in line.split() if "=" in word)
            if "listening" in line and "address" in words:
                self.addresses[words.get("protocol", "lines")] = words["address"].strip('"')
            if {"lines", "kafka", "registry"} <= set(self.addresses):
                break
        else:
            sys.exit("the server does not start")
        self.millrace = millrace
        # What it says later is not to fill the pipe.
        self.rest = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL)

    def sql(self, text):
        done = subprocess.run(
            [self.millrace, "run", "--server", self.addresses["lines"], "--output", "ndjson", "-c", text], capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            sys.exit("%s\n%s" % (text, done.stderr))
        return [list(json.loads(line).values()) for line in done.stdout.splitlines() if line.startswith("{")]

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        self.rest.wait(timeout=60)


def check(name, expected, actual):
    if expected != actual:
        sys.exit("%s: %r, not %r" % (name, actual, expected))


def refused(name, code, call):
    try:
        call()
    except SchemaRegistryError as error:
        return check(name, code, error.error_code)
    sys.exit("%s: was not refused" % name)


def interface(client):
    one = Schema(json.dumps(AVRO), "AVRO")
    two = dict(AVRO, fields=AVRO["fields"] + [{"name": "MORE", "type": ["null", "string"], "default": None}])
    bad = dict(AVRO, fields=AVRO["fields"] + [{"name": "MORE", "type": "string"}])
    subject = "a/b c-value"
    first = client.register_schema(subject, one)
    check("the same again", first, client.register_schema(subject, one))
    check("lookup", (1, first), (lambda found: (found.version, found.schema_id))(client.lookup_schema(subject, one)))
    check("compatible", True, client.test_compatibility(subject, Schema(json.dumps(two), "AVRO")))
    check("incompatible", False, client.test_compatibility(subject, Schema(json.dumps(bad), "AVRO")))
    refused("an incompatible version", 409, lambda: client.register_schema(subject, Schema(json.dumps(bad), "AVRO")))
    second = client.register_schema(subject, Schema(json.dumps(two), "AVRO"))
    check("latest", (2, second), (lambda found: (found.version, found.schema_id))(client.get_latest_version(subject)))
    check("versions", [1, 2], client.get_versions(subject))
    check("schema by number", AVRO, json.loads(client.get_schema(first).schema_str))
    client.set_compatibility(subject_name=subject, level="FULL_TRANSITIVE")
    check("level", "FULL_TRANSITIVE", client.get_compatibility(subject))
    check("subjects", True, subject in client.get_subjects())
    check("deletion of a version", 1, client.delete_version(subject, 1))
    check("deletion", [2], client.delete_subject(subject))
    check("deletion for good", [1, 2], client.delete_subject(subject, permanent=True))
    refused("a subject that is not there", 40401, lambda: client.get_versions(subject))


def records(server, client, kind, serializer, to_object, deserializer, from_object):
    topic = kind.lower() + "_in"
    producer = Producer({"bootstrap.servers": server.addresses["kafka"]})
    context = SerializationContext(topic, MessageField.VALUE)
    for row in ROWS:
        producer.produce(topic, value=serializer(to_object(row), context), partition=0)
    check(kind + " sent", 0, producer.flush(60))
    # The columns come from the registry.
    server.sql("CREATE STREAM %s WITH (KAFKA_TOPIC='%s', VALUE_FORMAT='%s');" % (topic, topic, kind))
    found = server.sql("SELECT ID, NAME, PRICE FROM %s;" % topic)
    check(kind + " read by SQL", [list(row.values()) for row in ROWS], found)
    server.sql("INSERT INTO %s (ID, NAME, PRICE) VALUES (7, 'ü', 0.25);" % topic)
    consumer = Consumer({"bootstrap.servers": server.addresses["kafka"], "group.id": kind, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    read = []
    while len(read) < len(ROWS) + 1:
        got = consumer.poll(30)
        if got is None or got.error():
            sys.exit("%s: the consumer gets nothing: %s" % (kind, got and got.error()))
        read.append(from_object(deserializer(got.value(), context)))
    consumer.close()
    check(kind + " read by the client", ROWS + [{"ID": 7, "NAME": "ü", "PRICE": 0.25}], read)


def main(millrace):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(millrace, os.path.join(folder, "data"))
        try:
            client = SchemaRegistryClient({"url": "http://" + server.addresses["registry"]})
            interface(client)
            same = lambda row: row
            records(
                server, client, "AVRO", AvroSerializer(client, json.dumps(AVRO), lambda row, _: row), same, AvroDeserializer(client), same)
            records(
                server, client, "JSON_SR", JSONSerializer(json.dumps(JSON), client, lambda row, _: row), same,
                JSONDeserializer(json.dumps(JSON), schema_registry_client=client), same)
            Row = message()
            plain = {"use.deprecated.format": False}
            records(
                server, client, "PROTOBUF", ProtobufSerializer(Row, client, plain), lambda row: Row(**row),
                ProtobufDeserializer(Row, plain, client), lambda row: {name: getattr(row, name) for name in ROWS[0]})
            server.sql("DROP STREAM avro_in DELETE TOPIC;")
            check("subjects of a topic that is gone", False, "avro_in-value" in client.get_subjects())
        finally:
            server.close()


main(os.path.abspath(sys.argv[1]))
