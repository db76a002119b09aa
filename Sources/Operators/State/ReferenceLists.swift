// Which left rows of a foreign-key join name which right key: for each right key a list of the left rows, linked through the rows' numbers.

/// Lists of left numbers by the right number that each names.
@safe final class ReferenceLists {
    /// Of a left row: the right key that it names and its neighbours in that one's list; -1 for none.
    struct Link: BitwiseCopyable {
        var target: Int32 = -1
        var previous: Int32 = -1
        var next: Int32 = -1
    }

    /// Reached through a pointer, so that an access costs no check for overlapping ones.
    @safe private struct Parts: ~Copyable {
        var links = PagedArray<Link>()
        /// By right number: the first left row that names it; -1 for none.
        var heads = PagedArray<Int32>()
    }

    private let parts: UnsafeMutablePointer<Parts>

    init() {
        let parts = UnsafeMutablePointer<Parts>.allocate(capacity: 1)
        unsafe parts.initialize(to: Parts())
        unsafe self.parts = unsafe parts
    }

    deinit {
        unsafe parts.deinitialize(count: 1)
        unsafe parts.deallocate()
    }

    /// Bytes of memory.
    var memory: Int { unsafe parts.pointee.links.memory + parts.pointee.heads.memory }

    /// The right number that a left row names; -1 for none.
    @inline(__always) func target(of left: Int) -> Int {
        unsafe left >= 0 && left < parts.pointee.links.count ? Int(parts.pointee.links[left].target) : -1
    }

    /// Says that a left row, which names none so far, names `right`.
    func link(_ left: Int, to right: Int) {
        while unsafe parts.pointee.links.count <= left { unsafe parts.pointee.links.append(Link()) }
        while unsafe parts.pointee.heads.count <= right { unsafe parts.pointee.heads.append(-1) }
        let head = unsafe parts.pointee.heads[right]
        unsafe parts.pointee.links[left] = Link(target: Int32(truncatingIfNeeded: right), previous: -1, next: head)
        if head >= 0 { unsafe parts.pointee.links[Int(head)].previous = Int32(truncatingIfNeeded: left) }
        unsafe parts.pointee.heads[right] = Int32(truncatingIfNeeded: left)
    }

    /// Says that a left row names none any more.
    func unlink(_ left: Int) {
        guard target(of: left) >= 0 else { return }
        let link = unsafe parts.pointee.links[left]
        if link.previous >= 0 {
            unsafe parts.pointee.links[Int(link.previous)].next = link.next
        } else {
            unsafe parts.pointee.heads[Int(link.target)] = link.next
        }
        if link.next >= 0 { unsafe parts.pointee.links[Int(link.next)].previous = link.previous }
        unsafe parts.pointee.links[left] = Link()
    }

    /// Calls `body` with every left row that names `right`.
    func forEach(naming right: Int, _ body: (_ left: Int) -> Void) {
        guard right >= 0, unsafe right < parts.pointee.heads.count else { return }
        var left = unsafe parts.pointee.heads[right]
        while left >= 0 {
            let next = unsafe parts.pointee.links[Int(left)].next
            body(Int(left))
            left = next
        }
    }
}
