// How the process keeps memory that it has freed.

import CHardware

/// Tells the C library's allocator to keep freed memory instead of handing it back to the kernel after every large batch. To be called
/// once, before threads are started.
///
/// Batches of some megabytes come and go many times a second; with the default settings each costs a page fault per 4 KiB, which nearly
/// doubled the time of a pass-through query (measured: 0.93 against 0.48 µs a record). What was in use at the worst moment stays with
/// the process.
package func keepFreedMemory() { millrace_keep_freed_memory() }
