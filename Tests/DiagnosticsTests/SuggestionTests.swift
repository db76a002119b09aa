import Diagnostics
import Testing

@Suite struct SuggestionTests {
    @Test func offersTheClosestWord() {
        #expect(closestMatch(to: "SELCT", among: ["SELECT", "SET", "INSERT"]) == "SELECT")
        #expect(closestMatch(to: "form", among: ["FROM", "FOR"]) == "FROM")
        #expect(closestMatch(to: "vlaue_format", among: ["VALUE_FORMAT", "KEY_FORMAT"]) == "VALUE_FORMAT")
    }

    @Test func staysSilentWhenNothingIsClose() {
        #expect(closestMatch(to: "xyz", among: ["SELECT", "FROM"]) == nil)
        #expect(closestMatch(to: "a", among: []) == nil)
    }

    @Test func doesNotDependOnTheOrderOfCandidates() {
        #expect(closestMatch(to: "cat", among: ["car", "bat"]) == closestMatch(to: "cat", among: ["bat", "car"]))
    }

    @Test func nearestAlwaysHasAnAnswer() {
        #expect(nearestMatch(to: "RUN", among: ["SET", "PRINT"]) != nil)
        #expect(nearestMatch(to: "RUN", among: []) == nil)
    }
}
