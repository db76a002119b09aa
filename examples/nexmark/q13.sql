-- q13, bounded side input: every bid with a row of a small table.
CREATE STREAM q13 WITH (RETENTION_MS=-1) AS
  SELECT s.id, b.auction, b.bidder, b.price, b.date_time, s.note
  FROM bid b JOIN side_input s ON b.auction % 10000 = s.id;
