// The statements of `examples/nexmark`, so that a program without its folder of examples has them too. A test compares each with its file.

/// A query of Nexmark.
package struct NexmarkQuery: Hashable, Sendable {
    /// The name of the query, of what it makes, and of its file.
    package let name: String
    /// What it does, as a phrase.
    package let meaning: String
    /// What it reads.
    package let inputs: [NexmarkStream]
    /// Whether it also reads the small table beside the events.
    package let readsSideInput: Bool
    /// Whether it makes a table; else a stream.
    package let makesTable: Bool
    /// The content of the file.
    package let text: String

    init(_ name: String, _ meaning: String, _ inputs: [NexmarkStream], sideInput: Bool = false, _ text: String) {
        self.name = name
        self.meaning = meaning
        self.inputs = inputs
        readsSideInput = sideInput
        makesTable = text.contains("CREATE TABLE")
        self.text = text
    }

    /// Ends the query and removes what it made.
    package var drop: String { "DROP \(makesTable ? "TABLE" : "STREAM") \(name) DELETE TOPIC;" }

    /// All of them, in the order of their names.
    package static let all: [NexmarkQuery] = [
        NexmarkQuery(
            "q0", "pass-through", [.bid],
            """
            -- q0, pass-through: every bid as it is.
            CREATE STREAM q0 WITH (RETENTION_MS=-1) AS
              SELECT * FROM bid;
            """),
        NexmarkQuery(
            "q1", "currency", [.bid],
            """
            -- q1, currency conversion: the price of every bid in euros.
            CREATE STREAM q1 WITH (RETENTION_MS=-1) AS
              SELECT auction, bidder, price * 0.908 AS price, channel, url, date_time, extra FROM bid;
            """),
        NexmarkQuery(
            "q2", "filter", [.bid],
            """
            -- q2, selection: the bids on some auctions.
            CREATE STREAM q2 WITH (RETENTION_MS=-1) AS
              SELECT auction, price FROM bid WHERE auction % 123 = 0;
            """),
        NexmarkQuery(
            "q3", "join of tables", [.person, .auction],
            """
            -- q3, local item suggestion: who sells in one category in three states, as a join of two tables by a column that is no key.
            CREATE TABLE q3 AS
              SELECT a.id, p.name, p.city, p.state
              FROM auction a JOIN person p ON a.seller = p.id
              WHERE a.category = 10 AND (p.state = 'OR' OR p.state = 'ID' OR p.state = 'CA');
            """),
        NexmarkQuery(
            "q5", "hopping count", [.bid],
            """
            -- q5, hot items: how many bids each auction had within ten seconds, for windows that begin every two seconds.
            CREATE TABLE q5 WITH (RETENTION_MS=-1) AS
              SELECT auction, COUNT(*) AS bids
              FROM bid WINDOW HOPPING (SIZE 10 SECONDS, ADVANCE BY 2 SECONDS)
              GROUP BY auction;
            """),
        NexmarkQuery(
            "q7", "highest bid", [.bid],
            """
            -- q7, highest bid: the highest price of every ten seconds.
            CREATE TABLE q7 WITH (RETENTION_MS=-1) AS
              SELECT 1 AS one, MAX(price) AS price
              FROM bid WINDOW TUMBLING (SIZE 10 SECONDS)
              GROUP BY 1;
            """),
        NexmarkQuery(
            "q8", "join of streams", [.person, .auction],
            """
            -- q8, new users: who came and offered something within ten seconds, as a join of two streams.
            CREATE STREAM q8 WITH (RETENTION_MS=-1) AS
              SELECT p.id, p.name, a.reserve
              FROM person_event p JOIN auction_event a WITHIN 10 SECONDS ON p.id = a.seller;
            """),
        NexmarkQuery(
            "q11", "sessions", [.bid],
            """
            -- q11, user sessions: how often each bidder bid until it paused for ten seconds.
            CREATE TABLE q11 WITH (RETENTION_MS=-1) AS
              SELECT bidder, COUNT(*) AS bids
              FROM bid WINDOW SESSION (10 SECONDS)
              GROUP BY bidder;
            """),
        NexmarkQuery(
            "q12", "running group-by", [.bid],
            """
            -- q12, running aggregates: bids and their sum by bidder. Nexmark cuts them by the time of processing; here they never end.
            CREATE TABLE q12 AS
              SELECT bidder, COUNT(*) AS bids, SUM(price) AS total
              FROM bid
              GROUP BY bidder;
            """),
        NexmarkQuery(
            "q13", "side input", [.bid], sideInput: true,
            """
            -- q13, bounded side input: every bid with a row of a small table.
            CREATE STREAM q13 WITH (RETENTION_MS=-1) AS
              SELECT s.id, b.auction, b.bidder, b.price, b.date_time, s.note
              FROM bid b JOIN side_input s ON b.auction % 10000 = s.id;
            """),
        NexmarkQuery(
            "q17", "auction statistics", [.bid],
            """
            -- q17, auction statistics: bids and prices by auction and day.
            CREATE TABLE q17 WITH (KEY_FORMAT='JSON') AS
              SELECT auction, FORMAT_TIMESTAMP(FROM_UNIXTIME(date_time), 'yyyy-MM-dd') AS day,
                COUNT(*) AS total_bids,
                SUM(CASE WHEN price < 10000 THEN 1 ELSE 0 END) AS rank1_bids,
                SUM(CASE WHEN price >= 10000 AND price < 1000000 THEN 1 ELSE 0 END) AS rank2_bids,
                SUM(CASE WHEN price >= 1000000 THEN 1 ELSE 0 END) AS rank3_bids,
                MIN(price) AS min_price, MAX(price) AS max_price, AVG(price) AS avg_price, SUM(price) AS sum_price
              FROM bid
              GROUP BY auction, FORMAT_TIMESTAMP(FROM_UNIXTIME(date_time), 'yyyy-MM-dd');
            """),
        NexmarkQuery(
            "q20", "bids with their auction", [.auction, .bid],
            """
            -- q20, expand bid with auction: the bids on auctions of one category, with what is offered. A bid on an auction that is not
            -- open yet finds none; Nexmark, which keeps all bids for that, would find it later.
            CREATE STREAM q20 WITH (RETENTION_MS=-1) AS
              SELECT b.auction, b.bidder, b.price, b.channel, b.url, b.date_time AS bid_time, b.extra AS bid_extra,
                a.item_name, a.description, a.initial_bid, a.reserve, a.date_time AS auction_time, a.expires, a.seller, a.category,
                a.extra AS auction_extra
              FROM bid b JOIN auction a ON b.auction = a.id
              WHERE a.category = 10;
            """),
        NexmarkQuery(
            "q22", "parts of addresses", [.bid],
            """
            -- q22, directories of addresses: the parts of the path of every bid's address.
            CREATE STREAM q22 WITH (RETENTION_MS=-1) AS
              SELECT auction, bidder, price, channel, SPLIT(url, '/')[4] AS dir1, SPLIT(url, '/')[5] AS dir2, SPLIT(url, '/')[6] AS dir3
              FROM bid;
            """),
    ]

    /// The content of `sources.sql`, which makes what the queries read.
    package static let sources = """
        -- What the queries read: people, auctions and bids of Nexmark, as JSON. The events are years old, so nothing goes by its age.
        CREATE STREAM bid (
            auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time BIGINT, extra VARCHAR)
          WITH (KAFKA_TOPIC='bid', VALUE_FORMAT='JSON', TIMESTAMP='date_time', RETENTION_MS=-1);

        -- Auctions and people are events in two streams and, by their latest event, rows of two tables over the same topics.
        CREATE STREAM auction_event (
            id BIGINT KEY, item_name VARCHAR, description VARCHAR, initial_bid BIGINT, reserve BIGINT, date_time BIGINT,
            expires BIGINT, seller BIGINT, category BIGINT, extra VARCHAR)
          WITH (KAFKA_TOPIC='auction', FORMAT='JSON', TIMESTAMP='date_time', RETENTION_MS=-1);

        CREATE STREAM person_event (
            id BIGINT KEY, name VARCHAR, email_address VARCHAR, credit_card VARCHAR, city VARCHAR, state VARCHAR, date_time BIGINT,
            extra VARCHAR)
          WITH (KAFKA_TOPIC='person', FORMAT='JSON', TIMESTAMP='date_time', RETENTION_MS=-1);

        CREATE TABLE auction (
            id BIGINT PRIMARY KEY, item_name VARCHAR, description VARCHAR, initial_bid BIGINT, reserve BIGINT, date_time BIGINT,
            expires BIGINT, seller BIGINT, category BIGINT, extra VARCHAR)
          WITH (KAFKA_TOPIC='auction', FORMAT='JSON', TIMESTAMP='date_time');

        CREATE TABLE person (
            id BIGINT PRIMARY KEY, name VARCHAR, email_address VARCHAR, credit_card VARCHAR, city VARCHAR, state VARCHAR, date_time BIGINT,
            extra VARCHAR)
          WITH (KAFKA_TOPIC='person', FORMAT='JSON', TIMESTAMP='date_time');

        -- The small table of q13: ten thousand rows, all older than the first bid.
        CREATE TABLE side_input (id BIGINT PRIMARY KEY, note VARCHAR, date_time BIGINT)
          WITH (KAFKA_TOPIC='side_input', FORMAT='JSON', TIMESTAMP='date_time');
        """
}
