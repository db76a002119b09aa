// The expressions of a step as kernels, which can be given up while nothing is evaluated: the columns of a thousand queries that wait would
// else stay in memory.

import Plans

/// Expressions and their kernels.
final class CompiledExpressions {
    private let expressions: [TypedExpression]
    private let added: AddedFunctions
    private var compiled: [Kernel]?

    /// Compiles them at once. Throws when an expression has no kernel.
    init(_ expressions: [TypedExpression], _ added: AddedFunctions) throws(DataflowError) {
        self.expressions = expressions
        self.added = added
        compiled = try KernelCompiler.compileAll(expressions, added)
    }

    /// One kernel an expression; compiled again after `release`.
    var kernels: [Kernel] {
        get throws(DataflowError) {
            if let compiled { return compiled }
            let kernels = try KernelCompiler.compileAll(expressions, added)
            compiled = kernels
            return kernels
        }
    }

    /// Frees the kernels with their columns.
    func release() { compiled = nil }
}
