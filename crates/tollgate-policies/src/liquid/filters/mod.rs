//! Filters, by the names that `DotLiquid` gives them in C#.

mod list;
mod math;
mod text;

use super::render::{Render, Result};
use super::value::Value;

/// What a filter does with a value and its arguments.
type Run = fn(&mut Render<'_>, &Value, &[Value]) -> Result<Value>;

/// A filter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter(&'static Def);

#[derive(Debug)]
struct Def {
    name: &'static str,
    /// Fewest and most arguments.
    arguments: (usize, usize),
    run: Run,
}

const fn filter(name: &'static str, least: usize, most: usize, run: Run) -> Def {
    Def { name, arguments: (least, most), run }
}

/// Every filter, sorted by name.
static ALL: [Def; 47] = [
    filter("Abs", 0, 0, math::abs),
    filter("Append", 1, 1, text::append),
    filter("AtLeast", 1, 1, math::at_least),
    filter("AtMost", 1, 1, math::at_most),
    filter("Capitalize", 0, 0, text::capitalize),
    filter("Ceil", 0, 0, math::ceil),
    filter("Compact", 0, 0, list::compact),
    filter("Concat", 1, 1, list::concat),
    filter("Currency", 0, 1, math::currency),
    filter("Date", 1, 1, text::date),
    filter("Default", 1, 1, text::default),
    filter("DividedBy", 1, 1, math::divided_by),
    filter("Downcase", 0, 0, text::downcase),
    filter("Escape", 0, 0, text::escape),
    filter("First", 0, 0, list::first),
    filter("Floor", 0, 0, math::floor),
    filter("H", 0, 0, text::escape),
    filter("Join", 0, 1, list::join),
    filter("Last", 0, 0, list::last),
    filter("Lstrip", 0, 0, text::lstrip),
    filter("Map", 1, 1, list::map),
    filter("Minus", 1, 1, math::minus),
    filter("Modulo", 1, 1, math::modulo),
    filter("NewlineToBr", 0, 0, text::newline_to_br),
    filter("Plus", 1, 1, math::plus),
    filter("Prepend", 1, 1, text::prepend),
    filter("Remove", 1, 1, text::remove),
    filter("RemoveFirst", 1, 1, text::remove_first),
    filter("Replace", 1, 2, text::replace),
    filter("ReplaceFirst", 1, 2, text::replace_first),
    filter("Reverse", 0, 0, list::reverse),
    filter("Round", 0, 1, math::round),
    filter("Rstrip", 0, 0, text::rstrip),
    filter("Size", 0, 0, list::size),
    filter("Slice", 1, 2, list::slice),
    filter("Sort", 0, 1, list::sort),
    filter("Split", 1, 1, list::split),
    filter("Strip", 0, 0, text::strip),
    filter("StripHtml", 0, 0, text::strip_html),
    filter("StripNewlines", 0, 0, text::strip_newlines),
    filter("Times", 1, 1, math::times),
    filter("Truncate", 0, 2, text::truncate),
    filter("TruncateWords", 0, 2, text::truncate_words),
    filter("Uniq", 0, 0, list::uniq),
    filter("Upcase", 0, 0, text::upcase),
    filter("UrlDecode", 0, 0, text::url_decode),
    filter("UrlEncode", 0, 0, text::url_encode),
];

/// The filter of a name; case matters, as in C#.
pub(super) fn find(name: &str) -> Option<Filter> {
    ALL.iter().find(|def| def.name == name).map(Filter)
}

/// The names of all filters.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|def| def.name)
}

impl Filter {
    /// Fewest and most arguments.
    pub(super) fn arguments(self) -> (usize, usize) {
        self.0.arguments
    }

    pub(super) fn apply(
        self,
        render: &mut Render<'_>,
        value: &Value,
        arguments: &[Value],
    ) -> Result<Value> {
        (self.0.run)(render, value, arguments)
    }
}
