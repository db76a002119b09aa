// Places in sorted arrays, found by binary search.

extension RandomAccessCollection where Index == Int {
    /// The first place whose element satisfies `isBehind`, which all elements after that must satisfy too; the end if there is none.
    @inlinable package func firstPlace(where isBehind: (Element) -> Bool) -> Int {
        // Most of what comes belongs at the end.
        guard let last, isBehind(last) else { return endIndex }
        var low = startIndex
        var high = endIndex - 1
        while low < high {
            let middle = low + (high - low) / 2
            if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
