// Time and chance as values to be handed in, so that no room reads the machine's by itself.
import Glibc
import Synchronization

/// Tells the time.
package protocol TimeSource: Sendable {
    /// Milliseconds since 1970-01-01T00:00:00Z; may jump.
    func wallMilliseconds() -> Int64
    /// Nanoseconds since some moment; never goes back.
    func monotonicNanoseconds() -> Int64
}

/// The machine's clocks.
package struct SystemTime: TimeSource {
    /// There is nothing to choose.
    package init() {}

    package func wallMilliseconds() -> Int64 {
        let now = Self.read(CLOCK_REALTIME)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }

    package func monotonicNanoseconds() -> Int64 {
        let now = Self.read(CLOCK_MONOTONIC)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var now = timespec()
        unsafe clock_gettime(clock, &now)
        return now
    }
}

/// A clock that moves only when told.
package final class SimulatedTime: TimeSource {
    private let nanoseconds: Mutex<Int64>
    private let wallAtStart: Int64

    /// Starts with `wall` milliseconds since the epoch on the wall and 0 on the monotonic clock.
    package init(wall: Int64 = 0) {
        wallAtStart = wall
        nanoseconds = Mutex(0)
    }

    package func wallMilliseconds() -> Int64 { wallAtStart + nanoseconds.withLock { $0 } / 1_000_000 }
    package func monotonicNanoseconds() -> Int64 { nanoseconds.withLock { $0 } }

    /// Moves both clocks on.
    package func advance(milliseconds: Int64) {
        nanoseconds.withLock { $0 += milliseconds * 1_000_000 }
    }
}

/// Gives random numbers.
package protocol RandomSource: Sendable {
    /// 64 random bits.
    func next() -> UInt64
}

/// The machine's generator.
package struct SystemRandom: RandomSource {
    /// There is nothing to choose.
    package init() {}

    package func next() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}

/// The same numbers for the same seed (splitmix64, Steele, Lea and Flood 2014).
package final class SeededRandom: RandomSource {
    private let state: Mutex<UInt64>

    /// A generator that starts from `seed`.
    package init(seed: UInt64) {
        state = Mutex(seed)
    }

    package func next() -> UInt64 {
        state.withLock { state in
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    /// A number in `0..<bound`.
    package func below(_ bound: Int) -> Int {
        Int(next() % UInt64(bound))
    }
}
