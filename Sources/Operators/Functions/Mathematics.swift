// Bodies of the functions over doubles, PI and RANDOM, and the C library's mathematics behind them.

import Values

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The logarithm to base e.
func naturalLogarithm(_ x: Double) -> Double { log(x) }

extension FunctionLibrary {
    static let mathematics: [FunctionBody] =
        function("ACOS") { acos($0) } + function("ASIN") { asin($0) } + function("ATAN") { atan($0) } + function("CBRT") { cubeRoot($0) }
        + function("COS") { cos($0) } + function("COSH") { cosh($0) } + function("COT") { 1 / tan($0) } + function("EXP") { exp($0) }
        + function("DEGREES") { $0 * (180 / Double.pi) } + function("RADIANS") { $0 * (Double.pi / 180) } + function("LN") { log($0) }
        + function("LOG") { log($0) } + function("LOG10") { log10($0) } + function("SIN") { sin($0) } + function("SINH") { sinh($0) } + function("SQRT") { sqrt($0) }
        + function("TAN") { tan($0) } + function("TANH") { tanh($0) } + function("ATAN2") { atan2($0, $1) }
        + function("POWER") { power($0, $1) }
        + function("LOG") { base, value in
            base <= 0 || base == 1 ? .nan : log(value) / log(base)
        } + [
            FunctionBody("PI", [], .vectorised { call in call.doubles { _ in Double.pi } }),
            FunctionBody(
                "RANDOM", [], .vectorised { call in call.doubles { _ in Double(call.frame.environment.random() >> 11) * 0x1p-53 } }),
        ]

    /// The C library's root can be a unit off in the last place; one step of Newton's method with an exact residual mends that.
    private static func cubeRoot(_ x: Double) -> Double {
        let root = cbrt(x)
        guard root.isNormal else { return root }
        let square = root * root
        let residual = (-x).addingProduct(square, root) + (-square).addingProduct(root, root) * root
        return root - residual / (3 * square)
    }

    /// Java's rule where the C library differs: a base of ±1 with an infinite exponent, and 1 with NaN, give NaN.
    private static func power(_ base: Double, _ exponent: Double) -> Double {
        if exponent.isNaN || (exponent.isInfinite && base.magnitude == 1) { return .nan }
        return pow(base, exponent)
    }

    /// A number column as doubles, which integers are widened to.
    @inline(__always) private static func double(_ column: Column, _ row: Int) -> Double {
        column.lane == .double ? column.doubles[row] : Double(column.words[row])
    }

    private static func function(_ name: String, _ compute: @escaping @Sendable (Double) -> Double) -> [FunctionBody] {
        [
            FunctionBody(
                name, accepts: { $0.count == 1 && isNumber($0[0]) },
                .vectorised { call in
                    let source = call.arguments[0]
                    call.doubles { compute(double(source, $0)) }
                })
        ]
    }

    private static func function(_ name: String, _ compute: @escaping @Sendable (Double, Double) -> Double) -> [FunctionBody] {
        [
            FunctionBody(
                name, accepts: { $0.count == 2 && isNumber($0[0]) && $0[0] == $0[1] },
                .vectorised { call in
                    let first = call.arguments[0]
                    let second = call.arguments[1]
                    call.doubles { compute(double(first, $0), double(second, $0)) }
                })
        ]
    }

    private static func isNumber(_ type: SQLType) -> Bool { type == .integer || type == .bigint || type == .double }
}

extension FunctionLibrary {
    static let geography: [FunctionBody] = [
        FunctionBody("GEO_DISTANCE", [.double, .double, .double, .double], nulls: .seen, .vectorised(distance)),
        FunctionBody("GEO_DISTANCE", [.double, .double, .double, .double, .string], nulls: .seen, .vectorised(distance)),
    ]

    /// The great-circle distance by the haversine formula, on a sphere of 6371 km or 3959 miles.
    private static func distance(_ call: FunctionCall) {
        call.doubles { row throws(EvaluationError) in
            let degrees = call.arguments.prefix(4)
            if degrees.contains(where: { $0.isNull(row) }) { throw EvaluationError("coordinates must not be null") }
            let (latitude1, longitude1) = (degrees[0].doubles[row], degrees[1].doubles[row])
            let (latitude2, longitude2) = (degrees[2].doubles[row], degrees[3].doubles[row])
            guard latitude1.magnitude <= 90, latitude2.magnitude <= 90, longitude1.magnitude <= 180, longitude2.magnitude <= 180 else {
                throw EvaluationError("latitudes must be within 90 degrees and longitudes within 180")
            }
            let radius = try radius(call, row)
            let radian = Double.pi / 180
            func haversine(_ degrees: Double) -> Double {
                let half = sin(degrees * radian / 2)
                return half * half
            }
            let square =
                haversine(latitude2 - latitude1)
                + haversine(longitude2 - longitude1) * cos(latitude1 * radian) * cos(latitude2 * radian)
            return 2 * radius * asin(sqrt(min(1, square)))
        }
    }

    private static func radius(_ call: FunctionCall, _ row: Int) throws(EvaluationError) -> Double {
        guard call.arguments.count > 4, !call.isNull(4, row) else { return 6371 }
        switch string(NumberText.trimmed(call.arguments[4].text(row))).lowercased() {
        case "", "km", "kilometer", "kilometers", "kilometre", "kilometres": return 6371
        case "mi", "mile", "miles": return 3959
        case let unit: throw EvaluationError("GEO_DISTANCE does not know the unit '\(unit)': it must be miles or kilometres")
        }
    }
}
