//! Attributes, and where their values end.

use std::ops::Range;

use tollgate_diagnostics::{Code, Diagnostic};

use super::tag::TagState;
use super::{LooseAttribute, Masker, is_space, named_values};
use crate::read::csharp::{self, Writing};
use crate::read::value;

/// Where a quoted value ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// At this quote.
    Quote(usize),
    /// Its quote is missing; most likely it was to end here.
    Missing(usize),
}

impl Masker<'_> {
    pub(super) fn attribute(&mut self, tag: &mut TagState) {
        let begin = self.pos;
        let name = begin..self.name_end(begin);
        let equals = self.skip_space(name.end);
        let is_apart =
            begin.checked_sub(1).and_then(|before| self.byte(before)).is_some_and(is_space);
        let has_named = self.named_value_in_name(name.clone());
        if self.byte(equals) != Some(b'=') {
            if has_named {
                self.pos = name.end;
                self.fill(name, b' ');
            } else if is_apart {
                self.without_value(name);
            } else {
                self.junk(tag);
            }
            return;
        }
        if !is_apart {
            let message = format!("white space is missing before `{}`", self.name(name.clone()));
            let diagnostic = self.syntax(message, name.clone()).label("stands right after a value");
            self.report(diagnostic);
        }
        let first = self.skip_space(equals + 1);
        let first = self.empty_value(equals + 1..first).unwrap_or(first);
        match self.byte(first) {
            _ if self.value_at(first).is_some() => self.unquoted(name.clone(), equals, first),
            Some(quote @ (b'"' | b'\'')) => self.quoted(tag, name.clone(), first, quote),
            _ => self.unquoted(name.clone(), equals, first),
        }
        if has_named || self.one_too_many(tag, name) {
            self.fill(begin..self.pos, b' ');
            self.forget_loose(begin);
        }
    }

    /// A named value without text that stands in this white space or right after it.
    fn empty_value(&self, range: Range<usize>) -> Option<usize> {
        let first = self.values.partition_point(|value| value.range.start < range.start);
        let value = self.values.get(first)?;
        let is_here = value.range.is_empty() && value.range.start <= range.end;
        is_here.then_some(value.range.start)
    }

    fn without_value(&mut self, name: Range<usize>) {
        let text = self.name(name.clone());
        let diagnostic = self
            .syntax(format!("the attribute `{text}` has no value"), name.clone())
            .label("XML wants a value in quotes")
            .help(format!("write `{text}=\"true\"` if that is what is meant"));
        self.report(diagnostic);
        let value = name.end..name.end;
        self.pos = name.end;
        self.loosen(name, value, true);
    }

    /// Forgets the attributes of a tag, or of its end, that will not be read.
    pub(super) fn forget_loose(&mut self, begin: usize) {
        while self.masked.loose.last().is_some_and(|attribute| attribute.name.start >= begin) {
            self.masked.loose.pop();
        }
    }

    /// Hides an attribute from the XML reader and keeps it.
    fn loosen(&mut self, name: Range<usize>, value: Range<usize>, is_broken: bool) {
        self.fill(name.start..self.pos, b' ');
        self.masked.loose.push(LooseAttribute { name, value, is_broken });
    }

    fn quoted(&mut self, tag: &mut TagState, name: Range<usize>, open: usize, quote: u8) {
        let begin = open + 1;
        match self.end_of_value(tag, begin, quote) {
            End::Quote(end) => {
                self.check_literal(begin..end);
                self.fill(begin..end, b'_');
                self.pos = end + 1;
            }
            End::Missing(end) => {
                let text = self.name(name.clone());
                let diagnostic = self
                    .syntax(format!("the value of `{text}` lacks its closing quote"), open..begin)
                    .label("this quote is never closed");
                self.report(diagnostic);
                self.pos = end;
                self.loosen(name, begin..end, true);
            }
        }
    }

    /// Finds the end of a value and covers the expression in it.
    fn end_of_value(&mut self, tag: &mut TagState, begin: usize, quote: u8) -> End {
        let plain = self.find(begin, |b| b == quote);
        let trimmed = self.rest(begin).trim_start();
        let first = self.text.len() - trimmed.len();
        if csharp::opens(trimmed) && plain.is_none_or(|plain| first < plain) {
            let found = self.end_after_expression(first, plain, quote);
            // What follows a value that was cut somewhere is not worth a report of its own.
            tag.had_junk |= found.is_none();
            return found.unwrap_or_else(|| self.end_of_broken(first, plain, quote));
        }
        let Some(plain) = plain else { return End::Missing(self.end_of_slip(begin)) };
        if self.is_boundary(plain + 1) {
            return End::Quote(plain);
        }
        // The quote may belong to a string of an expression that stands, not evaluated, inside the value.
        let inner = value::inner_opener(self.str(begin..plain)).map(|at| begin + at);
        if let Some(at) = inner
            && let Ok(scan) = self.scan(at, self.view.len())
            && let Some(end) = self.closing_quote(scan.end, quote)
        {
            self.expression(at..scan.end, Some(quote), &scan);
            return End::Quote(end);
        }
        match self.end_of_slip(begin) {
            slip if slip < plain => End::Missing(slip),
            _ => End::Quote(plain),
        }
    }

    /// Finds the end of a value that begins with an expression, at `first`; `plain` is where XML would end it.
    /// `None` when the expression does not end.
    fn end_after_expression(
        &mut self,
        first: usize,
        plain: Option<usize>,
        quote: u8,
    ) -> Option<End> {
        let inside = plain.and_then(|plain| {
            let scan = csharp::scan(self.text, first, plain, Writing::Markup).ok()?;
            Some((scan, plain))
        });
        if let Some((scan, plain)) = inside {
            self.expression(first..scan.end, Some(quote), &scan);
            let is_end = self.is_boundary(plain + 1);
            let end = if is_end { None } else { self.closing_quote(scan.end, quote) };
            return Some(End::Quote(end.unwrap_or(plain)));
        }
        if let Ok(scan) = self.scan(first, self.view.len())
            && let Some(end) = self.closing_quote(scan.end, quote)
        {
            self.expression(first..scan.end, Some(quote), &scan);
            return Some(End::Quote(end));
        }
        None
    }

    /// The expression does not end; the value still should, so that the rest of the document can be read.
    fn end_of_broken(&mut self, first: usize, plain: Option<usize>, quote: u8) -> End {
        match plain {
            Some(plain) if self.is_boundary(plain + 1) => End::Quote(plain),
            _ => match self.closing_quote(first, quote) {
                Some(end) => End::Quote(end),
                None => plain.map_or_else(|| End::Missing(self.end_of_slip(first)), End::Quote),
            },
        }
    }

    /// The first quote that something follows which may follow a value.
    fn closing_quote(&mut self, from: usize, quote: u8) -> Option<usize> {
        let mut pos = from;
        while let Some(at) = self.find(pos, |b| b == quote || b == b'<') {
            // An end tag is not part of any value; most likely the quote was forgotten before it.
            if self.scan_budget == 0 || self.sees(at, b"</") {
                pos = at;
                break;
            }
            if self.byte(at) == Some(quote) && self.is_boundary(at + 1) {
                return Some(at);
            }
            pos = at + 1;
        }
        self.charge(pos - from);
        None
    }

    /// Whether what stands here may follow a value: the end of the tag, or another attribute.
    fn is_boundary(&self, pos: usize) -> bool {
        let next = self.skip_space(pos);
        if self.byte(next) == Some(b'>') || self.sees(next, b"/>") {
            return true;
        }
        let name_end = self.name_end(next);
        next > pos && name_end > next && self.byte(self.skip_space(name_end)) == Some(b'=')
    }

    /// Where a value without closing quote was to end, most likely.
    fn end_of_slip(&self, begin: usize) -> usize {
        let stop = self.find(begin, |b| matches!(b, b'\n' | b'<' | b'>'));
        let stop = stop.unwrap_or(self.view.len());
        match stop.checked_sub(1) {
            Some(slash) if slash >= begin && self.sees(slash, b"/>") => slash,
            _ => stop,
        }
    }

    fn check_literal(&mut self, range: Range<usize>) {
        if let Some(at) = self.find_in(range.clone(), |b| b == b'<') {
            let diagnostic = self
                .syntax("`<` may not stand in the value of an attribute", at..at + 1)
                .label("stands for itself only inside an expression")
                .help("write `&lt;` for the character");
            self.report(diagnostic);
        }
        self.literal(range);
    }

    fn unquoted(&mut self, name: Range<usize>, equals: usize, begin: usize) {
        let is_named =
            self.value_at(begin).is_some() || named_values::name_at(self.unknown, begin).is_some();
        let end = self.end_of_unquoted(begin);
        let value = begin..end;
        let text = self.name(name.clone());
        if end == begin && !is_named {
            let diagnostic = self
                .syntax(format!("the attribute `{text}` has no value"), name.start..equals + 1)
                .label("a value in quotes is expected after `=`");
            self.report(diagnostic);
            self.pos = equals + 1;
            return self.loosen(name, equals + 1..equals + 1, true);
        }
        self.pos = end;
        let is_placeholder = matches!(self.str(value.clone()), "..." | "…");
        if is_placeholder {
            let message = format!("the value of `{text}` is a placeholder from documentation");
            let diagnostic = Diagnostic::new(Code::PLACEHOLDER, message, self.span(value.clone()))
                .label("`...` stands for a value the reader is to choose")
                .help(format!(
                    "write a value in quotes, such as `{text}=\"roles\"` for the claim `roles`"
                ));
            self.report(diagnostic);
        } else if !is_named {
            let diagnostic = self
                .syntax(format!("the value of `{text}` is not in quotes"), value.clone())
                .label("XML wants quotes around it");
            let shown = self.str(value.clone());
            let is_short = shown.len() <= 40 && !shown.contains(['"', '<', '&', '\n']);
            let is_secret = self.document.is_secret(value.clone());
            let diagnostic = if is_short && !is_secret {
                diagnostic.help(format!("write `{text}=\"{shown}\"`"))
            } else {
                diagnostic
            };
            self.report(diagnostic);
        }
        self.loosen(name, value, is_placeholder);
    }

    /// Where a value without quotes ends: named values and an expression count as one character each.
    fn end_of_unquoted(&mut self, begin: usize) -> usize {
        if csharp::opens(self.rest(begin))
            && self.value_at(begin).is_none()
            && let Ok(scan) = self.scan(begin, self.view.len())
        {
            return scan.end;
        }
        let mut pos = begin;
        while let Some(b) = self.byte(pos) {
            let named = self.value_at(pos).or_else(|| named_values::name_at(self.unknown, pos));
            if let Some(name) = named.filter(|name| name.range.end > pos) {
                pos = name.range.end;
                continue;
            }
            if is_space(b) || matches!(b, b'<' | b'>') || self.sees(pos, b"/>") {
                break;
            }
            pos += 1;
        }
        pos
    }
}
