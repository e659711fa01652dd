//! What stands inside `{{ }}` and `{% %}`.

use std::ops::Range;
use std::sync::Arc;

use rust_decimal::Decimal;
use tollgate_diagnostics::closest;

use super::Finding;
use super::ast::{Call, Condition, Expr, Operator, Part, Pipe};
use super::filters;

/// Deepest nesting of `[…]` in a path, and longest row of `and` and `or`.
const MOST_PARTS: usize = 100;

/// Text inside a tag, read from left to right. Positions are those of the whole template.
#[derive(Debug)]
pub(super) struct Markup<'t, 'f> {
    text: &'t str,
    at: usize,
    end: usize,
    pub(super) findings: &'f mut Vec<Finding>,
}

/// A run of text with its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fragment<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
}

impl Fragment<'_> {
    pub(super) fn range(&self) -> Range<usize> {
        self.at..self.at + self.text.len()
    }
}

impl<'t, 'f> Markup<'t, 'f> {
    /// The markup at a place of the template.
    pub(super) fn new(text: &'t str, range: Range<usize>, findings: &'f mut Vec<Finding>) -> Self {
        Self { text, at: range.start, end: range.end, findings }
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..self.end).unwrap_or("")
    }

    pub(super) fn place(&self) -> Range<usize> {
        self.at..self.end
    }

    pub(super) fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    pub(super) fn is_done(&mut self) -> bool {
        self.skip_space();
        self.at >= self.end
    }

    /// Takes a text when it stands here.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        self.skip_space();
        let fits = self.rest().starts_with(text);
        if fits {
            self.at += text.len();
        }
        fits
    }

    /// Takes a word when it stands here on its own.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let fits =
            self.rest().strip_prefix(word).is_some_and(|rest| !rest.starts_with(is_word_char));
        if fits {
            self.at += word.len();
        }
        fits
    }

    /// Letters, digits and underscores.
    pub(super) fn word(&mut self) -> Option<Fragment<'t>> {
        self.take(is_word_char)
    }

    fn take(&mut self, fits: impl Fn(char) -> bool) -> Option<Fragment<'t>> {
        self.skip_space();
        let rest = self.rest();
        let length = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        let text = rest.get(..length).filter(|text| !text.is_empty())?;
        let at = self.at;
        self.at += length;
        Some(Fragment { text, at })
    }

    /// A run without white space, commas and pipes, in which quoted texts stand whole.
    pub(super) fn fragment(&mut self) -> Option<Fragment<'t>> {
        self.skip_space();
        let at = self.at;
        let rest = self.rest();
        let mut chars = rest.char_indices();
        let mut length = rest.len();
        while let Some((index, c)) = chars.next() {
            match c {
                '"' | '\'' => {
                    let inside = rest.get(index + 1..).unwrap_or("");
                    let Some(closing) = inside.find(c) else {
                        let range = at + index..at + index + 1;
                        self.wrong(range, "a quoted text does not end", "no quote closes this");
                        break;
                    };
                    chars.by_ref().find(|(other, _)| *other == index + 1 + closing);
                }
                c if c.is_whitespace() || matches!(c, ',' | '|') => {
                    length = index;
                    break;
                }
                _ => {}
            }
        }
        let text = rest.get(..length).filter(|text| !text.is_empty())?;
        self.at += length;
        Some(Fragment { text, at })
    }

    /// A fragment as a value; a finding when there is none.
    pub(super) fn value(&mut self, what: &str) -> Expr {
        if let Some(fragment) = self.fragment() {
            return self.expr(fragment, 0);
        }
        let place = self.place();
        self.wrong(place, format!("{what} is missing"), "expected a value here");
        Expr::Nil
    }

    /// Says that a template cannot be used.
    pub(super) fn wrong(
        &mut self,
        range: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) {
        self.findings.push(Finding::wrong(range, message, label));
    }

    fn suspicious(
        &mut self,
        range: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        suggestion: Option<&'static str>,
    ) {
        self.findings.push(Finding::suspicious(range, message, label, suggestion));
    }

    /// What nothing reads is left out, as `DotLiquid` does, with a word to the author.
    pub(super) fn ignore_rest(&mut self) {
        if !self.is_done() {
            let place = self.at..self.at + self.rest().trim_end().len();
            let label = "nothing reads this";
            self.suspicious(place, "text in a tag is ignored", label, None);
        }
    }

    /// A value and its filters.
    pub(super) fn pipe(&mut self) -> Pipe {
        let value = match self.fragment() {
            Some(fragment) => self.expr(fragment, 0),
            None => Expr::Nil,
        };
        let mut calls = Vec::new();
        while self.eat("|") {
            let Some(name) = self.word() else {
                let place = self.place();
                self.wrong(place, "the name of a filter is missing", "expected a filter here");
                break;
            };
            let arguments = self.arguments();
            calls.extend(self.call(name, arguments));
        }
        self.ignore_rest();
        Pipe { value, filters: calls }
    }

    fn arguments(&mut self) -> Vec<Expr> {
        let mut arguments = Vec::new();
        let mut separator = ":";
        while self.eat(separator) {
            arguments.push(self.value("an argument of the filter"));
            separator = ",";
        }
        arguments
    }

    fn call(&mut self, name: Fragment<'t>, arguments: Vec<Expr>) -> Option<Call> {
        let Some(filter) = filters::find(name.text) else {
            // DotLiquid hands the value on.
            self.suspicious(
                name.range(),
                format!("there is no filter `{}`", name.text),
                "the value passes unchanged",
                suggested_filter(name.text),
            );
            return None;
        };
        let (least, most) = filter.arguments();
        if arguments.len() < least || arguments.len() > most {
            let wanted = match (least, most) {
                (0, 0) => "no argument".to_owned(),
                (1, 1) => "one argument".to_owned(),
                (least, most) if least == most => format!("{least} arguments"),
                (least, most) => format!("{least} to {most} arguments"),
            };
            let message = format!("filter `{}` takes {wanted}", name.text);
            let label = format!("it has {}", arguments.len());
            self.wrong(name.range(), message, label);
            return None;
        }
        Some(Call { filter, arguments })
    }

    /// A condition. `and` and `or` bind to the right, as `DotLiquid` reads them.
    pub(super) fn condition(&mut self) -> Condition {
        let mut terms = Vec::new();
        loop {
            terms.push(self.comparison());
            let is_and = self.eat_word("and");
            if !is_and && !self.eat_word("or") {
                break;
            }
            terms.push(if is_and { Term::And } else { Term::Or });
            if terms.len() > 2 * MOST_PARTS {
                let place = self.place();
                self.wrong(place, "a condition has too many parts", "one too many");
                break;
            }
        }
        self.ignore_rest();
        let mut terms = terms.into_iter().rev();
        let last = terms.next();
        let mut condition = last.and_then(Term::condition).unwrap_or(Condition::Always);
        while let (Some(relation), Some(left)) = (terms.next(), terms.next()) {
            let (left, right) = (left.condition().map(Box::new), Box::new(condition));
            let left = left.unwrap_or_else(|| Box::new(Condition::Always));
            condition = match relation {
                Term::And => Condition::And(left, right),
                Term::Or | Term::Is(_) => Condition::Or(left, right),
            };
        }
        condition
    }

    fn comparison(&mut self) -> Term {
        let left = self.value("a condition");
        let before = self.at;
        let operator =
            self.take(|c| matches!(c, '=' | '!' | '<' | '>' | '&' | ';') || is_word_char(c));
        let Some(operator) = operator else { return Term::Is(Condition::Truth(left)) };
        if matches!(operator.text, "and" | "or") {
            self.at = before;
            return Term::Is(Condition::Truth(left));
        }
        let Some(known) = operator_of(operator.text) else {
            let message = format!("there is no operator `{}`", operator.text);
            self.wrong(operator.range(), message, "expected a comparison, `and` or `or`");
            self.at = self.end;
            return Term::Is(Condition::Always);
        };
        let right = self.value("the right side of a comparison");
        Term::Is(Condition::Compare(left, known, right))
    }

    /// A fragment as a value.
    pub(super) fn expr(&mut self, fragment: Fragment<'t>, depth: usize) -> Expr {
        let text = fragment.text;
        match text {
            "nil" | "null" => return Expr::Nil,
            "true" => return Expr::Bool(true),
            "false" => return Expr::Bool(false),
            "blank" => return Expr::Blank,
            "empty" => return Expr::Empty,
            _ => {}
        }
        for quote in ['"', '\''] {
            if let Some(inside) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote))
            {
                return Expr::Text(inside.into());
            }
        }
        if let Some(range) = self.range_expr(fragment, depth) {
            return range;
        }
        number(text).unwrap_or_else(|| self.path(fragment, depth))
    }

    /// `(1..n)`.
    fn range_expr(&mut self, fragment: Fragment<'t>, depth: usize) -> Option<Expr> {
        let inside = fragment.text.strip_prefix('(')?.strip_suffix(')')?;
        let (from, to) = inside.split_once("..")?;
        if from.is_empty() || to.is_empty() || depth > 0 {
            return None;
        }
        let at = fragment.at + 1;
        let from_expr = self.expr(Fragment { text: from, at }, depth + 1);
        let to_expr = self.expr(Fragment { text: to, at: at + from.len() + 2 }, depth + 1);
        Some(Expr::Range(Box::new(from_expr), Box::new(to_expr)))
    }

    /// `a.b[c]`. What is none of it is left out, as `DotLiquid` does.
    fn path(&mut self, fragment: Fragment<'t>, depth: usize) -> Expr {
        let text = fragment.text;
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            if let Some(inside) = rest.strip_prefix('[') {
                let length = index_length(inside);
                let Some(inside) = length.and_then(|length| inside.get(..length)) else {
                    let range = fragment.at + at..fragment.at + at + 1;
                    self.wrong(range, "a bracket does not close", "`]` is missing");
                    return Expr::Nil;
                };
                if depth + parts.len() >= MOST_PARTS {
                    self.wrong(fragment.range(), "a value has too many parts", "one too many");
                    return Expr::Nil;
                }
                let place = fragment.at + at + 1 + (inside.len() - inside.trim_start().len());
                let inner = Fragment { text: inside.trim(), at: place };
                parts.push(Part::Index(self.expr(inner, depth + 1)));
                at += inside.len() + 2;
                continue;
            }
            let length = rest.find(|c| !is_segment_char(c)).unwrap_or(rest.len());
            if let Some(name) = rest.get(..length).filter(|name| !name.is_empty()) {
                let name = if rest.get(length..).is_some_and(|after| after.starts_with('?')) {
                    rest.get(..=length).unwrap_or(name)
                } else {
                    name
                };
                parts.push(Part::Name(name.into()));
                at += name.len();
                continue;
            }
            let skipped = rest.chars().next().map_or(1, char::len_utf8);
            if !rest.starts_with('.') {
                let range = fragment.at + at..fragment.at + at + skipped;
                self.suspicious(
                    range,
                    "a character in a value is ignored",
                    "not part of a name",
                    None,
                );
            }
            at += skipped;
        }
        if parts.is_empty() { Expr::Nil } else { Expr::Path(parts) }
    }
}

/// A part of a condition.
enum Term {
    Is(Condition),
    And,
    Or,
}

impl Term {
    fn condition(self) -> Option<Condition> {
        match self {
            Self::Is(condition) => Some(condition),
            Self::And | Self::Or => None,
        }
    }
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_segment_char(c: char) -> bool {
    is_word_char(c) || c == '-'
}

/// How long the inside of a bracket is; quoted text may hold brackets, and brackets may be inside one another.
fn index_length(inside: &str) -> Option<usize> {
    let (mut open, mut quote) = (0, None);
    for (index, c) in inside.char_indices() {
        match (c, quote) {
            (c, Some(own)) => quote = Some(own).filter(|own| *own != c),
            ('"' | '\'', None) => quote = Some(c),
            ('[', None) => open += 1,
            (']', None) if open == 0 => return Some(index),
            (']', None) => open -= 1,
            _ => {}
        }
    }
    None
}

fn number(text: &str) -> Option<Expr> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().map(Expr::Int);
    }
    if !unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',')) {
        return None;
    }
    text.replace(',', "").parse::<Decimal>().ok().map(Expr::Decimal)
}

/// `DotLiquid` takes operators with a capital or a small first letter, or all in small letters.
fn operator_of(text: &str) -> Option<Operator> {
    const NAMED: [(&str, Operator); 5] = [
        ("contains", Operator::Contains),
        ("startsWith", Operator::StartsWith),
        ("endsWith", Operator::EndsWith),
        ("hasKey", Operator::HasKey),
        ("hasValue", Operator::HasValue),
    ];
    Some(match text {
        "==" => Operator::Equal,
        "!=" | "<>" => Operator::NotEqual,
        // Beside markup, references of XML stay as they are written.
        "<" | "&lt;" => Operator::Less,
        ">" | "&gt;" => Operator::Greater,
        "<=" | "&lt;=" => Operator::LessOrEqual,
        ">=" | "&gt;=" => Operator::GreaterOrEqual,
        word => {
            let fits = |name: &str| {
                name == word
                    || name.to_lowercase() == word
                    || word.strip_prefix(|c: char| c.is_uppercase()) == name.get(1..)
                        && word.to_lowercase() == name.to_lowercase()
            };
            NAMED.iter().find(|(name, _)| fits(name)).map(|(_, operator)| *operator)?
        }
    })
}

/// The filter that an author most likely meant: the Ruby name of one, or one that is spelled alike.
fn suggested_filter(name: &str) -> Option<&'static str> {
    let plain = |text: &str| text.replace('_', "").to_lowercase();
    let wanted = plain(name);
    let same = filters::names().find(|known| plain(known) == wanted);
    same.or_else(|| closest(name, filters::names()))
}

/// The fragment as the name of a variable.
pub(super) fn variable(fragment: Fragment<'_>) -> Arc<str> {
    fragment.text.into()
}
