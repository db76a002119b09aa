// What `\h SHOW …` shows: each listing, what it is for, and an example.

/// The listings that SHOW, and LIST, which is the same, can show.
enum ShowHelp {
    /// What follows SHOW, what may follow that, and what the rows are.
    private static let listings: [(name: String, rest: String, meaning: String)] = [
        ("STREAMS", "[EXTENDED]", "the streams with their topics and formats; EXTENDED describes each of them"),
        ("TABLES", "[EXTENDED]", "the tables with their topics and formats; EXTENDED describes each of them"),
        ("VIEWS", "", "the views with what they read and the statements that made them"),
        ("QUERIES", "[EXTENDED]", "the running queries with their states and statements; EXTENDED tells all about each"),
        ("TOPICS", "[EXTENDED]", "the topics of users; EXTENDED adds offsets in use, bytes and readers"),
        ("ALL TOPICS", "[EXTENDED]", "all topics, those of the server itself among them"),
        ("FUNCTIONS", "", "the functions; DESCRIBE FUNCTION name; tells about one"),
        ("PROPERTIES", "", "the settings: what they are, who has set them, and what they decide"),
        ("TYPES", "", "the types that CREATE TYPE has made"),
        ("VARIABLES", "", "what DEFINE has defined in this session"),
        ("LIMITS", "", "how much of what the server takes, and why no more"),
        ("SCHEMAS", "", "the subjects of the schema registry with their latest versions; DESCRIBE SCHEMA 'subject'; shows one"),
        ("SYSTEM TABLES", "", "the tables that SELECT can ask about the server itself"),
        ("WATERMARKS", "", "how far the time of windows has come, and which partition holds it back"),
        ("CONSUMER GROUPS", "", "the groups of Kafka's clients and of queries, with their members and lags"),
        ("PRODUCERS", "", "the producers that have written with numbers of their own, and their transactions"),
        ("CONNECTORS", "", "nothing: there are no connectors here, but Kafka Connect works with the Kafka listener"),
    ]

    /// A page for each.
    static let all: [StatementHelp] = listings.map { listing in
        StatementHelp(
            name: "SHOW \(listing.name)", form: "SHOW \(listing.name)\(listing.rest.isEmpty ? "" : " " + listing.rest);\n\n\(listing.meaning)",
            example: "SHOW \(listing.name);")
    }
}
