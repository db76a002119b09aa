// `millrace doctor`: what of this machine would make a server slow, or keep it from working.

import CommandLineTable
import Diagnostics
import LogStore
import Platform
import Quantities
import Settings
import Values

/// The command with its arguments.
struct DoctorCommand {
    private let settings: CommandSettings
    private var invocation: Invocation { settings.invocation }

    /// Errors: the command line makes no sense.
    init(_ given: Invocation) throws(CommandFailure) { settings = try CommandSettings(given) }

    private enum Verdict: String {
        case good = "ok", doubtful = "warning", bad = "problem"
    }

    /// One line of the report: what was looked at, how it is, and what to do about it.
    private struct Finding {
        let verdict: Verdict
        let subject: String
        let text: String
        var advice = ""
    }

    /// Prints a line for each check; 1 when something is bad.
    func run() throws(CommandFailure) -> Int32 {
        let findings = [openFiles(), memory(), clock(), locale(), timeZones()] + directory() + ports()
        var table = RowTable("check", "verdict", "finding", "advice")
        for finding in findings { table.add(finding.subject, finding.verdict.rawValue, finding.text, finding.advice) }
        ByteStream.output.print(table.text(invocation[.output]?.text ?? "table"))
        return findings.contains { $0.verdict == .bad } ? 1 : 0
    }

    // MARK: The machine

    /// Each partition has a file that is being written, and each client a socket.
    private func openFiles() -> Finding {
        guard let (now, most) = openFileLimits() else { return Finding(verdict: .doubtful, subject: "open files", text: "the limit is not known") }
        let enough = 4_096
        if now >= enough { return Finding(verdict: .good, subject: "open files", text: "at most \(now)") }
        return Finding(
            verdict: most < 256 ? .bad : .doubtful, subject: "open files", text: "at most \(now), of a possible \(most)",
            advice: "ulimit -n \(enough), or LimitNOFILE=\(enough) in the unit")
    }

    private func memory() -> Finding {
        let bytes = usableMemory()
        let text = "\(bytes >> 20) MiB may be used, on \(processorCount()) processors"
        if bytes >= 512 << 20 { return Finding(verdict: .good, subject: "memory", text: text) }
        return Finding(
            verdict: .doubtful, subject: "memory", text: text, advice: "state of queries has three quarters of that; --memory-limit sets it")
    }

    private func clock() -> Finding {
        let time = SystemTime().wallMilliseconds()
        // A clock that was never set stands at the beginning of its count, or where the machine was made.
        if time < DoctorCommand.earliestTime {
            return Finding(verdict: .bad, subject: "clock", text: "it stands at \(TemporalText.text(timestamp: time))", advice: "set it: rows get their times from it")
        }
        switch clockState() {
        case .synchronized(let error):
            return Finding(verdict: .good, subject: "clock", text: "synchronized, to within \(error / 1_000) ms")
        case .unsynchronized:
            return Finding(
                verdict: .doubtful, subject: "clock", text: "nobody keeps it right",
                advice: "run chrony or systemd-timesyncd; where the host does that, all is well")
        case .unknown:
            let stand = TemporalText.text(timestamp: time)
            return Finding(verdict: .good, subject: "clock", text: "it stands at \(stand); the kernel does not say who keeps it right")
        }
    }

    /// 2024-01-01.
    private static let earliestTime: Int64 = 1_704_067_200_000

    private func locale() -> Finding {
        let name = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { Terminal.environment($0) }.first { !$0.isEmpty }
        let upper = name?.uppercased() ?? ""
        if upper.contains("UTF-8") || upper.contains("UTF8") { return Finding(verdict: .good, subject: "locale", text: name ?? "") }
        return Finding(
            verdict: .good, subject: "locale", text: "\(name ?? "none"): the shell uses UTF-8 all the same",
            advice: "LANG=C.UTF-8 tells other programs, too")
    }

    private func timeZones() -> Finding {
        let folder = "/usr/share/zoneinfo"
        if HostFileSystem().exists(folder + "/Europe/Berlin") { return Finding(verdict: .good, subject: "time zones", text: folder) }
        return Finding(
            verdict: .doubtful, subject: "time zones", text: "there are none in \(folder)",
            advice: "install tzdata: functions that take a zone know only UTC without")
    }

    // MARK: The data directory

    private func directory() -> [Finding] {
        let path = invocation[.data]?.text ?? "./millrace-data"
        let files = HostFileSystem()
        // Looking makes no directory; where there is none yet, the one above it is looked at.
        let place = files.exists(path) ? path : parent(of: path).isEmpty ? "." : parent(of: path)
        guard files.exists(place) else {
            return [
                Finding(verdict: .bad, subject: "directory", text: "there is neither \(path) nor \(place)", advice: "make it, or name another with --data")
            ]
        }
        var findings: [Finding] = []
        if place != path, invocation[.data] != nil {
            findings.append(
                Finding(
                    verdict: .doubtful, subject: "directory", text: "there is no \(path) yet, so \(place) is looked at",
                    advice: "serve makes it; where it should be there, the name is wrong"))
        }
        if let free = try? files.freeBytes(in: place) {
            let text = "\(free.count >> 20) MiB free in \(place)"
            let isLow = free < .mebibytes(1_024)
            findings.append(Finding(verdict: isLow ? .doubtful : .good, subject: "disk space", text: text, advice: isLow ? "a full disk stops all writing" : ""))
        }
        findings.append(syncSpeed(in: place, files))
        return findings
    }

    /// Writes what a small commit writes, and syncs it, a few times.
    private func syncSpeed(in place: String, _ files: HostFileSystem) -> Finding {
        let path = "\(place)/.millrace-doctor-\(SystemRandom().next() % 1_000_000)"
        defer { try? files.removeFile(path) }
        do throws(SystemError) {
            let file = try files.open(path, .truncate)
            defer { file.close() }
            let block = [UInt8](repeating: 0x2E, count: 4_096)
            var times: [Int64] = []
            let began = SystemTime().monotonicNanoseconds()
            while times.count < 20, SystemTime().monotonicNanoseconds() - began < 3_000_000_000 {
                let started = SystemTime().monotonicNanoseconds()
                try file.write(block, at: Int64(times.count * block.count))
                try file.synchronize()
                times.append(SystemTime().monotonicNanoseconds() - started)
            }
            let median = times.sorted()[times.count / 2]
            let text = "\(median / 1_000) µs for a write and its sync, the median of \(times.count)"
            if median > 20_000_000 {
                return Finding(verdict: .doubtful, subject: "disk sync", text: text, advice: "each commit waits for it; a faster disk, or --durability os")
            }
            if median < 20_000 {
                return Finding(
                    verdict: .doubtful, subject: "disk sync", text: text, advice: "no disk is so fast: is it memory, or a cache that a power cut empties?")
            }
            return Finding(verdict: .good, subject: "disk sync", text: text)
        } catch {
            return Finding(verdict: .bad, subject: "disk sync", text: error.description, advice: "the server must be able to write there")
        }
    }

    // MARK: Ports

    private func ports() -> [Finding] {
        let wanted: [(String, NetworkAddress?)] = [
            ("line protocol", invocation[.listen]?.address), ("Kafka's protocol", invocation[.kafka]?.address), ("registry", invocation[.registry]?.address),
            ("metrics", invocation[.metrics]?.address),
        ]
        return wanted.compactMap { name, address in
            guard let address else { return nil }
            let place = SocketAddress.network(host: address.host, port: address.port)
            do throws(SystemError) {
                let bound = try ListeningSocket.bind(place)
                closeSocket(bound.descriptor)
                return Finding(verdict: .good, subject: name, text: "\(place) is free")
            } catch {
                guard let holder = holder(ofPort: address.port) else {
                    return Finding(verdict: .bad, subject: name, text: error.description, advice: "name an address of this machine")
                }
                let who = holder.process.map { "\(holder.program ?? "a program"), process \($0)" } ?? "a program of another user"
                return Finding(
                    verdict: holder.program == "millrace" ? .doubtful : .bad, subject: name, text: "\(place) is in use by \(who)",
                    advice: "end it, or listen elsewhere")
            }
        }
    }
}
