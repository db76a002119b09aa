-- The package log of the machine itself, one line a record, counted per action and hour.
-- Such a log can reach back years, hence the long grace.
CREATE STREAM dpkg_lines (line VARCHAR) WITH (KAFKA_TOPIC='dpkg_lines', VALUE_FORMAT='KAFKA');

CREATE STREAM dpkg WITH (VALUE_FORMAT='JSON', TIMESTAMP='ts') AS
  SELECT
    PARSE_TIMESTAMP(SUBSTRING(line, 1, 19), 'yyyy-MM-dd HH:mm:ss') AS ts,
    REGEXP_EXTRACT('^\S+ \S+ (\S+)', line, 1) AS action,
    REGEXP_EXTRACT('^\S+ \S+ \S+ (.*)$', line, 1) AS detail
  FROM dpkg_lines
  WHERE LEN(line) > 20;

CREATE TABLE actions AS
  SELECT action, COUNT(*) AS n
  FROM dpkg WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 36500 DAYS)
  GROUP BY action;
