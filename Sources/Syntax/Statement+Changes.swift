// Statements beyond ksqlDB that change rows, functions and comments.

/// `INSERT INTO s (SELECT …)`, `UPDATE t SET …`, `DELETE FROM t …`: rows that are written once, together.
package struct RowChange: Hashable, Sendable {
    /// What is written to.
    package var target: Name
    /// What is written.
    package var action: Action
    /// What is wrong with an INSERT as one that never ends, which a SELECT without brackets and names of columns is for a stream.
    package var asContinuous: OriginalFailure?
    /// ON CONFLICT (…) DO NOTHING: rows whose key is there are left out. The names, if any, are those of the key; nil where nothing was said.
    package var conflict: [Name]?
    /// ON CONFLICT (…) DO UPDATE SET …: what becomes of a row that is there; nil where it stays as it is.
    package var conflictUpdate: ConflictUpdate?
    /// The name by which expressions call the target, where it has one of its own.
    package var alias: Name?
    /// The questions that WITH names in front of the statement.
    package var tables: [CommonTable] = []
    /// Whether WITH RECURSIVE was written.
    package var isRecursive = false
    /// What RETURNING asks of each row; empty where it was not written.
    package var returning: [SelectItem] = []
    /// Where it was written.
    package var span: SourceSpan = .none

    package init(target: Name, action: Action, span: SourceSpan = .none) {
        self.target = target
        self.action = action
        self.span = span
    }

    /// The kinds of changes.
    package enum Action: Hashable, Sendable {
        /// The rows of a question, for the columns that are named, or for all.
        case insert(columns: [Name], Question)
        /// New values for columns of the rows that a condition holds for.
        case update([Assignment], filter: Expression?)
        /// The rows that a condition holds for go.
        case delete(filter: Expression?)
    }

    /// What follows ON CONFLICT (…) DO UPDATE.
    package struct ConflictUpdate: Hashable, Sendable {
        /// New values, in which `excluded` is the row that was to be inserted.
        package var assignments: [Assignment]
        /// Rows that are there and for which it does not hold stay as they are.
        package var filter: Expression?

        package init(assignments: [Assignment], filter: Expression?) {
            self.assignments = assignments
            self.filter = filter
        }
    }

    /// `column = value`
    package struct Assignment: Hashable, Sendable {
        /// What gets a value.
        package var column: Name
        /// What follows `=`.
        package var value: Expression

        package init(column: Name, value: Expression) {
            self.column = column
            self.value = value
        }
    }
}

/// `CREATE FUNCTION f(x BIGINT) RETURNS BIGINT AS x + 1`, or
/// `CREATE AGGREGATE FUNCTION f(x BIGINT) RETURNS BIGINT AS (init, (s, x) => s + x, s => s)`
package struct CreateFunction: Hashable, Sendable {
    /// Its name.
    package var name: Name
    /// Its parameters, in order.
    package var parameters: [TypeName.Field]
    /// The type of what it gives.
    package var result: TypeName
    /// What follows AS; of an aggregate a call whose arguments are what stands in the brackets.
    package var body: Expression
    /// Whether AGGREGATE was written.
    package var isAggregate = false
    /// Whether OR REPLACE was written.
    package var orReplace = false
    /// Whether IF NOT EXISTS was written.
    package var ifNotExists = false

    package init(
        name: Name, parameters: [TypeName.Field], result: TypeName, body: Expression, isAggregate: Bool = false, orReplace: Bool = false,
        ifNotExists: Bool = false
    ) {
        self.isAggregate = isAggregate
        self.name = name
        self.parameters = parameters
        self.result = result
        self.body = body
        self.orReplace = orReplace
        self.ifNotExists = ifNotExists
    }
}

/// `CREATE VIEW v (a, b) AS SELECT …`
package struct CreateView: Hashable, Sendable {
    /// Its name.
    package var name: Name
    /// Names of its columns; empty for those of the question.
    package var columns: [Name]
    /// What it stands for.
    package var question: Question
    /// Whether OR REPLACE was written.
    package var orReplace = false
    /// Whether IF NOT EXISTS was written.
    package var ifNotExists = false

    package init(name: Name, columns: [Name] = [], question: Question) {
        self.name = name
        self.columns = columns
        self.question = question
    }
}

/// A statement of other databases that is about how they work, and changes nothing here.
package enum NeedlessStatement: Hashable, Sendable {
    /// `CREATE [UNIQUE] INDEX [name] ON table (key, …) [WHERE condition]`
    case createIndex(name: Name?, table: Name, keys: [SortKey], isUnique: Bool, filter: Expression?)
    /// `DROP INDEX [IF EXISTS] name`
    case dropIndex(name: Name, ifExists: Bool)
    /// `BEGIN`, `START TRANSACTION`
    case begin
    /// `COMMIT`, `END`
    case commit
    /// `ANALYZE [table]`, `VACUUM [table]`, `REINDEX [table]`; the word, in upper case
    case upkeep(String, Name?)
    /// `PRAGMA name [= value]`
    case pragma(Name)
}

/// `COMMENT ON COLUMN s.c IS 'text'`
package struct CommentOn: Hashable, Sendable {
    /// What has the comment.
    package var subject: Subject
    /// Nil takes the comment away.
    package var text: String?

    package init(subject: Subject, text: String?) {
        self.subject = subject
        self.text = text
    }

    /// What can have one.
    package enum Subject: Hashable, Sendable {
        case source(SourceKind, Name)
        case column(source: Name, Name)
        case function(Name)
    }
}
