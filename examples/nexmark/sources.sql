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
