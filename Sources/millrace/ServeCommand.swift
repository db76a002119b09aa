// `millrace serve`: opens the engine, listens, and stays until it is asked to end.

import CommandLineTable
import Credentials
import Diagnostics
import Engine
import Kafka
import LogStore
import Platform
import Server
import Sessions
import Settings
import Shell
import TLS

/// The server process.
struct ServeCommand {
    private let invocation: Invocation
    /// As it was typed, to be filled in again when the configuration is read again.
    private let given: Invocation
    private let manager = ServiceManager()
    private let settings: CommandSettings
    /// Where the line protocol is spoken.
    private let listeners: [NetworkAddress]
    private let output: LogOutput
    /// What Kafka's clients are shown where they speak TLS.
    private let kafkaTLS: TLSFiles?
    /// What clients of the line protocol are shown where they speak TLS.
    private let lineTLS: TLSFiles?

    init(_ given: Invocation) throws(CommandFailure) {
        self.given = given
        settings = try CommandSettings(given)
        invocation = settings.invocation
        kafkaTLS = try ServeCommand.tlsFiles("--kafka-tls", invocation[.kafkaTlsCert], invocation[.kafkaTlsKey], invocation[.kafkaTlsCa])
        lineTLS = try ServeCommand.tlsFiles("--tls", invocation[.tlsCert], invocation[.tlsKey], invocation[.tlsCa])
        listeners = try ServeCommand.listeners(settings, given)
        if invocation[.registry] != nil, invocation[.schemaRegistry] != nil {
            throw .usage(
                Diagnostic(
                    .usage, "the schemas of a registry outside are not served here: --registry and --schema-registry exclude each other",
                    category: .general, hint: "Without --schema-registry the server keeps schemas itself, and --registry serves them."))
        }
        output = LogOutput(level: invocation[.logLevel]?.text ?? "info")
        for notice in settings.notices { output.write(.warning, logText("setting_ignored", ["detail": notice])) }
    }

    func run() throws(CommandFailure) -> Int32 {
        // Before the server listens for it, it would end the process.
        ignoreHangUp()
        let directory = invocation[.data]?.text ?? "./millrace-data"
        output.write(.info, logText("starting", ["version": productVersion, "data": directory]))
        var opening = settings.embedded
        opening.directory = directory
        opening.startsPaused = invocation.isOn(.paused)
        opening.logLine = output.write
        try checkUsers()
        let identity = invocation[.kafka] == nil ? nil : try identity(kafkaTLS, "kafka")
        let lineIdentity = try self.identity(lineTLS, "line")
        let isNew = opening.makesDirectory
        let engine = try opening.open()
        if isNew { output.write(.info, logText("data_directory_made", ["data": directory])) }
        let script = invocation[.queries]?.text
        if let script { try runScript(script, engine) }
        let server: MillraceServer
        do throws(Diagnostic) {
            server = try MillraceServer(engine, options(hasScript: script != nil, identity, lineIdentity))
        } catch {
            engine.close()
            throw .cannotStart(error)
        }
        let addressFile = AddressFile(directory)
        if let address = server.clientAddress { addressFile.write(address) }
        manager.notify("READY=1", "STATUS=listening at \(server.addresses.map(\.description).joined(separator: ", "))")
        server.waitForTermination()
        manager.notify("STOPPING=1")
        output.write(.info, logText("stopping", [:]))
        abandonLater()
        server.stop()
        addressFile.remove()
        engine.close()
        return 0
    }

    /// A file of users that cannot be read would let nobody in.
    private func checkUsers() throws(CommandFailure) {
        for option in [OptionName.users, .kafkaUsers] {
            guard let path = invocation[option]?.text else { continue }
            do throws(UserFileError) { _ = try UserFile(path: path).read() } catch {
                throw .cannotStart(
                    Diagnostic(.ioError, error.message, category: .general, hint: "millrace user add NAME --\(option.rawValue) \(path) makes one."))
            }
        }
    }

    /// The files of certificates of a listener, whose flags begin so. Errors: one is given without the others that it needs.
    private static func tlsFiles(
        _ flags: String, _ certificate: SettingContent?, _ key: SettingContent?, _ authorities: SettingContent?
    ) throws(CommandFailure) -> TLSFiles? {
        if let certificate = certificate?.text, let key = key?.text {
            return TLSFiles(certificate: certificate, key: key, authorities: authorities?.text)
        }
        guard certificate == nil, key == nil, authorities == nil else {
            throw .usage(
                Diagnostic(
                    .usage, "TLS needs both \(flags)-cert and \(flags)-key", category: .general,
                    hint: "Both are files of text (PEM); \(flags)-ca alone does not make TLS."))
        }
        return nil
    }

    /// Reads the files of certificates of a listener. Errors: one cannot be used.
    private func identity(_ files: TLSFiles?, _ listener: String) throws(CommandFailure) -> TLSIdentity? {
        guard let files else { return nil }
        do throws(TLSFailure) {
            let identity = try TLSIdentity(files)
            output.tell(identity, listener)
            return identity
        } catch {
            throw .cannotStart(
                Diagnostic(
                    .ioError, error.message, category: .general,
                    hint: "--tls-cert and --kafka-tls-cert take a certificate, --tls-key and --kafka-tls-key its private key, both as text (PEM)."))
        }
    }

    /// A row that takes seconds may keep a thread from noticing that all ends. Everything acknowledged is durable, and what is not will be done
    /// again after the next start: so the process does not wait for it longer than those who stop it expect.
    private func abandonLater() {
        let write = output.write
        // On a machine without another thread the process ends when all its work has.
        _ = try? WorkerThread.start("end") {
            HostScheduler().sleep(nanoseconds: ServeCommand.longestEnd)
            write(.warning, logText("abandoned", ["reason": "work under way has not ended within \(ServeCommand.longestEnd / 1_000_000) ms"]))
            abandonProcess(0)
        }
    }

    /// Nanoseconds from being asked to end to the end of the process.
    private static let longestEnd: Int64 = 4_500_000_000

    private func options(hasScript: Bool, _ identity: TLSIdentity?, _ lineIdentity: TLSIdentity?) -> ServerOptions {
        var options = ServerOptions(listeners: listeners.map { .network(host: $0.host, port: $0.port) })
        if let path = invocation[.socket]?.text { options.listeners.append(.file(path)) }
        if let metrics = invocation[.metrics]?.address { options.metrics = .network(host: metrics.host, port: metrics.port) }
        if let registry = invocation[.registry]?.address { options.registry = .network(host: registry.host, port: registry.port) }
        if let kafka = invocation[.kafka]?.address {
            options.kafka = .network(host: kafka.host, port: kafka.port)
            let told = SettingValues(settings.properties)[.kafkaAdvertised] ?? kafka
            var broker = KafkaOptions(host: told.host, port: told.port)
            broker.partitions = SettingValues(settings.properties)[.defaultPartitions]
            broker.createsTopics = SettingValues(settings.properties)[.kafkaCreatesTopics]
            broker.users = invocation[.kafkaUsers]?.text.map { UserFile(path: $0) }
            // Passwords do not travel where others can read them, unless that is meant.
            broker.takesPlainPasswords = kafka.isLoopback || identity != nil || invocation.isOn(.insecure)
            options.broker = broker
            options.kafkaTLS = identity
        }
        options.lineTLS = lineIdentity
        options.users = invocation[.users]?.text.map { UserFile(path: $0) }
        options.handlesSignals = true
        options.inherited = ServiceManager.inheritedSockets()
        options.onReload = { reload([("line", lineIdentity), ("kafka", identity)]) }
        if manager.watches { options.onTick = { [manager] in manager.notify("WATCHDOG=1") } }
        options.acceptsDefinitions = !hasScript
        return options
    }

    /// Reads the configuration again, on a thread of its own, and takes over what may change while the server runs: the level of its log, and
    /// what the files of certificates hold.
    private func reload(_ identities: [(listener: String, identity: TLSIdentity?)]) {
        let (given, output, manager) = (given, output, manager)
        _ = try? WorkerThread.start("reload") {
            manager.notify("RELOADING=1", "MONOTONIC_USEC=\(SystemTime().monotonicNanoseconds() / 1_000)")
            do throws(CommandFailure) {
                let level = try CommandSettings(given).invocation[.logLevel]?.text ?? "info"
                output.setLevel(level)
                output.write(.info, logText("reloaded", ["log_level": level]))
                for (listener, identity) in identities {
                    guard let identity else { continue }
                    do throws(TLSFailure) {
                        try identity.reload()
                        output.tell(identity, listener)
                    } catch {
                        output.write(.error, logText("certificate_not_reloaded", ["listener": listener, "reason": error.message]))
                    }
                }
            } catch {
                output.write(.error, logText("not_reloaded", ["reason": error.diagnostic.message]))
            }
            manager.notify("READY=1")
        }
    }

    /// The addresses of `--listen`, `millrace.listen` or `listeners`. A flag counts before all settings; two settings that say
    /// different things are refused, because one of them would be ignored.
    private static func listeners(_ settings: CommandSettings, _ given: Invocation) throws(CommandFailure) -> [NetworkAddress] {
        let invocation = settings.invocation
        var addresses = invocation[.listen]?.address.map { [$0] } ?? []
        do throws(Diagnostic) {
            if let list = SettingValues(settings.properties)[.listeners] {
                // Also when a flag counts before it: who writes https there must not believe that it is in force.
                let listed = try SettingTable.listenerAddresses(list)
                if given.given[.listen] == nil {
                    if let listen = invocation.given[.listen]?.last?.address, listed != [listen] {
                        throw Diagnostic(
                            .invalidSetting, "listeners and millrace.listen say different things", category: .general,
                            hint: "Take one of them out.")
                    }
                    addresses = listed
                }
            }
            try checkListening(
                on: invocation.asksClients ? [] : addresses, kafka: invocation.asksKafkaClients ? nil : invocation[.kafka]?.address, registry: invocation[.registry]?.address,
                metrics: invocation[.metrics]?.address, isInsecure: invocation.isOn(.insecure))
        } catch {
            throw .usage(error)
        }
        return addresses
    }

    // MARK: Headless

    /// Carries out the statements of a script, except for those that make what exists already, or were carried out at an earlier start.
    private func runScript(_ path: String, _ engine: MillraceEngine) throws(CommandFailure) {
        let script = try script(path)
        let session = engine.openSession()
        let name = script.name ?? path
        // Before anything is carried out: a DROP … DELETE TOPIC cannot be taken back when a later line turns out to be no statement.
        do throws(Diagnostic) { try session.checkSyntax(of: script.text) } catch {
            engine.close()
            throw .refused(error.located(inScript: name, fromLine: 1))
        }
        let pieces = script.pieces
        let run = ScriptRun(of: pieces.map(\.text), in: session)
        for leftover in run.leftovers {
            output.write(
                .warning,
                logText(
                    "not_in_script",
                    ["name": leftover, "detail": "it exists from an earlier start and goes on; a DROP or TERMINATE in the script ends it"]))
        }
        for (index, piece) in pieces.enumerated() {
            let sink = ScriptSink(output, place: "\(name):\(piece.line)")
            let result = Monitor<Bool?>(nil)
            run.execute(index, into: sink) { succeeded in result.update { $0 = succeeded } }
            let succeeded = result.wait(until: { $0 != nil }) { $0 } ?? false
            guard succeeded else {
                engine.close()
                let failure = sink.failure ?? Diagnostic(.statementError, "the statement could not be carried out", category: .general)
                throw .refused(run.failure(failure, at: index, lines: pieces.map(\.line), in: name))
            }
        }
    }
}

/// Logs what the statements of a script answer.
private final class ScriptSink: AnswerSink {
    private let output: LogOutput
    /// Where the statement stands.
    private let place: String
    private let problem = Monitor<Diagnostic?>(nil)

    init(_ output: LogOutput, place: String) {
        self.output = output
        self.place = place
    }

    var failure: Diagnostic? { problem.withLock { $0 } }

    func emit(_ event: AnswerEvent) {
        switch event {
        case .notice(let text): output.write(.warning, logText("script_notice", ["place": place, "detail": text]))
        case .done(let summary): output.write(.info, logText("script_statement", ["detail": summary.message ?? "done"]))
        case .failed(let error): problem.update { $0 = error }
        case .columns, .rows, .position: break
        }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
}

extension LogOutput {
    /// Days before its end from which on a certificate is worth a warning at each start.
    private static let shortDays = 14

    /// Says how long a certificate is valid.
    fileprivate func tell(_ identity: TLSIdentity, _ listener: String) {
        let days = identity.context.daysLeft
        write(days < LogOutput.shortDays ? .warning : .info, logText("certificate", ["listener": listener, "days_left": "\(days)"]))
    }
}

extension Invocation {
    /// The same of clients of the line protocol.
    fileprivate var asksClients: Bool { self[.users] != nil || self[.tlsCa] != nil }
    /// Whether Kafka's clients have to show who they are, by a login or by a certificate.
    fileprivate var asksKafkaClients: Bool { self[.kafkaUsers] != nil || self[.kafkaTlsCa] != nil }
}

extension MillraceServer {
    /// Where a client on this machine reaches it: the address of its first network listener.
    fileprivate var clientAddress: NetworkAddress? {
        for case .network(let host, let port) in addresses {
            return NetworkAddress(host: host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host, port: port)
        }
        return nil
    }
}
