// A disk that is full: from many operations on, for a while or for good. A commit that finds no room is refused and says so, what is
// there stays readable, the log goes on when there is room again, and what was acknowledged is there after a restart.
import Bytes
import LogStore
import Platform
import Quantities
import Synchronization
import TestSupport
import Testing

@Suite struct FullDiskTests {
    private static func small(_ options: inout LogOptions) {
        options.journalBytes = 4000
        options.extentBytes = 2500
        options.leastExtentBytes = 2500
        options.tailBytes = 0
    }

    private static func word(_ number: Int) -> String { "k\(number)=" + String(repeating: "v", count: number % 5 == 3 ? 3000 : 120) }

    /// Twenty commits over two partitions, of which those that meet the full disk are refused; gives back what was acknowledged.
    private func work(_ files: any FileSystem, _ durability: Durability, isFull: () -> Bool) throws -> ([String], TopicID, SegmentedLog) {
        let log = try openLog(files) {
            Self.small(&$0)
            $0.durability = durability
        }
        let topic = try log.create("t", partitions: 2) { $0.segmentBytes = 6000 }
        var acknowledged: [String] = []
        for number in 0..<24 {
            do {
                try log.commitAndWait(PartitionIndex.all(of: 2).map { Append(topic: topic, partition: $0, records: records(Self.word(number))) })
                acknowledged.append(Self.word(number))
            } catch let error as LogError {
                #expect(error.kind == .diskFull || error.kind == .stopped, "\(error)")
                #expect(error.message.contains("No space left on device"), "\(error)")
            }
            if isFull() || number % 6 == 0 {
                for partition in PartitionIndex.all(of: 2) { #expect(try everything(log, topic, partition).split(separator: " ").map(String.init) == acknowledged) }
            }
        }
        return (acknowledged, topic, log)
    }

    @Test(arguments: Durability.allCases) func fromManyOperationsOnForAWhile(_ durability: Durability) throws {
        let dry = FaultyFileSystem(MemoryFileSystem())
        let (_, _, dryLog) = try work(dry, durability) { false }
        dryLog.close()
        let creation = 40
        for (fault, length) in [(Fault.fail(.noSpace), 1), (.shortWrite, 1), (.fail(.noSpace), 7), (.shortWrite, 9)] {
            for number in stride(from: creation, to: dry.operationCount, by: length == 1 ? 2 : 5) {
                let memory = MemoryFileSystem(simulatingPowerCuts: true)
                let files = FaultyFileSystem(memory) { operation in
                    guard (number..<number + length).contains(operation.number) else { return nil }
                    // Making a file and writing need room; syncing, cutting and removing do not.
                    return operation.kind == .write ? fault : operation.kind == .create ? .fail(.noSpace) : nil
                }
                let what = "\(fault) for \(length) from \(number)"
                let (acknowledged, topic, log) = try work(files, durability) { false }
                #expect(acknowledged.count >= 24 - length, "\(what): there is room again, \(acknowledged.count) were taken")
                files.setFaults { _ in nil }
                #expect(try log.append(topic, "last=1") == Offset(clamping: Int64(acknowledged.count)), "\(what)")
                log.close()
                let again = try openLog(durability == .fsync ? memory.afterPowerCut() : memory)
                #expect(again.recoveryNotes.allSatisfy { !$0.isDamage }, "\(what): \(again.recoveryNotes)")
                for partition in PartitionIndex.all(of: 2) {
                    let read = try everything(again, topic, partition).split(separator: " ").map(String.init)
                    #expect(read == acknowledged + (partition == 0 ? ["last=1"] : []), "\(what), partition \(partition)")
                }
                #expect(try again.verify(topic).flatMap(\.problems) == [], "\(what)")
            }
        }
    }

    /// Topics are made again and again while there is no room for some of that: each is refused or there, and nothing else suffers.
    @Test(arguments: Durability.allCases) func topicsAreMadeMeanwhile(_ durability: Durability) throws {
        func make(_ files: any FileSystem) throws -> (made: Set<String>, log: SegmentedLog) {
            let log = try openLog(files) {
                Self.small(&$0)
                $0.durability = durability
            }
            var made: Set<String> = ["first"]
            _ = try log.create("first")
            for number in 0..<6 {
                do {
                    _ = try log.create("t\(number)", partitions: 2)
                    made.insert("t\(number)")
                } catch let error as LogError {
                    #expect(error.kind == .diskFull, "\(error)")
                }
            }
            return (made, log)
        }
        let dry = FaultyFileSystem(MemoryFileSystem())
        try make(dry).log.close()
        for (fault, length) in [(Fault.fail(.noSpace), 1), (.shortWrite, 1), (.fail(.noSpace), 12)] {
            for number in 25..<dry.operationCount - length - 8 {
                let memory = MemoryFileSystem(simulatingPowerCuts: true)
                let files = FaultyFileSystem(memory) { operation in
                    guard (number..<number + length).contains(operation.number) else { return nil }
                    return operation.kind == .write ? fault : operation.kind == .create ? .fail(.noSpace) : nil
                }
                let (made, log) = try make(files)
                #expect(Set(log.describeTopics().map(\.name)) == made, "\(fault) for \(length) from \(number)")
                // There is room again, and everything goes on.
                files.setFaults { _ in nil }
                try log.append(log.create("last"), "more=1")
                log.close()
                let again = try openLog(memory.afterPowerCut())
                #expect(Set(again.describeTopics().map(\.name)) == made.union(["last"]) && again.recoveryNotes.allSatisfy { !$0.isDamage }, "\(fault) from \(number)")
            }
        }
    }

    @Test func forGood() throws {
        let dry = FaultyFileSystem(MemoryFileSystem())
        let (_, _, dryLog) = try work(dry, .fsync) { false }
        dryLog.close()
        for number in stride(from: 40, to: dry.operationCount, by: 3) {
            let memory = MemoryFileSystem(simulatingPowerCuts: true)
            let files = FaultyFileSystem(memory) { operation in
                guard operation.number >= number else { return nil }
                return operation.kind == .write || operation.kind == .create ? .fail(.noSpace) : nil
            }
            let (acknowledged, topic, log) = try work(files, .fsync) { files.operationCount > number }
            log.close()
            let again = try openLog(memory.afterPowerCut())
            #expect(try everything(again, topic, 1).split(separator: " ").map(String.init) == acknowledged, "from \(number)")
        }
    }

    /// Opening a log takes a little room. Where there is none it says so, and nothing is lost.
    @Test func whenTheLogIsOpened() throws {
        let memory = MemoryFileSystem(simulatingPowerCuts: true)
        let (acknowledged, topic, _) = try work(memory, .fsync) { false }
        let dry = FaultyFileSystem(memory.afterPowerCut())
        _ = try openLog(dry)
        for number in 0..<dry.operationCount {
            let survivor = memory.afterPowerCut()
            let files = FaultyFileSystem(survivor) { operation in
                operation.number >= number && (operation.kind == .write || operation.kind == .create) ? .fail(.noSpace) : nil
            }
            do { try openLog(files).close() } catch { #expect(error.kind == .diskFull, "\(error)") }
            let again = try openLog(survivor)
            #expect(try everything(again, topic).split(separator: " ").map(String.init) == acknowledged, "from \(number)")
        }
    }
}
