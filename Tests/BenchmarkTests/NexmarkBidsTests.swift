import Benchmark
import Foundation
import Testing

private func lines(seed: UInt64, _ count: Int) -> [String] {
    var bids = NexmarkBids(seed: seed)
    return bids.pieces(count).flatMap { piece in
        piece.lines.map { String(decoding: piece.bytes[Int($0.start)..<Int($0.start + $0.length)], as: UTF8.self) }
    }
}

@Test func theSameSeedMakesTheSameBids() {
    #expect(lines(seed: 1, 5_000) == lines(seed: 1, 5_000))
    #expect(lines(seed: 1, 10) != lines(seed: 2, 10))
}

/// The published model: half of the bids go to a hot auction, three quarters come from a hot bidder, time goes forward.
@Test func bidsFollowTheModel() throws {
    let bids = try lines(seed: 42, 20_000).map { line in
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
    #expect(bids.count == 20_000)
    func numbers(_ name: String) -> [Int] { bids.compactMap { $0[name] as? Int } }
    let times = numbers("date_time")
    #expect(times.count == bids.count && times == times.sorted())
    func hotShare(_ name: String, _ hot: Int) -> Double { Double(numbers(name).count { $0 % 100 == hot }) / Double(bids.count) }
    #expect(abs(hotShare("auction", 0) - 0.5) < 0.03)
    #expect(abs(hotShare("bidder", 1) - 0.75) < 0.03)
    #expect(bids.allSatisfy { $0["channel"] is String && ($0["url"] as? String)?.hasPrefix("https://") == true && $0["extra"] is String })
    #expect(numbers("price").allSatisfy { $0 >= 100 && $0 < 100_000_000 })
}
