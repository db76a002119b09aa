// What a listener shows to its clients, and asks of them: a certificate with its key, and perhaps authorities whose certificates clients must have.

import CTLS
import Platform
import Synchronization

/// The files of a listener that speaks TLS, all of them text (PEM).
package struct TLSFiles: Hashable, Sendable {
    /// The server's certificate, with those of the authorities between it and one that clients trust behind it.
    package var certificate: String
    /// Its private key, without a passphrase, in a file that its owner alone may read.
    package var key: String
    /// Certificates of the authorities one of which must vouch for each client; nil where clients need no certificate.
    package var authorities: String?

    /// Of a server whose clients need no certificate, unless authorities are given.
    package init(certificate: String, key: String, authorities: String? = nil) {
        (self.certificate, self.key, self.authorities) = (certificate, key, authorities)
    }
}

/// What the files say, read once.
///
/// `@unchecked`: it is made on any thread; the sessions of all its clients, which use its buffers, are on one.
@safe package final class TLSContext: @unchecked Sendable {
    /// Bytes of a file of certificates, or of a key.
    package static let largestFile = 4 << 20
    /// Certificates in a file.
    private static let mostCertificates = 10_000

    let library: TLSLibrary
    let context: OpaquePointer
    /// What is between the sockets and the library. All sessions share the two: nothing stays in them from one call to the next.
    let incoming: OpaquePointer
    /// What the library has for a client.
    let outgoing: OpaquePointer
    /// Where bytes lie for a moment between the library and an array.
    let scratch: UnsafeMutableRawBufferPointer
    /// Bytes that are given to the library, and taken from it, at once: its buffers keep the size of the largest piece.
    static let pieceBytes = 16 << 10
    /// Whether clients need a certificate.
    package let asksForCertificates: Bool
    /// Days until the server's certificate is no longer valid; negative where it is not.
    package private(set) var daysLeft = 0

    /// Of a listener. Errors: there is no library, or a file is not what it should be; the message names it.
    package init(_ files: TLSFiles) throws(TLSFailure) {
        asksForCertificates = files.authorities != nil
        unsafe (library, context, incoming, outgoing, scratch) = unsafe try TLSContext.parts { unsafe $0.pointee.TLS_server_method() }
        try restrict()
        try setCertificate(files)
        if let authorities = files.authorities {
            try setAuthorities(authorities)
            unsafe library.functions.pointee.SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
    }

    /// Of a client, which knows a server by a certificate that one of the authorities in a file (PEM) vouches for, or else one that the system
    /// trusts. Errors: there is no library, or the file cannot be used.
    package init(trusting authorities: String?) throws(TLSFailure) {
        asksForCertificates = true
        unsafe (library, context, incoming, outgoing, scratch) = unsafe try TLSContext.parts { unsafe $0.pointee.TLS_client_method() }
        try restrict()
        if let authorities { try setAuthorities(authorities) } else { unsafe _ = library.functions.pointee.SSL_CTX_set_default_verify_paths(context) }
        unsafe library.functions.pointee.SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    }

    /// What every context is made of.
    private static func parts(
        _ method: (UnsafePointer<millrace_tls>) -> OpaquePointer?
    ) throws(TLSFailure) -> (TLSLibrary, OpaquePointer, OpaquePointer, OpaquePointer, UnsafeMutableRawBufferPointer) {
        guard let library = TLSLibrary.shared else {
            throw TLSFailure("TLS needs libssl.so.3, which is not there; Debian has it in the package libssl3")
        }
        let functions = unsafe library.functions
        unsafe functions.pointee.ERR_clear_error()
        guard let context = unsafe functions.pointee.SSL_CTX_new(method(functions)) else { throw TLSFailure("TLS has no memory") }
        guard let incoming = unsafe functions.pointee.BIO_new(functions.pointee.BIO_s_mem()), let outgoing = unsafe functions.pointee.BIO_new(functions.pointee.BIO_s_mem()) else {
            unsafe functions.pointee.SSL_CTX_free(context)
            throw TLSFailure("TLS has no memory")
        }
        return unsafe (library, context, incoming, outgoing, .allocate(byteCount: TLSContext.pieceBytes, alignment: 16))
    }

    private func restrict() throws(TLSFailure) {
        guard unsafe millrace_tls_restrict(library.functions, context) else { throw TLSFailure("TLS 1.2 is not to be had: \(library.reason() ?? "no reason")") }
    }

    deinit {
        let functions = unsafe library.functions
        unsafe functions.pointee.SSL_CTX_free(context)
        unsafe _ = functions.pointee.BIO_free(incoming)
        unsafe _ = functions.pointee.BIO_free(outgoing)
        unsafe scratch.deallocate()
    }

    // MARK: Files

    private func setCertificate(_ files: TLSFiles) throws(TLSFailure) {
        let functions = unsafe library.functions
        var isFirst = true
        try unsafe eachCertificate(of: files.certificate) { certificate in
            if isFirst {
                isFirst = false
                var days: Int32 = 0, seconds: Int32 = 0
                if unsafe functions.pointee.ASN1_TIME_diff(&days, &seconds, nil, functions.pointee.X509_get0_notAfter(certificate)) == 1 {
                    daysLeft = seconds < 0 && days == 0 ? -1 : Int(days)
                }
                return unsafe (functions.pointee.SSL_CTX_use_certificate(context, certificate) == 1, isKept: false)
            }
            let isKept = unsafe millrace_tls_add_chain(functions, context, certificate)
            return (isKept, isKept)
        }
        let text = try TLSContext.reading(files.key) { path throws(SystemError) in try PrivateFile.read(path, most: TLSContext.largestFile) }
        let key = unsafe withText(text) { unsafe millrace_tls_key(functions, $0) }
        guard let key = unsafe key else { throw failure("\(files.key) holds no private key that can be read without a passphrase") }
        defer { unsafe functions.pointee.EVP_PKEY_free(key) }
        guard unsafe functions.pointee.SSL_CTX_use_PrivateKey(context, key) == 1, unsafe functions.pointee.SSL_CTX_check_private_key(context) == 1 else {
            throw failure("the key of \(files.key) is not that of the certificate of \(files.certificate)")
        }
    }

    private func setAuthorities(_ path: String) throws(TLSFailure) {
        let functions = unsafe library.functions
        let store = unsafe functions.pointee.SSL_CTX_get_cert_store(context)
        try unsafe eachCertificate(of: path) { certificate in
            let isTaken = unsafe functions.pointee.X509_STORE_add_cert(store, certificate) == 1
                && functions.pointee.SSL_CTX_add_client_CA(context, certificate) == 1
            return (isTaken, isKept: false)
        }
    }

    /// Takes one certificate of a file after the other; `isKept`: its memory belongs to somebody else now.
    private func eachCertificate(of path: String, _ take: (OpaquePointer) -> (isTaken: Bool, isKept: Bool)) throws(TLSFailure) {
        let text = try TLSContext.reading(path) { path throws(SystemError) in try PrivateFile.readPublic(path, most: TLSContext.largestFile) }
        let functions = unsafe library.functions
        var count = 0
        var isRefused = false
        unsafe withText(text) { text in
            while !isRefused, count < TLSContext.mostCertificates, let certificate = unsafe millrace_tls_certificate(functions, text) {
                count += 1
                let (isTaken, isKept) = unsafe take(certificate)
                if !isKept { unsafe functions.pointee.X509_free(certificate) }
                isRefused = !isTaken
            }
        }
        let isWhole = unsafe millrace_tls_was_no_pem(functions.pointee.ERR_peek_last_error())
        guard count > 0, isWhole, !isRefused else {
            throw failure(count == 0 ? "\(path) holds no certificate" : "certificate \(isWhole ? count : count + 1) of \(path) cannot be used")
        }
        unsafe functions.pointee.ERR_clear_error()
    }

    private static func reading(_ path: String, _ read: (String) throws(SystemError) -> [UInt8]) throws(TLSFailure) -> [UInt8] {
        do throws(SystemError) { return try read(path) } catch { throw TLSFailure("\(error)") }
    }

    /// Lets the library read text, which ends with the call.
    @unsafe private func withText<Result>(_ bytes: [UInt8], _ body: (OpaquePointer?) -> Result) -> Result {
        // An empty array may have no address, and would be taken for an error.
        unsafe (bytes + [0x0A]).withUnsafeBytes { raw in
            let text = unsafe library.functions.pointee.BIO_new_mem_buf(raw.baseAddress, Int32(clamping: raw.count))
            defer { unsafe _ = library.functions.pointee.BIO_free(text) }
            return unsafe body(text)
        }
    }

    private func failure(_ message: String) -> TLSFailure {
        TLSFailure(library.reason().map { "\(message): \($0)" } ?? message)
    }
}

/// The context that new clients get, which may be replaced while the server runs: those who are there keep theirs.
package final class TLSIdentity: Sendable {
    private let files: TLSFiles
    private let state: Mutex<TLSContext>

    /// Reads the files. Errors: as of a context.
    package init(_ files: TLSFiles) throws(TLSFailure) {
        self.files = files
        state = Mutex(try TLSContext(files))
    }

    /// What new clients get.
    package var context: TLSContext { state.withLock { $0 } }

    /// Reads the files again. Errors: as of a context; then the one before stays.
    package func reload() throws(TLSFailure) {
        let context = try TLSContext(files)
        state.withLock { $0 = context }
    }
}
