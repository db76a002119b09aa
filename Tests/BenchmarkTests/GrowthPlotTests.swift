import Benchmark
import Foundation
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

private func result(_ one: BenchmarkCase, rate: Double, processor: Double?) -> BenchmarkResult {
    var result = BenchmarkResult(
        name: one.name, meaning: one.meaning, point: one.point, unit: BenchmarkResult.rate, median: rate, least: rate, most: rate)
    result.processorSeconds = processor
    return result
}

/// The elements of a document with their attributes, and what its texts say.
private final class Reader: NSObject, XMLParserDelegate {
    var elements: [(name: String, attributes: [String: String])] = []
    var texts: [String] = []
    private var isInText = false

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?, attributes: [String: String]
    ) {
        elements.append((name, attributes))
        isInText = name == "text"
        if isInText { texts.append("") }
    }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) { isInText = false }
    func parser(_ parser: XMLParser, foundCharacters string: String) { if isInText { texts[texts.count - 1] += string } }
}

private func read(_ svg: String) -> Reader? {
    let reader = Reader(), parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = reader
    return parser.parse() ? reader : nil
}

@Suite struct GrowthPlotTests {
    private let measured: [BenchmarkResult] = {
        var results: [BenchmarkResult] = []
        for count in [1_000, 10_000, 10_000_000] { results.append(result(.groups(count), rate: 4e6 / Double(count), processor: 0.25)) }
        for count in [1, 100] { results.append(result(BenchmarkCase.queries(count)[1], rate: 1e6 / Double(count), processor: 0.1)) }
        for count in [1, 2] { results.append(result(.partitions(count), rate: 2e6, processor: nil)) }
        for bytes in [1 << 30, 20 << 30] { results.append(result(.logEnd(bytes), rate: 1e6, processor: 0.5)) }
        return results
    }()

    /// A panel for each thing that was measured, from the least to the most; times of restarts and creations are no cost of a row.
    @Test func panelsAreOfWhatWasMeasured() throws {
        let restart = BenchmarkResult(
            name: "restart", meaning: "", point: GrowthPoint(axis: .groups, value: 5), unit: BenchmarkResult.time, median: 1, least: 1,
            most: 1)
        let panels = GrowthPanel.all(of: measured.reversed() + [restart])
        #expect(panels.map(\.axis) == GrowthAxis.allCases)
        #expect(panels[0].points.map(\.value) == [1_000, 10_000, 10_000_000])
        // Of many queries each is told: what all of them take, by their number.
        #expect(panels[1].points.map(\.elapsed) == [1, 1] && panels[1].points.map(\.processor) == [0.1, 0.1])
        #expect(GrowthPanel.all(of: [restart]).isEmpty)
    }

    @Test func theDrawingIsXMLWithEverythingInside() throws {
        let svg = GrowthDrawing.svg(of: GrowthPanel.all(of: measured), note: "2 <rows> & \"fsync\"\u{1}")
        let document = try #require(read(svg), "no XML: \(svg)")
        let told = ["groups", "queries", "partitions", "µs for a row", "µs for a row and query", "1 k", "10 M", "20 GiB"]
        for text in told + ["2 <rows> & \"fsync\" "] {
            #expect(document.texts.contains(text), "\(text) is not in \(document.texts)")
        }
        // Titles are the longest texts: eight and a half of the units of length for a letter, between 62 and the end of a panel of 440.
        for title in document.texts where title.contains(": cost by") { #expect(Double(title.count) * 8.5 < 440 - 62, "\(title)") }
        let (width, height) = (880.0, 668.0)
        let root = try #require(document.elements.first)
        #expect(root.name == "svg" && root.attributes["viewBox"] == "0 0 880 668")
        for (name, attributes) in document.elements {
            for key in ["cx", "x", "x1", "x2", "cy", "y", "y1", "y2"] {
                guard let text = attributes[key] else { continue }
                let limit: Double = key.contains("x") ? width : height
                let place = try #require(Double(text), "\(name) \(key)=\(text)")
                #expect(place >= 0 && place <= limit, "\(name) \(key)=\(text)")
            }
        }
        // Nine places, of which two have no processor time, and a key of two colours with two ends in each panel.
        let circles = document.elements.filter { $0.name == "circle" }
        #expect(circles.count == 9 + 7 + 16)
    }

    /// What has one point, or points of one cost, is drawn, too.
    @Test(arguments: [[7], [3, 3], []]) func littleIsDrawnToo(groups: [Int]) {
        let panels = GrowthPanel.all(of: groups.map { result(.groups($0), rate: 1e6, processor: 1) })
        let svg = GrowthDrawing.svg(of: panels, note: "")
        #expect(read(svg) != nil && !svg.contains("nan") && !svg.contains("inf"), "\(svg)")
    }

    @Test func numbersAreShort() {
        let cases: [(Double, String)] = [
            (0.05, "0.05"), (0.002, "0.002"), (1, "1"), (1.5, "1.5"), (20, "20"), (999, "999"), (1_000, "1 k"), (123_456, "123 k"),
            (2_500_000, "2.5 M"), (10_000_000, "10 M"),
        ]
        for (figure, text) in cases { #expect(GrowthScale.label(figure) == text) }
    }
}
