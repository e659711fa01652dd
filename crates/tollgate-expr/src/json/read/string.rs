//! Strings and their escapes.

use std::sync::Arc;

use super::super::Scalar;
use super::reader::{Reader, Token};
use super::{DateParse, date};
use crate::{Budget, Exception};

impl<'a> Reader<'a> {
    /// A string value, or the date it looks like.
    pub(super) fn string(&mut self, quote: u8, budget: &mut Budget) -> Result<bool, Exception> {
        let text = self.string_text(quote, budget)?;
        self.count_item();
        let text = match text {
            Text::Plain(text) => {
                if let Some(date) = self.date(text) {
                    self.set_value(Token::Date, Scalar::Date(date));
                    return Ok(true);
                }
                budget.memory(text.len() + 16)?;
                Arc::from(text)
            }
            Text::Escaped(text) => {
                if let Some(date) = self.date(&text) {
                    self.set_value(Token::Date, Scalar::Date(date));
                    return Ok(true);
                }
                Arc::from(text)
            }
        };
        self.set_value(Token::String, Scalar::Str(text));
        Ok(true)
    }

    fn date(&self, text: &str) -> Option<crate::time::DateTime> {
        match self.dates {
            DateParse::DateTime => date::parse(text),
            DateParse::None => None,
        }
    }

    /// A quoted name.
    pub(super) fn quoted(&mut self, quote: u8, budget: &mut Budget) -> Result<Arc<str>, Exception> {
        match self.string_text(quote, budget)? {
            Text::Plain(name) => self.shared_name(name, budget),
            Text::Escaped(name) => self.shared_name(&name, budget),
        }
    }

    pub(super) fn string_text(
        &mut self,
        quote: u8,
        budget: &mut Budget,
    ) -> Result<Text<'a>, Exception> {
        self.at += 1;
        let mut start = self.at;
        // What was read before the last escape.
        let mut decoded: Option<String> = None;
        loop {
            match self.byte() {
                None => return Err(self.unterminated(quote)),
                Some(byte) if byte == quote => {
                    let tail = self.text.get(start..self.at).unwrap_or("");
                    self.at += 1;
                    return Ok(match decoded {
                        None => Text::Plain(tail),
                        Some(mut text) => {
                            budget.memory(tail.len())?;
                            text.push_str(tail);
                            Text::Escaped(text)
                        }
                    });
                }
                Some(b'\n') => self.line_feed(),
                Some(b'\r') => self.carriage_return(),
                Some(b'\\') => {
                    let plain = self.text.get(start..self.at).unwrap_or("");
                    budget.memory(plain.len() + 4)?;
                    let text = decoded.get_or_insert_default();
                    text.push_str(plain);
                    self.at += 1;
                    self.escape(quote, text)?;
                    start = self.at;
                }
                Some(_) => self.at += 1,
            }
        }
    }

    #[cold]
    fn unterminated(&self, quote: u8) -> Exception {
        let quote = char::from(quote);
        self.fail(&format!("Unterminated string. Expected delimiter: {quote}."))
    }

    /// An escape, behind its backslash.
    fn escape(&mut self, quote: u8, out: &mut String) -> Result<(), Exception> {
        let Some(byte) = self.byte() else { return Err(self.unterminated(quote)) };
        let char = match byte {
            b'b' => '\u{8}',
            b't' => '\t',
            b'n' => '\n',
            b'f' => '\u{c}',
            b'r' => '\r',
            b'\\' | b'"' | b'\'' | b'/' => char::from(byte),
            b'u' => {
                self.at += 1;
                return self.unicode(out);
            }
            _ => {
                let char = self.char();
                self.skip_char();
                return Err(self.fail(&format!("Bad JSON escape sequence: \\{char}.")));
            }
        };
        self.at += 1;
        out.push(char);
        Ok(())
    }

    /// `\u1234`, with its other half when it is a surrogate; half a pair becomes U+FFFD.
    fn unicode(&mut self, out: &mut String) -> Result<(), Exception> {
        let mut unit = self.hex_unit()?;
        loop {
            if !is_high(unit) {
                out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
                return Ok(());
            }
            if !(self.rest().starts_with("\\u") && self.has_more_than(2)) {
                out.push(char::REPLACEMENT_CHARACTER);
                return Ok(());
            }
            self.at += 2;
            let next = self.hex_unit()?;
            if (0xdc00..0xe000).contains(&next) {
                let scalar = 0x1_0000 + ((unit - 0xd800) << 10) + (next - 0xdc00);
                out.push(char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER));
                return Ok(());
            }
            out.push(char::REPLACEMENT_CHARACTER);
            unit = next;
        }
    }

    fn hex_unit(&mut self) -> Result<u32, Exception> {
        // Json.NET wants one character more than the four digits.
        if !self.has_more_than(4) {
            return Err(self.fail("Unexpected end while parsing Unicode escape sequence."));
        }
        let digits = self.text.get(self.at..self.at + 4);
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(unit) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            let found: String = self.rest().chars().take(4).collect();
            return Err(self.fail(&format!("Invalid Unicode escape sequence: \\u{found}.")));
        };
        self.at += 4;
        Ok(unit)
    }
}

fn is_high(unit: u32) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

/// A string's content: as it stands in the text, or decoded.
pub(super) enum Text<'a> {
    Plain(&'a str),
    Escaped(String),
}

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Escaped(text) => text,
        }
    }
}
