// The start of a persistent query: the log fences the commits of earlier tasks, the start waits for those already placed, makes new tasks
// at the positions that they leave, and restores their state. All of it happens beside the workers and in steps, each of which lets other
// queries have their turn.

import LogStore
import Platform

/// One start of a persistent query.
final class QueryStart: @unchecked Sendable {
    // The steps run one after the other, each queued by the one before; nothing else touches the variables.
    private let run: QueryRun
    private let epoch: RunEpoch
    private let group: String
    private let pool: WorkerPool
    private var tasks: [QueryTask] = []
    /// Tasks before it are restored.
    private var next = 0

    init(_ run: QueryRun, _ epoch: RunEpoch, group: String, pool: WorkerPool) {
        self.run = run
        self.epoch = epoch
        self.group = group
        self.pool = pool
    }

    /// Begins the start; returns at once.
    func begin() { pool.restore { [self] in fence() } }

    private func fence() {
        guard epoch.begin(of: group, in: pool.log) else { return }
        // Whatever an earlier epoch has handed to the log is decided when this commit is: positions are read after that.
        pool.log.commit(Commit()) { [self] _ in pool.restore { [self] in makeTasks() } }
    }

    private func makeTasks() {
        guard !epoch.isEnded else { return }
        do throws(QueryFailure) {
            tasks = try run.makeTasks()
        } catch {
            return run.fail(epoch, error)
        }
        run.adopt(tasks, in: epoch)
        run.status.update { content in
            for task in tasks {
                for (partition, position) in task.positions where content.durablePositions[partition] == nil {
                    content.durablePositions[partition] = position
                }
            }
        }
        restoreSlice()
    }

    private func restoreSlice() {
        guard !epoch.isEnded else { return abandon() }
        let crash = CrashRecord.ofThisThread()
        crash.enter(next < tasks.count ? tasks[next].crashLabel : run.status.crashLabel)
        defer { crash.leave() }
        do throws(QueryFailure) {
            while next < tasks.count {
                if try tasks[next].restoreSlice() { return pool.restore { [self] in restoreSlice() } }
                next += 1
            }
        } catch {
            abandon()
            return run.fail(epoch, error)
        }
        pool.start(tasks, of: run, in: epoch)
        tasks = []
        run.hasStarted(epoch)
    }

    private func abandon() {
        for task in tasks { task.retire() }
        tasks = []
    }
}
