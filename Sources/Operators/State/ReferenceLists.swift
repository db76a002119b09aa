// Which left rows of a foreign-key join name which right key: for each right key a list of the left rows, linked through the rows' numbers.

/// Lists of left numbers by the right number that each names.
@safe struct ReferenceLists: ~Copyable {
    /// Of a left row: the right key that it names and its neighbours in that one's list; -1 for none.
    struct Link: BitwiseCopyable {
        var target: Int32 = -1
        var previous: Int32 = -1
        var next: Int32 = -1
    }

    private var links = PagedArray<Link>()
    /// By right number: the first left row that names it; -1 for none.
    private var heads = PagedArray<Int32>()

    init() {}

    /// Bytes of memory.
    var memory: Int { links.memory + heads.memory }

    /// The right number that a left row names; -1 for none.
    @inline(__always) func target(of left: Int) -> Int { left >= 0 && left < links.count ? Int(links[left].target) : -1 }

    /// Says that a left row, which names none so far, names `right`.
    mutating func link(_ left: Int, to right: Int) {
        while links.count <= left { links.append(Link()) }
        while heads.count <= right { heads.append(-1) }
        let head = heads[right]
        links[left] = Link(target: Int32(truncatingIfNeeded: right), previous: -1, next: head)
        if head >= 0 { links[Int(head)].previous = Int32(truncatingIfNeeded: left) }
        heads[right] = Int32(truncatingIfNeeded: left)
    }

    /// Says that a left row names none any more.
    func unlink(_ left: Int) {
        guard target(of: left) >= 0 else { return }
        let link = links[left]
        if link.previous >= 0 { links[Int(link.previous)].next = link.next } else { heads[Int(link.target)] = link.next }
        if link.next >= 0 { links[Int(link.next)].previous = link.previous }
        links[left] = Link()
    }

    /// Calls `body` with every left row that names `right`.
    func forEach(naming right: Int, _ body: (_ left: Int) -> Void) {
        guard right >= 0, right < heads.count else { return }
        var left = heads[right]
        while left >= 0 {
            let next = links[Int(left)].next
            body(Int(left))
            left = next
        }
    }
}
