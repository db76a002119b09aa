// What reads a topic when that is deleted.

import Diagnostics
import Testing

@Suite struct DeletedTopicTests {
    @Test(arguments: ["SELECT * FROM s EMIT CHANGES;", "PRINT s;", "PRINT s FROM BEGINNING;"])
    func aReaderIsToldThatItsTopicWasDeleted(sql: String) throws {
        let millrace = try Millrace(pushStart: "earliest", workers: 1)
        _ = millrace.run("CREATE STREAM s (id INT KEY, v INT) WITH (kafka_topic='the_topic', format='JSON', partitions=2);")
        let (reader, _) = millrace.start(sql)
        _ = reader.wait { $0.first?.hasPrefix("=") == true }
        #expect(Millrace(sharing: millrace).error(of: "DROP STREAM s DELETE TOPIC;") == nil)
        #expect(reader.wait { $0.last?.hasPrefix("-") == true }.last == "- 42P03 the topic the_topic was deleted")
        millrace.engine.close()
    }
}
