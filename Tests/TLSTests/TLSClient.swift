// A client of TLS for the tests, without any code of the room, and certificates of an authority that exists for one test.

import CTLS
import Foundation
import Glibc

@testable import TLS

/// A client: what has come in, what goes out.
final class TLSClient {
    private let functions: UnsafePointer<millrace_tls>
    private let context: OpaquePointer
    private let session: OpaquePointer
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    private(set) var isEstablished = false
    private(set) var received: [UInt8] = []

    /// `certificate` and `key` are files, shown to a server that asks; `newest` is the newest version that is spoken, nil for all.
    init?(certificate: String? = nil, key: String? = nil, newest: Int32? = nil) {
        typealias Method = @convention(c) () -> OpaquePointer?
        typealias Connecting = @convention(c) (OpaquePointer?) -> Void
        typealias Using = @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, Int32) -> Int32
        guard let functions = TLSLibrary.shared?.functions, let library = dlopen("libssl.so.3", RTLD_NOW),
            let method = dlsym(library, "TLS_client_method"), let connecting = dlsym(library, "SSL_set_connect_state"),
            let useCertificate = dlsym(library, "SSL_CTX_use_certificate_file"), let useKey = dlsym(library, "SSL_CTX_use_PrivateKey_file"),
            let context = functions.pointee.SSL_CTX_new(unsafeBitCast(method, to: Method.self)()), let session = { () -> OpaquePointer? in
                if let certificate, let key {
                    _ = unsafeBitCast(useCertificate, to: Using.self)(context, certificate, SSL_FILETYPE_PEM)
                    _ = unsafeBitCast(useKey, to: Using.self)(context, key, SSL_FILETYPE_PEM)
                }
                if let newest { _ = functions.pointee.SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(newest), nil) }
                return functions.pointee.SSL_new(context)
            }(), let incoming = functions.pointee.BIO_new(functions.pointee.BIO_s_mem()),
            let outgoing = functions.pointee.BIO_new(functions.pointee.BIO_s_mem())
        else { return nil }
        (self.functions, self.context, self.session) = (functions, context, session)
        (self.incoming, self.outgoing) = (incoming, outgoing)
        functions.pointee.SSL_set_bio(session, incoming, outgoing)
        unsafeBitCast(connecting, to: Connecting.self)(session)
    }

    deinit {
        functions.pointee.SSL_free(session)
        functions.pointee.SSL_CTX_free(context)
    }

    /// Takes bytes of the server and gives those for it.
    func receive(_ bytes: [UInt8]) -> [UInt8] {
        if !bytes.isEmpty { _ = functions.pointee.BIO_write(incoming, bytes, Int32(bytes.count)) }
        functions.pointee.ERR_clear_error()
        if !isEstablished { isEstablished = functions.pointee.SSL_do_handshake(session) == 1 }
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while isEstablished {
            let count = functions.pointee.SSL_read(session, &buffer, Int32(buffer.count))
            if count <= 0 { break }
            received += buffer[..<Int(count)]
        }
        return output()
    }

    /// Sends plain bytes.
    func send(_ plain: [UInt8]) -> [UInt8] {
        _ = functions.pointee.SSL_write(session, plain, Int32(plain.count))
        return output()
    }

    /// Says that nothing more comes.
    func finish() -> [UInt8] {
        _ = functions.pointee.SSL_shutdown(session)
        return output()
    }

    private func output() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(millrace_tls_waiting(functions, outgoing)))
        if !bytes.isEmpty { _ = functions.pointee.BIO_read(outgoing, &bytes, Int32(bytes.count)) }
        return bytes
    }
}

/// Certificates in a folder that goes with it: an authority, a server and a client of it, and a key of nobody's. Made by `openssl`.
final class Certificates {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "millrace-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        try run(["req", "-x509"] + elliptic + ["-keyout", "authority.key", "-out", "authority.pem", "-days", "3", "-subj", "/CN=authority"])
        for name in ["server", "client"] {
            try run(["req"] + elliptic + ["-keyout", "\(name).key", "-out", "\(name).request", "-subj", "/CN=\(name)"])
            try run(["x509", "-req", "-in", "\(name).request", "-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial", "-days", "2", "-out", "\(name).pem"])
        }
        try run(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", "other.key"])
        try run(["pkey", "-in", "server.key", "-aes256", "-passout", "pass:secret", "-out", "locked.key"])
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    /// What a server shows, and perhaps asks for.
    func files(_ certificate: String = "server.pem", _ key: String = "server.key", authorities: String? = nil) -> TLSFiles {
        TLSFiles(certificate: path(certificate), key: path(key), authorities: authorities.map { path($0) })
    }

    private func run(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.currentDirectoryURL = folder
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        struct Failed: Error {}
        if process.terminationStatus != 0 { throw Failed() }
    }
}
