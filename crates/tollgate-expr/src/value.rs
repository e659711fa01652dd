//! Values at run time.

use std::sync::Arc;

/// A .NET value. The static type of an expression says what it may be; the tag says what it is, so boxing is exact.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `System.String`.
    Str(Arc<str>),
}
