// The session protocol: a consumer of answers does not know whether the engine lives in the same process or behind a connection.

/// A request that was handed to a session.
package protocol RunningRequest: AnyObject, Sendable {
    /// Ends what the request is doing, as soon as it can be ended; it then ends with `failed` and the code for cancelled.
    func cancel()
}

/// One user's session at an engine, in this process or at a server.
package protocol StatementSession: AnyObject, Sendable {
    /// Carries out the statements of `text` one after the other. Their events go to `sink`, each statement ending with `done` or `failed`;
    /// after a `failed` the rest is not carried out. `whenFinished` is called once, after the last event, with whether all went well.
    func submit(_ text: String, into sink: any AnswerSink, whenFinished: @escaping @Sendable (Bool) -> Void) -> any RunningRequest
}
