// The part of a dataflow's state that may go to disk when memory is short.

extension Dataflow {
    /// Whether any of the state may go to disk.
    package var maySpill: Bool { !spilling.isEmpty }

    /// Bytes of memory that `spill` would free at most, as of the last look at `stateMemory`.
    package var spillableMemory: Int { spilling.reduce(0) { $0 + $1.spillableMemory } }

    /// Bytes that state takes on disk.
    package var diskBytes: Int { spilling.reduce(0) { $0 + $1.diskBytes } }

    /// Has half of the state that may go to disk do so, or more. Only while all changes are in durable commits, and nothing is pending.
    /// Errors: there is no room on disk, or the work was cancelled.
    package func spill() throws(DataflowError) {
        assert(!hasPending, "state goes to disk while a batch is pending")
        for store in spilling { try store.spill() }
    }

    /// Whether something on disk is not needed any more, or would take less room if it were written together.
    package var hasDiskWaste: Bool { spilling.contains(where: \.hasWaste) }

    /// Tidies up a little of that. Only while all changes are in durable commits.
    package func removeDiskWaste() throws(DataflowError) { for store in spilling where store.hasWaste { try store.removeWaste() } }
}
