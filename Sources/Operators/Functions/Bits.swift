// Bodies of functions on the bits of whole numbers, in two's complement.

import Values

extension FunctionLibrary {
    static let bits: [FunctionBody] =
        [SQLType.integer, .bigint].flatMap { type in
            [
                pair("BITAND", type) { $0 & $1 }, pair("BITOR", type) { $0 | $1 }, pair("BITXOR", type) { $0 ^ $1 },
                FunctionBody("BITNOT", [type], .vectorised { call in call.words { ~call.arguments[0].words[$0] } }),
                pair("SHIFT_LEFT", type) { number, distance throws(EvaluationError) in
                    let result = number << (try places(distance, type))
                    guard result >> distance == number, type == .bigint || Int32(exactly: result) != nil else {
                        throw EvaluationError("\(number) << \(distance) does not fit \(type)")
                    }
                    return result
                },
                pair("SHIFT_RIGHT", type) { number, distance throws(EvaluationError) in number >> (try places(distance, type)) },
            ]
        }

    /// Errors: bits cannot be moved so far.
    private static func places(_ distance: Int64, _ type: SQLType) throws(EvaluationError) -> Int64 {
        let most: Int64 = type == .integer ? 31 : 63
        guard (0...most).contains(distance) else { throw EvaluationError("the bits of \(type) are moved by 0 to \(most) places, not by \(distance)") }
        return distance
    }

    private static func pair(
        _ name: String, _ type: SQLType, _ compute: @escaping @Sendable (Int64, Int64) throws(EvaluationError) -> Int64
    ) -> FunctionBody {
        FunctionBody(
            name, [type, type],
            .vectorised { call in
                call.words { row throws(EvaluationError) in try compute(call.arguments[0].words[row], call.arguments[1].words[row]) }
            })
    }
}
