// The panels of growth as the text of an SVG file.

/// Draws panels, two beside each other.
package struct GrowthDrawing {
    private let panels: [GrowthPanel]
    private let note: String
    private var text = ""

    private static let width = 440.0, height = 320.0
    /// The field of a panel, in which lines are drawn, from the panel's corner.
    private static let left = 62.0, right = 424.0, top = 64.0, bottom = 262.0
    /// What can be told apart on white and on black alike.
    private static let elapsedColour = "#c2622d", processorColour = "#3d85c6", ink = "#7d7d7d"

    private init(_ panels: [GrowthPanel], note: String) {
        self.panels = panels
        self.note = note
    }

    /// The file. `note` stands at its foot: what was measured, and how.
    package static func svg(of panels: [GrowthPanel], note: String) -> String {
        var drawing = GrowthDrawing(panels, note: note)
        drawing.draw()
        return drawing.text
    }

    private mutating func draw() {
        let columns = Double(min(2, max(1, panels.count))), rows = Double((panels.count + 1) / 2)
        let (width, height) = (columns * Self.width, rows * Self.height + 28)
        add(#"<?xml version="1.0" encoding="UTF-8"?>"#)
        let box = "0 0 \(number(width)) \(number(height))"
        add(#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="\#(box)" width="\#(number(width))" height="\#(number(height))" "#
            + #"font-family="sans-serif" font-size="12" fill="\#(Self.ink)">"#)
        add("<title>How the cost of a row grows</title>")
        add("<style>text{fill:#333}.line{stroke:#333}@media(prefers-color-scheme:dark){text{fill:#ddd}.line{stroke:#ddd}}</style>")
        for (index, panel) in panels.enumerated() {
            let (x, y) = (Double(index % 2) * Self.width, Double(index / 2) * Self.height)
            add(#"<g transform="translate(\#(number(x)) \#(number(y)))">"#)
            draw(panel)
            add("</g>")
        }
        label(note, 14, height - 10, anchor: "start", size: 11)
        add("</svg>")
    }

    private mutating func draw(_ panel: GrowthPanel) {
        let below = GrowthScale(around: panel.points.map { Double($0.value) })
        let beside = GrowthScale(around: panel.points.flatMap { [$0.elapsed] + ($0.processor.map { [$0] } ?? []) })
        func x(_ value: Int) -> Double { Self.left + (Self.right - Self.left) * below.place(Double(value)) }
        func y(_ figure: Double) -> Double { Self.bottom - (Self.bottom - Self.top) * beside.place(figure) }
        label(panel.title, Self.left, 22, anchor: "start", size: 14, weight: "bold")
        for mark in beside.marks {
            line(Self.left, y(mark), Self.right, y(mark), opacity: 0.25)
            label(GrowthScale.label(mark), Self.left - 6, y(mark) + 4, anchor: "end")
        }
        line(Self.left, Self.bottom, Self.right, Self.bottom, opacity: 1)
        var lastLabel = -Double.infinity
        for point in panel.points {
            line(x(point.value), Self.bottom, x(point.value), Self.bottom + 5, opacity: 1)
            // Beside each other, or not at all.
            guard x(point.value) - lastLabel > 46 else { continue }
            label(panel.label(point.value), x(point.value), Self.bottom + 20, anchor: "middle")
            lastLabel = x(point.value)
        }
        label(panel.below, (Self.left + Self.right) / 2, Self.bottom + 40, anchor: "middle")
        label(panel.beside, 14, (Self.top + Self.bottom) / 2, anchor: "middle", isUpright: true)
        curve(panel.points.map { (x($0.value), y($0.elapsed)) }, Self.elapsedColour, dashes: "6 3")
        curve(panel.points.compactMap { point in point.processor.map { (x(point.value), y($0)) } }, Self.processorColour)
        key("processor time", Self.left, Self.processorColour)
        key("by the clock", Self.left + 150, Self.elapsedColour, dashes: "6 3")
    }

    // MARK: Parts

    private mutating func curve(_ points: [(x: Double, y: Double)], _ colour: String, dashes: String? = nil) {
        let path = points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
        let dashing = dashes.map { #" stroke-dasharray="\#($0)""# } ?? ""
        add(#"<polyline points="\#(path)" fill="none" stroke="\#(colour)" stroke-width="2"\#(dashing)/>"#)
        for point in points { add(#"<circle cx="\#(number(point.x))" cy="\#(number(point.y))" r="3.5" fill="\#(colour)"/>"#) }
    }

    /// What a colour means.
    private mutating func key(_ meaning: String, _ x: Double, _ colour: String, dashes: String? = nil) {
        curve([(x, 42), (x + 28, 42)], colour, dashes: dashes)
        label(meaning, x + 36, 46, anchor: "start")
    }

    private mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, opacity: Double) {
        add(#"<line class="line" x1="\#(number(x1))" y1="\#(number(y1))" x2="\#(number(x2))" y2="\#(number(y2))" "#
            + #"stroke="\#(Self.ink)" stroke-opacity="\#(opacity)"/>"#)
    }

    private mutating func label(
        _ words: String, _ x: Double, _ y: Double, anchor: String, size: Int = 12, weight: String = "normal", isUpright: Bool = false
    ) {
        let turned = isUpright ? #" transform="rotate(-90 \#(number(x)) \#(number(y)))""# : ""
        add(#"<text x="\#(number(x))" y="\#(number(y))" text-anchor="\#(anchor)" font-size="\#(size)" font-weight="\#(weight)"\#(turned)>"#
            + escaped(words) + "</text>")
    }

    private mutating func add(_ line: String) { text += line + "\n" }

    /// A length, to a tenth.
    private func number(_ length: Double) -> String {
        let tenths = (length * 10).rounded() / 10
        return tenths == tenths.rounded() ? String(Int(clamping: Int64(tenths))) : String(tenths)
    }

    /// A text as it stands in XML, which takes no control characters.
    private func escaped(_ words: String) -> String {
        var text = ""
        for scalar in words.unicodeScalars {
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case _ where scalar.value < 0x20: text += " "
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
