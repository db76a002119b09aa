-- Lines of an Apache access log ("combined" format), parsed with regular expressions, counted per status and five minutes, and per page.
CREATE STREAM access_lines (line VARCHAR) WITH (KAFKA_TOPIC='access_lines', VALUE_FORMAT='KAFKA');

CREATE STREAM access WITH (VALUE_FORMAT='JSON', TIMESTAMP='ts') AS
  SELECT
    REGEXP_EXTRACT('^(\S+)', line, 1) AS client,
    PARSE_TIMESTAMP(REGEXP_EXTRACT('\[([^\]]+)\]', line, 1), 'dd/MMM/yyyy:HH:mm:ss Z') AS ts,
    REGEXP_EXTRACT('"([A-Z]+) ', line, 1) AS method,
    REGEXP_EXTRACT('"[A-Z]+ ([^ "]+)', line, 1) AS page,
    CAST(REGEXP_EXTRACT('" (\d{3}) ', line, 1) AS INT) AS status,
    -- A dash, for an answer without a body, is no number and becomes NULL, which SUM leaves out.
    CAST(REGEXP_EXTRACT('" \d{3} (\d+)', line, 1) AS BIGINT) AS bytes
  FROM access_lines;

CREATE TABLE by_status AS
  SELECT status, COUNT(*) AS requests, SUM(bytes) AS bytes
  FROM access WINDOW TUMBLING (SIZE 5 MINUTES, GRACE PERIOD 7 DAYS)
  GROUP BY status;

CREATE TABLE pages AS
  SELECT page, COUNT(*) AS requests
  FROM access
  GROUP BY page;
