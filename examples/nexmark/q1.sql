-- q1, currency conversion: the price of every bid in euros.
CREATE STREAM q1 WITH (RETENTION_MS=-1) AS
  SELECT auction, bidder, price * 0.908 AS price, channel, url, date_time, extra FROM bid;
