-- A stream, what is derived from it, and questions: everything in memory, nothing to clean up.
CREATE STREAM orders (id BIGINT KEY, customer VARCHAR, total DECIMAL(8, 2), placed TIMESTAMP)
  WITH (KAFKA_TOPIC='orders', VALUE_FORMAT='JSON', TIMESTAMP='placed');

CREATE STREAM big_orders AS
  SELECT id, customer, total FROM orders WHERE total >= 100;

CREATE TABLE customers AS
  SELECT customer, COUNT(*) AS orders, SUM(total) AS total, LATEST_BY_OFFSET(total) AS latest
  FROM orders
  GROUP BY customer;

INSERT INTO orders VALUES (1, 'ann', 12.50, '2024-03-01T09:00:00');
INSERT INTO orders VALUES (2, 'bob', 250.00, '2024-03-01T09:05:00');
INSERT INTO orders VALUES (3, 'ann', 99.99, '2024-03-01T09:20:00');
INSERT INTO orders VALUES (4, 'cy', 100.00, '2024-03-01T10:00:00');

SELECT * FROM customers;
SELECT * FROM customers WHERE customer = 'ann';
SELECT id, customer, total FROM big_orders EMIT CHANGES LIMIT 2;
