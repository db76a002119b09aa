// Tasks that wait for their turn, first to last. Taking the first one, and sending it to the end, cost the same however long the line is.

/// A line of tasks.
struct TaskLine {
    /// Places in front of `head` are empty; a task that has left is not kept.
    private var places: [TaskSlot?] = []
    private var head = 0

    /// Empty places in front after which the others are moved up: by then as many tasks have been taken as have to be moved.
    private static let fewestEmpty = 32

    var count: Int { places.count - head }
    var isEmpty: Bool { places.count == head }
    /// The task whose turn it is; nil where there is none.
    var first: TaskSlot? { head < places.count ? places[head] : nil }
    /// All tasks in line.
    var tasks: some Sequence<TaskSlot> { places[head...].lazy.compactMap(\.self) }

    mutating func append(_ slot: TaskSlot) { places.append(slot) }

    /// Takes the first task out of the line; nil where there is none.
    mutating func removeFirst() -> TaskSlot? {
        guard let slot = first else { return nil }
        places[head] = nil
        head += 1
        if head >= Self.fewestEmpty, head * 2 >= places.count {
            places.removeFirst(head)
            head = 0
        }
        return slot
    }

    /// Sends the first task to the end of the line.
    mutating func sendToEnd() {
        if let slot = removeFirst() { append(slot) }
    }

    /// Takes out the tasks that their worker no longer runs.
    mutating func removeGone() {
        places = places[head...].filter { $0?.isGone == false }
        head = 0
    }
}
