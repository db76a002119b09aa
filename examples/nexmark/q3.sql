-- q3, local item suggestion: who sells in one category in three states, as a join of two tables by a column that is no key.
CREATE TABLE q3 AS
  SELECT a.id, p.name, p.city, p.state
  FROM auction a JOIN person p ON a.seller = p.id
  WHERE a.category = 10 AND (p.state = 'OR' OR p.state = 'ID' OR p.state = 'CA');
