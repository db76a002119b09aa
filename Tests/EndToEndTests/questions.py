#!/usr/bin/env python3
"""Asks a server random questions and compares its answers with those of other databases: SQLite, and DuckDB where Python has it.

  questions.py MILLRACE [--seed N] [--count N] [--depth N] [--all]

Each question is generated in the three dialects at once. Where ksqlDB differs from the standard, Millrace follows ksqlDB, and the text
for the others says so: SUM and AVG over NULLs are 0, a comparison with NULL is false, and so is IN, `+` shows NULL as 'null'.
Prints the seed and `ok`, or each question that was answered differently or refused, and exits with 1.
"""
import argparse, collections, json, os, random, re, shutil, sqlite3, sys, tempfile, threading, time

sys.dont_write_bytecode = True  # The package's folder holds sources only.
sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import serving

try:
    import duckdb
except ImportError:
    duckdb = None

TYPES = ["INT", "BIGINT", "DOUBLE", "VARCHAR", "BOOLEAN", "DECIMAL"]
SQL = {"DECIMAL": "DECIMAL(10,2)"}
COLUMNS = dict(k="INT", b="BIGINT", d="DOUBLE", s="VARCHAR", f="BOOLEAN", m="DECIMAL")
NUMBERS = ["INT", "BIGINT", "DOUBLE", "DECIMAL"]
WHOLE = ["INT", "BIGINT"]


class Text(tuple):
    """A piece of a question in the dialects of Millrace, SQLite and DuckDB; None in one that has no such thing."""


def t(template, *parts):
    """The template with `{}` replaced. A tuple of templates is one for Millrace and one for the others, or one for each."""
    if isinstance(template, str):
        template = (template,) * 3
    elif len(template) == 2:
        template = (template[0], template[1], template[1])
    result = []
    for dialect, text in enumerate(template):
        chosen = [part[dialect] if isinstance(part, Text) else str(part) for part in parts]
        result.append(None if text is None or None in chosen else text.format(*chosen))
    return Text(result)


def joined(separator, parts):
    return t(separator.join(["{}"] * len(parts)), *parts)


class Scope:
    """What expressions can read: the columns of a row by type, and which of them tell two rows apart."""

    def __init__(self, columns, outer=None, grouped=None, sub=True):
        self.columns, self.outer, self.sub = columns, outer, sub
        # Of a grouped SELECT: the row before grouping.
        self.grouped = grouped
        self.windows = self.sets = False
        # The windows that its WINDOW clause names.
        self.named_windows = []
        # Of DISTINCT ON: its expression.
        self.on = None
        # What tells rows apart; longer than the columns where there are aggregates as well.
        self.total = [text for text, _ in columns]

    def of(self, kind):
        return [text for text, type in self.columns if type == kind]


class Generator:
    def __init__(self, chance, tables, depth):
        self.chance, self.tables, self.depth = chance, tables, depth
        self.names = 0
        # The tables of WITH that can be seen.
        self.named = []

    def name(self, letter):
        self.names += 1
        return "%s%d" % (letter, self.names)

    def one_in(self, number):
        return self.chance.randrange(number) == 0

    def pick(self, *options):
        return self.chance.choice(options)

    def types(self, most=3):
        return [self.chance.choice(TYPES) for _ in range(self.chance.randint(1, most))]

    # Expressions

    def value(self, kind):
        """One that is not NULL."""
        return t({
            "INT": "1", "BIGINT": "CAST(2 AS BIGINT)", "DOUBLE": "0.5E0", "VARCHAR": "'x'", "DECIMAL": "CAST(3 AS DECIMAL(10,2))",
        }[kind])

    def literal(self, kind):
        value = self.chance.randint(-9, 20)
        if kind == "VARCHAR":
            return t("'%s'" % self.pick("", "a", "b", "ab", "B", "é", "zz", "a_b"))
        if kind == "BOOLEAN":
            return t(self.pick("TRUE", "FALSE"))
        if self.one_in(12):
            return t("CAST(NULL AS %s)" % SQL.get(kind, kind))
        if kind == "INT":
            return t(str(value) if value >= 0 else "(%d)" % value)
        if kind == "DOUBLE":
            return t("(%sE0)" % (value / 4))
        return t("CAST(%d AS %s)" % (value, SQL.get(kind, kind)))

    def leaf(self, kind, scope):
        found = scope.of(kind)
        if scope.outer and self.one_in(3):
            # A grouped query shows its subqueries the columns that it is grouped by, and no expression; names without a table could be
            # those of the subquery.
            found = [text for text in scope.outer.of(kind) if re.match(r"\w+\.\w+$", text[0])] or found
        if found and not self.one_in(5):
            return self.chance.choice(found)
        return self.literal(kind)

    def expression(self, kind, scope, depth=2):
        if scope.windows and self.one_in(5):
            return self.window(kind, scope, depth - 1) or self.leaf(kind, scope)
        if scope.grouped and scope.sets and kind == "BIGINT" and self.one_in(4):
            some = [text for text, _ in self.chance.sample(scope.columns, self.chance.randint(1, len(scope.columns)))]
            word = self.pick("GROUPING", "GROUPING", "GROUPING_ID")
            return t((word + "({})", None, "GROUPING({})"), joined(", ", some))
        if scope.grouped and (self.one_in(2) or not scope.of(kind)):
            return self.aggregate(kind, scope.grouped, depth - 1) or self.leaf(kind, scope)
        if scope.sub and depth > 0 and self.one_in(9):
            if kind == "BOOLEAN":
                return self.asked(scope, depth - 1)
            return self.scalar(kind, scope, depth - 1)
        if depth <= 0 or self.one_in(3):
            return self.leaf(kind, scope)
        again = lambda kind=kind: self.expression(kind, scope, depth - 1)
        # In ksqlDB arithmetic with NULL is NULL for the whole expression around it, so the operands are none.
        sure = lambda kind=kind: t("COALESCE({}, {})", again(kind), self.value(kind))
        choice = self.chance.randrange(8)
        if kind == "BOOLEAN":
            return self.condition(scope, depth - 1)
        if choice == 0:
            return t("CASE WHEN {} THEN {} ELSE {} END", self.condition(scope, depth - 1), again(), again())
        if choice == 1:
            return t("COALESCE({}, {})", again(), again())
        if choice == 2:
            return t("NULLIF({}, {})", again(), again())
        if choice == 3:
            of = self.pick("INT", "VARCHAR")
            return t("CASE {} WHEN {} THEN {} WHEN {} THEN {} END", again(of), self.literal(of), again(), self.literal(of), again())
        if kind in WHOLE:
            if choice == 4:
                return t(("({} / {})", "({} / {})", "({} // {})"), sure(), self.pick(2, 3, -4))
            if choice == 5:
                return t("({} % {})", sure(), self.pick(2, 3, 7))
            if kind == "INT" and choice == 6:
                return t(self.pick("ABS({})", "(- {})"), sure()) if self.one_in(2) else t(("LEN({})", "LENGTH({})"), sure("VARCHAR"))
            if choice == 7 and self.one_in(2):
                if self.one_in(3):
                    return t(self.pick("(~{})", "(ABS({}) >> 1)"), sure())
                word = self.pick("&", "|", "#")
                return t(("({} # {})", None, "xor({}, {})") if word == "#" else "({} %s {})" % word, sure(), sure())
            if kind == "BIGINT" and choice == 6:
                return t("({} {} {})", sure("INT"), self.pick("+", "-"), sure("BIGINT"))
            return t("({} {} {})", sure(), self.pick("+", "-"), sure()) if self.one_in(2) else t("({} * {})", sure(), self.pick(2, 3))
        if kind == "DOUBLE":
            if choice == 4:
                return t("({} / {})", sure(), self.pick("2.0E0", "4.0E0"))
            if choice == 5:
                return t("({} {} {})", sure(self.pick("INT", "BIGINT", "DOUBLE", "DECIMAL")), self.pick("+", "-"), sure())
            return t("CAST({} AS DOUBLE)", sure(self.pick("INT", "BIGINT", "DECIMAL")))
        if kind == "VARCHAR":
            if choice == 4:
                return t(("({} + {})", "(COALESCE({}, 'null') || COALESCE({}, 'null'))"), again(), again())
            if choice == 5:
                return t(("({} || {})", "(COALESCE({}, '') || COALESCE({}, ''))"), again(), again())
            return t(("SUBSTRING({}, {}, {})", "SUBSTR({}, {}, {})"), again(), self.pick(1, 2), self.pick(1, 2))
        return self.leaf(kind, scope)

    def condition(self, scope, depth=2):
        """A condition that is never NULL."""
        choice = self.chance.randrange(14)
        if depth > 0 and choice < 4:
            a, b = self.condition(scope, depth - 1), self.condition(scope, depth - 1)
            return t("(NOT {})", a) if choice == 0 else t("({} {} {})", a, self.pick("AND", "OR"), b)
        if depth > 0 and scope.sub and choice < 6:
            return self.asked(scope, depth - 1)
        kind = self.chance.choice(TYPES)
        a = self.expression(kind, scope, min(depth, 1))
        never = lambda text: self.otherwise(text, "FALSE")
        if choice == 6:
            return t("({} IS {}NULL)", a, self.pick("", "NOT "))
        if choice == 7:
            found = never(t("({} IN ({}))", a, joined(", ", [self.literal(kind) for _ in range(self.chance.randint(1, 4))])))
            return found if self.one_in(2) else t("(NOT {})", found)
        if choice == 8 and kind != "BOOLEAN":
            b, c = self.expression(kind, scope, 0), self.expression(kind, scope, 0)
            found = never(t("({} BETWEEN {} AND {})", a, b, c))
            if self.one_in(3):
                found = never(t(("({0} BETWEEN SYMMETRIC {1} AND {2})", "({0} BETWEEN {1} AND {2} OR {0} BETWEEN {2} AND {1})"), a, b, c))
            return found if self.one_in(2) else t("(NOT {})", found)
        if choice == 9 and kind == "VARCHAR":
            return t("({}({} LIKE '{}'))", self.pick("", "NOT "), t("COALESCE({}, 'a')", a), self.pick("a%", "%b", "_", "%b%", "_b%"))
        if choice == 9 and kind in WHOLE:
            return t(("({} {}IN ())", "({} {}IN ())", "({} {}IN (SELECT 1 WHERE FALSE))"), a, self.pick("", "NOT "))
        if choice == 11 and kind == "VARCHAR":
            pattern = self.pick("a*", "*b", "?", "*b*", "[a-b]*", "[^a]?")
            # DuckDB writes none of as an exclamation mark.
            return t("({}({} GLOB '{}'))", self.pick("", "NOT "), t("COALESCE({}, 'a')", a), t((pattern, pattern, pattern.replace("^", "!"))))
        if choice == 10:
            return t("({} IS {}DISTINCT FROM {})", a, self.pick("", "NOT "), self.expression(kind, scope, min(depth, 1)))
        other = self.chance.choice(NUMBERS) if kind in NUMBERS else kind
        operator = self.pick("=", "<>") if kind == "BOOLEAN" else self.pick("=", "=", "<>", "<", "<=", ">", ">=")
        return never(t("({} {} {})", a, operator, self.expression(other, scope, min(depth, 1))))

    # Subqueries

    def scalar(self, kind, scope, depth):
        if kind != "BOOLEAN" and self.one_in(2):
            row, text, _ = self.sources(Scope([], scope), 0)
            value = self.aggregate(kind, row, depth)
            if value:
                where = t(" WHERE {}", self.condition(row, 1)) if self.one_in(2) else t("")
                return t("(SELECT {} FROM {}{})", value, text, where)
        return t("({})", self.question([kind], scope, min(depth, 1), single=True)[0])

    def asked(self, scope, depth):
        """EXISTS or IN over a question."""
        if self.one_in(2):
            word, text = self.pick("", "NOT "), self.question(None, scope, min(depth, 1))[0]
            # SQLite leaves DISTINCT out there, also where OFFSET counts what is left.
            misread = text[1] and "DISTINCT" in text[1] and "OFFSET" in text[1]
            return t(("({}EXISTS ({}))", None if misread else "({}EXISTS ({}))", "({}EXISTS ({}))"), word, text)
        kind = self.chance.choice(TYPES)
        value = self.expression(kind, scope, min(depth, 1))
        found = self.otherwise(t("({} IN ({}))", value, self.question([kind], scope, min(depth, 1))[0]), "FALSE")
        return found if self.one_in(2) else t("(NOT {})", found)

    # Aggregates and window functions

    def aggregate(self, kind, row, depth=1, over=None):
        """An aggregate of that type; None when there is none. Its arguments hold no subquery."""
        plain = Scope(row.columns, None if over is None else row.outer, None if over is None else row.grouped, sub=False)
        argument = lambda kind: self.expression(kind, plain, min(depth, 1))
        if kind == "BOOLEAN":
            return None
        distinct = "DISTINCT " if over is None and self.one_in(4) else ""
        end = t(" FILTER (WHERE {})", self.condition(plain, 1)) if self.one_in(4) else t("")
        end = t("{}{}", end, over or t(""))
        choice = self.chance.randrange(4)
        if kind == "BIGINT" and choice < 2:
            if self.one_in(2):
                return t("COUNT(*){}", end)
            return t("COUNT({}{}){}", distinct, argument(self.chance.choice(TYPES)), end)
        if kind == "DOUBLE" and choice == 0:
            return self.sum(t("AVG({}{}){}", distinct, argument(self.pick("INT", "BIGINT", "DOUBLE")), end), end)
        if kind in ["INT", "BIGINT", "DOUBLE"] and choice < 3:
            inside = argument(kind)
            # However often sums are summed, they stay small.
            if kind in WHOLE and not re.match(r"t\d+\.\w$", inside[0]):
                inside = t("({} % 100)", inside)
            return self.sum(t("SUM({}{}){}", distinct, inside, end), end)
        if over is None and kind == "INT" and self.one_in(4):
            # The value follows from the key, so that it does not matter which of several rows counts.
            by = argument("INT")
            return t(self.pick(("MAX_BY({0} % 7, {0}){1}", None, "arg_max({0} % 7, {0}){1}"), ("ARG_MIN({0} % 7, {0}){1}", None, "arg_min({0} % 7, {0}){1}"),
                ("PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY {0}){1}", None, "percentile_disc(0.5) WITHIN GROUP (ORDER BY {0}){1}")), by, end)
        # SQLite lets rows that FILTER leaves out into the MIN and MAX of a window.
        misread = over is not None and "FILTER" in end[0]
        return t(("{}({}{}){}", None if misread else "{}({}{}){}", "{}({}{}){}"), self.pick("MIN", "MAX"), distinct, argument(kind), end)

    def otherwise(self, text, value):
        """A text that gives NULL in the standard where ksqlDB has another value."""
        return Text((text[0],) + tuple(None if other is None else "COALESCE(%s, %s)" % (other, value) for other in text[1:]))

    def sum(self, text, end):
        """A SUM or AVG, which is NULL over no row, and 0 over rows that are all NULL there, as in ksqlDB."""
        template = "CASE WHEN COUNT(*){} > 0 THEN COALESCE({}, 0) END"
        return t(("{1}", template.replace("{}", "{0}", 1).replace("{}", "{1}")), end, text)

    def order(self, text):
        descending, nulls = self.one_in(2), self.pick("", "", "FIRST", "LAST")
        direction = "DESC" if descending else self.pick("ASC", "")
        said = nulls or ("FIRST" if descending else "LAST")
        return t(("{} %s%s" % (direction, " NULLS " + nulls if nulls else ""), "{} %s NULLS %s" % (direction, said)), text)

    def window(self, kind, scope, depth):
        inner = Scope(scope.columns, scope.outer, scope.grouped, sub=False)
        choices = ["pick", "shift", "pick"]
        if kind == "BIGINT":
            choices += ["number", "rank", "rank"]
        if kind == "DOUBLE":
            choices += ["part"]
        if kind != "BOOLEAN":
            choices += ["aggregate"] * 3
        choice = self.chance.choice(choices)
        is_total, frame = choice in ["pick", "shift", "number"], ""
        keys = [self.expression(self.chance.choice(TYPES), inner, 1) for _ in range(self.chance.randint(0, 2))]
        if choice in ["pick", "aggregate"] and self.one_in(2):
            unit = self.pick("ROWS", "RANGE", "GROUPS")
            bounds = ["UNBOUNDED PRECEDING", "2 PRECEDING", "1 PRECEDING", "0 PRECEDING", "CURRENT ROW", "0 FOLLOWING", "1 FOLLOWING",
                "3 FOLLOWING", "UNBOUNDED FOLLOWING"]
            first = self.chance.randrange(8)
            last = self.chance.randrange(max(first, 1), 9)
            frame = " %s BETWEEN %s AND %s" % (unit, bounds[first], bounds[last])
            if first < 5 and self.one_in(4):
                frame = " %s %s" % (unit, bounds[first])
            if self.one_in(3):
                frame += " EXCLUDE " + self.pick("CURRENT ROW", "GROUP", "TIES", "NO OTHERS")
            if unit == "ROWS":
                is_total = True
            elif unit == "RANGE" and re.search(r"\d", frame):
                is_total = False
                if choice == "pick":
                    return None
                keys = [self.leaf(self.pick("INT", "BIGINT", "DOUBLE"), inner)]
                if not re.match(r"[\w.]+$", keys[0][0]):
                    return None
            elif unit == "GROUPS":
                if not scope.total:
                    return None
                is_total = is_total or not keys
        keys = [key for key in keys if not re.match(r"\(?-?\d+\)?$|'|TRUE|FALSE|\(-?[\d.]+E0|CAST\((\d|-|NULL)", key[0])]
        if "RANGE" in frame and re.search(r"\d", frame) and len(keys) != 1:
            return None
        if is_total or "GROUPS" in frame and not keys:
            keys += scope.total
        if "GROUPS" in frame and not keys:
            return None
        parts = []
        if self.one_in(2) and scope.columns:
            parts.append(t("PARTITION BY {}", joined(", ", [self.chance.choice(scope.columns)[0] for _ in range(self.pick(1, 1, 2))])))
        if keys and (is_total or choice != "aggregate" or frame or self.one_in(2)):
            parts.append(t("ORDER BY {}", joined(", ", [self.order(key) for key in keys])))
        over = t(" OVER ({})", joined(" ", parts + [t(frame.strip())]))
        if self.one_in(4):
            # The same by name: all of it, or all but its frame.
            name = self.name("w")
            whole = self.one_in(2)
            named = joined(" ", parts + [t(frame.strip() if whole else "")])
            scope.named_windows.append(t("{} AS ({})", name, named))
            over = t(" OVER {}", name) if whole else t(" OVER ({} {})", name, frame.strip())
        value = lambda: self.expression(kind, inner, depth)
        if choice == "pick":
            function = self.pick("FIRST_VALUE({})", "LAST_VALUE({})", "NTH_VALUE({}, %d)" % self.chance.randint(1, 4))
            if self.one_in(4):
                return t((function.replace(")", " IGNORE NULLS)") + "{}", None, function.replace(")", " IGNORE NULLS)") + "{}"), value(), over)
            return t(function + "{}", value(), over)
        if choice == "shift":
            function = self.pick("LAG", "LEAD")
            more = self.pick(t(""), t(", {}", self.chance.randint(0, 3)), t(", {}, {}", self.chance.randint(0, 3), value()))
            if self.one_in(4):
                more = self.pick(t(""), t(", {}", self.chance.randint(1, 3)))
                return t(("{}({}{}) IGNORE NULLS{}", None, "{}({}{} IGNORE NULLS){}"), function, value(), more, over)
            return t("{}({}{}){}", function, value(), more, over)
        if choice == "number":
            return t("{}{}", self.pick("ROW_NUMBER()", "NTILE(%d)" % self.chance.randint(1, 5)), over)
        if choice == "rank":
            return t("{}(){}", self.pick("RANK", "DENSE_RANK"), over)
        if choice == "part":
            return t("{}(){}", self.pick("PERCENT_RANK", "CUME_DIST"), over)
        return self.aggregate(kind, inner, depth, over)

    # FROM

    def base(self):
        table = self.chance.choice(list(self.tables))
        alias = self.name("t")
        text = t("{}{}{}", table, self.pick(" ", " AS "), alias)
        if self.one_in(5) and not table.startswith("v"):
            text = self.reach(table, alias)
        return [(alias, name, kind) for name, kind in self.tables[table]], text, 10

    def reach(self, table, alias):
        """A part of a stream, or a table as it was."""
        time = lambda: self.chance.randint(0, 12) * 1000
        stamp = lambda time: "TIMESTAMP '1970-01-01T00:00:%02d'" % (time // 1000)
        if table == "cc":
            at = time()
            return t(("cc AS OF " + stamp(at) + " AS {}", "(SELECT * FROM cc WHERE rt <= %d) AS {}" % at), alias)
        said, meant = [], []
        for word, comparison in [("FROM", ">="), ("UNTIL", "<")]:
            if word == "UNTIL" and said and self.one_in(2):
                break
            if self.one_in(2):
                offset = self.chance.randint(0, 5)
                said.append("%s OFFSET %d" % (word, offset))
                meant.append("ro %s %d" % (comparison, offset))
            else:
                at = time()
                said.append("%s %s" % (word, stamp(at)))
                meant.append("rt %s %d" % (comparison, at))
        other = "(SELECT * FROM %s WHERE %s) AS {}" % (table, " AND ".join(meant))
        words = " ".join(said)
        return t((self.pick("%s %s AS {}" % (table, words), "%s AS {} %s" % (table, words)), other), alias)

    def windowed(self):
        """Groups of time: what ROWTIME is comes from a column."""
        table, alias, key = self.chance.choice(list(self.tables)), self.name("q"), self.pick("k", "s", "f")
        columns = [(alias, "g", dict(COLUMNS)[key]), (alias, "n", "BIGINT"), (alias, "u", "BIGINT"), (alias, "ws", "BIGINT"), (alias, "we", "BIGINT")]
        size = self.pick(3, 5, 8)
        kind = self.pick("TUMBLING", "HOPPING", "SESSION")
        advance = self.pick(1, 2, 3)
        inside = dict(TUMBLING="SIZE %d MILLISECONDS" % size, HOPPING="SIZE %d MILLISECONDS, ADVANCE BY %d MILLISECONDS" % (size, advance),
            SESSION="%d MILLISECONDS" % size)[kind]
        ours = ("(SELECT %s AS g, COUNT(*) AS n, SUM(b) AS u, WINDOWSTART AS ws, WINDOWEND AS we FROM (SELECT %s, b, ABS(COALESCE(b, 0)) AS rowtime "
            "FROM %s) AS x WINDOW %s (%s) GROUP BY %s) AS %s" % (key, key, table, kind, inside, key, alias))
        rows = "SELECT %s AS g, b, ABS(COALESCE(b, 0)) AS r FROM %s WHERE %s IS NOT NULL" % (key, table, key)
        if kind == "SESSION":
            first = "SELECT g, b, r, CASE WHEN r - LAG(r, 1, r - %d) OVER (PARTITION BY g ORDER BY r) > %d THEN 1 ELSE 0 END AS f FROM (%s)" % (
                size + 1, size, rows)
            numbered = "SELECT g, b, r, SUM(f) OVER (PARTITION BY g ORDER BY r ROWS UNBOUNDED PRECEDING) AS i FROM (%s)" % first
            other = "(SELECT g, COUNT(*) AS n, COALESCE(SUM(b), 0) AS u, MIN(r) AS ws, MAX(r) AS we FROM (%s) GROUP BY g, i) AS %s" % (numbered, alias)
        else:
            step = size if kind == "TUMBLING" else advance
            starts = "SELECT g, b, r, r - r %% %d - i * %d AS ws FROM (%s), (%s)" % (
                step, step, rows, " UNION ALL ".join("SELECT %d AS i" % i for i in range(size // step + 2)))
            other = ("(SELECT g, COUNT(*) AS n, COALESCE(SUM(b), 0) AS u, ws, ws + %d AS we FROM (%s) WHERE ws >= 0 AND ws > r - %d GROUP BY g, ws) "
                "AS %s" % (size, starts, size, alias))
        return columns, Text((ours, other, other)), 20

    def recursion(self):
        """What follows WITH RECURSIVE: its text, columns, about how many rows."""
        name, number, other = self.name("n"), self.name("r"), self.name("r")
        word, end = self.pick("UNION", "UNION ALL"), self.chance.randint(1, 5)
        choice = self.chance.randrange(3)
        if choice == 0:
            start = self.pick("SELECT 1", "VALUES (1)", "SELECT k FROM aa WHERE k < 2")
            return t("%s (%s) AS (%s %s SELECT %s + 1 FROM %s WHERE %s < %d)" % (name, number, start, word, number, name, number, end)), [
                (number, "INT")], 20
        if choice == 1:
            step = ("SUBSTRING(%s || 'b', 1, 3)" % other, "SUBSTR(%s || 'b', 1, 3)" % other)
            template = "%s (%s, %s) AS (SELECT 1, 'a' %s SELECT %s + 1, {} FROM %s WHERE %s < %d)" % (
                name, number, other, word, number, name, number, end)
            return t(template, Text((step[0], step[1], step[1]))), [(number, "INT"), (other, "VARCHAR")], 5
        return t("%s (%s, %s) AS (SELECT k, b FROM bb UNION SELECT x.k, y.%s FROM aa x JOIN %s y ON y.%s + 1 = x.k)" % (
            name, number, other, other, name, number)), [(number, "INT"), (other, "BIGINT")], 20

    def source(self, depth):
        if self.one_in(14):
            return self.windowed()
        if depth > 0 and self.one_in(3):
            alias = self.name("q")
            if self.one_in(4):
                kinds = self.types()
                names = [self.name("v") for _ in kinds]
                rows = self.rows(kinds)
                listed = ", ".join("column%d AS %s" % (index + 1, name) for index, name in enumerate(names))
                text = t(("({}) AS {} ({})", "(SELECT " + listed + " FROM ({})) AS {}", "({}) AS {} ({})"), rows, alias, ", ".join(names))
                return [(alias, name, kind) for name, kind in zip(names, kinds)], text, 3
            text, columns, size = self.question(None, None, depth - 1)
            return [(alias, name, kind) for name, kind in columns], t("({}) AS {}", text, alias), size
        if self.named and self.one_in(3):
            table, columns, size = self.chance.choice(self.named)
            alias = self.name("w")
            return [(alias, name, kind) for name, kind in columns], t("{} AS {}", table, alias), size
        return self.base()

    def rows(self, kinds):
        plain = Scope([], sub=False)
        rows = [t("({})", joined(", ", [self.expression(kind, plain, 1) for kind in kinds])) for _ in range(self.chance.randint(1, 4))]
        return t("VALUES {}", joined(", ", rows))

    def sources(self, scope, depth):
        """The scope of a FROM clause, its text, and about how many rows there are."""
        columns, text, size = self.source(depth)
        # JOIN binds closer than a comma, so that ON sees nothing before one.
        merged, before = {}, []
        for _ in range(self.pick(0, 0, 1, 1, 2)):
            if depth > 0 and self.one_in(6):
                alias = self.name("l")
                around = Scope([(t("{}.{}", *column[:2]), column[2]) for column in columns], scope.outer, sub=False)
                inner, found, other = self.question(None, around, 0)
                if size * other <= 1500:
                    word = self.pick(", LATERAL", " CROSS JOIN LATERAL", " JOIN LATERAL", " LEFT JOIN LATERAL") if not before else ", LATERAL"
                    end = " ON TRUE" if "JOIN" in word and "CROSS" not in word else ""
                    text, size = t(("{}" + word + " ({}) AS {}" + end, None, "{}" + word + " ({}) AS {}" + end), text, inner, alias), size * other
                    before = columns if "JOIN" not in word else before
                    columns = columns + [(alias, name, kind) for name, kind in found]
                continue
            more, right, other = self.source(depth - 1)
            if size * other > 1500:
                continue
            both, seen = columns + more, columns[len(before):] + more
            row = Scope([(t("{}.{}", alias, name), kind) for alias, name, kind in seen], scope.outer, sub=False)
            kind = self.pick(
                "JOIN", "INNER JOIN", "LEFT JOIN", "LEFT OUTER JOIN", "RIGHT JOIN", "FULL JOIN", "FULL OUTER JOIN", "CROSS JOIN", ",")
            if kind in ["CROSS JOIN", ","]:
                text, size = t("{}{}{} {}", text, "" if kind == "," else " ", kind, right), size * other
                before = columns if kind == "," else before
            else:
                shared = [(a[1], a[2], a[0], b[0]) for a in seen[:-len(more)] for b in more if a[1:] == b[1:] and a[2] != "BOOLEAN"]
                if shared and self.one_in(4) and not merged and sum(name == shared[0][0] for _, name, _ in both) == 2:
                    name, of, a, b = self.chance.choice(shared)
                    if sum(other_name == name for _, other_name, _ in both) == 2:
                        merged = {name: of}
                        text, size = t("{} {} {} USING ({})", text, kind, right, name), max(size, other)
                        columns = both
                        continue
                equal = [(a, b) for a in seen[:-len(more)] for b in more if a[2] == b[2]]
                if equal and not self.one_in(4):
                    a, b = self.chance.choice(equal)
                    on = t("{}.{} = {}.{}", a[0], a[1], b[0], b[1])
                    if self.one_in(3):
                        on = t("{} AND {}", on, self.condition(row, 1))
                else:
                    on = self.condition(row, 1)
                # SQLite binds JOIN no closer than a comma, and loses rows of these joins behind one whose condition is always false.
                misread = len({alias for alias, _, _ in columns}) > 1 and kind.split()[0] in ["RIGHT", "FULL"]
                text = t(("{} {} {} ON {}", None if misread else "{} {} {} ON {}", "{} {} {} ON {}"), text, kind, right, on)
                size = size * other // 3 + 1
            columns = both
        readable = [(t("{}.{}", alias, name), kind) for alias, name, kind in columns]
        for name, kind in merged.items():
            if sum(other == name for _, other, _ in columns) == 2:
                readable += [(t(name), kind)] * 2
        return Scope(readable, scope.outer), text, size

    # SELECT

    def block(self, kinds, outer, depth):
        """One SELECT: its text, its columns, about how many rows, and whether it may have ORDER BY expressions."""
        if self.one_in(12):
            row, text, size = Scope([], outer), t(""), 1
        else:
            row, source, size = self.sources(Scope([], outer), depth)
            text = t(" FROM {}", source)
        if self.one_in(2):
            text = t("{} WHERE {}", text, self.condition(row, 2))
            if self.one_in(8):
                kind = self.chance.choice(TYPES)
                found = t("({} IN ({}))", self.leaf(kind, row), self.question([kind], row, 0)[0])
                text = t("{} AND NOT {}", text, self.otherwise(found, "FALSE"))
        wanted = kinds or self.types()
        result, distinct = row, t("")
        if self.one_in(3):
            result, clause = self.grouping(row)
            text = t("{}{}", text, clause)
            size = min(size, 12)
        result.windows = self.one_in(2) and size < 400
        if result.grouped is not None and result.windows:
            # Aggregates that tell the groups of different grouping sets apart as well as they can be.
            result.total = result.total + [t("COUNT(*)")]
        items = [(self.name("c"), kind, self.expression(kind, result, 2)) for kind in wanted]
        qualify = t("")
        if result.windows and result.sets is False and self.one_in(4):
            qualify = t((" QUALIFY {}", None, " QUALIFY {}"), self.condition(result, 1))
            named = [item for item in items if "OVER" in item[2][0] and item[1] != "BOOLEAN"]
            if named and self.one_in(3):
                qualify = t((" QUALIFY {} IS NOT NULL", None, " QUALIFY {} IS NOT NULL"), self.chance.choice(named)[0])
        if result.named_windows:
            text = t("{} WINDOW {}", text, joined(", ", result.named_windows))
        text = t("{}{}", text, qualify)
        if self.one_in(5):
            distinct = t("DISTINCT ")
        elif row.columns and self.one_in(12):
            result.on = self.chance.choice(result.columns or row.columns)[0] if result.columns else None
            distinct = t(("DISTINCT ON ({}) ", None, "DISTINCT ON ({}) "), result.on) if result.on else distinct
        listed = joined(", ", [t("{} AS {}", text, name) for name, _, text in items])
        columns = [(name, kind) for name, kind, _ in items]
        return t("SELECT {}{}{}", distinct, listed, text), columns, size, result, distinct[0] == "DISTINCT "

    def grouping(self, row):
        keys = []
        for _ in range(self.pick(0, 1, 1, 2, 3)):
            kind = self.chance.choice(TYPES)
            plain = Scope(row.columns, None, sub=False)
            key = self.expression(kind, plain, self.pick(0, 0, 1))
            if re.search(r"[tqw]\d+\.", key[0]) and key not in [text for text, _ in keys]:
                keys.append((key, kind))
        result = Scope(keys, row.outer, grouped=row)
        result.sets = False
        if not keys:
            clause = t("")
        elif self.one_in(3):
            result.sets = True
            texts = [text for text, _ in keys]
            kind = self.chance.randrange(3)
            if kind < 2:
                word = ["ROLLUP", "CUBE"][kind]
                inside = joined(", ", texts)
                clause = t((" GROUP BY " + word + " ({})", None, " GROUP BY " + word + " ({})"), inside)
            else:
                some = lambda: self.chance.sample(texts, self.chance.randint(0, len(texts)))
                sets = [joined(", ", some()) for _ in range(3)]
                sets[0] = joined(", ", texts)
                inside = joined(", ", [t("({})", one) for one in sets])
                clause = t((" GROUP BY GROUPING SETS ({})", None, " GROUP BY GROUPING SETS ({})"), inside)
        else:
            clause = t(" GROUP BY {}", joined(", ", [text for text, _ in keys]))
        if self.one_in(3):
            condition = self.condition(result, 1)
            clause = t("{} HAVING {}", clause, condition)
        elif not keys:
            # Something must say that this is one group.
            clause = t(" HAVING COUNT(*) >= 0")
        return result, clause

    # Questions

    def question(self, kinds, outer, depth, single=False, top=False):
        """A question: text, columns, about how many rows. Of a single one there is at most one row."""
        named_before = list(self.named)
        start = t("")
        if depth > 0 and self.one_in(6):
            tables, word = [], "WITH"
            for _ in range(self.pick(1, 1, 2)):
                if self.one_in(4):
                    text, columns, size = self.recursion()
                    tables.append(text)
                    self.named.append((text[0].split()[0], columns, size))
                    word = "WITH RECURSIVE"
                    continue
                name = self.name("n")
                text, columns, size = self.question(None, None, depth - 1)
                if self.one_in(2):
                    columns = [(self.name("r"), kind) for _, kind in columns]
                    tables.append(t("{} ({}) AS ({})", name, ", ".join(column for column, _ in columns), text))
                else:
                    tables.append(t("{} AS ({})", name, text))
                self.named.append((name, columns, size))
            start = t("{} {} ", word, joined(", ", tables))
        kinds = kinds or self.types()
        scope = None
        distinct = False
        if depth > 0 and self.one_in(4):
            text, columns, size = self.combination(kinds, outer, depth - 1)
        elif self.one_in(15):
            rows = self.rows(kinds)
            names = [self.name("c") for _ in kinds]
            listed = ", ".join("%s AS %s" % ("column%d" % (index + 1) , name) for index, name in enumerate(names))
            dk = ", ".join("%s AS %s" % ("col%d" % index, name) for index, name in enumerate(names))
            text = t(("SELECT " + listed + " FROM ({}) AS x", "SELECT " + listed + " FROM ({}) AS x",
                "SELECT " + dk + " FROM ({}) AS x"), rows)
            columns, size = list(zip(names, kinds)), 4
        else:
            text, columns, size, scope, distinct = self.block(kinds, outer, depth)
        is_ordered = single or scope and scope.on or top and self.one_in(2) or self.one_in(5)
        if is_ordered:
            keys = []
            if scope and scope.on:
                keys.append(self.order(scope.on))
            elif scope and not distinct and not scope.grouped and self.one_in(3):
                plain = Scope(scope.columns, scope.outer, sub=False)
                key = self.expression(self.chance.choice(TYPES), plain, 1)
                if re.search(r"[tqw]\d+\.", key[0]):
                    keys.append(self.order(key))
            # ORDER BY an expression that is no item does not make the order total by itself, so all items follow.
            places = list(range(len(columns)))
            self.chance.shuffle(places)
            keys += [self.order(self.pick(str(place + 1), columns[place][0])) for place in places]
            text = t("{} ORDER BY {}", text, joined(", ", keys))
            limit, offset = self.pick(None, self.chance.randint(0, 8)), self.pick(None, None, self.chance.randint(0, 4))
            if single:
                limit = 1
            if limit is not None or offset is not None:
                shown = ("LIMIT %d" % limit if limit is not None else "") + (" OFFSET %d" % offset if offset is not None else "")
                other = "LIMIT %d" % limit if limit is not None else ""
                sqlite = "LIMIT %d" % (-1 if limit is None else limit) + (" OFFSET %d" % offset if offset is not None else "")
                # SQLite leaves OFFSET out behind DISTINCT where there is no FROM: the one row stays.
                misread = offset is not None and distinct and not scope.columns
                text = t(("{} " + shown, None if misread else "{} " + sqlite, "{} " + shown), text)
                size = min(size, limit if limit is not None else size)
        self.named = named_before
        self.is_ordered = is_ordered
        return t("{}{}", start, text), columns, max(size, 1)

    def combination(self, kinds, outer, depth):
        left, columns, size = self.question(kinds, outer, depth)
        right, _, other = self.question(kinds, outer, depth)
        word = self.pick("UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL")
        sqlite = None if word in ["INTERSECT ALL", "EXCEPT ALL"] else "SELECT * FROM ({}) %s SELECT * FROM ({})" % word
        ours = "({}) %s ({})" % word
        if left[0].startswith("SELECT") and right[0].startswith("SELECT") and not re.search("ORDER BY|LIMIT|UNION|EXCEPT|INTERSECT|WITH",
                left[0] + right[0]) and self.one_in(2):
            ours = "{} %s {}" % word
        return t((ours, sqlite, "({}) %s ({})" % word), left, right), columns, size + other


class Judge:
    """Another database with the same rows."""

    def __init__(self, dialect, connection):
        self.dialect, self.connection = dialect, connection

    def ask(self, text):
        """The rows; None when it takes too long or refuses."""
        timer = threading.Timer(5, self.connection.interrupt)
        timer.start()
        try:
            return [list(row) for row in self.connection.execute(text).fetchall()], ""
        except Exception as error:
            return None, str(error).split("\n")[0]
        finally:
            timer.cancel()


def shown(rows):
    def value(value):
        if isinstance(value, bool):
            return int(value)
        if isinstance(value, int) or value is None or isinstance(value, str):
            return value
        number = float(value)
        return int(number) if number.is_integer() else float("%.9g" % number)
    return [[value(one) for one in row] for row in rows]


def key(row):
    return [(value is None, isinstance(value, str), value if value is not None else 0) for value in row]


def made(chance):
    """The rows of three tables."""
    tables = {}
    for name, rows in [("aa", 10), ("bb", 7), ("cc", 12)]:
        tables[name] = []
        for number in range(rows):
            some = lambda value: None if chance.random() < 0.2 else value
            tables[name].append(dict(
                k=number if name == "cc" else some(chance.randint(-3, 6)), b=some(chance.randint(-20, 20)),
                d=some(chance.randint(-16, 16) / 4), s=some(chance.choice(["", "a", "b", "ab", "B", "é", "zz", "abc"])),
                f=some(chance.random() < 0.5), m=some(chance.randint(-12, 12) / 4)))
    return tables


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return "'%s'" % value if isinstance(value, str) else str(value)


class Session:
    def __init__(self, millrace, folder):
        self.server = serving.Server(millrace, folder, "--durability", "os")
        self.connect()

    def connect(self):
        self.connection = serving.Connection(self.server.port)
        # One that takes longer is counted, and left.
        self.connection.socket.settimeout(10)

    def ask(self, text):
        """Rows, or None with the message; and what went wrong in rows."""
        self.connection.send(text + "\n")
        lines = self.connection.answer()
        end = lines[-1]
        if end[0] == "-":
            return None, end[2:].strip()
        return [json.loads(line[1:]) for line in lines if line[0] == ":"], json.loads(end[1:]).get("firstProblem", "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("millrace")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--depth", type=int, default=1)
    parser.add_argument("--all", action="store_true", help="write everything that was not equal to questions.out")
    options = parser.parse_args()
    print("seed %d" % options.seed, flush=True)
    folder = tempfile.mkdtemp(prefix="millrace-questions-")
    chance = random.Random(options.seed)
    session = Session(options.millrace, folder)
    judges = [Judge(1, sqlite3.connect(":memory:", check_same_thread=False))]
    judges[0].connection.execute("PRAGMA case_sensitive_like = ON")
    if duckdb:
        judges.append(Judge(2, duckdb.connect(":memory:")))
    tables, problems = made(chance), []
    for name, rows in tables.items():
        listed = ", ".join("%s %s%s" % (column, SQL.get(kind, kind), " PRIMARY KEY" if (name, column) == ("cc", "k") else "")
            for column, kind in COLUMNS.items())
        create = "CREATE %s %s (%s)" % ("TABLE" if name == "cc" else "STREAM", name, listed)
        texts = [create + " WITH (KAFKA_TOPIC='%s', FORMAT='JSON', PARTITIONS=3);" % name]
        texts += ["INSERT INTO %s (ROWTIME, %s) VALUES (%d, %s);" % (name, ", ".join(COLUMNS), chance.randint(0, 11) * 1000,
            ", ".join(literal(value) for value in row.values())) for row in rows]
        for text in texts:
            problem = session.ask(text)
            if problem[0] is None:
                print(text, problem)
        # The others get what Millrace adds to a row as columns.
        kept, problem = session.ask("SELECT %s, ROWPARTITION, ROWOFFSET, ROWTIME FROM %s ORDER BY k;" % (", ".join(COLUMNS), name))
        if len(kept or []) != len(rows):
            print("rows are missing", name, problem)
        for judge in judges:
            judge.connection.execute("CREATE TABLE %s (%s, rp INT, ro BIGINT, rt BIGINT)" % (name, listed))
            for row in kept or []:
                judge.connection.execute("INSERT INTO %s VALUES (%s)" % (name, ", ".join(literal(value) for value in row)))
    # Views, of which one reads the other.
    for create in ["CREATE VIEW va AS SELECT k, b, d, s, f, m FROM aa WHERE k > 0 UNION ALL SELECT k, b, d, s, f, m FROM cc WHERE f;",
            "CREATE VIEW vb (k, b, d, s, f, m) AS SELECT MIN(k), b, SUM(COALESCE(d, 0)), s, f, MAX(m) FROM va GROUP BY b, s, f;"]:
        for ask in [session.ask] + [judge.connection.execute for judge in judges]:
            ask(create)
    names = list(tables) + ["va", "vb"]
    counts = collections.Counter()
    generator = Generator(chance, {name: list(COLUMNS.items()) for name in names}, options.depth)
    for number in range(options.count):
        generator.names = 0
        text, columns, _ = generator.question(None, None, generator.chance.randint(0, options.depth), top=True)
        is_ordered = generator.is_ordered
        try:
            got, problem = session.ask(text[0] + ";")
        except TimeoutError:
            counts["too slow for Millrace"] += 1
            session.connection.close()
            session.connect()
            continue
        except ConnectionError:
            problems.append(("ended the server", text, None, None))
            print("the server ended: " + text[0][:200] + " | " + " ".join(session.server.lines[-3:])[:300], flush=True)
            session = Session(options.millrace, folder)
            continue
        if got is not None and problem and "a grouping value is null" not in problem:
            counts["failed: " + problem] += 1
            continue
        answers = []
        for judge in judges:
            if text[judge.dialect] is not None:
                rows, refusal = judge.ask(text[judge.dialect])
                if rows is None:
                    counts["judge %d: %s" % (judge.dialect, re.sub(r"\d+|\".*|'.*", "", refusal)[:70])] += 1
                    if options.all:
                        problems.append(("judge %d refused" % judge.dialect, text, refusal, None))
                else:
                    answers.append(shown(rows) if is_ordered else sorted(shown(rows), key=key))
        if not answers:
            counts["no judge"] += 1
            continue
        if got is None:
            problems.append(("refused", text, answers[0], problem))
            continue
        got = shown(got) if is_ordered else sorted(shown(got), key=key)
        if len(answers) == 2 and answers[0] != answers[1]:
            counts["judges differ"] += 1
            if got not in answers:
                problems.append(("all differ", text, answers, got))
            elif options.all:
                problems.append(("judges differ, like %d" % (answers.index(got) + 1), text, answers, got))
        elif got != answers[0]:
            problems.append(("differs", text, answers[0], got))
        else:
            counts["equal"] += 1
            counts["equal, of rows"] += bool(got)
    print(dict(counts))
    session.server.process.kill()
    shutil.rmtree(folder, ignore_errors=True)
    problems.sort(key=lambda problem: len(problem[1][0]))
    if options.all:
        with open("questions.out", "w") as out:
            for kind, text, expected, got in problems:
                out.write("## %s\n%s\nsqlite: %s\nduckdb: %s\nexpected: %s\ngot: %s\n\n" % (kind, *text, expected, got))
    else:
        for kind, text, expected, got in problems[:10]:
            print("%s: %s\n  others: %s\n  expected: %s\n  got: %s" % (kind, text[0], text[2] or text[1], expected, got))
    print(dict(collections.Counter(problem[0] for problem in problems)))
    bad = [problem for problem in problems if problem[0] in ["refused", "differs", "all differ", "ended the server"]]
    print("ok" if not bad else "FAILED")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
