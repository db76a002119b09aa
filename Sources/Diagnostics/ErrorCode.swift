// Every error code of the product, in one table. Codes are API: clients branch on them, so a code once given keeps its meaning.
// They have five characters as SQLSTATE codes do; the first two are the class, and the class says whose fault it is.

/// Whose fault an error is, which tells a client what can be done about it.
package enum Fault: String, Hashable, Sendable, CaseIterable {
    /// The statement has to be changed.
    case statement
    /// The data does not fit; the statement may be right.
    case data
    /// The client broke the protocol or is not allowed in.
    case client
    /// A limit was reached: send less, wait, or raise the limit.
    case limit
    /// The state of an object forbids it now: something else has to be done first.
    case state
    /// A client, an operator or a shutdown stopped it.
    case intervention
    /// The surroundings failed: disk, network, other processes.
    case environment
    /// A bug of this program.
    case bug
}

/// A five-character error code. The classes are those of the SQL standard where it has one that fits.
package enum ErrorCode: String, Hashable, Sendable, CaseIterable {
    case connectionFailed = "08001"
    case connectionLost = "08006"
    case protocolViolation = "08P01"
    case foreignProtocol = "08P02"
    case featureNotSupported = "0A000"
    case serialisationMismatch = "0A001"
    case dataError = "22000"
    case stringTooLong = "22001"
    case numberOutOfRange = "22003"
    case nullNotAllowed = "22004"
    case invalidDateTime = "22007"
    case divisionByZero = "22012"
    case invalidCast = "22018"
    case malformedRecord = "22023"
    case invalidRegularExpression = "2201B"
    case invalidJSON = "22032"
    case assertionFailed = "23514"
    case authenticationFailed = "28000"
    case authenticationRequired = "28001"
    case noSuchFile = "38001"
    case statementError = "42000"
    case syntaxError = "42601"
    case invalidName = "42602"
    case reservedName = "42939"
    case invalidLiteral = "42604"
    case undefinedVariable = "42617"
    case invalidProperty = "42616"
    case unknownSource = "42P01"
    case duplicateSource = "42P07"
    case unknownColumn = "42703"
    case ambiguousColumn = "42702"
    case duplicateColumn = "42701"
    case unknownFunction = "42883"
    case wrongArguments = "42884"
    case unknownType = "42704"
    case duplicateType = "42710"
    case typeMismatch = "42804"
    case groupingError = "42803"
    case windowError = "42P20"
    case invalidKey = "42830"
    case invalidJoin = "42P10"
    case wrongObjectKind = "42809"
    case unknownQuery = "42P02"
    case unknownTopic = "42P03"
    case incompatibleReplacement = "42P13"
    case outOfMemoryBudget = "53200"
    case diskFull = "53100"
    case tooManyConnections = "53300"
    case tooManyRequests = "53400"
    case tooLarge = "54000"
    case tooDeep = "54001"
    case lineTooLong = "54010"
    case tooManyColumns = "54011"
    case objectInUse = "55006"
    case wrongState = "55000"
    case readOnly = "55P01"
    case cancelled = "57014"
    case shuttingDown = "57P01"
    case timedOut = "57P05"
    case ioError = "58030"
    case corruptData = "58P01"
    case lostRecords = "58P02"
    case invalidSetting = "F0000"
    case usage = "F0001"
    case internalError = "XX000"

    /// The class: the first two characters of the code.
    package var errorClass: String { String(rawValue.prefix(2)) }

    /// Whose fault errors of this class are.
    package var fault: Fault {
        switch errorClass {
        case "08", "28": .client
        case "22", "23": .data
        case "53", "54": .limit
        case "55": .state
        case "57": .intervention
        case "38", "58": .environment
        case "XX": .bug
        default: .statement
        }
    }
}
