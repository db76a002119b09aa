// Places and sizes as plain numbers, so that tests read as what they say: `partition: 0, from: 17`. Only tests have these: in the project a
// number becomes a quantity where it is said what happens outside the bounds.

package import Quantities

extension Offset: ExpressibleByIntegerLiteral {
    /// Stops the test where there is no such place.
    package init(integerLiteral count: Int64) { self = checked(Offset(exactly: count), count) }
}

extension PartitionIndex: ExpressibleByIntegerLiteral {
    /// Stops the test where there is no such partition.
    package init(integerLiteral count: Int64) { self = checked(PartitionIndex(exactly: count), count) }
}

extension ByteCount: ExpressibleByIntegerLiteral {
    /// Stops the test where there is no such size.
    package init(integerLiteral count: Int64) { self = checked(ByteCount(exactly: count), count) }
}

private func checked<Number: Quantity>(_ quantity: Number?, _ count: Int64) -> Number {
    guard let quantity else { preconditionFailure("\(count) is no \(Number.self)") }
    return quantity
}
