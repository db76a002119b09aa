// Operands in a row as trees of few levels. Everything that walks a tree recurses, so that a long row must not be as many levels.

extension Array {
    /// The elements joined in their order: from the left, as every reader expects, or, of many, in halves, so that what walks the tree goes no
    /// deeper than the logarithm of their number. What `join` makes must not depend on how operands are bracketed. Nil of none.
    package func joined(by join: (Element, Element) -> Element) -> Element? { self[...].joined(by: join) }
}

extension ArraySlice {
    fileprivate func joined(by join: (Element, Element) -> Element) -> Element? {
        guard let first else { return nil }
        if count <= SyntaxLimits.longestLeaning { return dropFirst().reduce(first, join) }
        let middle = startIndex + count / 2
        guard let left = self[..<middle].joined(by: join), let right = self[middle...].joined(by: join) else { return first }
        return join(left, right)
    }
}
