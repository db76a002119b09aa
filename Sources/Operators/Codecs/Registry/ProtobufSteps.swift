// What the loop over a record of Protocol Buffers does with the fields that nearly all records have: found by the byte that their tag is.

import Values

/// What a tag of one byte asks for.
struct ProtobufStep {
    enum Kind: UInt8 {
        case varint32, varint64, unsigned32, zigzag32, zigzag64, boolean, fixed32, fixedUnsigned32, fixed64, float, double, text, bytes
        /// Read by the plan of the message: lists, messages, names, and tags that the schema does not have.
        case other

        init(_ action: ProtobufAction) {
            self =
                switch action {
                case .varint32: .varint32
                case .varint64: .varint64
                case .unsigned32: .unsigned32
                case .zigzag32: .zigzag32
                case .zigzag64: .zigzag64
                case .boolean: .boolean
                case .fixed32: .fixed32
                case .fixedUnsigned32: .fixedUnsigned32
                case .fixed64: .fixed64
                case .float: .float
                case .double: .double
                case .text: .text
                case .bytes: .bytes
                case .symbol, .spelled, .timestamp, .date, .time, .decimal, .wrapped, .message, .entry, .mismatch: .other
                }
        }
    }

    var kind: Kind = .other
    /// The column takes it; else it is only checked.
    var isWanted = false
    var column: Int32 = 0
}

/// A message whose fields are the columns, with a step for each tag of one byte.
@safe final class ProtobufRecordPlan {
    let message: ProtobufMessagePlan
    /// By tag. A byte that goes on in the next one stands for no step.
    let steps: UnsafeMutablePointer<ProtobufStep>
    /// Wanted columns that get what they hold without a value before the record is read: lists grow piece by piece.
    let filledFirst: [Int]
    /// A bit for each other wanted column: those that got no value are filled at the end.
    let filledLast: UInt64

    private static let tagCount = 256

    /// `usesCells` says of each column whether a value is a word or the place of a text.
    init(_ message: ProtobufMessagePlan, wanted: [Bool], usesCells: [Bool]) {
        self.message = message
        unsafe steps = .allocate(capacity: Self.tagCount)
        unsafe steps.initialize(repeating: ProtobufStep(), count: Self.tagCount)
        var (first, last) = ([Int](), UInt64(0))
        for index in wanted.indices where wanted[index] {
            if usesCells[index], index < UInt64.bitWidth { last |= 1 << UInt64(index) } else { first.append(index) }
        }
        (filledFirst, filledLast) = (first, last)
        for number in UInt64(1)..<16 {
            guard let field = message.field(number), usesCells[field.column], field.choice == nil, !field.isRepeated else { continue }
            let step = ProtobufStep(
                kind: ProtobufStep.Kind(field.action), isWanted: wanted[field.column], column: Int32(truncatingIfNeeded: field.column))
            unsafe steps[Int(number << 3 | field.action.wireType)] = step
        }
    }

    deinit { unsafe steps.deallocate() }
}
