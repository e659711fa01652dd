//! A place in the text, and exceptions that say where it is.

use super::super::name::{
    bad_char, bad_inside, bad_start, is_name_char, is_name_start, is_whitespace,
};
use crate::{Exception, ExceptionKind};

type Result<T> = std::result::Result<T, Exception>;

/// A place in the text of a document.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    pub(super) at: usize,
}

/// A qualified name in the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct QName<'t> {
    pub(super) prefix: &'t str,
    pub(super) local: &'t str,
    pub(super) whole: &'t str,
    /// Where it begins.
    pub(super) at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The text from here on.
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn is_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(super) fn end(&self) -> usize {
        self.text.len()
    }

    /// The text between two places.
    pub(super) fn between(&self, from: usize, to: usize) -> &'t str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// Steps over a text when it is here.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Steps over white space; whether there was any.
    pub(super) fn skip_whitespace(&mut self) -> bool {
        let rest = self.rest();
        let left = rest.trim_start_matches(is_whitespace).len();
        self.at += rest.len() - left;
        rest.len() != left
    }

    /// Line and column of a place, both from one; columns count UTF-16 units.
    pub(super) fn position(&self, at: usize) -> (usize, usize) {
        let before = self.between(0, at);
        let mut line = 1;
        let mut start = 0;
        let mut chars = before.char_indices().peekable();
        while let Some((index, c)) = chars.next() {
            let breaks = match c {
                '\n' => true,
                '\r' => !matches!(chars.peek(), Some((_, '\n'))),
                _ => false,
            };
            if breaks {
                line += 1;
                start = index + 1;
            }
        }
        (line, self.between(start, at).encode_utf16().count() + 1)
    }

    /// An exception at a place.
    #[cold]
    pub(super) fn fail_at(&self, at: usize, message: &str) -> Exception {
        let (line, column) = self.position(at);
        Exception::new(ExceptionKind::Xml, format!("{message} Line {line}, position {column}."))
    }

    /// An exception at the end of the text.
    #[cold]
    pub(super) fn ended(&self, what: &str) -> Exception {
        self.fail_at(self.end(), &unfinished(what))
    }

    /// What stands here instead of one of `expected`.
    #[cold]
    pub(super) fn unexpected_at(&self, at: usize, expected: &[&str]) -> Exception {
        let rest = self.between(at, self.end());
        let Some(first) = rest.chars().next() else {
            return self.fail_at(at, "Unexpected end of file has occurred.");
        };
        let run = rest.len() - rest.trim_start_matches(is_name_char).len();
        // .NET shows one UTF-16 unit, which is half of a character here.
        let half = first > '\u{ffff}';
        let token =
            if half { "\u{fffd}" } else { self.between(at, at + run.max(first.len_utf8())) };
        let message = match expected {
            [] => format!("'{token}' is an unexpected token. Expecting whitespace."),
            [one] => format!("'{token}' is an unexpected token. The expected token is '{one}'."),
            [one, other, ..] => format!(
                "'{token}' is an unexpected token. The expected token is '{one}' or '{other}'."
            ),
        };
        self.fail_at(at, &message)
    }

    /// What stands here instead of `expected`.
    #[cold]
    pub(super) fn unexpected(&self, expected: &[&str]) -> Exception {
        self.unexpected_at(self.at, expected)
    }

    /// A character here that XML does not allow.
    #[cold]
    pub(super) fn bad_char_at(&self, at: usize, c: char) -> Exception {
        self.fail_at(at, &bad_char(c))
    }

    /// A character after a name that cannot follow one.
    #[cold]
    pub(super) fn bad_name_char(&self) -> Exception {
        match self.peek() {
            Some(c) => self.fail_at(self.at, &bad_inside(c)),
            None => self.ended("Name"),
        }
    }

    /// Steps over a name without a colon.
    pub(super) fn name(&mut self) -> Result<&'t str> {
        let start = self.at;
        let rest = self.rest();
        match rest.chars().next() {
            Some(c) if is_name_start(c) => {}
            // .NET looks for more text before it looks at the last character.
            Some(c) if c.len_utf8() < rest.len() => {
                return Err(self.fail_at(start, &bad_start(c)));
            }
            _ => return Err(self.fail_at(start, &unfinished("Name"))),
        }
        self.at += rest.len() - rest.trim_start_matches(is_name_char).len();
        if self.is_end() {
            return Err(self.ended("Name"));
        }
        Ok(self.between(start, self.at))
    }

    /// Steps over a name that no colon may follow.
    pub(super) fn plain_name(&mut self) -> Result<&'t str> {
        let name = self.name()?;
        if self.peek() == Some(':') { Err(self.bad_name_char()) } else { Ok(name) }
    }

    /// Steps over a name with at most one colon.
    pub(super) fn qname(&mut self) -> Result<QName<'t>> {
        let at = self.at;
        let first = self.name()?;
        if self.peek() != Some(':') {
            return Ok(QName { prefix: "", local: first, whole: first, at });
        }
        self.at += 1;
        let local = self.name()?;
        if self.peek() == Some(':') {
            return Err(self.bad_name_char());
        }
        Ok(QName { prefix: first, local, whole: self.between(at, self.at), at })
    }
}

fn unfinished(what: &str) -> String {
    format!("Unexpected end of file while parsing {what} has occurred.")
}
