// The version of the product, in one place.

/// What `--version`, the greeting of the server and the metrics say.
package let productVersion = "0.1.0"
