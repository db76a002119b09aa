-- q8, new users: who came and offered something within ten seconds, as a join of two streams.
CREATE STREAM q8 WITH (RETENTION_MS=-1) AS
  SELECT p.id, p.name, a.reserve
  FROM person_event p JOIN auction_event a WITHIN 10 SECONDS ON p.id = a.seller;
