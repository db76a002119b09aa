import CommandLineTable
import Diagnostics
struct TailCommand {
    init(_ invocation: Invocation) throws(CommandFailure) {}
    func run() throws(CommandFailure) -> Int32 { 0 }
}
struct TopicsCommand {
    init(_ invocation: Invocation) throws(CommandFailure) {}
    func run() throws(CommandFailure) -> Int32 { 0 }
}
