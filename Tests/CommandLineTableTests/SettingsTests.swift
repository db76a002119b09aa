import CommandLineTable
import Diagnostics
import Testing

@Suite struct SettingsTests {
    private func mistake(_ text: String) -> Diagnostic? {
        do throws(Diagnostic) {
            _ = try parseProperties(text)
            return nil
        } catch {
            return error
        }
    }

    @Test func linesCommentsAndContinuations() throws {
        let list = try parseProperties(
            "# comment\n! other\n\nmillrace.log.level = debug\r\nksql.service.id:a b  \nmillrace.data.dir=/tmp/\\\n   x\\\\y\ncommit.interval.ms 200\n")
        #expect(list["millrace.log.level"]?.text == "debug")
        #expect(list["ksql.service.id"]?.text == "a b")
        #expect(list["millrace.data.dir"]?.text == "/tmp/x\\y")
        #expect(list["commit.interval.ms"]?.integer == 200)
        #expect(list.notices.isEmpty)
    }

    @Test func theStreamsPrefixIsUnderstood() throws {
        #expect(try parseProperties("ksql.streams.auto.offset.reset=earliest")["auto.offset.reset"]?.text == "earliest")
    }

    @Test func aServerFileOfKsqlDBIsAccepted() throws {
        let list = try parseProperties("listeners=http://0.0.0.0:8088\nbootstrap.servers=localhost:9092\nksql.schema.registry.url=http://x\n")
        #expect(list["listeners"]?.text == "http://0.0.0.0:8088")
        #expect(list.notices == [
            "line 2: bootstrap.servers has no meaning here and is ignored", "line 3: ksql.schema.registry.url has no meaning here and is ignored",
        ])
    }

    @Test func unknownKeysAndWrongValuesAreErrors() {
        let unknown = mistake("\nmillrace.log.levl=info\n")
        #expect(unknown?.message == "line 2: unknown setting 'millrace.log.levl'" && unknown?.hint == "Did you mean millrace.log.level?")
        #expect(unknown?.range?.line == 2 && unknown?.code == .invalidSetting)
        #expect(mistake("millrace.threads=many")?.message == "line 1: millrace.threads takes a whole number, not 'many'")
        #expect(mistake("millrace.insecure=perhaps")?.message == "line 1: millrace.insecure takes true or false, not 'perhaps'")
        #expect(mistake("nonsense")?.message == "line 1: unknown setting 'nonsense'")
    }

    @Test func sizesHaveUnits() throws {
        #expect(try parseProperties("millrace.memory.limit=16MiB")["millrace.memory.limit"]?.integer == 16 << 20)
        #expect(try parseProperties("millrace.memory.limit=2g")["millrace.memory.limit"]?.integer == 2 << 30)
        #expect(try parseProperties("millrace.memory.limit=100")["millrace.memory.limit"]?.integer == 100)
        #expect(mistake("millrace.memory.limit=9999999999999t") != nil)
        #expect(mistake("millrace.memory.limit=lots") != nil)
    }

    @Test func flagsWinOverTheEnvironmentAndThatOverTheFile() throws {
        guard case .run(let invocation) = try parseCommandLine(["serve", "--threads", "3"]) else { return #expect(Bool(false)) }
        let environment = try parseEnvironment(["MILLRACE_THREADS": "4", "MILLRACE_DURABILITY": "os", "HOME": "/", "MILLRACE_THREDS": "1"])
        #expect(environment.notices == ["MILLRACE_THREDS names no setting; did you mean MILLRACE_THREADS?"])
        let file = try parseProperties("millrace.durability=fsync\nmillrace.log.level=warn\n")
        let filled = try invocation.filled(from: environment).filled(from: file)
        #expect(filled[.threads]?.integer == 3 && filled[.durability]?.text == "os" && filled[.logLevel]?.text == "warn")
        #expect(filled[.listen]?.address?.port == 6455)
    }

    @Test func theEnvironmentNamesAServerOrADirectory() throws {
        guard case .run(let run) = try parseCommandLine(["run", "f"]) else { return #expect(Bool(false)) }
        let server = try parseEnvironment(["MILLRACE_SERVER": "host"])
        let both = try parseEnvironment(["MILLRACE_SERVER": "host", "MILLRACE_DATA_DIR": "d"])
        #expect(try run.filled(from: server)[.server]?.address?.port == 6455)
        #expect(throws: Diagnostic.self) { try run.filled(from: both) }
        guard case .run(let flagged) = try parseCommandLine(["run", "--data", "d"]) else { return #expect(Bool(false)) }
        #expect(try flagged.filled(from: both)[.server] == nil)
    }

    @Test func wrongEnvironmentValuesNameTheirSource() {
        #expect(throws: Diagnostic.self) { try parseEnvironment(["MILLRACE_THREADS": "x"]) }
    }
}
