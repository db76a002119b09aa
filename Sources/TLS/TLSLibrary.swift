// OpenSSL's libssl, opened when a listener or a client is to speak TLS.

import CTLS

/// The library's functions.
@safe struct TLSLibrary: Sendable {
    /// Stays for the life of the process, as the library does.
    nonisolated(unsafe) let functions: UnsafePointer<millrace_tls>

    /// The library of the system; nil where there is none. Opened once.
    static let shared: TLSLibrary? = {
        let functions = UnsafeMutablePointer<millrace_tls>.allocate(capacity: 1)
        unsafe functions.initialize(to: millrace_tls())
        guard unsafe millrace_tls_open(functions, "libssl.so.3") else {
            unsafe functions.deallocate()
            return nil
        }
        return unsafe TLSLibrary(functions: UnsafePointer(functions))
    }()

    /// What the library says of its last failure, and forgets: the newest error of this thread.
    func reason() -> String? {
        let error = unsafe functions.pointee.ERR_peek_last_error()
        unsafe functions.pointee.ERR_clear_error()
        guard error != 0 else { return nil }
        return unsafe functions.pointee.ERR_reason_error_string(error).map { unsafe String(cString: $0) }
    }
}

/// Why there is no TLS: of a listener, or with a client.
package struct TLSFailure: Error, Hashable, Sendable {
    /// A clause without a full stop.
    package let message: String

    /// With its clause.
    package init(_ message: String) { self.message = message }
}
