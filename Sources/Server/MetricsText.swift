// The metrics page in the text format of Prometheus.

import Engine
import Kafka
import Quantities
import Sessions

/// Gathers the lines of the page, metric by metric.
private struct MetricsPage {
    private(set) var text = ""

    mutating func begin(_ name: String, _ type: String, _ help: String) {
        text += "# HELP millrace_\(name) \(help)\n# TYPE millrace_\(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)] = [], _ value: some BinaryInteger) {
        text += "millrace_\(name)"
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.0)=\"\(MetricsPage.escaped($0.1))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    mutating func single(_ name: String, type: String, help: String, _ value: some BinaryInteger) {
        begin(name, type, help)
        sample(name, [], value)
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
        return result
    }
}

extension MillraceServer {
    /// Everything that is measured, now.
    var metricsText: String {
        var page = MetricsPage()
        page.begin("info", "gauge", "The version of the server.")
        page.sample("info", [("version", productVersion)], 1)
        page.single("uptime_seconds", type: "gauge", help: "Seconds since the start.", uptime / 1000)
        addConnections(to: &page)
        let measured = engine.metrics()
        addQueries(measured.queries, to: &page)
        page.single("state_bytes", type: "gauge", help: "Bytes of state of all queries.", measured.stateBytes)
        page.single(
            "state_bytes_limit", type: "gauge", help: "What they may be by millrace.memory.limit; 0 for any number.", measured.memoryLimit ?? 0)
        addLog(measured.topics, to: &page)
        return page.text
    }

    private func addConnections(to page: inout MetricsPage) {
        page.single("connections", type: "gauge", help: "Open connections.", counters.connectionsOpen.current)
        page.single("connections_total", type: "counter", help: "Connections taken.", counters.connectionsAccepted.current)
        page.single(
            "connections_refused_total", type: "counter", help: "Connections refused because there were too many.",
            counters.connectionsRefused.current)
        page.single("requests_total", type: "counter", help: "Requests taken.", counters.requests.current)
        page.single("requests_failed_total", type: "counter", help: "Requests that ended with an error; being cancelled is none.", counters.requestsFailed.current)
        page.single("requests_running", type: "gauge", help: "Requests under way.", counters.requestsRunning.current)
        page.single("received_bytes_total", type: "counter", help: "Bytes from clients.", counters.bytesReceived.current)
        page.single("sent_bytes_total", type: "counter", help: "Bytes to clients.", counters.bytesSent.current)
        page.single("put_records_total", type: "counter", help: "Records that bulk loads made durable.", counters.putRecords.current)
        page.single("put_rejected_total", type: "counter", help: "Lines of bulk loads that were no rows.", counters.putRejected.current)
        guard kafkaAddress != nil else { return }
        page.single("kafka_connections", type: "gauge", help: "Open connections of Kafka's clients.", counters.kafkaConnections.current)
        page.single("kafka_requests_total", type: "counter", help: "Requests of Kafka's clients.", counters.kafkaRequests.current)
        guard let statistics = kafkaStatistics else { return }
        page.single(
            "kafka_logins_refused_total", type: "counter", help: "Logins of Kafka's clients that were refused.", statistics.refusedLogins)
        page.single(
            "kafka_tls_failures_total", type: "counter", help: "Kafka's clients that left because TLS with them failed.", statistics.failedTLS)
        add(statistics.byAPI, "kafka_api", label: "api", of: "by API", to: &page)
        add(statistics.byClient, "kafka_client", label: "client_id", of: "by what clients call themselves", to: &page)
    }

    /// Requests of Kafka's clients under one kind of label.
    private func add(
        _ counted: [(name: String, counts: RequestCounts)], _ prefix: String, label: String, of kind: String, to page: inout MetricsPage
    ) {
        func metric(_ name: String, _ help: String, _ value: (RequestCounts) -> Int64) {
            page.begin("\(prefix)_\(name)_total", "counter", "\(help), \(kind).")
            for (name: owner, counts: counts) in counted { page.sample("\(prefix)_\(name)_total", [(label, owner)], value(counts)) }
        }
        metric("requests", "Requests of Kafka's clients") { Int64($0.requests) }
        metric("errors", "Error codes in answers to Kafka's clients") { Int64($0.errors) }
        metric("received_bytes", "Bytes of requests of Kafka's clients") { Int64($0.receivedBytes) }
        metric("sent_bytes", "Bytes of answers to Kafka's clients") { Int64($0.sentBytes) }
        metric("microseconds", "Microseconds from requests of Kafka's clients to their answers, waits for records and members included") {
            $0.microseconds
        }
    }

    private func addQueries(_ queries: [EngineMetrics.Query], to page: inout MetricsPage) {
        page.begin("queries", "gauge", "Persistent queries by state.")
        for state in ["RUNNING", "PAUSED", "ERROR"] {
            page.sample("queries", [("state", state)], queries.count { $0.state == state })
        }
        page.begin("query_records_read_total", "counter", "Records that a query has read.")
        for query in queries { page.sample("query_records_read_total", [("query", query.id)], query.recordsRead) }
        page.begin("query_records_written_total", "counter", "Records that a query has written.")
        for query in queries { page.sample("query_records_written_total", [("query", query.id)], query.recordsWritten) }
        page.begin("query_records_skipped_total", "counter", "Records that a query could not process, by cause.")
        for query in queries {
            for (cause, count) in query.skipped {
                page.sample("query_records_skipped_total", [("query", query.id), ("cause", cause)], count)
            }
        }
        page.begin("query_commits_total", "counter", "Commits of a query.")
        for query in queries { page.sample("query_commits_total", [("query", query.id)], query.commits) }
        page.begin("query_lag_records", "gauge", "Records that a query has still to read.")
        for query in queries { page.sample("query_lag_records", [("query", query.id)], query.lag) }
        page.begin("query_lag_milliseconds", "gauge", "Milliseconds since the timestamp of the oldest record that a query has still to read.")
        for query in queries { page.sample("query_lag_milliseconds", [("query", query.id)], query.lagMilliseconds) }
        page.begin("query_state", "gauge", "1 for the state that a query is in.")
        for query in queries { page.sample("query_state", [("query", query.id), ("state", query.state)], 1) }
        page.begin("query_state_bytes", "gauge", "Bytes of state that a query holds in memory.")
        for query in queries { page.sample("query_state_bytes", [("query", query.id)], query.stateBytes) }
        page.begin("query_state_disk_bytes", "gauge", "Bytes on disk of a query's state that does not fit the memory.")
        for query in queries { page.sample("query_state_disk_bytes", [("query", query.id)], query.diskBytes) }
        page.begin("query_store_bytes", "gauge", "Bytes of each store of a query's state in memory.")
        for query in queries {
            for store in query.stores { page.sample("query_store_bytes", [("query", query.id), ("store", store.name)], store.bytes) }
        }
        page.begin("query_over_memory_limit", "gauge", "1 for a query that the server has paused because its state passes the limit.")
        for query in queries { page.sample("query_over_memory_limit", [("query", query.id)], query.isOverLimit ? 1 : 0) }
    }

    private func addLog(_ topics: [EngineMetrics.Topic], to page: inout MetricsPage) {
        page.single("topics", type: "gauge", help: "Topics, internal ones included.", topics.count)
        page.begin("log_bytes", "gauge", "Bytes of a topic's segments.")
        for topic in topics { page.sample("log_bytes", [("topic", topic.name)], topic.bytes.count) }
        page.begin("log_end_offset", "gauge", "One past the last durable offset of a partition.")
        for topic in topics {
            for (index, end) in topic.endOffsets.enumerated() {
                page.sample("log_end_offset", [("topic", topic.name), ("partition", "\(index)")], end.count)
            }
        }
    }
}
