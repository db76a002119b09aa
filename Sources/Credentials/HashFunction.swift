// The hash functions of OpenSSL that passwords are kept by.

import CCrypto

/// A hash function of the SHA-2 family (FIPS 180-4).
package enum HashFunction: Hashable, Sendable {
    case sha256
    case sha512

    /// Bytes of its results.
    package var byteCount: Int {
        switch self {
        case .sha256: 32
        case .sha512: 64
        }
    }

    @unsafe private var digest: OpaquePointer? {
        switch self {
        case .sha256: unsafe EVP_sha256()
        case .sha512: unsafe EVP_sha512()
        }
    }

    /// Fills a result. A library that refuses has no memory left, or is not the one that this was built with.
    @unsafe private func filled(_ body: (UnsafeMutablePointer<UInt8>) -> Bool) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: byteCount)
        let isDone = unsafe result.withUnsafeMutableBufferPointer { buffer in
            unsafe buffer.baseAddress.map { unsafe body($0) } ?? false
        }
        precondition(isDone, "the hash functions of OpenSSL can be used")
        return result
    }

    /// The hash of a message.
    package func hash(_ message: [UInt8]) -> [UInt8] {
        unsafe filled { unsafe EVP_Digest(message, message.count, $0, nil, digest, nil) == 1 }
    }

    /// The keyed hash of a message (RFC 2104). Keys have `Int32.max` bytes at most.
    package func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        unsafe filled { unsafe HMAC(digest, key, Int32(clamping: key.count), message, message.count, $0, nil) != nil }
    }

    /// A password made expensive to guess (PBKDF2, RFC 8018; `Hi` of RFC 5802).
    package func stretch(_ password: [UInt8], salt: [UInt8], iterations: Int) -> [UInt8] {
        unsafe filled { result in
            unsafe password.withUnsafeBytes { bytes in
                unsafe PKCS5_PBKDF2_HMAC(
                    bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(clamping: bytes.count), salt, Int32(clamping: salt.count),
                    Int32(clamping: iterations), digest, Int32(clamping: byteCount), result) == 1
            }
        }
    }
}

/// Whether two secrets are equal, in a time that does not tell where they differ.
package func areEqualSecrets(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    unsafe left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
}
