//! Composite format strings: `string.Format("{0,5:N2}", x)`.

use std::borrow::Cow;

use crate::{Budget, Exception};

/// A part of a composite format string.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece<'a> {
    /// Text as it stands, braces unescaped.
    Text(&'a str),
    /// An item: argument, alignment (negative: left), format.
    Hole { index: usize, align: i32, format: Option<Cow<'a, str>> },
}

/// The parts of a composite format string for `args` arguments, or its `FormatException`. Pieces before the fault are
/// lost with it, as they are in .NET.
pub(crate) fn pieces<'a>(
    format: &'a str,
    args: usize,
    budget: &mut Budget,
) -> Result<Vec<Piece<'a>>, Exception> {
    todo!()
}

/// Appends `text` padded to `align` UTF-16 units.
pub(crate) fn pad(
    text: &str,
    align: i32,
    out: &mut String,
    budget: &mut Budget,
) -> Result<(), Exception> {
    todo!()
}
