//! Tags.

use std::ops::Range;

use tollgate_diagnostics::{Code, Diagnostic};

use super::{Masker, is_name_start, is_space};

/// What was already reported in one tag, so that a slip is reported once and not once per word that follows it.
#[derive(Debug)]
pub(super) struct TagState {
    pub(super) name: Range<usize>,
    pub(super) had_junk: bool,
    n_attributes: usize,
}

impl Masker<'_> {
    pub(super) fn start_tag(&mut self) {
        let begin = self.pos;
        let name = begin + 1..self.name_end(begin + 1);
        let mut tag = TagState { name: name.clone(), had_junk: false, n_attributes: 0 };
        self.named_value_in_name(name.clone());
        self.pos = name.end;
        self.is_fresh = true;
        loop {
            self.pos = self.skip_space(self.pos);
            match self.byte(self.pos) {
                Some(b'>') => {
                    self.pos += 1;
                    self.push_open(name);
                    return;
                }
                Some(b'/') if self.sees(self.pos, b"/>") => {
                    self.pos += 2;
                    return;
                }
                None | Some(b'<') => return self.unclosed_tag(begin, &tag),
                Some(b) if is_name_start(b) => self.attribute(&mut tag),
                Some(_) => self.junk(&mut tag),
            }
            if self.findings.is_full() {
                return self.unclosed_tag(begin, &tag);
            }
        }
    }

    fn push_open(&mut self, name: Range<usize>) {
        // The names only help to find the end of what is broken, and looking through them takes time.
        const DEEPEST: usize = 256;
        if self.open.len() < DEEPEST {
            self.open.push(name);
        }
    }

    /// Counts an attribute; whether there are too many.
    pub(super) fn one_too_many(&mut self, tag: &mut TagState, at: Range<usize>) -> bool {
        tag.n_attributes += 1;
        if tag.n_attributes == self.max_attributes + 1 {
            let message = format!(
                "`{}` has more than {} attributes",
                self.name(tag.name.clone()),
                self.max_attributes
            );
            let diagnostic = Diagnostic::new(Code::TOO_LARGE, message, self.span(at))
                .label("this one is too many");
            self.report(diagnostic);
        }
        tag.n_attributes > self.max_attributes
    }

    /// A tag without its `>`.
    fn unclosed_tag(&mut self, begin: usize, tag: &TagState) {
        let name = self.name(tag.name.clone());
        let diagnostic = self
            .syntax(format!("the tag of `{name}` is never closed"), begin..tag.name.end)
            .label("no `>` follows")
            .help("a tag ends with `>`, or with `/>` when the element is empty");
        self.report(diagnostic);
        if self.pos > tag.name.end && self.pos < self.view.len() {
            // White space, or junk that is blank by now, stands before the next tag.
            self.put_end(self.pos - 1);
            self.push_open(tag.name.clone());
        } else {
            self.drop(begin..self.pos);
            // What is blank in the view is blank for attributes, too.
            self.forget_loose(begin);
            self.masked.lost_starts.push(name);
        }
    }

    pub(super) fn end_tag(&mut self) {
        let begin = self.pos;
        let name = begin + 2..self.name_end(begin + 2);
        self.named_value_in_name(name.clone());
        self.is_fresh = true;
        let text = self.name(name.clone());
        let opened = self.open.iter().rposition(|open| self.name(open.clone()) == text);
        if let Some(depth) = opened {
            self.open.truncate(depth);
        }
        let after = self.skip_space(name.end);
        if self.byte(after) == Some(b'>') {
            self.pos = after + 1;
            return;
        }
        let stop = self.find(after, |b| b == b'<' || b == b'>').unwrap_or(self.view.len());
        if self.byte(stop) == Some(b'>') {
            let diagnostic = self
                .syntax(format!("text stands in the closing tag of `{text}`"), after..stop)
                .label("not expected here")
                .help(format!("write `</{text}>`"));
            self.report(diagnostic);
            self.fill(after..stop, b' ');
            self.pos = stop + 1;
            return;
        }
        let diagnostic = self
            .syntax(format!("the closing tag of `{text}` lacks its `>`"), begin..name.end)
            .label("not closed")
            .help(format!("write `</{text}>`"));
        self.report(diagnostic);
        self.pos = stop;
        if stop > name.end {
            self.fill(name.end..stop, b' ');
            self.put_end(stop - 1);
        } else {
            self.drop(begin..stop);
            self.masked.lost_ends.push(text);
        }
    }

    /// Writes the `>` an author forgot over white space.
    fn put_end(&mut self, at: usize) {
        if let Some(byte) = self.view.get_mut(at) {
            *byte = b'>';
        }
    }

    /// Reports a named value in a name; whether there is one.
    pub(super) fn named_value_in_name(&mut self, range: Range<usize>) -> bool {
        let Some(value) = super::named_values::any_in(self.values, &range) else { return false };
        let message = format!("the named value `{}` cannot be part of a name", value.name);
        let diagnostic = self
            .syntax(message, range)
            .label("names of elements and attributes are literal")
            .help("named values stand in attribute values, text and expressions");
        self.report(diagnostic);
        true
    }

    /// Covers what is no attribute.
    pub(super) fn junk(&mut self, tag: &mut TagState) {
        let begin = self.pos;
        let mut end = begin;
        while let Some(b) = self.byte(end) {
            let is_end = is_space(b) || matches!(b, b'<' | b'>') || self.sees(end, b"/>");
            if is_end && end > begin {
                break;
            }
            end += 1;
        }
        if !std::mem::replace(&mut tag.had_junk, true) {
            let name = self.name(tag.name.clone());
            let mut diagnostic = self
                .syntax(
                    format!("the tag of `{name}` holds something that is no attribute"),
                    begin..end,
                )
                .label("an attribute is a name, `=` and a value in quotes");
            if self.str(begin..end).contains(['"', '\'']) || self.closes_value(begin) {
                diagnostic = diagnostic.help("a quote inside a literal value is written `&quot;`");
            }
            self.report(diagnostic);
        }
        self.fill(begin..end, b' ');
        self.pos = end;
    }

    /// Whether a quote stands right before.
    fn closes_value(&self, pos: usize) -> bool {
        pos.checked_sub(1)
            .and_then(|before| self.byte(before))
            .is_some_and(|b| matches!(b, b'"' | b'\''))
    }
}
