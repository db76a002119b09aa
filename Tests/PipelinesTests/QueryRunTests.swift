import Pipelines
import Platform
import Testing

/// A cancel may come before the start that it is meant for; the query must not run on with nobody to stop it.
@Test func aTerminatedQueryDoesNotStart() {
    let status = QueryStatus(queryID: "q")
    let made = Monitor(0)
    let run = QueryRun(status: status, pool: nil) { () throws(QueryFailure) in
        made.update { $0 += 1 }
        return []
    }
    run.start()
    #expect(status.state == .running)
    run.pause {}
    #expect(status.state == .paused)
    run.start()
    #expect(status.state == .running)
    run.terminate {}
    run.start()
    #expect(status.state == .terminated)
    #expect(made.withLock { $0 } == 2)
}

@Test func aQueryWhoseTasksCannotBeMadeFails() {
    let status = QueryStatus(queryID: "q")
    let told = Monitor<String?>(nil)
    let run = QueryRun(status: status, pool: nil, onFailure: { failure in told.update { $0 = failure.message } }) { () throws(QueryFailure) in
        throw QueryFailure(message: "the topic is gone")
    }
    run.start()
    #expect(status.state == .failed(QueryFailure(message: "the topic is gone")))
    #expect(told.withLock { $0 } == "the topic is gone")
}
