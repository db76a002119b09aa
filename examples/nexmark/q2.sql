-- q2, selection: the bids on some auctions.
CREATE STREAM q2 WITH (RETENTION_MS=-1) AS
  SELECT auction, price FROM bid WHERE auction % 123 = 0;
