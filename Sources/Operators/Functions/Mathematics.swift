// The C library's mathematics. Rounding and the remainder of doubles are calls into it, so the module must be linked with it.

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// x raised to y, as C's `pow`.
func power(_ x: Double, _ y: Double) -> Double { pow(x, y) }
