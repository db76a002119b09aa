import Diagnostics
import Settings
import Testing

@Suite struct FileTests {
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
            "line 2: bootstrap.servers is accepted for ksqlDB's sake and changes nothing: Millrace has its log built in",
            "line 3: ksql.schema.registry.url is accepted for ksqlDB's sake and changes nothing: Millrace reads no schema registry",
        ])
    }

    /// A server that ignored them would be less safe than its operator believes.
    @Test(arguments: [
        "millrace.users.file=users.txt", "millrace.tls.certificate=nope.pem", "millrace.tls.key=nope.key", "ssl.keystore.location=/k",
        "sasl.mechanism=PLAIN", "authentication.method=BASIC", "ksql.streams.security.protocol=SASL_SSL", "millrace.memory.limit=2g",
    ])
    func whatCannotBeHonouredIsRefused(line: String) {
        #expect(mistake(line)?.message.contains(" cannot be honoured: ") == true)
        let parts = line.split(separator: "=").map(String.init)
        if parts[0].hasPrefix("ksql.streams.") { return }
        #expect(throws: Diagnostic.self) { try parseEnvironment([SettingTable.environmentName(parts[0]): parts[1]]) }
    }

    @Test func unknownKeysAndWrongValuesAreErrors() {
        let unknown = mistake("\nmillrace.log.levl=info\n")
        #expect(unknown?.message == "line 2: unknown setting 'millrace.log.levl'" && unknown?.hint == "Did you mean millrace.log.level?")
        #expect(unknown?.range?.line == 2 && unknown?.code == .invalidSetting)
        #expect(mistake("millrace.threads=many")?.message == "line 1: millrace.threads takes a whole number, not 'many'")
        #expect(mistake("millrace.insecure=perhaps")?.message == "line 1: millrace.insecure takes true or false, not 'perhaps'")
        #expect(mistake("nonsense")?.message == "line 1: unknown setting 'nonsense'")
    }

    @Test func wrongEnvironmentValuesNameTheirSource() {
        #expect(throws: Diagnostic.self) { try parseEnvironment(["MILLRACE_THREADS": "x"]) }
    }
}
