// The objects of one kind in a catalog, by name. A dictionary would be copied whole with each change, because the snapshot before the change
// is still in use; here a change copies one of many small ones.

/// Values by name, as a value: copies share what neither has changed.
package struct ObjectsByName<Value: Hashable & Sendable>: Hashable, Sendable {
    private static var shardCount: Int { 64 }
    @usableFromInline var shards: [[String: Value]]
    /// How many values there are.
    package private(set) var count = 0

    /// Without a value.
    package init() { shards = [[String: Value]](repeating: [:], count: Self.shardCount) }

    /// Whether there is no value.
    package var isEmpty: Bool { count == 0 }

    /// The value of a name; setting nil removes it.
    package subscript(name: String) -> Value? {
        get { shards[Self.shard(of: name)][name] }
        set {
            let shard = Self.shard(of: name)
            count -= shards[shard].count
            shards[shard][name] = newValue
            count += shards[shard].count
        }
    }

    /// All names, in no order.
    package var keys: [String] { shards.flatMap(\.keys) }
    /// All values, in no order.
    package var values: [Value] { shards.flatMap(\.values) }

    /// The values for which the condition holds, in no order. Of the others no copy is made, as `values` would.
    @inlinable package func filter(_ isIncluded: (Value) -> Bool) -> [Value] {
        var found: [Value] = []
        for shard in shards {
            var index = shard.startIndex
            while index < shard.endIndex {
                if isIncluded(shard.values[index]) { found.append(shard.values[index]) }
                shard.formIndex(after: &index)
            }
        }
        return found
    }

    /// What the transformation gives for each value, by name.
    package func mapValues<Result>(_ transform: (Value) -> Result) -> [String: Result] {
        var results: [String: Result] = [:]
        results.reserveCapacity(count)
        for shard in shards { for (name, value) in shard { results[name] = transform(value) } }
        return results
    }

    private static func shard(of name: String) -> Int {
        // The same in every process: two equal values must be built of equal shards.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int(truncatingIfNeeded: (hash ^ hash >> 32) % UInt64(shardCount))
    }
}
