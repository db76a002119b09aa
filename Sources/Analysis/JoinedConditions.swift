// Conditions joined to one.

package import Plans
import Syntax
import Values

extension TypedExpression {
    /// The conditions joined with AND; nil for none.
    package static func all(_ conditions: [TypedExpression]) -> TypedExpression? {
        conditions.joined { TypedExpression(.and($0, $1), .boolean) }
    }
}
