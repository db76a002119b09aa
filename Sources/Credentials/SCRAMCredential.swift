// What is kept of a password: enough to check it, and not the password (RFC 5802, section 3).

import Bytes
package import Platform

/// A mechanism of SASL that never sends the password (RFC 5802, RFC 7677).
package enum SCRAMMechanism: String, Hashable, Sendable, CaseIterable {
    case sha256 = "SCRAM-SHA-256"
    case sha512 = "SCRAM-SHA-512"

    /// What it hashes with.
    package var function: HashFunction {
        switch self {
        case .sha256: .sha256
        case .sha512: .sha512
        }
    }
}

/// A password as a server keeps it.
package struct SCRAMCredential: Hashable, Sendable {
    /// How often a new password is hashed: twice what Kafka asks for at least.
    package static let usualIterations = 8_192
    /// What a client may be made to do by what stands in a file: RFC 7677 has 4096 as the least.
    package static let possibleIterations = 4_096...1_000_000
    private static let saltBytes = 24

    /// For which mechanism it is.
    package let mechanism: SCRAMMechanism
    /// Told to clients.
    package let salt: [UInt8]
    /// Told to clients.
    package let iterations: Int
    /// The hash of the client's key.
    package let storedKey: [UInt8]
    /// Shows clients that the server knows the password.
    package let serverKey: [UInt8]

    /// Of a new password.
    package init(_ password: [UInt8], _ mechanism: SCRAMMechanism, random: any RandomSource, iterations: Int = usualIterations) {
        let salt = randomBytes(SCRAMCredential.saltBytes, random)
        self.init(password, mechanism, salt: salt, iterations: iterations)
    }

    /// Of a password with a salt that is given.
    package init(_ password: [UInt8], _ mechanism: SCRAMMechanism, salt: [UInt8], iterations: Int) {
        let function = mechanism.function
        let salted = function.stretch(password, salt: salt, iterations: iterations)
        (self.mechanism, self.salt, self.iterations) = (mechanism, salt, iterations)
        storedKey = function.hash(function.authenticate(Array("Client Key".utf8), key: salted))
        serverKey = function.authenticate(Array("Server Key".utf8), key: salted)
    }

    /// Whether this is the password. It takes as long as making it expensive to guess does.
    package func admits(_ password: [UInt8]) -> Bool {
        areEqualSecrets(SCRAMCredential(password, mechanism, salt: salt, iterations: iterations).storedKey, storedKey)
    }

    // MARK: As text

    /// `salt=…,stored_key=…,server_key=…,iterations=…`, the first three in base64, as Kafka's own tools print it.
    package var text: String {
        "salt=\(Base64.text(of: salt)),stored_key=\(Base64.text(of: storedKey)),server_key=\(Base64.text(of: serverKey)),iterations=\(iterations)"
    }

    /// Reads `text`; nil where it is none.
    package init?(_ text: some StringProtocol, _ mechanism: SCRAMMechanism) {
        var fields: [String: String] = [:]
        for part in text.split(separator: ",") {
            guard let sign = part.firstIndex(of: "=") else { return nil }
            fields[String(part[..<sign])] = String(part[part.index(after: sign)...])
        }
        func bytes(_ name: String) -> [UInt8]? { fields[name].flatMap { Base64.decode(Array($0.utf8)[...]) } }
        let size = mechanism.function.byteCount
        guard fields.count == 4, let salt = bytes("salt"), !salt.isEmpty, let stored = bytes("stored_key"), stored.count == size,
            let server = bytes("server_key"), server.count == size, let iterations = fields["iterations"].flatMap({ Int($0) }),
            SCRAMCredential.possibleIterations.contains(iterations)
        else { return nil }
        (self.mechanism, self.salt, self.iterations, storedKey, serverKey) = (mechanism, salt, iterations, stored, server)
    }
}

/// So many random bytes.
func randomBytes(_ count: Int, _ random: any RandomSource) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
        let word = random.next()
        for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
    }
    return Array(bytes[..<count])
}
