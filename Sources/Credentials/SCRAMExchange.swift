// The server's side of SCRAM, as a machine: the client's messages in, the server's out (RFC 5802, section 5). Channel binding is not offered.
//
//   client   n,,n=user,r=nonce
//   server   r=nonce and more,s=salt,i=iterations
//   client   c=biws,r=nonce and more,p=proof
//   server   v=signature

import Bytes
package import Platform

/// Why an exchange has ended without a login.
package struct LoginFailure: Error, Hashable {
    /// What went wrong, for the client and the log: it does not tell whether there is such a user.
    package let reason: String

    /// With its reason.
    package init(_ reason: String) { self.reason = reason }

    /// The user is not known, or the password is another.
    package static let refused = LoginFailure("the user or the password is wrong")
}

/// One exchange.
package struct SCRAMExchange: Sendable {
    private enum State {
        case first
        /// The server has answered the first message.
        case last(user: String, credential: SCRAMCredential, isKnown: Bool, nonce: String, messages: String, header: String)
        case ended
    }

    /// Bytes of a message: names, nonces and proofs are short.
    private static let longestMessage = 4_096

    private var state = State.first
    private let mechanism: SCRAMMechanism
    /// The mechanism of it.
    package var usedMechanism: SCRAMMechanism { mechanism }
    private let random: any RandomSource

    /// Begins an exchange.
    package init(_ mechanism: SCRAMMechanism, random: any RandomSource) {
        (self.mechanism, self.random) = (mechanism, random)
    }

    /// Takes a message of the client and gives the server's; with the second one, who has come. `credential` finds what is kept of a user's
    /// password.
    package mutating func receive(
        _ message: [UInt8], _ credential: (_ user: String) -> SCRAMCredential?
    ) throws(LoginFailure) -> (answer: [UInt8], user: String?) {
        let before = state
        state = .ended
        guard message.count <= SCRAMExchange.longestMessage, let text = String(validating: message, as: UTF8.self) else {
            throw LoginFailure("a message of SCRAM is no text, or too long")
        }
        switch before {
        case .first: return (try begin(text, credential), nil)
        case .last(let user, let known, let isKnown, let nonce, let messages, let header):
            let answer = try finish(text, known, nonce: nonce, messages: messages, header: header)
            guard isKnown, let answer else { throw .refused }
            return (answer, user)
        case .ended: throw LoginFailure("the exchange has ended")
        }
    }

    private mutating func begin(_ text: String, _ credential: (String) -> SCRAMCredential?) throws(LoginFailure) -> [UInt8] {
        // The header: no channel binding (`y`: the client would have had one), and perhaps a name to act under.
        let parts = text.split(separator: ",", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "n" || parts[0] == "y" else {
            throw LoginFailure(parts.first?.hasPrefix("p=") == true ? "channel binding is not offered" : "the first message of SCRAM cannot be read")
        }
        let fields = parts[2].split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count >= 2, fields[0].hasPrefix("n="), fields[1].hasPrefix("r="), fields[1].count > 2,
            let user = SCRAMExchange.name(fields[0].dropFirst(2))
        else { throw LoginFailure("the first message of SCRAM has no user or no nonce") }
        guard parts[1].isEmpty || parts[1] == "a=" + fields[0].dropFirst(2) else { throw LoginFailure("nobody may act under another name") }
        let nonce = String(fields[1].dropFirst(2)) + Base64.text(of: randomBytes(24, random))
        let known = credential(user)
        // Who asks for a user that is not there gets an exchange like all others, which fails at its end.
        let used = known ?? SCRAMCredential(randomBytes(24, random), mechanism, random: random, iterations: SCRAMCredential.usualIterations)
        let answer = "r=\(nonce),s=\(Base64.text(of: used.salt)),i=\(used.iterations)"
        state = .last(
            user: user, credential: used, isKnown: known != nil, nonce: nonce, messages: "\(parts[2]),\(answer)",
            header: "\(parts[0]),\(parts[1]),")
        return Array(answer.utf8)
    }

    /// The server's signature; nil where the proof is wrong.
    private func finish(
        _ text: String, _ credential: SCRAMCredential, nonce: String, messages: String, header: String
    ) throws(LoginFailure) -> [UInt8]? {
        guard let place = text.range(ofLast: ",p="), let proof = Base64.decode(Array(text[place.upperBound...].utf8)[...]) else {
            throw LoginFailure("the last message of SCRAM has no proof")
        }
        let fields = text[..<place.lowerBound].split(separator: ",", omittingEmptySubsequences: false)
        // librdkafka before 2.6.1 writes its own nonce twice, and Kafka's broker took that too until 4.0. The server's part is in it either way.
        guard fields.count >= 2, fields[0] == "c=" + Base64.text(of: Array(header.utf8)), fields[1].hasPrefix("r="), fields[1].hasSuffix(nonce) else {
            throw LoginFailure("the last message of SCRAM belongs to another exchange")
        }
        let function = mechanism.function
        guard proof.count == function.byteCount else { return nil }
        let signed = Array("\(messages),\(text[..<place.lowerBound])".utf8)
        let signature = function.authenticate(signed, key: credential.storedKey)
        let clientKey = zip(proof, signature).map { $0 ^ $1 }
        guard areEqualSecrets(function.hash(clientKey), credential.storedKey) else { return nil }
        return Array("v=\(Base64.text(of: function.authenticate(signed, key: credential.serverKey)))".utf8)
    }

    /// A name, in which `=2C` stands for a comma and `=3D` for an equals sign; nil where it is none.
    private static func name(_ text: Substring) -> String? {
        var name = ""
        var rest = text
        while let character = rest.first {
            guard character == "=" else {
                name.append(character)
                rest = rest.dropFirst()
                continue
            }
            guard let sign = ["=2C": ",", "=3D": "="][String(rest.prefix(3))] else { return nil }
            name += sign
            rest = rest.dropFirst(3)
        }
        return name.isEmpty ? nil : name
    }
}

extension String {
    /// The last occurrence of an ASCII text.
    fileprivate func range(ofLast text: String) -> Range<String.Index>? {
        var place = endIndex
        while place > startIndex {
            place = utf8.index(before: place)
            if self[place...].hasPrefix(text) { return place..<utf8.index(place, offsetBy: text.utf8.count) }
        }
        return nil
    }
}
