// Conditions joined as trees of few levels. Everything that walks a tree recurses, so that many conditions must not be as many levels.

package import Plans
import Syntax
import Values

extension Array {
    /// The elements joined in their order: from the left, as they would be written, or, where there are many, in parts of which each is joined
    /// so. What `join` makes must not depend on how operands are bracketed. Nil of none.
    func joined(by join: (Element, Element) -> Element) -> Element? {
        var level = self
        while level.count > 1 {
            let size = level.count <= SyntaxLimits.longestLeaning ? level.count : SyntaxLimits.longestLeaning / 2
            level = stride(from: 0, to: level.count, by: size).map { start in
                level[(start + 1)..<Swift.min(start + size, level.count)].reduce(level[start], join)
            }
        }
        return level.first
    }
}

extension TypedExpression {
    /// The conditions joined with AND; nil for none.
    package static func all(_ conditions: [TypedExpression]) -> TypedExpression? {
        conditions.joined { TypedExpression(.and($0, $1), .boolean) }
    }
}
