//! Composite format strings: `string.Format("{0,5:N2}", x)`.

use crate::{Budget, Exception, ExceptionKind};

/// A part of a composite format string.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece<'a> {
    /// Text as it stands, braces unescaped.
    Text(&'a str),
    /// An item: argument, alignment (negative: left), format.
    Hole { index: usize, align: i32, format: Option<&'a str> },
}

/// Neither an index nor a width reaches this.
const LIMIT: usize = 1_000_000;

/// The parts of a composite format string for `args` arguments, or its `FormatException`. Pieces before the fault are
/// lost with it, as they are in .NET.
pub(crate) fn pieces<'a>(
    format: &'a str,
    args: usize,
    budget: &mut Budget,
) -> Result<Vec<Piece<'a>>, Exception> {
    budget.step(format.len() as u64 / 16)?;
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let mut inner = after.chars();
        let brace = inner.next();
        let inner = inner.as_str();
        budget.memory(size_of::<Piece<'_>>())?;
        if brace == inner.chars().next() {
            // A doubled brace: keep one of the two.
            pieces.push(Piece::Text(rest.get(..=at).unwrap_or(before)));
            rest = inner.get(1..).unwrap_or("");
            continue;
        }
        if brace == Some('}') {
            return Err(bad_format());
        }
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let (hole, after) = hole(inner, args)?;
        pieces.push(hole);
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

#[cold]
fn bad_format() -> Exception {
    Exception::new(ExceptionKind::Format, "Input string was not in a correct format.")
}

fn skip_spaces(text: &str) -> &str {
    text.trim_start_matches(' ')
}

/// Reads digits up to [`LIMIT`]; none when there are no digits.
fn number(text: &str) -> Option<(usize, &str)> {
    let mut value = 0;
    let mut rest = text;
    while let Some(digit) = rest.chars().next().and_then(|char| char.to_digit(10)) {
        if value >= LIMIT {
            break;
        }
        value = value * 10 + usize::try_from(digit).unwrap_or(0);
        rest = rest.get(1..).unwrap_or("");
    }
    (rest.len() < text.len()).then_some((value, rest))
}

/// An item, behind its opening brace.
fn hole(text: &str, args: usize) -> Result<(Piece<'_>, &str), Exception> {
    let (index, rest) = number(text).ok_or_else(bad_format)?;
    if index >= args {
        return Err(Exception::new(
            ExceptionKind::Format,
            "Index (zero based) must be greater than or equal to zero and less than the size of the argument list.",
        ));
    }
    let mut rest = skip_spaces(rest);
    let mut align = 0;
    if let Some(width) = rest.strip_prefix(',') {
        let width = skip_spaces(width);
        let (negative, width) = match width.strip_prefix('-') {
            Some(width) => (true, width),
            None => (false, width),
        };
        let (width, after) = number(width).ok_or_else(bad_format)?;
        let width = i32::try_from(width).map_err(|_| bad_format())?;
        align = if negative { -width } else { width };
        rest = skip_spaces(after);
    }
    let mut format = None;
    if let Some(text) = rest.strip_prefix(':') {
        // .NET Core knows no escapes in here: the first brace ends it.
        let end = text.find(['{', '}']).ok_or_else(bad_format)?;
        let (text, after) = text.split_at_checked(end).ok_or_else(bad_format)?;
        format = Some(text);
        rest = after;
    }
    let rest = rest.strip_prefix('}').ok_or_else(bad_format)?;
    Ok((Piece::Hole { index, align, format }, rest))
}

/// Appends `text` padded to `align` UTF-16 units.
pub(crate) fn pad(
    text: &str,
    align: i32,
    out: &mut String,
    budget: &mut Budget,
) -> Result<(), Exception> {
    let width = usize::try_from(align.unsigned_abs()).unwrap_or(usize::MAX);
    let length = if text.is_ascii() { text.len() } else { text.encode_utf16().count() };
    let spaces = width.saturating_sub(length);
    budget.memory(text.len() + spaces)?;
    if align >= 0 {
        out.extend(std::iter::repeat_n(' ', spaces));
    }
    out.push_str(text);
    if align < 0 {
        out.extend(std::iter::repeat_n(' ', spaces));
    }
    Ok(())
}

/// What is wrong with a composite format string whatever its arguments are.
pub(crate) fn check_composite(format: &str) -> Result<(), String> {
    let mut budget = Budget::new(crate::Limits::default());
    match pieces(format, LIMIT, &mut budget) {
        Err(fault) if fault.kind() == ExceptionKind::Format => {
            Err("the format string is not well formed".to_owned())
        }
        _ => Ok(()),
    }
}
