// The one network thread: a libuv loop. Other threads hand it work through a mailbox and wake it; everything else in this room that
// touches a socket runs on it. It never carries out a statement and never waits for a disk.

import CUV
import Diagnostics
import Platform

/// A libuv loop on a thread of its own.
///
/// `@unchecked`: the loop and its handles are touched by its thread only, except `uv_async_send`, which may come from any thread while
/// the mailbox is open.
@safe final class EventLoop: @unchecked Sendable {
    private struct Mailbox {
        var work: [@Sendable () -> Void] = []
        var isClosed = false
    }

    let loop: UnsafeMutablePointer<uv_loop_t>
    private let wake: UnsafeMutablePointer<uv_async_t>
    private let timer: UnsafeMutablePointer<uv_timer_t>
    private let delay: UnsafeMutablePointer<uv_timer_t>
    private var signals: [UnsafeMutablePointer<uv_signal_t>] = unsafe []
    /// What other threads ask for. It is bounded by its users: a connection has one flush and one end a request in it at most.
    private let mailbox = Monitor(Mailbox())
    private var thread: WorkerThread?
    private var onTick: (() -> Void)?
    private var afterDelay: (() -> Void)?
    private var onSignal: ((_ number: Int32) -> Void)?

    /// All connections read into this buffer, one at a time.
    let readBuffer: UnsafeMutablePointer<CChar>
    static let readBytes = 64 << 10

    init() throws(Diagnostic) {
        unsafe loop = .allocate(capacity: 1)
        unsafe wake = .allocate(capacity: 1)
        unsafe timer = .allocate(capacity: 1)
        unsafe delay = .allocate(capacity: 1)
        unsafe readBuffer = .allocate(capacity: EventLoop.readBytes)
        let result = unsafe uv_loop_init(loop)
        guard result == 0 else { throw Diagnostic(.ioError, "the event loop could not be made: \(uvReason(result))", category: .general) }
        unsafe wake.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        unsafe uv_async_init(loop, wake) { handle in
            guard let data = unsafe handle?.pointee.data else { return }
            unsafe Unmanaged<EventLoop>.fromOpaque(data).takeUnretainedValue().runMailbox()
        }
        unsafe timer.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        unsafe uv_timer_init(loop, timer)
        unsafe delay.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        unsafe uv_timer_init(loop, delay)
    }

    deinit {
        unsafe readBuffer.deallocate()
        unsafe loop.deallocate()
    }

    // MARK: Life

    /// Starts the thread.
    func start() throws(Diagnostic) {
        do throws(SystemError) {
            thread = try WorkerThread.start("network") { [self] in
                unsafe uv_run(loop, UV_RUN_DEFAULT)
                unsafe uv_loop_close(loop)
            }
        } catch {
            throw Diagnostic(.ioError, "the network thread could not be started: \(error)", category: .general)
        }
    }

    /// Waits until the loop has nothing left to do, which is some time after `shutDown`.
    func join() { thread?.join() }

    /// Lets go of the loop's own handles; it ends when all others are closed too. On the loop's thread.
    func shutDown() {
        mailbox.update { $0.isClosed = true }
        runMailbox()
        unsafe closeAndFree(UnsafeMutableRawPointer(wake).assumingMemoryBound(to: uv_handle_t.self))
        unsafe closeAndFree(UnsafeMutableRawPointer(timer).assumingMemoryBound(to: uv_handle_t.self))
        unsafe closeAndFree(UnsafeMutableRawPointer(delay).assumingMemoryBound(to: uv_handle_t.self))
        for unsafe signal in unsafe signals {
            unsafe closeAndFree(UnsafeMutableRawPointer(signal).assumingMemoryBound(to: uv_handle_t.self))
        }
        unsafe signals = []
    }

    // MARK: From other threads

    /// Has `work` done on the loop's thread, in order. After `shutDown` it is dropped.
    func post(_ work: @escaping @Sendable () -> Void) {
        mailbox.withLock { mailbox in
            guard !mailbox.isClosed else { return }
            mailbox.work.append(work)
            // Under the lock, so that the handle cannot be closed in between.
            if mailbox.work.count == 1 { unsafe uv_async_send(wake) }
        }
    }

    private func runMailbox() {
        let work = mailbox.withLock { mailbox in
            defer { mailbox.work = [] }
            return mailbox.work
        }
        for item in work { item() }
    }

    // MARK: Time and signals

    /// Calls `body` every so many milliseconds. Before `start`.
    func tick(every milliseconds: Int, _ body: @escaping () -> Void) {
        onTick = body
        unsafe uv_timer_start(
            timer,
            { handle in
                guard let data = unsafe handle?.pointee.data else { return }
                unsafe Unmanaged<EventLoop>.fromOpaque(data).takeUnretainedValue().onTick?()
            }, UInt64(milliseconds), UInt64(milliseconds))
    }

    /// Calls `body` once, after so many milliseconds, unless another call replaces it before. On the loop's thread, before `shutDown`.
    func after(milliseconds: Int, _ body: @escaping () -> Void) {
        afterDelay = body
        unsafe uv_timer_start(
            delay,
            { handle in
                guard let data = unsafe handle?.pointee.data else { return }
                unsafe Unmanaged<EventLoop>.fromOpaque(data).takeUnretainedValue().afterDelay?()
            }, UInt64(milliseconds), 0)
    }

    /// The number of SIGHUP, by which a process is asked to read its configuration again.
    static let hangUp: Int32 = 1

    /// Calls `body` with the number when the process is asked to end, SIGTERM and SIGINT, or to read its configuration again. Before `start`.
    func onSignals(_ body: @escaping (_ number: Int32) -> Void) {
        onSignal = body
        // The numbers are the same on every system this runs on.
        for number: Int32 in [EventLoop.hangUp, 2, 15] {
            let signal = UnsafeMutablePointer<uv_signal_t>.allocate(capacity: 1)
            unsafe uv_signal_init(loop, signal)
            unsafe signal.pointee.data = Unmanaged.passUnretained(self).toOpaque()
            unsafe uv_signal_start(
                signal,
                { handle, number in
                    guard let data = unsafe handle?.pointee.data else { return }
                    unsafe Unmanaged<EventLoop>.fromOpaque(data).takeUnretainedValue().onSignal?(number)
                }, number)
            unsafe signals.append(signal)
        }
    }
}

/// Closes a handle and frees its memory, which was allocated for it alone.
@unsafe func closeAndFree(_ handle: UnsafeMutablePointer<uv_handle_t>) {
    unsafe uv_close(handle) { handle in unsafe handle?.deallocate() }
}

/// libuv's words for an error number.
func uvReason(_ number: Int32) -> String {
    unsafe uv_strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
}
