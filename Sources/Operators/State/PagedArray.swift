// A growing array of plain values in pages: growth moves at most one page, so that no append to a large state stops its query.

/// Values by index. The first page starts small, for the many stores that stay small.
@safe struct PagedArray<Element: BitwiseCopyable>: ~Copyable {
    private static var pageBits: Int { 12 }
    private static var pageSize: Int { 1 << pageBits }
    private static var firstRoom: Int { 16 }

    private var pages: UnsafeMutablePointer<UnsafeMutablePointer<Element>>
    private var pageCount = 0
    private var pageRoom = 2
    private(set) var count = 0
    /// Values for which there is room.
    private var room = 0

    init() { unsafe pages = .allocate(capacity: 2) }

    deinit {
        for page in 0..<pageCount { unsafe pages[page].deallocate() }
        unsafe pages.deallocate()
    }

    /// Bytes of memory.
    var memory: Int { room * MemoryLayout<Element>.stride + pageRoom * MemoryLayout<Int>.stride }
    var isEmpty: Bool { count == 0 }

    subscript(index: Int) -> Element {
        @inline(__always) get {
            assert(index >= 0 && index < count, "the index is outside the array")
            return unsafe pages[index >> PagedArray.pageBits][index & (PagedArray.pageSize - 1)]
        }
        @inline(__always) nonmutating set {
            assert(index >= 0 && index < count, "the index is outside the array")
            unsafe pages[index >> PagedArray.pageBits][index & (PagedArray.pageSize - 1)] = newValue
        }
    }

    @inline(__always) mutating func append(_ value: Element) {
        if count == room { grow() }
        count += 1
        self[count - 1] = value
    }

    @inline(__always) mutating func popLast() -> Element? {
        guard count > 0 else { return nil }
        count -= 1
        return unsafe pages[count >> PagedArray.pageBits][count & (PagedArray.pageSize - 1)]
    }

    /// Forgets all values and frees all pages but the first.
    mutating func removeAll() {
        count = 0
        guard pageCount > 1 else { return }
        for page in 1..<pageCount { unsafe pages[page].deallocate() }
        pageCount = 1
        room = PagedArray.pageSize
    }

    @inline(never) private mutating func grow() {
        if room > 0 && room < PagedArray.pageSize {
            let larger = UnsafeMutablePointer<Element>.allocate(capacity: room * 2)
            unsafe larger.update(from: pages[0], count: count)
            unsafe pages[0].deallocate()
            unsafe pages[0] = larger
            room *= 2
            return
        }
        if pageCount == pageRoom {
            let larger = UnsafeMutablePointer<UnsafeMutablePointer<Element>>.allocate(capacity: pageRoom * 2)
            unsafe larger.update(from: pages, count: pageCount)
            unsafe pages.deallocate()
            unsafe pages = larger
            pageRoom *= 2
        }
        let size = pageCount == 0 ? PagedArray.firstRoom : PagedArray.pageSize
        unsafe pages[pageCount] = .allocate(capacity: size)
        pageCount += 1
        room += size
    }
}
