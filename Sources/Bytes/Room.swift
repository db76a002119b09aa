// Room in arrays that grow piece by piece.

extension Array {
    /// Makes room for so many more elements, and for twice as many as there are when that moves the array: asking for exactly what is needed
    /// each time (`reserveCapacity`) would move all that is there with every piece.
    @inlinable package mutating func makeRoom(for more: Int) {
        guard capacity - count < more else { return }
        reserveCapacity(Swift.max(count + more, count * 2))
    }
}
