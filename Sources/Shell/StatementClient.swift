// What the shell talks to: an engine in its own process or a server; it cannot tell which.

package import Engine

/// Takes statements and answers with events.
package protocol StatementClient: AnyObject, Sendable {
    /// Carries out the statements of `text`; events go to `sink`, `whenFinished` is told whether all succeeded. Returns at once, with a
    /// call that cancels what is under way.
    func submit(
        _ text: String, into sink: any AnswerSink, whenFinished: @escaping @Sendable (Bool) -> Void
    ) -> @Sendable () -> Void

    /// Where the statements go, as the banner shows it.
    var place: String { get }
}

/// An engine in this process.
package final class EmbeddedClient: StatementClient {
    private let session: EngineSession
    package let place: String

    package init(session: EngineSession, place: String) {
        self.session = session
        self.place = place
    }

    package func submit(
        _ text: String, into sink: any AnswerSink, whenFinished: @escaping @Sendable (Bool) -> Void
    ) -> @Sendable () -> Void {
        let request = session.execute(text, into: sink, whenFinished: whenFinished)
        return { request.cancel() }
    }
}
