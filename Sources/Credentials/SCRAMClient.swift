// The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677): the password does not travel, and the server shows that it knows it.

import Bytes
package import Platform

/// One login.
package struct SCRAMClient: Sendable {
    /// The mechanism, as servers name it.
    package static let mechanism = SCRAMMechanism.sha256
    private let password: [UInt8]
    private let nonce: String
    private let bare: String
    private var signature: [UInt8] = []

    /// Begins a login.
    package init(user: String, password: [UInt8], random: any RandomSource) {
        self.password = password
        nonce = Base64.text(of: randomBytes(24, random))
        let name = user.split(separator: "=", omittingEmptySubsequences: false).joined(separator: "=3D")
        bare = "n=\(name.split(separator: ",", omittingEmptySubsequences: false).joined(separator: "=2C")),r=\(nonce)"
    }

    /// What is sent first.
    package var first: [UInt8] { Array("n,,\(bare)".utf8) }

    /// What is sent next, with the proof that the password is known. Errors: the server's message is none, or asks for more work than a login may cost.
    package mutating func proof(for message: [UInt8]) throws(LoginFailure) -> [UInt8] {
        guard let text = String(validating: message, as: UTF8.self) else { throw LoginFailure("the server's message of the login is no text") }
        let fields = text.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count >= 3, fields[0].hasPrefix("r=\(nonce)"), fields[0].utf8.count > nonce.utf8.count + 2, fields[1].hasPrefix("s="), fields[2].hasPrefix("i="),
            let salt = Base64.decode(Array(fields[1].dropFirst(2).utf8)[...]), let iterations = Int(fields[2].dropFirst(2)),
            SCRAMCredential.possibleIterations.contains(iterations)
        else { throw LoginFailure("the server's message of the login cannot be read") }
        let function = SCRAMClient.mechanism.function
        let salted = function.stretch(password, salt: salt, iterations: iterations)
        let clientKey = function.authenticate(Array("Client Key".utf8), key: salted)
        let last = "c=biws,\(fields[0])"
        let signed = Array("\(bare),\(text),\(last)".utf8)
        let proof = zip(clientKey, function.authenticate(signed, key: function.hash(clientKey))).map { $0 ^ $1 }
        signature = function.authenticate(signed, key: function.authenticate(Array("Server Key".utf8), key: salted))
        return Array("\(last),p=\(Base64.text(of: proof))".utf8)
    }

    /// Errors: the server does not know the password.
    package func check(_ message: [UInt8]) throws(LoginFailure) {
        let expected = Array("v=\(Base64.text(of: signature))".utf8)
        guard !signature.isEmpty, areEqualSecrets(Array(message.prefix { $0 != UInt8(ascii: ",") }), expected) else {
            throw LoginFailure("the server does not prove that it knows the password")
        }
    }
}
