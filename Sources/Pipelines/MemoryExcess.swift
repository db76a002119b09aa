// What a user is told when state does not fit the server's memory limit: which limit, who holds how much, and what can be done.

/// State that would pass the memory limit.
package struct MemoryExcess: Error, Hashable, Sendable {
    /// Something that holds memory, and how much.
    package struct Holder: Hashable, Sendable {
        /// The name of a store, or the id of a query.
        package let name: String
        package let bytes: Int
    }

    /// The limit in bytes.
    package let limit: Int
    /// Bytes that the query holds, with those that it asked for.
    package var held: Int
    /// Bytes that the others hold, without the queries that are paused.
    package let others: Int
    /// The query's largest stores, largest first.
    package let stores: [Holder]
    /// Which of the others holds most; nil when none holds anything.
    package let largestOther: Holder?
    /// The query was reading back its state, and had only so much of it.
    package var isRestoring = false
    /// It is a client's query, which can only be asked again.
    package var isClient = false

    /// The setting that has the limit.
    package static let setting = "millrace.memory.limit"

    /// A sentence without its full stop: the limit, what the query holds and where.
    package var message: String {
        var text = "the state of all queries would take more than \(Self.setting) (\(memoryText(limit))): "
        text += isRestoring ? "it had read back \(memoryText(held)) of its state" : "it holds \(memoryText(held))"
        if !stores.isEmpty { text += " (\(stores.map { "\($0.name) \(memoryText($0.bytes))" }.joined(separator: ", ")))" }
        return text + ", the others hold \(memoryText(others))"
    }

    /// What can be done, as a clause.
    package var remedy: String {
        let holder = largestOther.map { "; the largest is \($0.name) with \(memoryText($0.bytes))" } ?? ""
        let again = isClient ? "then ask again" : "then RESUME it"
        return "start the server with a higher limit, or DROP or TERMINATE queries\(holder); \(again)"
    }

    /// Message and remedy in one line.
    package var reason: String { "\(message); \(remedy)" }
}

/// A number of bytes for a reader: in MiB with one decimal, small ones as they are.
package func memoryText(_ bytes: Int) -> String {
    let mebibyte = 1 << 20
    guard bytes > mebibyte / 10 else { return "\(bytes) bytes" }
    // In two steps, so that nothing overflows.
    let tenths = bytes % mebibyte * 10 / mebibyte
    return "\(bytes / mebibyte).\(tenths) MiB"
}
