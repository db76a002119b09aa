import Engine
import Testing

@Test func aValueOfALogLineStaysOneValue() {
    #expect(logText("listening", ["address": "127.0.0.1:6455"]) == "event=listening address=127.0.0.1:6455")
    #expect(logText("x", ["reason": "a \"b\"\nlevel=error\\", "empty": ""]) == #"event=x reason="a \"b\"\nlevel=error\\" empty="""#)
    #expect(logText("x", ["reason": "bell\u{7}"]) == #"event=x reason="bell\u{7}""#)
}
