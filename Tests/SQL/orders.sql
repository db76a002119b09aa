-- Run by `millrace test Tests/SQL`, and with all other tests.

--@test: a filter and a projection
CREATE STREAM orders (id INT KEY, customer VARCHAR, total DECIMAL(8, 2)) WITH (kafka_topic='orders', format='JSON', partitions=1);
CREATE STREAM large AS SELECT id, customer, total * 2 AS twice FROM orders WHERE total > 10;
INSERT INTO orders (ROWTIME, id, customer, total) VALUES (5, 1, 'ann', 9.50);
INSERT INTO orders (ROWTIME, id, customer, total) VALUES (6, 2, 'bob', 20.25);
ASSERT VALUES large (ROWTIME, id, customer, twice) VALUES (6, 2, 'bob', 40.5);
INSERT INTO orders VALUES (3, NULL, 30);
ASSERT VALUES large (id, customer) VALUES (3, NULL);
ASSERT STREAM large (id INT KEY, customer VARCHAR, twice DECIMAL(19, 2)) WITH (kafka_topic='LARGE', value_format='json', partitions=1);
ASSERT NOT EXISTS TOPIC nowhere;

--@test: a table, its changes and its deletions
CREATE TABLE users (name VARCHAR PRIMARY KEY, age INT) WITH (kafka_topic='users', format='JSON', partitions=1);
CREATE TABLE adults AS SELECT name, age FROM users WHERE age >= 18;
INSERT INTO users VALUES ('ann', 20);
INSERT INTO users VALUES ('ann', 10);
ASSERT VALUES adults (name, age) VALUES ('ann', 20);
ASSERT NULL VALUES adults (name) KEY ('ann');
ASSERT TABLE adults;

--@test: windows
CREATE STREAM clicks (page VARCHAR KEY, ms INT) WITH (kafka_topic='clicks', format='JSON', partitions=1);
CREATE TABLE counts AS SELECT page, COUNT(*) AS n FROM clicks WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY page EMIT FINAL;
INSERT INTO clicks (ROWTIME, page, ms) VALUES (1000, '/', 1);
INSERT INTO clicks (ROWTIME, page, ms) VALUES (9000, '/', 1);
INSERT INTO clicks (ROWTIME, page, ms) VALUES (12000, '/', 1);
ASSERT VALUES counts (page, n, WINDOWSTART, WINDOWEND) VALUES ('/', 2, 0, 10000);

--@test: variables
DEFINE name = 'things';
CREATE STREAM ${name} (v INT) WITH (kafka_topic='${name}', value_format='JSON', partitions=1);
INSERT INTO things VALUES (7);
ASSERT VALUES ${name} (v) VALUES (7);

--@test: a script of another file
RUN SCRIPT 'parts/streams.txt';
INSERT INTO parts VALUES (1);
ASSERT VALUES parts VALUES (1);

--@test: an error that is expected
--@expected.error: io.confluent.ksql.util.KsqlException
--@expected.message: does not exist
SELECT * FROM nowhere EMIT CHANGES;
