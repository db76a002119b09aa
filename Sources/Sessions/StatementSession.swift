// The session protocol: a consumer of answers does not know whether the engine lives in the same process or behind a connection.

/// A request that was handed to a session.
package protocol RunningRequest: AnyObject, Sendable {
    /// Ends what the request is doing, as soon as it can be ended; it then ends with `failed` and the code for cancelled.
    func cancel()
}

/// What a request asks about the positions of its rows. A push query over one stream that keeps no state has them: a filter, expressions, EXPLODE.
package enum PositionWish: Hashable, Sendable {
    /// Nothing.
    case none
    /// To be told them, if there are any.
    case told
    /// To be told them, and to have only the rows behind this one. An error where the statement has none.
    case after(String)
}

/// One user's session at an engine, in this process or at a server.
package protocol StatementSession: AnyObject, Sendable {
    /// Carries out the statements of `text` one after the other. Their events go to `sink`, each statement ending with `done` or `failed`;
    /// after a `failed` the rest is not carried out. `whenFinished` is called once, after the last event, with whether all went well.
    /// Positions are those of a single statement; a text of several has none.
    func submit(
        _ text: String, positions: PositionWish, into sink: any AnswerSink, whenFinished: @escaping @Sendable (Bool) -> Void
    ) -> any RunningRequest
}

extension StatementSession {
    /// The same, without positions.
    package func submit(_ text: String, into sink: any AnswerSink, whenFinished: @escaping @Sendable (Bool) -> Void) -> any RunningRequest {
        submit(text, positions: .none, into: sink, whenFinished: whenFinished)
    }
}
