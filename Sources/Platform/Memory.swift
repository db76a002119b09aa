// How the process keeps memory that it has freed.

import CHardware

/// Tells the C library's allocator to keep freed memory instead of handing it back to the kernel after every large batch. To be called
/// once, before threads are started.
///
/// Batches of some megabytes come and go many times a second; with the default settings each costs a page fault per 4 KiB, which nearly
/// doubled the time of a pass-through query (measured: 0.93 against 0.48 µs a record). What was in use at the worst moment stays with
/// the process, until `releaseFreedMemory` is called.
package func keepFreedMemory() { millrace_keep_freed_memory() }

/// Gives freed memory back to the kernel when the allocator holds more than `kept` bytes of it. May take milliseconds, in which other threads
/// wait for memory now and then: for a thread that has time, and not often.
package func releaseFreedMemory(beyond kept: Int) { millrace_release_freed_memory(max(0, kept)) }
