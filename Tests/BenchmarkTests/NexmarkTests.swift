import Benchmark
import Foundation
import TestSupport
import Testing

private let texts = NexmarkTexts()

private func lines(_ stream: NexmarkStream, _ count: Int, _ texts: NexmarkTexts = texts) -> [String] {
    var events = NexmarkGenerator(stream, texts: texts)
    return events.pieces(count).flatMap { piece in
        piece.lines.map { String(decoding: piece.bytes[Int($0.start)..<Int($0.start + $0.length)], as: UTF8.self) }
    }
}

@Suite struct NexmarkGeneratorTests {
    private static let script = "nexmark/generate.py"

    /// The whole of three files: more than a thousand epochs, after which the active people are cut.
    @Test(
        .enabled(if: Surroundings.has(script), "shared/nexmark/generate.py is not beside the project"),
        .enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func theEventsAreThoseOfThePublishedGenerator() throws {
        let size = NexmarkSize(events: 60_003)
        let folder = FileManager.default.temporaryDirectory.appending(path: "millrace-nexmark-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let python = Process()
        python.executableURL = URL(filePath: "/usr/bin/env")
        python.arguments = [
            "python3", Surroundings.shared + "/" + Self.script, "--events", "\(size.events)", "--out", folder.path, "--seed", "42",
        ]
        python.standardError = FileHandle.nullDevice
        try python.run()
        python.waitUntilExit()
        try #require(python.terminationStatus == 0)
        for stream in NexmarkStream.allCases {
            let expected = try String(contentsOf: folder.appending(path: "\(stream.rawValue).jsonl"), encoding: .utf8)
                .split(separator: "\n").map(String.init)
            let made = lines(stream, size[stream])
            #expect(made.count == expected.count)
            let first = zip(made, expected).first { $0 != $1 }
            #expect(first == nil, "\(stream): \(first.map { "\($0.0)\n\($0.1)" } ?? "")")
        }
    }

    /// The same without Python: the first event of each kind as the published generator writes it with the seed 42.
    @Test func theFirstEventsAreKnown() {
        #expect(lines(.person, 1)[0].hasPrefix(FirstEvents.person))
        #expect(lines(.auction, 1)[0].hasPrefix(FirstEvents.auction))
        #expect(lines(.bid, 1)[0].hasPrefix(FirstEvents.bid))
    }

    @Test func anotherSeedMakesOtherEvents() {
        #expect(lines(.bid, 10) != lines(.bid, 10, NexmarkTexts(seed: 1)))
    }

    /// The published model: half of the bids go to a hot auction, three quarters come from a hot bidder, time goes forward.
    @Test func bidsFollowTheModel() throws {
        let bids = try lines(.bid, 20_000).map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
        func numbers(_ name: String) -> [Int] { bids.compactMap { $0[name] as? Int } }
        let times = numbers("date_time")
        #expect(times.count == bids.count && times == times.sorted())
        func hotShare(_ name: String, _ hot: Int) -> Double { Double(numbers(name).count { $0 % 100 == hot }) / Double(bids.count) }
        #expect(abs(hotShare("auction", 0) - 0.5) < 0.03)
        #expect(abs(hotShare("bidder", 1) - 0.75) < 0.03)
        #expect(numbers("price").allSatisfy { $0 >= 100 && $0 <= 100_000_000 })
    }

    @Test func sizesAgreeWithTheEpochs() {
        let whole = NexmarkSize(bids: 92)
        #expect(whole.events == 100 && whole[.person] == 2 && whole[.auction] == 6 && whole[.bid] == 92)
        let begun = NexmarkSize(bids: 47)
        #expect(begun.events == 55 && begun[.person] == 2 && begun[.auction] == 6 && begun[.bid] == 47)
        let cut = NexmarkSize(events: 52)
        #expect(cut[.person] == 2 && cut[.auction] == 4 && cut[.bid] == 46)
        #expect(NexmarkSize(bids: 0).events == 0)
    }
}

private enum FirstEvents {
    static let person = #"{"id":1000,"name":"Paul Shultz","email_address":"hmbkx_h@_mjpp.com","credit_card":"0262 4242 5409 9276","city":""#
    static let auction = #"{"id":1000,"item_name":"sjkemmv","description":"j nxxrysl ktokubd","initial_bid":1731997,"reserve":1732410,"date"#
    static let bid = #"{"auction":1000,"bidder":1007,"price":211,"channel":"Apple","url":"https://www.nexmark.com/_qrek/fippo/ebogy/ite"#
}

/// What the program has of the queries is what lies in the folder of examples.
@Test func theQueriesAreThoseOfTheExamples() throws {
    let folder = Surroundings.root + "/examples/nexmark"
    var texts = ["sources.sql": NexmarkQuery.sources]
    for query in NexmarkQuery.all { texts[query.name + ".sql"] = query.text }
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".sql") }
    #expect(Set(files) == Set(texts.keys))
    for (file, text) in texts {
        #expect(try String(contentsOfFile: folder + "/" + file, encoding: .utf8) == text + "\n", "\(file)")
    }
}
