import Bytes
import Testing

/// An array that is asked for room piece by piece moves a few times, not with every piece.
@Test func roomDoubles() {
    var numbers: [Int] = []
    var moves = 0
    for piece in 0..<1000 {
        let before = numbers.capacity
        numbers.makeRoom(for: 100)
        if numbers.capacity != before { moves += 1 }
        #expect(numbers.capacity >= numbers.count + 100)
        numbers.append(contentsOf: repeatElement(piece, count: 100))
    }
    #expect(moves < 20)
}
