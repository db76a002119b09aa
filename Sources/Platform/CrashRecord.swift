// Which query each thread is in, kept where the handler of a deadly signal can read it: the handler notes the query in a file, says so on
// standard error, and lets the process die of the signal. The next start finds out from the file which queries took the process with them.
//
// The handler may neither allocate nor lock: everything it needs is made by `install` and by `CrashLabel`, and is never freed while a
// thread could be in it. A process killed from outside (SIGKILL, a loss of power) leaves no note: no query is to blame.

import Glibc
import Synchronization

/// The name of a query in the form in which the handler reads it: its bytes with a line feed behind them, at an address that stays.
@safe package final class CrashLabel: @unchecked Sendable {
    // Written once, before anyone else has it.
    let bytes: UnsafeMutablePointer<UInt8>
    let count: Int

    /// A label for `name`, of which at most 200 bytes are kept, without line feeds.
    package init(_ name: String) {
        let text = name.utf8.prefix(200).map { $0 == UInt8(ascii: "\n") ? UInt8(ascii: " ") : $0 } + [UInt8(ascii: "\n")]
        count = text.count
        unsafe bytes = .allocate(capacity: text.count)
        unsafe bytes.initialize(from: text, count: text.count)
    }

    deinit { unsafe bytes.deallocate() }
}

/// What one thread is in. The label stays alive as long as it is in the slot.
private struct CrashSlot: ~Copyable {
    /// The thread that owns the slot, 0 for a free one.
    let thread = Atomic<Int>(0)
    let bytes = Atomic<Int>(0)
    let count = Atomic<Int>(0)
}

/// Threads that are watched at most. More than any machine has workers; those beyond it are not watched.
private let slotCount = 512
private nonisolated(unsafe) let slots: UnsafeMutablePointer<CrashSlot> = {
    let slots = UnsafeMutablePointer<CrashSlot>.allocate(capacity: slotCount)
    for index in 0..<slotCount { unsafe (slots + index).initialize(to: CrashSlot()) }
    return unsafe slots
}()
/// Where the handler writes the note; -1 for nowhere.
private let noteFile = Atomic<Int32>(-1)
private let deadlySignals = [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT]

/// Finds the place of the calling thread. The destructor gives it back when the thread ends.
private let placeOfThread: pthread_key_t = {
    var key = pthread_key_t()
    unsafe pthread_key_create(&key) { place in
        guard let place = unsafe place else { return }
        unsafe Unmanaged<CrashRecord>.fromOpaque(place).takeRetainedValue().giveBack()
    }
    return key
}()

/// One thread's place in the record. To be used by that thread only.
@safe package final class CrashRecord {
    private let slot: Int?
    private let stack: UnsafeMutableRawPointer
    /// Keeps what the slot points at.
    private var label: CrashLabel?

    /// The calling thread's place. The first time this also gives the thread a stack on which the handler can run when its own has
    /// overflowed.
    package static func ofThisThread() -> CrashRecord {
        if let place = unsafe pthread_getspecific(placeOfThread) {
            return unsafe Unmanaged<CrashRecord>.fromOpaque(place).takeUnretainedValue()
        }
        let record = CrashRecord()
        unsafe pthread_setspecific(placeOfThread, Unmanaged.passRetained(record).toOpaque())
        return record
    }

    private init() {
        let thread = Int(bitPattern: pthread_self())
        slot = (0..<slotCount).first { index in
            unsafe slots[index].thread.compareExchange(expected: 0, desired: thread, ordering: .sequentiallyConsistent).exchanged
        }
        unsafe stack = .allocate(byteCount: CrashRecord.stackBytes, alignment: 16)
        var description = unsafe stack_t()
        unsafe description.ss_sp = stack
        unsafe description.ss_size = CrashRecord.stackBytes
        // Without it an overflow of the stack is not noted; nothing else depends on it.
        _ = unsafe sigaltstack(&description, nil)
    }

    private static let stackBytes = 64 << 10

    /// The thread's work for a query begins. Costs three stores.
    package func enter(_ new: CrashLabel) {
        guard let slot else { return }
        // Nothing is read between these: the count says whether the address is to be read.
        unsafe slots[slot].count.store(0, ordering: .releasing)
        label = new
        unsafe slots[slot].bytes.store(Int(bitPattern: new.bytes), ordering: .releasing)
        unsafe slots[slot].count.store(new.count, ordering: .releasing)
    }

    /// The thread's work for a query is over.
    package func leave() {
        guard let slot else { return }
        unsafe slots[slot].count.store(0, ordering: .relaxed)
    }

    /// The thread ends.
    fileprivate func giveBack() {
        leave()
        if let slot { unsafe slots[slot].thread.store(0, ordering: .sequentiallyConsistent) }
        var none = unsafe stack_t()
        unsafe none.ss_flags = CInt(SS_DISABLE)
        if unsafe sigaltstack(&none, nil) == 0 { unsafe stack.deallocate() }
    }

    /// Has deadly signals of this process noted in the file at `path`, one line an id, from now on. Errors: the file cannot be opened.
    package static func install(path: String) throws(SystemError) {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw systemError("open", path) }
        // Makes the slots, so that the handler never does.
        unsafe slots[0].count.store(unsafe slots[0].count.load(ordering: .relaxed), ordering: .relaxed)
        let old = noteFile.exchange(descriptor, ordering: .sequentiallyConsistent)
        if old >= 0 { Glibc.close(old) }
        var handling = sigaction()
        unsafe handling.__sigaction_handler.sa_sigaction = { number, _, _ in noteCrash(number) }
        // Once: the second time the signal kills.
        handling.sa_flags = SA_SIGINFO | SA_ONSTACK | CInt(bitPattern: UInt32(SA_RESETHAND)) | CInt(SA_NODEFER)
        for number in deadlySignals { unsafe sigaction(number, &handling, nil) }
    }
}

/// What the handler does: the query of the thread that died, or, when that was in none (a signal sent to the process), those of all.
private func noteCrash(_ number: CInt) {
    let thread = Int(bitPattern: pthread_self())
    var isNoted = false
    for index in 0..<slotCount where unsafe slots[index].thread.load(ordering: .relaxed) == thread { isNoted = note(index, number) }
    if !isNoted {
        for index in 0..<slotCount where unsafe slots[index].thread.load(ordering: .relaxed) != 0 {
            if note(index, number) { isNoted = true }
        }
    }
    if !isNoted { say("in no query\n", number) }
    // The first signal has put the default back.
    raise(number)
}

/// Notes the query in a slot; false when it is in none.
private func note(_ index: Int, _ number: CInt) -> Bool {
    let count = unsafe slots[index].count.load(ordering: .relaxed)
    guard count > 0, let bytes = unsafe UnsafeRawPointer(bitPattern: slots[index].bytes.load(ordering: .relaxed)) else { return false }
    let descriptor = noteFile.load(ordering: .relaxed)
    if descriptor >= 0 {
        _ = unsafe write(descriptor, bytes, count)
        fsync(descriptor)
    }
    say("in query ", number)
    _ = unsafe write(2, bytes, count)
    return true
}

/// Writes "millrace: died of signal N " and the text to standard error.
private func say(_ text: StaticString, _ number: CInt) {
    let opening: StaticString = "millrace: died of signal "
    _ = unsafe write(2, opening.utf8Start, opening.utf8CodeUnitCount)
    var digits: (UInt8, UInt8, UInt8) = (
        UInt8(truncatingIfNeeded: 48 + number / 10 % 10), UInt8(truncatingIfNeeded: 48 + number % 10), UInt8(ascii: " ")
    )
    _ = unsafe write(2, &digits, 3)
    _ = unsafe write(2, text.utf8Start, text.utf8CodeUnitCount)
}
