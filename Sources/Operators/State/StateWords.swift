// Whole numbers by group, in pages: however many groups there are, a new one moves no more than a page. An array of ten million numbers stops
// its query for tens of milliseconds whenever it is copied to a larger place.

/// What has a whole number for each group.
protocol WordsByGroup {
    subscript(group: Int) -> Int64 { get }
}

extension Array: WordsByGroup where Element == Int64 {}

/// Growing whole numbers by group.
@safe final class StateWords: WordsByGroup {
    /// Reached through a pointer, so that an access costs no check for overlapping ones.
    private let pages: UnsafeMutablePointer<PagedArray<Int64>>

    init() {
        let pages = UnsafeMutablePointer<PagedArray<Int64>>.allocate(capacity: 1)
        unsafe pages.initialize(to: PagedArray())
        unsafe self.pages = unsafe pages
    }

    deinit {
        unsafe pages.deinitialize(count: 1)
        unsafe pages.deallocate()
    }

    var count: Int { unsafe pages.pointee.count }
    /// Bytes of memory.
    var memory: Int { unsafe pages.pointee.memory }

    subscript(group: Int) -> Int64 {
        @inline(__always) get { unsafe pages.pointee[group] }
        @inline(__always) set { unsafe pages.pointee[group] = newValue }
    }

    /// Has a number for each group below `count`; new ones are `filler`.
    func grow(to count: Int, _ filler: Int64) {
        while self.count < count { unsafe pages.pointee.append(filler) }
    }
}
