// What a load reads: files one after the other, compressed or not, as lines that are records.

import Bytes
import Diagnostics
import Engine
import LogStore
import Platform
import Sessions
import Values

/// The input of a load. One owner, one thread.
final class LoadInput {
    private let paths: [String]
    private var next = 0
    private var current: ByteStream?
    private var decompressor: Decompressor?
    private var shaper: any LineShaper
    private let makeShaper: () -> any LineShaper
    /// What was read of a file to see what it is, and not used yet.
    private var start: [UInt8] = []
    private var isAtEnd = false
    /// Lines that were made so far, and those in front of each file that was begun.
    private var lineCount = 0
    private var fileStarts: [Int] = []
    /// What there is to say about the files beside their lines.
    private(set) var notes: [String] = []
    /// Why a file could be read no further. The lines before stand.
    private(set) var damage: Diagnostic?
    /// Whether the files are text, which may begin with a mark of its encoding.
    private let isText: Bool
    /// Waits for more at the end of the last file; nil where that is the end.
    private let follower: FollowedFile?
    /// Whether the last file may grow: what has no end there yet is left for the next load.
    private let mayGrow: Bool
    /// The bytes behind the last end of a line of a file that may grow.
    private var openLine: [UInt8] = []
    /// Bytes read of the current file.
    private var position = 0
    /// Hears how many bytes were read.
    var onRead: (Int) -> Void = { _ in }
    /// Bytes of all files, nil when that is not known.
    let size: Int?

    /// The most that is read at once.
    private static let pieceBytes = 1 << 20

    /// All files must be there before the first is loaded; `-` is the standard input. Errors: one of them cannot be read.
    init(
        _ paths: [String], isText: Bool = true, mayGrow: Bool = false, follower: FollowedFile? = nil,
        shaper: @escaping () -> any LineShaper
    ) throws(Diagnostic) {
        self.paths = paths
        self.mayGrow = mayGrow
        self.follower = follower
        self.isText = isText
        makeShaper = shaper
        self.shaper = shaper()
        var size: Int? = 0
        for path in paths {
            let stream = try LoadInput.open(path)
            size = size.flatMap { sum in stream.size.map { sum + $0 } }
            stream.close()
        }
        self.size = size
    }

    private static func open(_ path: String) throws(Diagnostic) -> ByteStream {
        do throws(SystemError) { return path == "-" ? .input : try .reading(path) } catch {
            throw Diagnostic(.noSuchFile, error.description, category: .general)
        }
    }

    /// The next lines, or a piece of one; nil at the end, which damage is as well.
    func read() -> [UInt8]? {
        do throws(Diagnostic) { return try readLines() } catch {
            damage = error
            isAtEnd = true
            return nil
        }
    }

    private func readLines() throws(Diagnostic) -> [UInt8]? {
        while !isAtEnd {
            guard let stream = try stream() else { break }
            var bytes = try readPlain(stream)
            let isAtFileEnd = bytes.isEmpty
            if isAtFileEnd, next == paths.count, let follower, decompressor == nil {
                switch follower.news(of: stream, at: position, path: paths[next - 1]) {
                case .more: continue
                case .other: next -= 1
                case .end: break
                }
            }
            var lines: [UInt8] = []
            if isLastOfGrowing { keepOpenLine(of: &bytes) }
            if !bytes.isEmpty { shaper.take(bytes, into: &lines) }
            if isAtFileEnd { finishFile(into: &lines) }
            damage = shaper.damage
            isAtEnd = damage != nil
            if isAtFileEnd || isAtEnd { endFile(stream) }
            if !lines.isEmpty {
                lineCount += lines.count { $0 == 0x0A }
                return lines
            }
        }
        isAtEnd = true
        return nil
    }

    // MARK: A file that may grow

    /// Whether what is read now may be written on.
    private var isLastOfGrowing: Bool { mayGrow && isText && next == paths.count && decompressor == nil }

    /// Keeps what follows the last end of a line until that line's end has come; at the end of the file (no bytes) gives it back when it is
    /// complete all the same, as a JSON value is behind its last bracket.
    private func keepOpenLine(of bytes: inout [UInt8]) {
        if bytes.isEmpty {
            let last = openLine.last { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }
            if last == UInt8(ascii: "}") || last == UInt8(ascii: "]") { swap(&bytes, &openLine) }
            return
        }
        guard let end = bytes.lastIndex(of: 0x0A) else {
            openLine += bytes
            bytes = []
            // So long a line is no record; it goes on in pieces, to be rejected.
            if openLine.count > PlainLines.longestKept { swap(&bytes, &openLine) }
            return
        }
        let rest = Array(bytes[(end + 1)...])
        bytes = openLine + bytes[...end]
        openLine = rest
    }

    private func finishFile(into lines: inout [UInt8]) {
        if isLastOfGrowing, shaper.dropUnfinished() || !openLine.isEmpty {
            openLine = []
            notes.append("the last record of \(paths[next - 1]) has no end yet and is not loaded: --resume takes it when it has one")
        }
        shaper.finish(into: &lines)
    }

    /// A place among all lines, from 1, as one in its file.
    func place(ofLine line: Int) -> (file: String?, line: Int) {
        guard paths.count > 1, follower == nil, let index = fileStarts.lastIndex(where: { $0 < line }) else { return (nil, line) }
        return (paths[index], line - fileStarts[index])
    }

    private func endFile(_ stream: ByteStream) {
        let place = paths.count > 1 && next > 0 ? "\(paths[next - 1]): " : ""
        notes += shaper.notes.map { place + $0 }
        stream.close()
        current = nil
        shaper = makeShaper()
    }

    /// The file that is being read; nil behind the last one.
    private func stream() throws(Diagnostic) -> ByteStream? {
        if let current { return current }
        guard next < paths.count else { return nil }
        let path = paths[next]
        next += 1
        let stream = try LoadInput.open(path)
        current = stream
        fileStarts.append(lineCount)
        position = 0
        start = []
        // A pipe may give less at once than a mark has bytes.
        while start.count < 4, try readRaw(stream, into: &start) > 0 {}
        decompressor = nil
        if let method = Decompressor.Method(magic: start) {
            decompressor = Decompressor(method)
            if decompressor == nil { throw Diagnostic(.ioError, "there is no memory to decompress \(path)", category: .general) }
            return stream
        }
        guard isText else { return stream }
        do throws(TextProblem) { start = Array(try utf8Bytes(of: start)) } catch {
            throw Diagnostic(.dataError, "\(path == "-" ? "the input" : path) cannot be loaded: \(error)", category: .general)
        }
        return stream
    }

    /// The next bytes of a file, decompressed; none at its end.
    private func readPlain(_ stream: ByteStream) throws(Diagnostic) -> [UInt8] {
        guard let decompressor else { return try readCompressed(stream) }
        let outcome = try decompressor.read(upTo: LoadInput.pieceBytes) { () throws(Diagnostic) in try readCompressed(stream) }
        guard case .bytes(let bytes) = outcome else {
            throw Diagnostic(
                .dataError, "\(paths[next - 1]) is damaged: the compressed data cannot be read to their end", category: .general)
        }
        return bytes
    }

    /// The next bytes of a file as they are; none at its end.
    private func readCompressed(_ stream: ByteStream) throws(Diagnostic) -> [UInt8] {
        if !start.isEmpty {
            defer { start = [] }
            return start
        }
        var bytes: [UInt8] = []
        _ = try readRaw(stream, into: &bytes)
        return bytes
    }

    private func readRaw(_ stream: ByteStream, into buffer: inout [UInt8]) throws(Diagnostic) -> Int {
        do throws(SystemError) {
            let count = try stream.read(upTo: LoadInput.pieceBytes, into: &buffer)
            onRead(count)
            position += count
            return count
        } catch {
            throw Diagnostic(.ioError, error.description, category: .general)
        }
    }
}

/// Makes lines of records out of the bytes of a file.
protocol LineShaper {
    /// Takes the next bytes and appends what is complete.
    mutating func take(_ bytes: [UInt8], into lines: inout [UInt8])
    /// What there is to say about the file beside its lines.
    var notes: [String] { get }
    /// Why the file can be read no further.
    var damage: Diagnostic? { get }
    /// Forgets a record that is surely not complete, with its lines; whether there was one.
    mutating func dropUnfinished() -> Bool
    /// Appends what is left; whatever was read last is complete now.
    mutating func finish(into lines: inout [UInt8])
}

/// Text is read to its end, whatever stands there.
extension LineShaper {
    var notes: [String] { [] }
    var damage: Diagnostic? { nil }
    /// A record is one line.
    mutating func dropUnfinished() -> Bool { false }
}

/// Lines that are records as they are. Half a line is kept back: where the file cannot be read on it is no record.
struct PlainLines: LineShaper {
    private var rest: [UInt8] = []

    /// Longer lines go on in pieces.
    static let longestKept = 64 << 20

    mutating func take(_ bytes: [UInt8], into lines: inout [UInt8]) {
        guard let end = bytes.lastIndex(of: 0x0A) else {
            rest += bytes
            if rest.count > PlainLines.longestKept { passOn(into: &lines) }
            return
        }
        passOn(into: &lines)
        lines += bytes[...end]
        rest = Array(bytes[(end + 1)...])
    }

    private mutating func passOn(into lines: inout [UInt8]) {
        lines += rest
        rest = []
    }

    mutating func finish(into lines: inout [UInt8]) {
        if rest.isEmpty { return }
        passOn(into: &lines)
        lines.append(0x0A)
    }
}

/// The records of an Avro file as lines of JSON.
struct AvroRecords: LineShaper {
    private let records = AvroLines()
    private(set) var damage: Diagnostic?

    /// The columns that the file's fields come to; none before its first records were read.
    var columns: [ColumnDefinition] { records.columns }

    var notes: [String] { records.dropped.map { "the file's field is left out, because SQL has no type for it: \($0)" } }

    mutating func take(_ bytes: [UInt8], into lines: inout [UInt8]) {
        do throws(Diagnostic) { try records.take(bytes, into: &lines) } catch { damage = error }
    }

    mutating func finish(into lines: inout [UInt8]) { do throws(Diagnostic) { try records.finish() } catch { damage = error } }
}
