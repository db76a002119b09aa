// A connected socket on the loop: bytes in, bytes out, and one end. It knows nothing of what the bytes mean; the line protocol and the
// metrics page stand on it alike, and so they do where TLS lies between them and the wire.

import CUV
import Platform
import TLS

/// Takes what happens on a socket. All calls come on the loop's thread.
protocol SocketOwner: AnyObject {
    /// The bytes are to be copied before it returns.
    func received(_ bytes: Span<UInt8>)
    /// The other side sends no more, but may still read.
    func inputEnded()
    /// So many bytes have left for the kernel.
    func sent(_ count: Int)
    /// The client is of no use, for a reason that the log should have; the end comes next.
    func failed(_ reason: String)
    /// The socket is of no further use; called once, last.
    func closed()
}

/// A socket that listens.
@safe final class SocketListener {
    private let handle: UnsafeMutablePointer<uv_stream_t>
    private let loop: EventLoop
    private let isFile: Bool
    private let isInherited: Bool
    private let door: TLSDoor?
    private let accept: (SocketStream) -> Void
    private let refuse: (_ reason: String) -> Void
    /// Where it really listens.
    let address: SocketAddress

    /// Listens at the address `wanted`, or with a socket that is there already. On the loop's thread, or before that starts. `refuse` is told why a client
    /// could not be taken in. With a `door`, clients speak TLS.
    init(
        _ wanted: SocketAddress, inherited: InheritedSocket? = nil, on loop: EventLoop, door: TLSDoor? = nil,
        accept: @escaping (SocketStream) -> Void, refuse: @escaping (_ reason: String) -> Void
    ) throws(SystemError) {
        isInherited = inherited != nil
        self.door = door
        let descriptor: Int32, address: SocketAddress
        if let inherited {
            (descriptor, address) = (inherited.descriptor, inherited.address)
        } else {
            (descriptor, address) = try ListeningSocket.bind(wanted)
        }
        self.address = address
        self.loop = loop
        self.accept = accept
        self.refuse = refuse
        if case .file = address { isFile = true } else { isFile = false }
        unsafe handle = SocketStream.allocate(isFile: isFile, on: loop)
        unsafe SocketStream.adopt(descriptor, handle, isFile: isFile)
        unsafe handle.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        let result = unsafe uv_listen(handle, 1024) { handle, status in
            guard let data = unsafe handle?.pointee.data else { return }
            let listener = unsafe Unmanaged<SocketListener>.fromOpaque(data).takeUnretainedValue()
            if status == 0 { listener.acceptNext() } else { listener.refuse(uvReason(status)) }
        }
        guard result == 0 else {
            throw SystemError(kind: .other, number: -result, attempt: "listen on", path: address.description, reason: uvReason(result))
        }
    }

    private func acceptNext() {
        let client = unsafe SocketStream.allocate(isFile: isFile, on: loop)
        guard unsafe uv_accept(handle, client) == 0 else {
            return unsafe closeAndFree(UnsafeMutableRawPointer(client).assumingMemoryBound(to: uv_handle_t.self))
        }
        if !isFile { unsafe uv_tcp_nodelay(UnsafeMutableRawPointer(client).assumingMemoryBound(to: uv_tcp_t.self), 1) }
        accept(unsafe SocketStream(client, on: loop, isFile: isFile, through: door))
    }

    /// Listens no more; to be called once. A socket file goes too.
    func close() {
        unsafe closeAndFree(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self))
        // If it stays, the next server replaces it. One that was made for this server is for the next one, too.
        if case .file(let path) = address, !isInherited { try? HostFileSystem().removeFile(path) }
    }
}

/// A connected socket.
///
/// `@unchecked`: it is touched on the loop's thread only.
@safe final class SocketStream: @unchecked Sendable {
    private let handle: UnsafeMutablePointer<uv_stream_t>
    private let loop: EventLoop
    private let isFile: Bool
    weak var owner: (any SocketOwner)?
    /// What the owner wants.
    private var isReading = false
    /// The other sockets have their turn before this one is read again.
    private var isYielding = false
    private(set) var isClosed = false
    private let door: TLSDoor?
    private let tls: TLSSession?
    /// Plain bytes that the owner has written, of which TLS has made nothing yet.
    private var plainWaiting = 0
    /// Bytes of TLS's own that the client has not read.
    private var controlUnsent = 0
    /// Beyond it the client only makes TLS answer, and does not read that.
    private static let mostControlUnsent = 64 << 10

    init(_ handle: UnsafeMutablePointer<uv_stream_t>, on loop: EventLoop, isFile: Bool, through door: TLSDoor?) {
        self.door = door
        tls = door?.session()
        unsafe self.handle = unsafe handle
        self.loop = loop
        self.isFile = isFile
        // Lives until the handle is closed.
        unsafe handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
        door?.enter(self)
    }

    @unsafe static func allocate(isFile: Bool, on loop: EventLoop) -> UnsafeMutablePointer<uv_stream_t> {
        if isFile {
            let pipe = UnsafeMutablePointer<uv_pipe_t>.allocate(capacity: 1)
            unsafe uv_pipe_init(loop.loop, pipe, 0)
            return unsafe UnsafeMutableRawPointer(pipe).assumingMemoryBound(to: uv_stream_t.self)
        }
        let socket = UnsafeMutablePointer<uv_tcp_t>.allocate(capacity: 1)
        unsafe uv_tcp_init(loop.loop, socket)
        return unsafe UnsafeMutableRawPointer(socket).assumingMemoryBound(to: uv_stream_t.self)
    }

    @unsafe static func adopt(_ descriptor: Int32, _ handle: UnsafeMutablePointer<uv_stream_t>, isFile: Bool) {
        if isFile {
            unsafe uv_pipe_open(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_pipe_t.self), descriptor)
        } else {
            unsafe uv_tcp_open(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_tcp_t.self), descriptor)
        }
    }

    // MARK: Reading

    /// Starts or pauses reading. What the kernel holds meanwhile slows the sender.
    func setReading(_ wanted: Bool) {
        guard wanted != isReading, !isClosed else { return }
        isReading = wanted
        if isYielding { return }
        if wanted { startReading() } else { unsafe uv_read_stop(handle) }
    }

    private func startReading() {
        unsafe uv_read_start(
            handle,
            { handle, _, buffer in
                guard let data = unsafe handle?.pointee.data else { return }
                let stream = unsafe Unmanaged<SocketStream>.fromOpaque(data).takeUnretainedValue()
                unsafe buffer?.pointee = unsafe uv_buf_init(stream.loop.readBuffer, UInt32(EventLoop.readBytes))
            },
            { handle, count, _ in
                guard let data = unsafe handle?.pointee.data else { return }
                unsafe Unmanaged<SocketStream>.fromOpaque(data).takeUnretainedValue().read(count)
            })
    }

    private func read(_ count: Int) {
        if count > 0 {
            unsafe loop.readBuffer.withMemoryRebound(to: UInt8.self, capacity: count) { start in
                let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
                if let tls { unsafe read(Array(bytes), tls) } else { unsafe owner?.received(bytes.span) }
            }
            if count == EventLoop.readBytes { yield() }
        } else if count == Int(UV_EOF.rawValue) {
            inputEnded()
        } else if count < 0 {
            close()
        }
    }

    private func inputEnded() {
        guard isReading else { return }
        isReading = false
        unsafe uv_read_stop(handle)
        owner?.inputEnded()
    }

    private func read(_ bytes: [UInt8], _ tls: TLSSession) {
        do throws(TLSFailure) {
            let plain = try tls.receive(bytes)
            push(tls)
            if tls.isEstablished { door?.leave(self) }
            if !plain.isEmpty { owner?.received(plain.span) }
            if tls.hasInputEnded, !isClosed { inputEnded() }
        } catch {
            // Why, for the client.
            push(tls)
            fail(error.message)
        }
    }

    /// Closes for a reason that the log should have.
    func fail(_ reason: String) {
        guard !isClosed else { return }
        owner?.failed(reason)
        shutDown(thenClose: true)
    }

    /// Gives way to the other sockets. Where a piece fills the buffer, libuv would read on, two megabytes of it before anything else.
    private func yield() {
        guard isReading, !isYielding, !isClosed else { return }
        isYielding = true
        unsafe uv_read_stop(handle)
        loop.post { [self] in
            isYielding = false
            if isReading, !isClosed { startReading() }
        }
    }

    /// Whether the other side has reset the connection; for owners that have stopped reading, and so would not notice.
    var isReset: Bool { networkDescriptor.map { Platform.isReset(socket: $0) } ?? false }

    /// Whether TLS lies between the owner and the wire.
    var isEncrypted: Bool { tls != nil }

    /// Whether the client came by a socket file.
    var isOfFile: Bool { isFile }

    /// The address of the client; nil for one on this machine that came by a socket file.
    var client: String? { networkDescriptor.flatMap { peerAddress(ofSocket: $0) }?.description }

    private var networkDescriptor: Int32? {
        var descriptor: uv_os_fd_t = -1
        guard !isClosed, !isFile,
            unsafe uv_fileno(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self), &descriptor) == 0
        else { return nil }
        return descriptor
    }

    // MARK: Writing

    /// A write that did not fit into the kernel at once.
    @safe private final class PendingWrite {
        let stream: SocketStream
        let bytes: UnsafeMutablePointer<CChar>
        let count: Int
        /// Bytes of the owner's that have left with it; nil where they are the same.
        let plain: Int?
        let request: UnsafeMutablePointer<uv_write_t>

        init(_ stream: SocketStream, _ rest: ArraySlice<UInt8>, plain: Int?) {
            self.stream = stream
            self.plain = plain
            count = rest.count
            unsafe bytes = .allocate(capacity: rest.count)
            unsafe request = .allocate(capacity: 1)
            unsafe rest.withUnsafeBytes { unsafe UnsafeMutableRawPointer(bytes).copyMemory(from: $0.baseAddress!, byteCount: count) }
        }

        deinit {
            unsafe bytes.deallocate()
            unsafe request.deallocate()
        }
    }

    /// Writes bytes behind those that wait. `owner.sent` tells how many of them have left.
    func write(_ bytes: [UInt8]) {
        guard !isClosed, !bytes.isEmpty else { return }
        guard let tls else { return send(bytes, plain: nil) }
        plainWaiting += bytes.count
        do throws(TLSFailure) { try tls.send(bytes) } catch { return fail(error.message) }
        push(tls)
    }

    /// Sends what TLS has for the client: what the owner has written, once the handshake is done, and its own.
    private func push(_ tls: TLSSession) {
        let bytes = tls.takeOutput()
        guard !isClosed, !bytes.isEmpty else { return }
        let plain = tls.isEstablished ? plainWaiting : 0
        plainWaiting -= plain
        send(bytes, plain: plain)
    }

    /// Writes bytes. `plain` of the owner's have left with the last of them; nil where they are the same.
    private func send(_ bytes: [UInt8], plain: Int?) {
        let written = unsafe bytes.withUnsafeBytes { buffer in
            var piece = unsafe uv_buf_init(
                UnsafeMutableRawPointer(mutating: buffer.baseAddress!).assumingMemoryBound(to: CChar.self), UInt32(buffer.count))
            return unsafe Int(uv_try_write(handle, &piece, 1))
        }
        if written < 0 && written != Int(UV_EAGAIN.rawValue) { return close() }
        let done = max(0, written)
        if done < bytes.count { writeLater(bytes[done...], plain: plain) }
        guard let plain else {
            if done > 0 { owner?.sent(done) }
            return
        }
        if done == bytes.count, plain > 0 { owner?.sent(plain) }
    }

    private func writeLater(_ rest: ArraySlice<UInt8>, plain: Int?) {
        if plain == 0 {
            controlUnsent += rest.count
            guard controlUnsent <= SocketStream.mostControlUnsent else { return close() }
        }
        let pending = PendingWrite(self, rest, plain: plain)
        unsafe pending.request.pointee.data = Unmanaged.passRetained(pending).toOpaque()
        var piece = unsafe uv_buf_init(pending.bytes, UInt32(pending.count))
        let result = unsafe uv_write(pending.request, handle, &piece, 1) { request, status in
            guard let data = unsafe request?.pointee.data else { return }
            let pending = unsafe Unmanaged<PendingWrite>.fromOpaque(data).takeRetainedValue()
            if status < 0 { pending.stream.close() } else { pending.stream.wrote(pending) }
        }
        if result != 0 {
            unsafe Unmanaged.passUnretained(pending).release()
            close()
        }
    }

    private func wrote(_ pending: PendingWrite) {
        if pending.plain == 0 { controlUnsent -= pending.count }
        let count = pending.plain ?? pending.count
        if count > 0 { owner?.sent(count) }
    }

    // MARK: The end

    /// Closes once everything that was written has left.
    func closeWhenWritten() {
        sayEnd()
        shutDown(thenClose: true)
    }

    /// Tells the other side, once everything that was written has left, that nothing more comes. Reading goes on.
    func finishWriting() {
        sayEnd()
        shutDown(thenClose: false)
    }

    private func sayEnd() {
        guard !isClosed, let tls else { return }
        tls.finish()
        push(tls)
    }

    private func shutDown(thenClose: Bool) {
        guard !isClosed else { return }
        let request = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
        let closing: uv_shutdown_cb = { request, _ in
            if let data = unsafe request?.pointee.handle.pointee.data {
                unsafe Unmanaged<SocketStream>.fromOpaque(data).takeUnretainedValue().close()
            }
            unsafe request?.deallocate()
        }
        let result = unsafe uv_shutdown(request, handle, thenClose ? closing : { request, _ in unsafe request?.deallocate() })
        if result != 0 {
            unsafe request.deallocate()
            close()
        }
    }

    /// Closes at once; what waits to be written is dropped.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        unsafe uv_close(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)) { handle in
            if let data = unsafe handle?.pointee.data {
                unsafe Unmanaged<SocketStream>.fromOpaque(data).takeRetainedValue().finishClosing()
            }
            unsafe handle?.deallocate()
        }
    }

    private func finishClosing() {
        door?.leave(self)
        owner?.closed()
        owner = nil
    }
}
