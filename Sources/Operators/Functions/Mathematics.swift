// The C library's mathematics. Rounding and the remainder of doubles are calls into it, so the module must be linked with it.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The logarithm to base e.
func naturalLogarithm(_ x: Double) -> Double { log(x) }
