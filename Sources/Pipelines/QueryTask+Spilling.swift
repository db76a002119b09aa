// How a task's state goes to disk when the account of memory says so: between two commits, once all that it has made is durable, so that
// nothing on disk is ever taken back. It may take seconds; the worker goes on without the task meanwhile.

import Operators
import Platform

extension QueryTask {
    /// Does what is to be done about state on disk, if all that the task has done is durable; whether there was anything.
    func makeRoom() throws(QueryFailure) -> Bool {
        guard hasDiskWork else { return false }
        if memory.mustSpill {
            try spill()
        } else {
            do throws(DataflowError) { try description.dataflow.removeDiskWaste() } catch { throw failure(error) }
        }
        return true
    }

    /// Whether a turn of the task would bring state to disk, or remove some from there.
    var hasDiskWork: Bool {
        guard memory.mustSpill || description.dataflow.hasDiskWaste else { return false }
        return uncommittedRecords == 0 && commitsDurable == commitsMade && !description.dataflow.hasPending && !isTransient
    }

    /// Has the state that may go to disk do so, or half of it.
    func spill() throws(QueryFailure) {
        do throws(DataflowError) { try description.dataflow.spill() } catch { throw failure(error) }
        publishMemory()
        memory.didSpill(leaving: description.dataflow.spillableMemory)
        // What comes next comes slowly, and is not worth that the allocator keeps all of it.
        releaseFreedMemory(beyond: TaskLimits.keptAfterSpill)
    }

    /// Has `wake` called, on any thread, whenever the task's state must go to disk.
    func whenToldToSpill(_ wake: @escaping @Sendable () -> Void) { memory.whenToldToSpill(wake) }

    /// Whether its state must go to disk.
    var mustSpill: Bool { memory.mustSpill }
}
