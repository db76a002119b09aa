import Platform
import Testing

@Suite struct ProcessTests {
    @Test func programsAreRunToTheirEnd() throws {
        #expect(try runQuietly("/bin/sh", ["-c", "echo seen; exit 3"]) == 3)
        #expect(try runQuietly("/bin/sh", ["-c", "kill -9 $$"]) == nil)
        #expect(throws: SystemError.self) { try runQuietly("/no/such/program", []) }
    }

    @Test func theProcessorTimeGrows() {
        let before = processorNanoseconds()
        var sum = 0
        while processorNanoseconds() < before + 1_000_000 { sum &+= 1 }
        #expect(sum > 0)
    }

    /// A peak that was forgotten is what is in memory now, at least where the kernel allows it.
    @Test func thePeakIsAtLeastWhatIsThere() {
        ResidentMemory.forgetPeak()
        let memory = ResidentMemory.ofThisProcess
        #expect(memory.current > .zero && memory.peak > .zero)
    }
}
