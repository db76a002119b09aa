// Runs the scripts of a peer, each run in a process of its own that is ended when it takes too long.

package import Diagnostics
import Platform

/// The scripts of one peer, where everything that they need is there.
package struct PeerPrograms {
    /// Whose they are.
    package let peer: Peer
    /// The folder that has `peers`, and for Kafka also `kafka`.
    private let folder: String
    private let files: any FileSystem = HostFileSystem()
    /// Nanoseconds after which a run is ended.
    package var patience: Int64 = 900_000_000_000

    private var scripts: String { folder + "/peers" }

    /// Looks for the scripts in `folder`. `check` tells what is missing.
    package init(of peer: Peer, in folder: String) {
        self.peer = peer
        self.folder = folder
    }

    /// Errors: a script, or what it needs, is not there. The error says how to get it.
    package func check(_ places: TemporaryPlaces, in directory: String) throws(Diagnostic) {
        let needed = [scripts + "/" + peer.script] + (peer == .kafka ? [folder + "/kafka/kafka"] : [])
        for file in needed where !files.exists(file) {
            throw missing(
                "\(file), which is not there", hint: "Set MILLRACE_SHARED to the folder whose subfolder peers has the scripts.")
        }
        let paths = (Terminal.environment("PATH") ?? "").split(separator: ":")
        for program in peer.programs where !paths.contains(where: { files.exists($0 + "/" + program.name) }) {
            throw missing("\(program.name), which is not in PATH", hint: "On Debian: \(program.source)")
        }
        guard let module = peer.module else { return }
        let place = places.add(in: directory)
        defer { places.remove(place) }
        do throws(Diagnostic) {
            _ = try output(of: "python3", ["-c", "import \(module.name)"], at: place, places)
        } catch {
            throw missing(
                "the module \(module.name), which python3 does not find",
                hint: "python3 -m venv DIR && DIR/bin/pip install \(module.package), then again with PATH=DIR/bin:$PATH")
        }
    }

    private func missing(_ what: String, hint: String) -> Diagnostic {
        Diagnostic(.wrongState, "--against \(peer.rawValue) needs \(what)", category: .general, hint: hint)
    }

    /// One run of a query over the files in `data`. `place` is for what the run leaves behind.
    func run(
        _ query: NexmarkQuery, rows: Int, threads: Int, data: String, place: String, broker: KafkaBroker?, _ places: TemporaryPlaces
    ) throws(Diagnostic) -> PeerFigure {
        let figure: PeerFigure?
        let printed: String
        if let broker {
            let output = "out-" + String(SystemRandom().next(), radix: 36)
            printed = try self.output(
                of: "java",
                [
                    "-Dstate=\(place)/streams", "-cp", folder + "/kafka/lib/*", scripts + "/" + peer.script, query.name, broker.address,
                    KafkaBroker.topic, output, String(rows), String(threads), "at_least_once",
                ], at: place, places)
            figure = PeerFigure(ofStreams: printed, rows: rows)
        } else {
            let parallel = peer == .flink ? "--parallelism" : "--threads"
            printed = try output(
                of: "python3",
                [scripts + "/" + peer.script, "--data", data, "--query", query.name, parallel, String(threads), "--runs", "1"],
                at: place, places)
            figure = PeerFigure(ofScript: printed)
        }
        guard let figure else {
            throw Diagnostic(
                .dataError, "\(peer.rawValue) told no figure of \(query.name): \(PeerPrograms.end(of: printed))", category: .general)
        }
        return figure
    }

    /// A broker with the bids of `data`; nil for peers that read files.
    func broker(rows: Int, partitions: Int, data: String, place: String, _ places: TemporaryPlaces) throws(Diagnostic) -> KafkaBroker? {
        guard peer == .kafka else { return nil }
        let program = folder + "/kafka/kafka", home = place + "/broker"
        // The broker takes this port and the next one.
        let broker = KafkaBroker(home: home, port: 20_000 + Int(SystemRandom().next() % 6_000) * 2)
        places.add(broker)
        do throws(Diagnostic) {
            _ = try output(of: program, ["start", home, String(broker.port)], at: place, places)
            _ = try output(
                of: program,
                [
                    "topics", "--bootstrap-server", broker.address, "--create", "--topic", KafkaBroker.topic,
                    "--partitions", String(partitions),
                ], at: place, places)
            let produce = #"exec "$0" produce --bootstrap-server "$1" --topic "$2" < "$3""#
            _ = try output(of: "bash", ["-c", produce, program, broker.address, KafkaBroker.topic, data + "/bid.jsonl"], at: place, places)
        } catch {
            stop(broker, places)
            throw error
        }
        return broker
    }

    /// Ends a broker.
    func stop(_ broker: KafkaBroker, _ places: TemporaryPlaces) {
        broker.end()
        places.remove(broker)
    }

    // MARK: Processes

    /// What a program prints. Errors: it cannot be started, fails, or needs too long.
    private func output(
        of program: String, _ arguments: [String], at place: String, _ places: TemporaryPlaces
    ) throws(Diagnostic) -> String {
        do throws(SystemError) {
            let (printed, complaints) = (place + "/output", place + "/errors")
            // What scripts make for a while, and do not always remove, goes with the place.
            let running = try places.start(in: place) { () throws(SystemError) in
                RunningChild(
                    try ChildGroup.start(
                        program, arguments, adding: ["TMPDIR": place, "OUT_DIR": place], output: printed, errors: complaints))
            }
            let status = running.group.wait(nanoseconds: patience)
            places.remove(running)
            places.waitIfAbandoned()
            let text = String(decoding: try files.contents(of: printed), as: UTF8.self)
            guard status == 0 else {
                let complaint = String(decoding: try files.contents(of: complaints), as: UTF8.self)
                let seconds = patience / 1_000_000_000
                let reason = status.map { "failed with status \($0)" } ?? "was ended, after \(seconds) seconds at the latest"
                throw SystemError(
                    kind: .other, number: 0, attempt: "run \(([program] + arguments.prefix(4)).joined(separator: " "))", path: "",
                    reason: "it \(reason): \(PeerPrograms.end(of: complaint))")
            }
            return text
        } catch {
            throw Diagnostic(.ioError, "\(error)", category: .general)
        }
    }

    /// The last line of what a program has to say.
    private static func end(of text: String) -> String {
        String((text.split(separator: "\n").last ?? "it said nothing").prefix(300))
    }
}

/// A program that can be ended, for those who keep such.
private final class RunningChild: EndableProgram {
    let group: ChildGroup
    init(_ group: ChildGroup) { self.group = group }
    func end() { group.end() }
}

/// A Kafka broker that runs by itself, outside of the process group of the script that has started it.
final class KafkaBroker: EndableProgram {
    /// The topic of the bids.
    static let topic = "bid"
    let port: Int
    private let home: String

    init(home: String, port: Int) {
        self.home = home
        self.port = port
    }

    var address: String { "127.0.0.1:\(port)" }

    func end() {
        // Without the file no broker was started.
        guard let bytes = try? HostFileSystem().contents(of: home + "/pid") else { return }
        let text = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first ?? ""
        if let number = Int32(text) { endGroup(ledBy: number) }
    }
}
