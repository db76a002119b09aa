#!/usr/bin/env python3
"""Measures a release build beside a real Kafka, in turn and by the same clients: producing, consuming, latency, and the start over many partitions.

  kafka_figures.py MILLRACE [--kafka FOLDER] [--runs N] [--records N] [--durable] [--only WORD ...]

FOLDER has Kafka's tools and libraries (MILLRACE_SHARED/kafka unless given); the Java tools and, where they are installed, kcat and confluent-kafka
are the clients. What is compared is what is printed: medians of the runs, and the ratio of Millrace to Kafka. `--durable` has both write through to the
disk before they answer. WORDs choose among produce, consume, kcat, latency and start."""
import argparse, importlib.util, os, re, shutil, statistics, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "EndToEndTests"))
from kafka_wire import Client
from serving import Server
from kafka_clients import kafka_address

TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(process):
    fields = open(f"/proc/{process}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mebibytes(process):
    return next(int(line.split()[1]) / 1024 for line in open(f"/proc/{process}/status") if line.startswith("VmRSS"))


class Millrace:
    name = "Millrace"

    def __init__(self, chosen, folder):
        self.chosen, self.folder = chosen, os.path.join(folder, "millrace")

    def start(self):
        began = time.perf_counter()
        self.server = Server(self.chosen.millrace, self.folder, "--kafka", "127.0.0.1:0", "--durability", "fsync" if self.chosen.durable else "os")
        self.address, self.process = kafka_address(self.server), self.server.process.pid
        Client(self.address).ask("Metadata", 1, topics=None)
        return time.perf_counter() - began

    def stop(self):
        self.server.process.terminate()
        self.server.process.wait()


class Kafka:
    name = "Kafka"

    def __init__(self, chosen, folder):
        self.tool, self.folder = os.path.join(chosen.kafka, "kafka"), os.path.join(folder, "kafka")
        self.settings = ["log.flush.interval.messages=1"] if chosen.durable else []

    def start(self):
        began = time.perf_counter()
        done = subprocess.run([self.tool, "start", self.folder, "19692", *self.settings], check=True, stdout=subprocess.PIPE, text=True)
        self.address, self.process = done.stdout.split()[-1], int(open(os.path.join(self.folder, "pid")).read())
        while True:
            found = Client(self.address).ask("Metadata", 1, topics=None)
            if found["brokers"]:
                break
        return time.perf_counter() - began

    def stop(self):
        subprocess.run([self.tool, "stop", self.folder], check=True)


class Figures:
    """Values by what was measured and by side, printed with their ratio."""

    def __init__(self):
        self.values = {}

    def add(self, what, unit, side, value):
        self.values.setdefault((what, unit), {}).setdefault(side.name, []).append(value)

    def show(self):
        print(f"{'':44}{'Millrace':>12}{'Kafka':>12}{'ratio':>8}")
        for (what, unit), sides in self.values.items():
            ours, theirs = (statistics.median(sides[name]) if name in sides else None for name in ("Millrace", "Kafka"))
            ratio = f"{ours / theirs:8.2f}" if ours is not None and theirs else ""
            print(f"{what + ', ' + unit:44}" + "".join("" if v is None else f"{v:12,.2f}" if v < 100 else f"{v:12,.0f}" for v in (ours, theirs)) + ratio)


def java(chosen, side, tool, *arguments):
    done = subprocess.run(["java", "-Xmx512m", "-cp", os.path.join(chosen.kafka, "lib", "*"), "org.apache.kafka.tools." + tool,
                           "--bootstrap-server", side.address, *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def produce(chosen, side, figures, topic, size):
    before = processor_seconds(side.process)
    said = java(chosen, side, "ProducerPerformance", "--topic", topic, "--num-records", str(chosen.records), "--record-size", str(size),
                "--throughput", "-1", "--producer-props", "acks=all", "batch.size=65536", "linger.ms=5")
    used = processor_seconds(side.process) - before
    last = said.strip().splitlines()[-1]
    figures.add(f"produce {size} bytes (Java)", "records/s", side, float(re.search(r"([\d.]+) records/sec", last)[1]))
    figures.add(f"produce {size} bytes (Java)", "server s/million", side, used / chosen.records * 1e6)


def consume(chosen, side, figures, topic, size):
    before = processor_seconds(side.process)
    said = java(chosen, side, "ConsumerPerformance", "--topic", topic, "--num-records", str(chosen.records), "--group", f"g{time.time_ns()}", "--timeout", "60000")
    used = processor_seconds(side.process) - before
    fields = [field.strip() for field in said.strip().splitlines()[-1].split(",")]
    figures.add(f"consume {size} bytes (Java)", "records/s", side, float(fields[9]))
    figures.add(f"consume {size} bytes (Java)", "server s/million", side, used / chosen.records * 1e6)


def kcat(chosen, side, figures, lines, size):
    topic = f"kcat-{size}-{time.time_ns()}"
    Client(side.address).ask("CreateTopics", 2, topics=[{"name": topic, "numPartitions": 1, "replicationFactor": 1}], timeoutMs=10000)
    time.sleep(0.5)

    def run(what, *arguments):
        before, began = processor_seconds(side.process), time.perf_counter()
        subprocess.run(["kcat", "-b", side.address, "-t", topic, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        figures.add(f"{what} {size} bytes (kcat)", "records/s", side, chosen.records / (time.perf_counter() - began))
        figures.add(f"{what} {size} bytes (kcat)", "server s/million", side, (processor_seconds(side.process) - before) / chosen.records * 1e6)

    run("produce", "-P", "-l", "-X", "acks=all", "-X", "linger.ms=5", "-X", "queue.buffering.max.kbytes=1048576", lines)
    run("consume", "-C", "-e", "-q", "-o", "beginning")


def latency(chosen, side, figures):
    from confluent_kafka import Consumer, Producer, TopicPartition

    topic, count = f"latency-{time.time_ns()}", 5000
    producer = Producer({"bootstrap.servers": side.address, "linger.ms": 0, "acks": "all", "socket.nagle.disable": True})
    producer.produce(topic, b"0")
    producer.flush(30)
    consumer = Consumer({"bootstrap.servers": side.address, "group.id": "latency", "fetch.wait.max.ms": 500, "fetch.min.bytes": 1, "socket.nagle.disable": True})
    consumer.assign([TopicPartition(topic, 0, 0)])
    taken = []

    def read():
        while len(taken) <= count:
            message = consumer.poll(10)
            if message is None:
                return
            taken.append((time.perf_counter_ns() - int(message.value())) / 1e6)

    thread = threading.Thread(target=read)
    thread.start()
    while not taken:
        time.sleep(0.01)
    began = time.perf_counter_ns()
    for number in range(count):
        while time.perf_counter_ns() < began + number * 1_000_000:
            time.sleep(0.0001)
        producer.produce(topic, b"%d" % time.perf_counter_ns())
        producer.poll(0)
    producer.flush(30)
    thread.join(60)
    consumer.close()
    taken = sorted(taken[500:])
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        figures.add(f"produce to consume at 1,000/s, {name}", "ms", side, taken[int(len(taken) * share)])


def restart(side, figures):
    few = side.start()
    resident = resident_mebibytes(side.process)
    for number in range(20):
        Client(side.address).ask("CreateTopics", 2, topics=[{"name": f"many-{number}", "numPartitions": 100, "replicationFactor": 1}], timeoutMs=60000)
    side.stop()
    many = side.start()
    figures.add("start, empty", "ms", side, few * 1000)
    figures.add("start with 2,000 partitions", "ms", side, many * 1000)
    figures.add("memory more with 2,000 partitions", "MiB", side, resident_mebibytes(side.process) - resident)
    side.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("millrace")
    parser.add_argument("--kafka", default=os.path.join(os.environ.get("MILLRACE_SHARED", ""), "kafka"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--durable", action="store_true")
    parser.add_argument("--only", nargs="*", default=["produce", "consume", "kcat", "latency", "start"])
    chosen = parser.parse_args()
    if not shutil.which("java") or not os.path.isfile(os.path.join(chosen.kafka, "kafka")):
        sys.exit("there is no Java, or no Kafka in MILLRACE_SHARED")
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder:
        if "start" in chosen.only:
            for kind in (Millrace, Kafka):
                restart(kind(chosen, os.path.join(folder, "start")), figures)
        sides = [Millrace(chosen, folder), Kafka(chosen, folder)]
        for side in sides:
            side.start()
        try:
            for size in (100, 1000):
                lines = os.path.join(folder, "lines")
                with open(lines, "wb") as file:
                    for _ in range(chosen.records):
                        file.write(os.urandom(size // 2).hex().encode() + b"\n")
                for number in range(chosen.runs):
                    for side in sides if number % 2 == 0 else sides[::-1]:
                        topic = f"perf-{size}-{number}"
                        if "produce" in chosen.only or "consume" in chosen.only:
                            Client(side.address).ask("CreateTopics", 2, topics=[{"name": topic, "numPartitions": 1, "replicationFactor": 1}], timeoutMs=10000)
                            time.sleep(0.5)
                            produce(chosen, side, figures, topic, size)
                        if "consume" in chosen.only:
                            consume(chosen, side, figures, topic, size)
                        if "kcat" in chosen.only and shutil.which("kcat"):
                            kcat(chosen, side, figures, lines, size)
            if "latency" in chosen.only and importlib.util.find_spec("confluent_kafka"):
                for number in range(chosen.runs):
                    for side in sides if number % 2 == 0 else sides[::-1]:
                        latency(chosen, side, figures)
        finally:
            for side in sides:
                side.stop()
    figures.show()


if __name__ == "__main__":
    main()
