// The server: listens, keeps the connections, and stops in order. What a connection may ask is in `Connection`; this file is about how
// many there are and when they come and go.

package import Credentials
package import Diagnostics
package import Engine
import JSONText
package import Kafka
package import Platform
import Quantities
import Schemas
import Sessions
import Synchronization
package import TLS
import Wire

/// How a server listens.
package struct ServerOptions: Sendable {
    /// Where the line protocol is spoken.
    package var listeners: [SocketAddress]
    /// What clients of the line protocol are shown where they speak TLS; nil where they do not.
    package var lineTLS: TLSIdentity?
    /// Who may come by the line protocol, except over a Unix socket, whose file says that; nil where nobody is asked.
    package var users: UserFile?
    /// Where metrics are shown over HTTP.
    package var metrics: SocketAddress?
    /// Where the REST API of the engine's registry of schemas is spoken.
    package var registry: SocketAddress?
    /// Where Kafka's protocol is spoken.
    package var kafka: SocketAddress?
    /// The broker behind it.
    package var broker: KafkaOptions?
    /// What Kafka's clients are shown where they speak TLS; nil where they do not.
    package var kafkaTLS: TLSIdentity?
    /// Whether SIGTERM and SIGINT end it; see `waitForTermination`.
    package var handlesSignals = false
    /// Called when SIGHUP asks to read the configuration again, where signals are handled. On the loop's thread, which must not wait.
    package var onReload: @Sendable () -> Void = {}
    /// Called about once a second while the server is well. On the loop's thread.
    package var onTick: @Sendable () -> Void = {}
    /// Sockets that listen already, which take the place of the addresses: those called `metrics`, `registry` and `kafka` for these, all others
    /// for the line protocol.
    package var inherited: [InheritedSocket] = []

    /// Whether clients may change what exists; not where a script alone decides that.
    package var acceptsDefinitions = true

    package init(
        listeners: [SocketAddress], metrics: SocketAddress? = nil, handlesSignals: Bool = false, acceptsDefinitions: Bool = true
    ) {
        self.listeners = listeners
        self.metrics = metrics
        self.acceptsDefinitions = acceptsDefinitions
        self.handlesSignals = handlesSignals
    }
}

extension ServerOptions {
    private static let otherNames = ["metrics", "registry", "kafka"]

    /// Where the line protocol is spoken: at the sockets that are there, or else at the addresses.
    fileprivate var lineSockets: [(SocketAddress, InheritedSocket?)] {
        let own = inherited.filter { !ServerOptions.otherNames.contains($0.name) }
        return own.isEmpty ? listeners.map { ($0, nil) } : own.map { ($0.address, $0) }
    }

    /// The socket of that name that is there, or else the address.
    fileprivate func socket(_ name: String, _ address: SocketAddress?) -> (SocketAddress, InheritedSocket?)? {
        if let found = inherited.first(where: { $0.name == name }) { return (found.address, found) }
        return address.map { ($0, nil) }
    }
}

/// A server in front of an engine, which it does not close.
///
/// `@unchecked`: the connections and listeners are touched before the loop starts and then on its thread only.
package final class MillraceServer: @unchecked Sendable {
    /// Milliseconds between two looks at each connection.
    static let tickMilliseconds = 1_000
    /// Nanoseconds that loads and pages under way have for their end when the server stops.
    private static let threadPatience: Int64 = 500_000_000

    let engine: MillraceEngine
    let loop: EventLoop
    let acceptsDefinitions: Bool
    let counters = ServerCounters()
    /// Loads are decoded and committed here. One keeps a thread busy, and beyond the cores more would only take turns.
    let ingestThreads = ThreadPool("ingest", limit: max(2, processorCount()))
    /// Pages of metrics are made here, one after the other.
    let metricsThreads = ThreadPool("metrics", limit: 1)
    /// Requests of the registry wait for the disk here.
    let registryThreads = ThreadPool("registry", limit: 2)
    /// Logins are checked here, one after the other: a file is read, and hashing takes milliseconds.
    let loginThreads = ThreadPool("login", limit: 1)
    /// Who may come; nil where nobody is asked.
    let users: UserFile?
    private let started: Int64
    private var connections: [Int: Connection] = [:]
    /// Looks that are still to be taken at connections whose client has sent its end, by the connection's number.
    private var probed: [Int: Int] = [:]
    private var isLookDue = false
    private(set) var isStopping = false
    private var httpConnections: [ObjectIdentifier: HTTPConnection] = [:]
    private var listeners: [SocketListener] = []
    private var httpListeners: [SocketListener] = []
    private var kafkaConnections: [ObjectIdentifier: KafkaConnection] = [:]
    private var kafkaListener: SocketListener?
    /// Bytes that Kafka's clients have sent of requests which are not answered yet. Touched on the loop's thread.
    var unfinishedKafkaBytes = 0
    /// The broker that Kafka's clients talk to; nil where none may come.
    private let broker: KafkaBroker?
    var kafkaStatistics: BrokerStatistics? { broker?.statistics }
    private var nextNumber = 1
    /// When a client that could not be taken in was last logged, in nanoseconds of the engine's clock.
    private var lastRefusal: Int64?
    /// Connections of both kinds.
    private let openConnections = Monitor(0)
    private let isAskedToEnd = Monitor(false)

    /// Where it listens, with the ports that it got, in the order of the options.
    package let addresses: [SocketAddress]
    /// Where it shows metrics.
    package let metricsAddress: SocketAddress?
    /// Where it speaks the REST API of the registry.
    package let registryAddress: SocketAddress?
    /// Where it speaks Kafka's protocol.
    package let kafkaAddress: SocketAddress?

    /// Starts listening. Errors: an address that cannot be had.
    package init(_ engine: MillraceEngine, _ options: ServerOptions) throws(Diagnostic) {
        ignoreBrokenPipes()
        self.engine = engine
        acceptsDefinitions = options.acceptsDefinitions
        started = engine.clock.monotonicNanoseconds()
        let loop = try EventLoop()
        self.loop = loop
        let door = options.kafkaTLS.map { TLSDoor($0) }
        let lineDoor = options.lineTLS.map { TLSDoor($0) }
        users = options.users
        var opened: [SocketListener] = []
        var pages: [Page: SocketListener] = [:]
        var accepting: (SocketStream) -> Void = { $0.close() }
        var acceptingHTTP: (SocketStream, Page) -> Void = { socket, _ in socket.close() }
        var acceptingKafka: (SocketStream) -> Void = { $0.close() }
        var refusing: (String) -> Void = { _ in }
        do throws(SystemError) {
            for (address, inherited) in options.lineSockets {
                var isFile = false
                if case .file = address { isFile = true }
                opened.append(
                    try SocketListener(
                        address, inherited: inherited, on: loop, door: isFile ? nil : lineDoor, accept: { accepting($0) }, refuse: { refusing($0) }))
            }
            for (page, name, address) in [(Page.metrics, "metrics", options.metrics), (.registry, "registry", options.registry)] {
                guard let (address, inherited) = options.socket(name, address) else { continue }
                pages[page] = try SocketListener(
                    address, inherited: inherited, on: loop, accept: { acceptingHTTP($0, page) }, refuse: { refusing($0) })
            }
            if let (address, inherited) = options.socket("kafka", options.kafka) {
                kafkaListener = try SocketListener(
                    address, inherited: inherited, on: loop, door: door, accept: { acceptingKafka($0) }, refuse: { refusing($0) })
            }
        } catch {
            let hint = error.number == 98 || error.number == 48 ? "Another program listens there; --listen takes another address." : nil
            throw Diagnostic(.connectionFailed, error.description, category: .general, hint: hint)
        }
        addresses = opened.map(\.address)
        metricsAddress = pages[.metrics]?.address
        registryAddress = pages[.registry]?.address
        httpListeners = Array(pages.values)
        let kafka = kafkaListener?.address
        kafkaAddress = kafka
        broker = try options.broker.flatMap { broker throws(Diagnostic) in try MillraceServer.broker(broker, kafka, engine) }
        listeners = opened
        accepting = { [unowned self] in accept($0) }
        acceptingHTTP = { [unowned self] in accept($0, $1) }
        acceptingKafka = { [unowned self] in acceptKafka($0) }
        refusing = { [unowned self] in refuse($0) }
        beginTicks(options, [door, lineDoor].compactMap { $0 })
        try loop.start()
        logAddresses(lineTLS: lineDoor != nil, kafkaTLS: door != nil)
    }

    /// What is done every tick, and at signals.
    private func beginTicks(_ options: ServerOptions, _ doors: [TLSDoor]) {
        loop.tick(every: MillraceServer.tickMilliseconds) { [unowned self] in
            options.onTick()
            for connection in connections.values { connection.tick() }
            for connection in httpConnections.values { connection.tick() }
            for connection in kafkaConnections.values { connection.tick() }
            for door in doors { door.tick() }
            // Not on the loop, which must not wait; the metrics' thread has nothing urgent to do.
            metricsThreads.run { releaseFreedMemory(beyond: MillraceServer.keptFreedBytes) }
        }
        if options.handlesSignals {
            loop.onSignals { [unowned self] signal in
                if signal == EventLoop.hangUp { options.onReload() } else { isAskedToEnd.update { $0 = true } }
            }
        }
    }

    private func logAddresses(lineTLS: Bool, kafkaTLS: Bool) {
        for address in addresses {
            if lineTLS { log(.info, "listening", ["address": address.description, "tls": "on"]) } else { log(.info, "listening", ["address": address.description]) }
        }
        if let metricsAddress { log(.info, "listening", ["address": metricsAddress.description, "protocol": "http"]) }
        if let registryAddress { log(.info, "listening", ["address": registryAddress.description, "protocol": "registry"]) }
        if let kafkaAddress { log(.info, "listening", ["address": kafkaAddress.description, "protocol": "kafka", "tls": kafkaTLS ? "on" : "off"]) }
    }

    /// Freed memory that stays with the process: more than the batches of a busy server need from one moment to the next.
    private static let keptFreedBytes = 64 << 20

    func log(_ level: LogLevel, _ event: String, _ fields: KeyValuePairs<String, String> = [:]) {
        engine.report(level, logText(event, fields))
    }

    // MARK: Connections

    /// A client could not be taken in, as for want of files that may be open for one: logged at most once in ten seconds.
    func refuse(_ reason: String) {
        counters.connectionsRefused.raise()
        let now = engine.clock.monotonicNanoseconds()
        if let last = lastRefusal, now - last < 10_000_000_000 { return }
        lastRefusal = now
        log(.warning, "client_refused", ["reason": reason])
    }

    private func accept(_ socket: SocketStream) {
        guard connections.count < WireLimits.connections else {
            counters.connectionsRefused.raise()
            var encoder = AnswerEncoder()
            encoder.failed(
                Diagnostic(.tooManyConnections, "the server has \(WireLimits.connections) connections already", category: .general), tag: nil)
            socket.write(encoder.take())
            return socket.closeWhenWritten()
        }
        counters.connectionsAccepted.raise()
        counters.connectionsOpen.raise()
        openConnections.update { $0 += 1 }
        let number = takeNumber()
        connections[number] = Connection(socket, number: number, server: self)
        log(.debug, "connected", ["connection": "\(number)"])
    }

    /// A number for a connection, of whatever protocol. On the loop's thread.
    func takeNumber() -> Int {
        defer { nextNumber += 1 }
        return nextNumber
    }

    /// Milliseconds between two looks at a connection whose client has sent its end, and at all of them while the server stops.
    private static let lookMilliseconds = 25
    /// Looks at a connection whose client has sent its end, before those of the ticks suffice: a second of them.
    private static let probes = 40

    /// The client has sent its end while a request of it was under way. It may still read the answer, or be gone: TCP tells the two apart
    /// only when something is written.
    func probe(_ connection: Connection) {
        probed[connection.number] = MillraceServer.probes
        lookSoon()
    }

    private func lookSoon() {
        if isLookDue { return }
        isLookDue = true
        loop.after(milliseconds: MillraceServer.lookMilliseconds) { [unowned self] in look() }
    }

    private func look() {
        isLookDue = false
        for (number, times) in probed {
            let goesOn = connections[number]?.probe(isFirst: times == MillraceServer.probes) ?? false
            probed[number] = goesOn && times > 1 ? times - 1 : nil
        }
        if isStopping { endWhatIsLeft() }
        if !probed.isEmpty || isStopping && !connections.isEmpty { lookSoon() }
    }

    /// The server stops: what was asked for just before may have begun to wait, or shown that it is endless, only now.
    private func endWhatIsLeft() {
        engine.endWaits()
        for connection in connections.values {
            connection.cancelEndless()
            connection.leaveWhenQuiet()
        }
    }

    func forget(_ connection: Connection) {
        guard connections.removeValue(forKey: connection.number) != nil else { return }
        counters.connectionsOpen.lower()
        openConnections.update { $0 -= 1 }
        log(.debug, "disconnected", ["connection": "\(connection.number)"])
    }

    /// What is served over HTTP, each at an address of its own.
    private enum Page {
        case metrics
        case registry
    }

    private func service(_ page: Page) -> HTTPService? {
        switch page {
        case .metrics: HTTPService.metrics(self)
        case .registry: (engine.registry as? any KeptRegistry).map { HTTPService.registry($0, on: registryThreads) }
        }
    }

    private func accept(_ socket: SocketStream, _ page: Page) {
        guard let service = service(page), httpConnections.values.count(where: { $0.service.name == service.name }) < service.connections else {
            counters.connectionsRefused.raise()
            socket.write(Array("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8))
            return socket.closeWhenWritten()
        }
        openConnections.update { $0 += 1 }
        let connection = HTTPConnection(socket, service, self)
        httpConnections[ObjectIdentifier(connection)] = connection
    }

    func forget(_ connection: HTTPConnection) {
        guard httpConnections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        openConnections.update { $0 -= 1 }
    }

    private func acceptKafka(_ socket: SocketStream) {
        guard let broker, kafkaConnections.count < KafkaConnection.connectionLimit else {
            counters.connectionsRefused.raise()
            return socket.close()
        }
        counters.kafkaConnections.raise()
        openConnections.update { $0 += 1 }
        let connection = KafkaConnection(socket, broker, self)
        kafkaConnections[ObjectIdentifier(connection)] = connection
    }

    func forget(_ connection: KafkaConnection) {
        guard kafkaConnections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        counters.kafkaConnections.lower()
        openConnections.update { $0 -= 1 }
    }

    /// The facts of the greeting.
    func greeting(connection number: Int, asksForLogin: Bool, isEncrypted: Bool) -> JSONValue {
        greetingFacts(
            server: productVersion, connection: number, logins: asksForLogin ? SCRAMMechanism.allCases.map(\.rawValue) : [], isEncrypted: isEncrypted)
    }

    /// Milliseconds since it was started.
    var uptime: Int { Int((engine.clock.monotonicNanoseconds() - started) / 1_000_000) }

    /// The answer to `.status`.
    var status: JSONValue {
        ServerStatus(
            server: productVersion, uptime: uptime, connections: counters.connectionsOpen.current, running: counters.requestsRunning.current,
            requests: counters.requests.current, queries: engine.queryCount
        ).facts
    }

    // MARK: The end

    /// Waits until the process is asked to end, or `stop` is called.
    package func waitForTermination() { isAskedToEnd.wait(until: { $0 }, then: { _ in }) }

    /// Takes no more connections and requests, ends push queries and statements that wait, lets what else runs finish for at most `grace`
    /// milliseconds, and closes. Idle connections are let go of at once. Gives how many were cut off when the time was up.
    @discardableResult
    package func stop(grace: Int = 2_000) -> Int {
        isAskedToEnd.update { $0 = true }
        loop.post { [self] in
            isStopping = true
            for listener in listeners { listener.close() }
            for listener in httpListeners { listener.close() }
            kafkaListener?.close()
            listeners = []
            httpListeners = []
            kafkaListener = nil
            for connection in connections.values { connection.drain() }
            for connection in httpConnections.values { connection.drain() }
            for connection in kafkaConnections.values { connection.drain() }
            engine.endWaits()
            lookSoon()
        }
        // Consumers wait for records, and for each other: now for nothing more.
        broker?.close()
        let left = openConnections.wait(nanoseconds: Milliseconds(Int64(grace)).nanoseconds, until: { $0 == 0 }, then: { $0 })
        if left > 0 { log(.warning, "cut_off", ["connections": "\(left)", "reason": "still busy after \(grace) ms"]) }
        loop.post { [self] in
            for connection in connections.values { connection.socket.close() }
            for connection in httpConnections.values { connection.close() }
            for connection in kafkaConnections.values { connection.close() }
            // After the closes above have been carried out.
            loop.post { [self] in loop.shutDown() }
        }
        loop.join()
        for threads in [ingestThreads, metricsThreads, registryThreads] { _ = threads.close(within: MillraceServer.threadPatience) }
        log(.info, "stopped")
        return left
    }

    /// Limits of the line protocol, for SHOW LIMITS.
    package static var limits: [LimitDescription] {
        WireLimits.all.map { limit in
            let name = "protocol: " + String(limit.name.map { $0 == "_" ? " " : $0 })
            let hasUnit = limit.unit == "bytes" || limit.unit == "ms"
            return LimitDescription(name: hasUnit ? "\(name) \(limit.unit)" : name, value: limit.value, reason: limit.reason)
        }
    }
}
