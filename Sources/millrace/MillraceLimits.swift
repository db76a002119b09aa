// What SHOW LIMITS lists besides the engine's own limits.

import Engine
import Server

/// The limits of the rooms above the engine.
enum MillraceLimits {
    static var all: [LimitDescription] { MillraceServer.limits }
}
