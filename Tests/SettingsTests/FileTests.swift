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
        let list = try parseProperties("listeners=http://0.0.0.0:8088\nbootstrap.servers=localhost:9092\nksql.schema.registry.cache=9\n")
        #expect(list["listeners"]?.text == "http://0.0.0.0:8088")
        #expect(list.notices == [
            "line 2: bootstrap.servers is accepted for ksqlDB's sake and changes nothing: Millrace has its log built in",
            "line 3: ksql.schema.registry.cache is accepted for ksqlDB's sake and changes nothing: Millrace has no such setting of the registry's client",
        ])
    }

    /// A server that ignored them would be less safe than its operator believes.
    @Test(arguments: [
        "millrace.users.file=users.txt", "millrace.tls.keystore=nope.pem", "millrace.tls.trust=nope.key", "ssl.keystore.location=/k",
        "sasl.mechanism=PLAIN", "authentication.method=BASIC", "ksql.schema.registry.ssl.keystore.location=/k", "ksql.streams.security.protocol=SASL_SSL",
    ])
    func whatCannotBeHonouredIsRefused(line: String) {
        #expect(mistake(line)?.message.contains(" cannot be honoured: ") == true)
        let parts = line.split(separator: "=").map(String.init)
        if parts[0].hasPrefix("ksql.streams.") { return }
        #expect(throws: Diagnostic.self) { try parseEnvironment([SettingTable.environmentName(parts[0]): parts[1]]) }
    }

    /// Also under names that nobody knows.
    @Test(arguments: [
        "MILLRACE_USER_NAMES", "MILLRACE_USER", "MILLRACE_PASSWORD", "MILLRACE_ADMIN_PASSWORD_FILE", "MILLRACE_AUTHENTICATION",
        "MILLRACE_AUTH_TOKEN", "MILLRACE_AUTHORIZATION", "MILLRACE_SASL", "MILLRACE_SASL_MECHANISM", "MILLRACE_TLS",
        "MILLRACE_TLS_CLIENT_AUTH", "MILLRACE_SSL", "MILLRACE_SSL_KEYSTORE", "MILLRACE_ACL", "MILLRACE_ACLS_FILE",
        "MILLRACE_LISTEN_HTTPS", "MILLRACE_METRICS_BASIC_AUTH", "MILLRACE_LDAP_URL", "MILLRACE_SECURITY_PROTOCOL", "MILLRACE_ROLES", "MILLRACE_OAUTH_ISSUER", "MILLRACE_SECRET", "MILLRACE_KSQL_SECURITY",
    ])
    func whatSoundsLikeSecurityIsRefused(variable: String) throws {
        let rest = variable.dropFirst("MILLRACE_".count).lowercased()
        let value = "x1"
        let error = #expect(throws: Diagnostic.self) { try parseEnvironment([variable: value]) }
        #expect(error?.message.contains(variable) == true && error?.message.contains(" cannot be honoured: ") == true)
        let dotted = rest.replacing("_", with: ".")
        for name in ["millrace." + dotted, "millrace." + rest.replacing("_", with: "-"), dotted] {
            let error = mistake("\n\(name)=\(value)")
            #expect(error?.message.hasPrefix("line 2: \(name) cannot be honoured: ") == true, "\(name): \(error?.message ?? "taken")")
            #expect(throws: Diagnostic.self) { try SettingTable.accept(name, value: value) }
        }
        // Nothing is asked for.
        for nothing in ["", "none", "false", "plaintext"] { #expect(try parseEnvironment([variable: nothing]).notices.count == 1) }
    }

    /// Other programs' variables do not keep a server from starting.
    @Test(arguments: ["MILLRACE_HOME", "MILLRACE_AUTHOR", "MILLRACE_TOPICS_KEY", "MILLRACE_USERLAND", "MILLRACE_ORACLE"])
    func whatSoundsLikeNothingIsReported(variable: String) throws {
        let list = try parseEnvironment([variable: "x"])
        #expect(list.values.isEmpty && list.notices.first?.hasPrefix("\(variable) names no setting") == true)
    }

    /// No setting that is read or noted is taken for one of security.
    @Test func whatIsKnownIsNotRefused() {
        for entry in SettingTable.entries where !entry.name.hasSuffix("*") {
            #expect(SettingTable.entry(entry.name)?.treatment == entry.treatment)
        }
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
        for (text, bytes) in [("256M", 256 << 20), ("2g", 2 << 30), ("512k", 512 << 10), ("1T", 1 << 40), ("1048576", 1 << 20), ("0", 0), ("-1", -1)] {
            #expect(try parseProperties("millrace.memory.limit=" + text)["millrace.memory.limit"]?.integer == bytes)
        }
        for text in ["M", "1.5G", "12Q", "much", "-2", "-1K", "9999999T", "99999999999999999999G"] {
            #expect(mistake("millrace.memory.limit=" + text)?.message.contains("takes a number of bytes") == true, "\(text)")
        }
        #expect(SettingValues([:])[.memoryLimit] == nil && SettingValues(["millrace.memory.limit": "64M"])[.memoryLimit] == 64 << 20)
    }

    @Test func wrongEnvironmentValuesNameTheirSource() {
        #expect(throws: Diagnostic.self) { try parseEnvironment(["MILLRACE_THREADS": "x"]) }
    }
}
