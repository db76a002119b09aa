// Which casts exist, and the result types of arithmetic.

extension SQLType {
    /// Whether CAST from this type to `target` is allowed (it may still fail for a value).
    package func canCast(to target: SQLType) -> Bool {
        if self == target { return true }
        switch (self, target) {
        case (.array(let from), .array(let to)): return from.canCast(to: to)
        case (.map(let fromKey, let fromValue), .map(let toKey, let toValue)):
            return fromKey.canCast(to: toKey) && fromValue.canCast(to: toValue)
        case (.structure(let from), .structure(let to)):
            return to.allSatisfy { field in from.first { $0.name == field.name }.map { $0.type.canCast(to: field.type) } ?? true }
        case (.bytes, .string), (.string, .map), (.string, .array), (.string, .structure): return false
        case (_, .string): return true
        case (.string, _): return true
        case (.date, .timestamp), (.timestamp, .date), (.timestamp, .time): return true
        default: return isNumeric && target.isNumeric
        }
    }

    /// The most digits of a decimal, and of a DECIMAL that is declared, or that several values have in common.
    package static let mostDecimalDigits = 38

    /// The most digits of the type that arithmetic gives. It asks for digits that its values, which have 38 at most, seldom have.
    package static let mostArithmeticDigits = 1_000

    /// The DECIMAL that holds `left` + `right` of any DECIMALs of these shapes, by operator, as (precision, scale).
    package static func decimalSum(_ left: (precision: Int, scale: Int), _ right: (precision: Int, scale: Int)) -> SQLType {
        let scale = max(left.scale, right.scale)
        return .decimal(precision: scale + max(left.precision - left.scale, right.precision - right.scale) + 1, scale: scale)
    }

    /// The DECIMAL of a product.
    package static func decimalProduct(_ left: (precision: Int, scale: Int), _ right: (precision: Int, scale: Int)) -> SQLType {
        .decimal(precision: left.precision + right.precision + 1, scale: left.scale + right.scale)
    }

    /// The DECIMAL of a quotient.
    package static func decimalQuotient(_ left: (precision: Int, scale: Int), _ right: (precision: Int, scale: Int)) -> SQLType {
        let scale = max(6, left.scale + right.precision + 1)
        return .decimal(precision: left.precision - left.scale + right.scale + scale, scale: scale)
    }

    /// The DECIMAL of a remainder.
    package static func decimalRemainder(_ left: (precision: Int, scale: Int), _ right: (precision: Int, scale: Int)) -> SQLType {
        let scale = max(left.scale, right.scale)
        return .decimal(precision: min(left.precision - left.scale, right.precision - right.scale) + scale, scale: scale)
    }
}
