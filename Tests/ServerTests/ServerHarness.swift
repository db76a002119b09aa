import Bytes
import Diagnostics
import Engine
import LogStore
import Platform
import Server
import Testing

/// A server over an engine in memory, on a free port, with clients that speak bytes.
final class RunningServer {
    let engine: MillraceEngine
    let server: MillraceServer

    init(metrics: Bool = false, registry: Bool = false, kafka: Bool = false, acceptsDefinitions: Bool = true) throws {
        let log = try SegmentedLog(
            directory: "/data", files: MemoryFileSystem(), clock: SystemTime(), random: SeededRandom(seed: 7), options: .inMemory)
        var configuration = EngineConfiguration(workers: 2, random: SeededRandom(seed: 1))
        configuration.frontEndLimits = MillraceServer.limits
        engine = try MillraceEngine(configuration: configuration, log: log)
        var options = ServerOptions(listeners: [.network(host: "127.0.0.1", port: 0)], acceptsDefinitions: acceptsDefinitions)
        if metrics { options.metrics = .network(host: "127.0.0.1", port: 0) }
        if registry { options.registry = .network(host: "127.0.0.1", port: 0) }
        if kafka { options.kafka = .network(host: "127.0.0.1", port: 0) }
        server = try MillraceServer(engine, options)
    }

    deinit {
        server.stop(grace: 5_000)
        engine.close()
    }

    var address: SocketAddress { server.addresses[0] }

    func client() throws -> LineClient { try LineClient(address) }

    /// What the metrics address answers.
    func metricsPage() throws -> String {
        let client = try LineClient(try #require(server.metricsAddress), greeted: false)
        try client.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return client.rest().map { $0 + "\n" }.joined()
    }
}

/// A client that sees lines.
final class LineClient {
    let socket: ClientSocket
    private var buffer: [UInt8] = []
    /// Bytes at the front of the buffer that are known to hold no line end: a long line is not searched again at every read.
    private var searched = 0
    private var hasEnded = false
    private(set) var greeting = ""

    init(_ address: SocketAddress, greeted: Bool = true) throws {
        socket = try ClientSocket(connectingTo: address)
        if greeted { greeting = try #require(line()) }
    }

    func send(_ text: String) throws { try socket.write(Array(text.utf8)) }

    /// The next line, waiting for it; nil at the end. A reset counts as the end. Heartbeats, which may come at any time, are skipped.
    func line() -> String? {
        while true {
            if let end = buffer[searched...].firstIndex(of: 0x0A) {
                let line = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeSubrange(...end)
                searched = 0
                if line == "* PING" { continue }
                return line
            }
            searched = buffer.count
            if hasEnded { return nil }
            let bytes = (try? socket.read(upTo: 65536)) ?? []
            hasEnded = bytes.isEmpty
            buffer += bytes
        }
    }

    /// The lines up to the first that begins with one of these, which is the last.
    func lines(through endings: String...) -> [String] {
        var lines: [String] = []
        while let line = line() {
            lines.append(line)
            if endings.contains(where: { line.hasPrefix($0) }) { break }
        }
        return lines
    }

    /// The answer of an untagged request.
    func answer() -> [String] { lines(through: "+ ", "- ") }

    /// Sends a request and gives its answer.
    func ask(_ text: String) throws -> [String] {
        try send(text)
        return answer()
    }

    /// Sends a request and gives the lines up to the first that begins with `ending`.
    func ask(_ text: String, through ending: String) throws -> [String] {
        try send(text)
        return lines(through: ending)
    }

    /// All lines up to the end of the connection.
    func rest() -> [String] {
        var lines: [String] = []
        while let line = line() { lines.append(line) }
        return lines
    }
}

/// A line without how long it took and without ids that count up.
func stable(_ line: String) -> String {
    var text = line
    if let start = text.range(of: #","ms":"#) {
        let end = text[start.upperBound...].firstIndex { $0 == "," || $0 == "}" } ?? text.endIndex
        text.removeSubrange(start.lowerBound..<end)
    }
    if let start = text.range(of: #","query":"#) {
        let end = text[start.upperBound...].firstIndex { $0 == "," || $0 == "}" } ?? text.endIndex
        text.removeSubrange(start.lowerBound..<end)
    }
    return text
}

extension String {
    /// Where a text first occurs; the standard library's own search, so that Foundation is not needed.
    func range(of text: String) -> Range<String.Index>? { firstRange(of: text) }
}

let makeStream = "CREATE STREAM s (id BIGINT, v VARCHAR) WITH (kafka_topic='s', value_format='json', partitions=1);\n"
