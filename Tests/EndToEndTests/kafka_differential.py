"""The same random requests to the server and to a real Apache Kafka: records, offsets, groups, assignments and error codes have to be the same.

    kafka_differential.py MILLRACE [--count N] [--seconds S] [--seed N] [--kafka FOLDER]

Each sequence has a seed, which is printed where the two differ. Without Java or MILLRACE_SHARED/kafka it says `skipped`. Requests come from
kafka_wire.py, so that no client's retries stand between. What is meant to differ is not asked: a replication factor of more than 1, and
configurations that have one value here."""
import argparse, os, random, shutil, socket, subprocess, sys, tempfile, time
from kafka_clients import kafka_address, wait
from kafka_wire import Client, batch, records
from serving import Server

# Errors that say: not yet.
LATER = {3: "unknown topic", 5: "no leader", 14: "loading", 15: "no coordinator", 16: "another coordinator", 51: "concurrent transactions"}


class Side:
    """One of the two brokers, with what it calls things: producer ids and members are compared by who they are, not by their names."""

    def __init__(self, address):
        self.address, self.main = address, Client(address)
        self.names = {}
        # Members and producers of the sequence.
        self.members, self.producers = {}, {}

    def begin(self):
        for member in self.members.values():
            member["client"].close()
        self.members, self.producers, self.names = {}, {}, {}

    def patiently(self, body, later, seconds=20):
        """Asks again while the error is one of those that pass."""
        end = time.monotonic() + seconds
        while True:
            code, answer = body()
            if code not in later or time.monotonic() > end:
                return code, answer
            time.sleep(0.005)

    def outcome(self, run):
        """What an operation gives; that the broker ends the connection is an outcome as well."""
        try:
            return run(self)
        except ConnectionError as error:
            self.main = Client(self.address)
            return (str(error),)

    def label(self, name):
        return self.names.get(name, name)


class Sequence:
    """The operations of one sequence. Each gives what is compared; `self.chance` alone decides, so that both sides get the same."""

    def __init__(self, seed):
        self.chance, self.seed = random.Random(seed), seed
        self.prefix = f"d{seed}-{os.getpid()}"
        self.topics = {}
        self.groups = [f"{self.prefix}-g{number}" for number in range(2)]
        self.clock = 1_700_000_000_000
        self.producers, self.with_offsets, self.with_members = {}, set(), set()

    def topic(self):
        return self.chance.choice(sorted(self.topics) + [f"{self.prefix}-none"]) if self.topics else f"{self.prefix}-none"

    def partition(self, topic):
        count = self.topics.get(topic, {"partitions": 1})["partitions"]
        return self.chance.randrange(count) if self.chance.random() < 0.93 else count + 3

    # Topics

    def create(self):
        name = f"{self.prefix}-{self.chance.randrange(3)}"
        partitions = self.chance.choice([1, 1, 2, 3, -1, 0])
        configs = {}
        if self.chance.random() < 0.5:
            key, value = self.chance.choice([
                ("cleanup.policy", "compact"), ("cleanup.policy", "compact,delete"), ("cleanup.policy", "never"), ("retention.ms", "100000000"),
                ("retention.ms", "x"), ("max.message.bytes", "300"), ("max.message.bytes", "-5"), ("message.timestamp.type", "LogAppendTime"),
                ("message.timestamp.type", "Sometimes"), ("min.compaction.lag.ms", "100"), ("no.such.config", "1"), ("segment.ms", "3600000")])
            configs[key] = value
        trial = self.chance.random() < 0.1
        factor = self.chance.choice([-1, 1, 1, 1, 0])

        def run(side):
            answer = side.main.ask("CreateTopics", 5, topics=[{
                "name": name, "numPartitions": partitions, "replicationFactor": factor,
                "configs": [{"name": key, "value": value} for key, value in configs.items()]}], timeoutMs=10000, validateOnly=trial)["topics"][0]
            code = answer["errorCode"]
            if code == 0 and not trial:
                side.settle(name, max(1, partitions))
            own = {entry["name"]: entry["value"] for entry in answer["configs"] or [] if entry["name"] in configs}
            return ("create", name, code, answer["numPartitions"], answer["replicationFactor"], own)

        def after(outcome):
            if outcome[2] == 0 and not trial and name not in self.topics:
                self.topics[name] = {"partitions": max(1, partitions), "configs": configs}
        return run, after

    def grow(self):
        name = self.topic()
        count = self.topics.get(name, {"partitions": 1})["partitions"] + self.chance.choice([1, 1, 0, -1])

        def run(side):
            answer = side.main.ask("CreatePartitions", 1, topics=[{"name": name, "count": count, "assignments": None}], timeoutMs=10000)
            code = answer["results"][0]["errorCode"]
            if code == 0:
                side.settle(name, count)
            return ("grow", name, count, code)

        def after(outcome):
            if outcome[3] == 0:
                self.topics[name]["partitions"] = count
        return run, after

    def remove(self):
        name = self.topic()

        def run(side):
            code = side.main.ask("DeleteTopics", 3, topicNames=[name], timeoutMs=10000)["responses"][0]["errorCode"]
            if code == 0:
                wait(lambda: side.metadata(name)["errorCode"] == 3, "a topic does not go")
            return ("remove", name, code)

        def after(outcome):
            self.topics.pop(name, None)
        return run, after

    def configure(self):
        name = self.topic()
        key, operation, value = self.chance.choice([
            ("retention.ms", 0, "777000"), ("retention.ms", 1, None), ("cleanup.policy", 2, "compact"), ("cleanup.policy", 3, "compact"),
            ("retention.ms", 2, "5"), ("max.message.bytes", 0, "5000"), ("segment.bytes", 0, "x"),
            ("no.such.config", 0, "1"), ("delete.retention.ms", 0, "5000"), ("message.timestamp.type", 0, "CreateTime")])
        shown = ["cleanup.policy", "retention.ms", "delete.retention.ms", "message.timestamp.type", "min.compaction.lag.ms", "compression.type"]

        def run(side):
            answer = side.main.ask("IncrementalAlterConfigs", 0, resources=[{
                "resourceType": 2, "resourceName": name, "configs": [{"name": key, "configOperation": operation, "value": value}]}])
            found = side.main.ask("DescribeConfigs", 1, resources=[
                {"resourceType": 2, "resourceName": name, "configurationKeys": shown}], includeSynonyms=False)["results"][0]
            entries = sorted((entry["name"], "".join(sorted(entry["value"])) if entry["name"] == "cleanup.policy" else entry["value"])
                             for entry in found["configs"])
            return ("configure", name, key, operation, value, answer["responses"][0]["errorCode"], found["errorCode"], entries)
        return run, None

    # Records

    def written(self):
        self.clock += self.chance.randrange(1, 2000)
        count = self.chance.randrange(1, 5)
        return [(None if self.chance.random() < 0.1 else b"k%d" % self.chance.randrange(5),
                 b"v" * (400 if self.chance.random() < 0.08 else 1) + b"%d" % self.chance.randrange(1000),
                 self.clock + self.chance.randrange(-500, 500)) for _ in range(count)]

    def produced(self, side, topic, partition, data, acks=-1, transaction=None):
        def once():
            answer = side.main.ask("Produce", 7, transactionalId=transaction, acks=acks, timeoutMs=10000, topicData=[
                {"name": topic, "partitionData": [{"index": partition, "records": data}]}])
            part = answer["responses"][0]["partitionResponses"][0]
            return part["errorCode"], part
        known = self.topics.get(topic, {"partitions": 0})["partitions"] > partition
        code, part = side.patiently(once, {3, 5, 6} if known else {5, 6})
        stamped = self.topics.get(topic, {}).get("configs", {}).get("message.timestamp.type") == "LogAppendTime"
        return code, part["baseOffset"], part["logAppendTimeMs"] >= 0 if stamped and code == 0 else None, part["logStartOffset"] if code == 0 else None

    def produce(self):
        topic = self.topic()
        partition, written, acks = self.partition(topic), self.written(), self.chance.choice([-1, -1, 1, 1, 7])
        damaged = self.chance.random() < 0.05

        def run(side):
            return ("produce", topic, partition, acks, damaged, written, *self.produced(side, topic, partition, batch(written, damaged=damaged), acks))
        return run, None

    def idempotent(self):
        topic = self.topic()
        partition, name = self.partition(topic), self.chance.choice("ab")
        written = self.written()
        key = (name, topic, partition)
        sequence = max(0, self.producers.get(key, 0) + self.chance.choice([0, 0, 0, 0, -1, 2]))

        def run(side):
            if name not in side.producers:
                code, answer = side.patiently(lambda: (lambda a: (a["errorCode"], a))(
                    side.main.ask("InitProducerId", 1, transactionalId=None, transactionTimeoutMs=1000)), LATER)
                side.producers[name] = (answer["producerId"], answer["producerEpoch"])
            return ("idempotent", key, sequence, len(written), *self.produced(side, topic, partition, batch(written, (*side.producers[name], sequence))))

        def after(outcome):
            if outcome[4] == 0 and sequence == self.producers.get(key, 0):
                self.producers[key] = sequence + len(written)
        return run, after

    def read(self, side, topic, partition, offset, isolation):
        def once():
            part = self.fetched(side, topic, partition, offset, isolation)["responses"][0]["partitions"][0]
            # Kafka may count what it does not give yet.
            last = max((record[0] for record in records(part["records"])), default=-1)
            end = part["lastStableOffset"] if isolation else part["highWatermark"]
            return part["errorCode"] or ("behind" if -1 < last < end - 1 else 0), part

        # A partition that has just been made has no leader at first.
        part = side.patiently(once, {5, 6, "behind"}, seconds=2)[1]
        aborted = [entry["firstOffset"] for entry in part["abortedTransactions"] or []]
        stamped = self.topics.get(topic, {}).get("configs", {}).get("message.timestamp.type") == "LogAppendTime"
        # The markers of transactions count as offsets; Kafka gives the last one to readers some time after it counts it.
        found = [(record[0], record[1], record[2], None if stamped else record[3]) for record in records(part["records"])
                 if record[1] is not None or record[2] not in (b"commit", b"abort")]
        return (part["errorCode"], part["highWatermark"], part["lastStableOffset"], part["logStartOffset"], sorted(aborted), found)

    def fetched(self, side, topic, partition, offset, isolation):
        return side.main.ask("Fetch", 11, replicaId=-1, maxWaitMs=0, minBytes=0, maxBytes=1 << 20, isolationLevel=isolation, topics=[
            {"topic": topic, "partitions": [{"partition": partition, "fetchOffset": offset, "partitionMaxBytes": 1 << 20}]}])

    def fetch(self):
        topic = self.topic()
        partition, offset, isolation = self.partition(topic), self.chance.choice([0, 0, 0, 1, 2, 3, 5, 100, -1]), self.chance.randrange(2)
        return (lambda side: ("fetch", topic, partition, offset, isolation, *self.read(side, topic, partition, offset, isolation))), None

    def offsets(self):
        topic = self.topic()
        partition, isolation = self.partition(topic), self.chance.randrange(2)
        timestamp = self.chance.choice([-1, -2, -3, self.clock - 1000, self.clock - 5000, self.clock + 100000, 0])

        def run(side):
            def once():
                part = side.main.ask("ListOffsets", 7, replicaId=-1, isolationLevel=isolation, topics=[
                    {"name": topic, "partitions": [{"partitionIndex": partition, "timestamp": timestamp}]}])["topics"][0]["partitions"][0]
                return part["errorCode"], part
            part = side.patiently(once, {5, 6})[1]
            stamped = self.topics.get(topic, {}).get("configs", {}).get("message.timestamp.type") == "LogAppendTime"
            return ("offsets", topic, partition, timestamp, isolation, part["errorCode"], part["offset"], None if stamped else part["timestamp"])
        return run, None

    def delete_records(self):
        topic = self.topic()
        partition, offset = self.partition(topic), self.chance.choice([0, 1, 2, 3, -1, 1000])

        def run(side):
            def once():
                part = side.main.ask("DeleteRecords", 1, timeoutMs=10000, topics=[
                    {"name": topic, "partitions": [{"partitionIndex": partition, "offset": offset}]}])["topics"][0]["partitions"][0]
                return part["errorCode"], part
            # A partition that has just been made has no leader at first.
            part = side.patiently(once, {6})[1]
            return ("delete_records", topic, partition, offset, part["errorCode"], part["lowWatermark"])
        return run, None

    # Transactions

    def transaction(self):
        topic = self.topic()
        partition, name = self.partition(topic), f"{self.prefix}-{self.chance.choice('xy')}"
        first, second, commits = self.written(), self.written(), self.chance.random() < 0.6
        group, offset = self.chance.choice(self.groups), self.chance.randrange(50)
        again, timeout = self.chance.random() < 0.3, self.chance.choice([60000] * 9 + [0, 1_000_000_000])

        def run(side):
            def ask(api, version, **values):
                def once():
                    answer = side.main.ask(api, version, **values)
                    return answer.get("errorCode", 0), answer
                return side.patiently(once, LATER)[1]
            made = ask("InitProducerId", 1, transactionalId=name, transactionTimeoutMs=timeout)
            who = {"transactionalId": name, "producerId": made["producerId"], "producerEpoch": made["producerEpoch"]}
            identity = (made["producerId"], made["producerEpoch"])
            outcome = ["transaction", name, topic, partition, commits, made["errorCode"], made["producerEpoch"]]
            if made["errorCode"]:
                return tuple(outcome)
            # Before the partition is part of it.
            outcome.append(self.produced(side, topic, partition, batch(first, (*identity, 0), True), -1, name)[0] if again else None)

            def added():
                part = side.main.ask("AddPartitionsToTxn", 1, **who, topics=[{"name": topic, "partitions": [partition]}])
                code = part["resultsByTopic"][0]["resultsByPartition"][0]["partitionErrorCode"]
                return code, code
            outcome.append(side.patiently(added, {14, 15, 16, 51})[0])
            if outcome[-1] == 0:
                outcome.append(self.produced(side, topic, partition, batch(second, (*identity, 0), True), -1, name))
                open_read = self.read(side, topic, partition, 0, 1)
                outcome.append((open_read[0], open_read[2], open_read[5]))
            outcome.append(ask("AddOffsetsToTxn", 1, **who, groupId=group)["errorCode"])
            if topic in self.topics and outcome[-1] == 0:
                answer = side.main.ask("TxnOffsetCommit", 2, **who, groupId=group, topics=[
                    {"name": topic, "partitions": [{"partitionIndex": 0, "committedOffset": offset, "committedMetadata": "m"}]}])
                outcome.append(answer["topics"][0]["partitions"][0]["errorCode"])
            outcome.append(ask("EndTxn", 1, **who, committed=commits)["errorCode"])
            if topic in self.topics and partition < self.topics[topic]["partitions"]:
                wait(lambda: (lambda found: found[0] or found[1] == found[2])(self.read(side, topic, partition, 0, 1)), "a transaction does not end", 20)
                outcome.append(self.read(side, topic, partition, 0, 1))
                outcome.append(side.committed(group, topic))
            return tuple(outcome)
        return run, None

    # Groups

    def commit(self):
        group, topic = self.chance.choice(self.groups + [""]), self.topic()
        partition, offset = self.partition(topic), self.chance.randrange(100)
        metadata = self.chance.choice(["", "m", "x" * 5000])

        def run(side):
            def once():
                part = side.main.ask("OffsetCommit", 6, groupId=group, generationIdOrMemberEpoch=-1, memberId="", topics=[{
                    "name": topic, "partitions": [{"partitionIndex": partition, "committedOffset": offset, "committedMetadata": metadata}]}])
                return part["topics"][0]["partitions"][0]["errorCode"], None
            code = side.patiently(once, {14, 15, 16})[0]
            return ("commit", group, topic, partition, offset, code, side.committed(group, topic))

        def after(outcome):
            if outcome[5] == 0:
                self.with_offsets.add(group)
        return run, after

    def remove_offsets(self):
        group, topic = self.chance.choice(self.groups), self.topic()
        if group not in self.with_offsets:
            return self.fetch()

        def run(side):
            def once():
                answer = side.main.ask("OffsetDelete", 0, groupId=group, topics=[{"name": topic, "partitions": [{"partitionIndex": 0}]}])
                parts = [part["errorCode"] for entry in answer["topics"] for part in entry["partitions"]]
                return answer["errorCode"], parts if answer["errorCode"] == 0 else []
            return ("remove_offsets", group, topic, *side.patiently(once, {14, 15, 16}), side.committed(group, topic))
        return run, None

    def remove_group(self):
        group = self.chance.choice(self.groups)

        def run(side):
            def once():
                return side.main.ask("DeleteGroups", 1, groupsNames=[group])["results"][0]["errorCode"], None
            return ("remove_group", group, side.patiently(once, {14, 15, 16})[0], side.described(group))
        return run, None

    def join(self):
        """A member joins, or joins again; the others of its group are asked to join again, and the leader shares partitions out."""
        group, name = self.chance.choice(self.groups), self.chance.choice("pqr")
        protocols = self.chance.choice([["range"], ["range", "other"], ["other"]]) if self.chance.random() < 0.15 else ["range"]
        timeout = self.chance.choice([10000] * 9 + [10])
        self.with_members.add(group)

        def run(side):
            key = (group, name)
            if key in side.members:
                return ("join", key, side.described(group))
            first = side.join(group, name, protocols, timeout)
            if first != 0:
                return ("join", key, protocols, timeout, first)
            return ("join", key, protocols, timeout, first, side.rebalance(group))
        return run, None

    def member(self):
        """Something that a member says, or somebody who is none."""
        group, name = self.chance.choice(self.groups), self.chance.choice("pqr")
        what, wrong = self.chance.choice(["heartbeat", "commit", "leave", "describe"]), self.chance.choice([None, None, "generation", "member"])
        topic = self.topic()

        def run(side):
            known = side.members.get((group, name), {"id": "nobody", "generation": 1})
            generation = known["generation"] + (5 if wrong == "generation" else 0)
            member = "stranger" if wrong == "member" else known["id"]
            outcome = ["member", group, name, what, wrong]
            if what == "heartbeat":
                outcome.append(side.main.ask("Heartbeat", 1, groupId=group, generationId=generation, memberId=member)["errorCode"])
            elif what == "commit":
                answer = side.main.ask("OffsetCommit", 6, groupId=group, generationIdOrMemberEpoch=generation, memberId=member, topics=[
                    {"name": topic, "partitions": [{"partitionIndex": 0, "committedOffset": 7, "committedMetadata": ""}]}])
                outcome += [answer["topics"][0]["partitions"][0]["errorCode"], side.committed(group, topic)]
            elif what == "leave":
                outcome.append(side.main.ask("LeaveGroup", 1, groupId=group, memberId=member)["errorCode"])
                if outcome[-1] == 0:
                    side.members.pop((group, name))["client"].close()
                    outcome.append(side.rebalance(group))
            outcome.append(side.described(group))
            return tuple(outcome)
        return run, None

    def operations(self):
        yield self.create
        kinds = [self.create, self.produce, self.produce, self.produce, self.idempotent, self.fetch, self.fetch, self.offsets, self.commit,
                 self.configure, self.grow, self.delete_records, self.remove, self.transaction, self.join, self.join, self.member, self.member,
                 self.remove_offsets, self.remove_group]
        for _ in range(self.chance.randrange(4, 12)):
            yield self.chance.choice(kinds)


def metadata(side, name):
    return side.main.ask("Metadata", 5, topics=[{"name": name}], allowAutoTopicCreation=False)["topics"][0]


def settle(side, name, count):
    """Until all partitions of a topic have a leader, which real brokers find behind the answer."""
    def is_there():
        found = metadata(side, name)
        return found["errorCode"] == 0 and len(found["partitions"]) >= count and all(
            part["errorCode"] == 0 and part["leaderId"] >= 0 for part in found["partitions"])
    wait(is_there, f"{name} has no leaders")


def committed(side, group, topic):
    answer = side.main.ask("OffsetFetch", 5, groupId=group, topics=[{"name": topic, "partitionIndexes": [0, 1, 2]}])
    parts = [(part["committedOffset"], part["metadata"], part["errorCode"]) for entry in answer["topics"] for part in entry["partitions"]]
    return answer["errorCode"], parts if answer["errorCode"] == 0 else []


def described(side, group):
    found = side.main.ask("DescribeGroups", 3, groups=[group], includeAuthorizedOperations=False)["groups"][0]
    members = sorted((side.label(member["memberId"]), member["memberAssignment"]) for member in found["members"])
    return found["errorCode"], found["groupState"], members


def join(side, group, name, protocols, timeout):
    """Sends the member's request to join. 0 where it waits for the others now, else the error."""
    key = (group, name)
    known = side.members.get(key)
    client = known["client"] if known else Client(side.address)
    values = {"groupId": group, "sessionTimeoutMs": timeout, "rebalanceTimeoutMs": 30000, "protocolType": "consumer",
              "protocols": [{"name": protocol, "metadata": b"m"} for protocol in protocols]}
    if not known:
        code, answer = side.patiently(lambda: (lambda a: (a["errorCode"], a))(client.ask("JoinGroup", 5, memberId="", **values)), {14, 15, 16})
        if code != 79:
            client.close()
            return code
        known = {"id": answer["memberId"], "generation": -1, "client": client}
    known.update(values=values)
    client.send("JoinGroup", 5, memberId=known["id"], **values)
    known["joins"] = True
    side.members[key] = known
    side.names[known["id"]] = name
    return 0


def rebalance(side, group):
    """All members of the group join; the leader gives each its place in the order of names."""
    members = {key: member for key, member in side.members.items() if key[0] == group}
    outcome = []
    for key, member in members.items():
        if not member.pop("joins", False):
            # The others learn of it with their next heartbeat, once the coordinator has the request.
            wait(lambda: side.main.ask("Heartbeat", 1, groupId=group, generationId=member["generation"], memberId=member["id"])["errorCode"] == 27,
                 "a member does not learn of a rebalance")
            member["client"].send("JoinGroup", 5, memberId=member["id"], **member["values"])
    joined = {key: member["client"].receive() for key, member in members.items()}
    for key, answer in joined.items():
        outcome.append((key[1], answer["errorCode"], answer["protocolName"] if answer["errorCode"] == 0 else None))
        if answer["errorCode"] == 0:
            members[key]["generation"] = answer["generationId"]
        else:
            side.members.pop(key)["client"].close()
    good = sorted(key for key, answer in joined.items() if answer["errorCode"] == 0)
    if not good:
        return outcome
    leaders = [key for key in good if joined[key]["leader"] == joined[key]["memberId"]]
    listed = sorted(side.label(entry["memberId"]) for entry in joined[leaders[0]]["members"]) if leaders else None
    outcome += [len(leaders), listed, len({joined[key]["generationId"] for key in good})]
    for key in good:
        member = members[key]
        plan = [{"memberId": members[other]["id"], "assignment": b"part of " + other[1].encode()} for other in good] if key in leaders else []
        member["client"].send("SyncGroup", 3, groupId=group, generationId=member["generation"], memberId=member["id"], assignments=plan)
    for key in good:
        answer = members[key]["client"].receive()
        outcome.append((key[1], answer["errorCode"], answer["assignment"]))
    return sorted(map(str, outcome))


for function in (metadata, settle, committed, described, join, rebalance):
    setattr(Side, function.__name__, function)


def differences(seed, sides):
    """The first operation of a sequence whose outcomes differ, as lines; none where all are the same."""
    sequence = Sequence(seed)
    for side in sides:
        side.begin()
    done = []
    for make in sequence.operations():
        run, after = make()
        outcomes = [side.outcome(run) for side in sides]
        if outcomes[0] != outcomes[1]:
            return [f"seed {seed}, after {' '.join(done)}:", f"  Kafka    {outcomes[0]}", f"  Millrace {outcomes[1]}"]
        done.append(outcomes[0][0])
        if after:
            after(outcomes[0])
    for name in sequence.topics:
        for side in sides:
            side.main.ask("DeleteTopics", 3, topicNames=[name], timeoutMs=10000)
    return []


def free_ports():
    """A port with a free one behind it."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                continue


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("millrace")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--kafka", default=os.path.join(os.environ.get("MILLRACE_SHARED", ""), "kafka"))
    chosen = parser.parse_args()
    kafka = os.path.join(chosen.kafka, "kafka")
    if not shutil.which("java") or not os.path.isfile(kafka):
        print("skipped: there is no Java, or no Kafka in MILLRACE_SHARED")
        return
    first = chosen.seed if chosen.seed is not None else random.randrange(1 << 30)
    with tempfile.TemporaryDirectory() as folder:
        port = free_ports()
        subprocess.run([kafka, "start", os.path.join(folder, "kafka"), str(port), "group.min.session.timeout.ms=6000"], check=True,
                       stdout=subprocess.DEVNULL)
        server = Server(chosen.millrace, os.path.join(folder, "millrace"), "--kafka", "127.0.0.1:0")
        try:
            sides = [Side(f"127.0.0.1:{port}"), Side(kafka_address(server))]
            # The first one who looks for a coordinator has its topic made.
            for side in sides:
                for kind in (0, 1):
                    side.patiently(lambda: (side.main.ask("FindCoordinator", 2, key="x", keyType=kind)["errorCode"], None), LATER)
                side.patiently(lambda: (side.committed("x", "x")[0], None), LATER)
            found, count, end = [], 0, time.monotonic() + chosen.seconds
            while count < chosen.count and time.monotonic() < end and len(found) < 10:
                lines = differences(first + count, sides)
                if lines:
                    found.append(lines)
                count += 1
            for lines in found:
                print("\n".join(lines))
            print(f"{count} sequences from seed {first} on, {len(found)} differ")
        finally:
            server.process.kill()
            server.process.wait()
            subprocess.run([kafka, "stop", os.path.join(folder, "kafka")])
    sys.exit(1 if found else 0)


main()
