-- q0, pass-through: every bid as it is.
CREATE STREAM q0 WITH (RETENTION_MS=-1) AS
  SELECT * FROM bid;
