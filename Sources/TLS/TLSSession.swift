// One side of TLS with one client, or of a client with its server (RFC 8446, RFC 5246), as a machine without sockets: what has come in, what goes out, and between
// them the plain bytes. What has not come in whole is kept by the library, at most one record (16 KiB) or one message of the handshake.

import CTLS

/// A client, or a client's server.
@safe package final class TLSSession {
    /// Bytes of a client's part of the handshake: its certificates are the largest.
    package static let longestHandshake = 128 << 10
    /// The first byte of every TLS record of a handshake.
    private static let handshakeRecord: UInt8 = 0x16
    /// The alert of that name, by which a client that speaks without TLS can tell what is spoken here.
    private static let unexpectedMessage: [UInt8] = [0x15, 3, 3, 0, 2, 2, 10]

    private let context: TLSContext
    /// Nil until the first byte has come.
    private var session: OpaquePointer?
    private var received = 0
    /// What is to be sent to the client. The caller takes it after each call, also after one that fails: it may tell the client why.
    private var output: [UInt8] = []
    /// Plain bytes that wait for the end of the handshake.
    private var early: [UInt8] = []
    /// Whether the handshake is done, and plain bytes may come.
    package private(set) var isEstablished = false
    /// The client sends no more.
    package private(set) var hasInputEnded = false

    /// How messages name the other side.
    private let peer: String

    /// A client that has sent nothing yet. It costs nothing until it does.
    package init(_ context: TLSContext) {
        self.context = context
        peer = "a client"
    }

    /// A server, which is to be that of this host; what it is to be sent first is there at once. Errors: there is no memory.
    package init(_ context: TLSContext, asClientOf host: String) throws(TLSFailure) {
        self.context = context
        peer = "the server"
        let functions = unsafe context.library.functions
        let made = unsafe try make()
        unsafe functions.pointee.SSL_set_connect_state(made)
        guard unsafe host.withCString({ unsafe millrace_tls_expect(functions, made, $0) }) else { throw TLSFailure("\(host) can be no name of a server") }
        unsafe empty()
        unsafe _ = functions.pointee.SSL_do_handshake(made)
        unsafe collect()
        unsafe functions.pointee.ERR_clear_error()
    }

    deinit { if let session = unsafe session { unsafe context.library.functions.pointee.SSL_free(session) } }

    /// Takes what there is to be sent.
    package func takeOutput() -> [UInt8] {
        defer { output = [] }
        return output
    }

    /// Takes bytes as they come, and gives the plain ones of them. Errors: the client does not speak TLS, or breaks it; nothing more can come.
    package func receive(_ bytes: [UInt8]) throws(TLSFailure) -> [UInt8] {
        if hasInputEnded || bytes.isEmpty { return [] }
        if unsafe session == nil { try begin(with: bytes) }
        var plain: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty, !hasInputEnded {
            let piece = rest.prefix(TLSContext.pieceBytes)
            rest = rest.dropFirst(piece.count)
            try take(piece, into: &plain)
        }
        return plain
    }

    /// Sends plain bytes, or keeps them until the handshake is done. Errors: the session has broken.
    package func send(_ plain: [UInt8]) throws(TLSFailure) {
        guard isEstablished, let session = unsafe session else { return early += plain }
        let functions = unsafe context.library.functions
        var rest = plain[...]
        while !rest.isEmpty {
            let piece = rest.prefix(TLSContext.pieceBytes)
            rest = rest.dropFirst(piece.count)
            unsafe empty()
            let result = unsafe piece.withUnsafeBytes { unsafe functions.pointee.SSL_write(session, $0.baseAddress, Int32(clamping: $0.count)) }
            unsafe collect()
            // Whole, because there is always room.
            guard Int(result) == piece.count else { throw failure(unsafe functions.pointee.SSL_get_error(session, result)) }
        }
    }

    /// Says that nothing more will be sent.
    package func finish() {
        guard isEstablished, let session = unsafe session else { return }
        unsafe empty()
        // What it answers tells whether the client has said the same, which is of no interest.
        unsafe _ = context.library.functions.pointee.SSL_shutdown(session)
        unsafe collect()
        _ = context.library.reason()
    }

    // MARK: The library

    private func begin(with bytes: [UInt8]) throws(TLSFailure) {
        guard bytes.first == TLSSession.handshakeRecord else {
            output = TLSSession.unexpectedMessage
            throw TLSFailure("a client speaks without TLS at a listener that speaks TLS")
        }
        let made = unsafe try make()
        unsafe context.library.functions.pointee.SSL_set_accept_state(made)
    }

    @unsafe private func make() throws(TLSFailure) -> OpaquePointer {
        let functions = unsafe context.library.functions
        guard let made = unsafe functions.pointee.SSL_new(context.context) else { throw TLSFailure("TLS has no memory for \(peer)") }
        // The session lets go of one each when it ends.
        unsafe _ = functions.pointee.BIO_up_ref(context.incoming)
        unsafe _ = functions.pointee.BIO_up_ref(context.outgoing)
        unsafe functions.pointee.SSL_set_bio(made, context.incoming, context.outgoing)
        unsafe session = made
        return unsafe made
    }

    private func take(_ piece: ArraySlice<UInt8>, into plain: inout [UInt8]) throws(TLSFailure) {
        guard let session = unsafe session else { return }
        let functions = unsafe context.library.functions
        unsafe empty()
        let isTaken = unsafe piece.withUnsafeBytes { unsafe functions.pointee.BIO_write(context.incoming, $0.baseAddress, Int32(clamping: $0.count)) }
        guard Int(isTaken) == piece.count else { throw TLSFailure("TLS has no memory for \(peer)") }
        defer { unsafe collect() }
        if !isEstablished {
            received += piece.count
            guard received <= TLSSession.longestHandshake else { throw TLSFailure("a TLS handshake of more than \(TLSSession.longestHandshake) bytes") }
            let result = unsafe functions.pointee.SSL_do_handshake(session)
            guard result == 1 else {
                let error = unsafe functions.pointee.SSL_get_error(session, result)
                if error == SSL_ERROR_WANT_READ { return }
                throw failure(error)
            }
            isEstablished = true
        }
        try unsafe read(session, into: &plain)
        guard !early.isEmpty else { return }
        unsafe collect()
        let waiting = early
        early = []
        try send(waiting)
    }

    private func read(_ session: OpaquePointer, into plain: inout [UInt8]) throws(TLSFailure) {
        let functions = unsafe context.library.functions
        while true {
            let result = unsafe functions.pointee.SSL_read(session, context.scratch.baseAddress, Int32(clamping: context.scratch.count))
            unsafe plain.append(contentsOf: UnsafeRawBufferPointer(rebasing: context.scratch.prefix(max(0, Int(result)))))
            if result > 0 { continue }
            switch unsafe functions.pointee.SSL_get_error(session, result) {
            case SSL_ERROR_WANT_READ: return
            case SSL_ERROR_ZERO_RETURN: return hasInputEnded = true
            case let error: throw failure(error)
            }
        }
    }

    /// Before each use: what a session that broke has left there is not for this one, and old errors are not its.
    @unsafe private func empty() {
        let functions = unsafe context.library.functions
        unsafe millrace_tls_empty(functions, context.incoming)
        unsafe millrace_tls_empty(functions, context.outgoing)
        unsafe functions.pointee.ERR_clear_error()
    }

    /// Takes what the library has for the client.
    @unsafe private func collect() {
        let functions = unsafe context.library.functions
        while unsafe millrace_tls_waiting(functions, context.outgoing) > 0 {
            let count = unsafe functions.pointee.BIO_read(context.outgoing, context.scratch.baseAddress, Int32(clamping: context.scratch.count))
            guard count > 0 else { return }
            unsafe output.append(contentsOf: UnsafeRawBufferPointer(rebasing: context.scratch.prefix(Int(count))))
        }
    }

    private func failure(_ error: Int32) -> TLSFailure {
        let functions = unsafe context.library.functions
        let verdict = unsafe session.map { unsafe functions.pointee.SSL_get_verify_result($0) } ?? 0
        let reason = context.library.reason() ?? "error \(error)"
        if !isEstablished, verdict != 0, let words = unsafe functions.pointee.X509_verify_cert_error_string(verdict) {
            return TLSFailure("the certificate of \(peer) is refused: \(unsafe String(cString: words))")
        }
        return TLSFailure(isEstablished ? "\(peer) breaks TLS: \(reason)" : "a TLS handshake fails: \(reason)")
    }
}
