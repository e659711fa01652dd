//! Words, numbers, constructors and comments.

use std::sync::Arc;

use super::super::Scalar;
use super::reader::{Reader, Token};
use crate::{Budget, Exception};

/// Integers of more digits than this are refused rather than read as `BigInteger`.
const MAX_INTEGER: usize = 380;

impl<'t> Reader<'t> {
    /// `true`, `NaN` and the like, with something that separates behind it.
    pub(super) fn word(
        &mut self,
        word: &str,
        what: &str,
        token: Token,
        value: Scalar,
    ) -> Result<bool, Exception> {
        if !self.matches(word)? {
            return Err(self.fail(&format!("Error parsing {what} value.")));
        }
        self.count_item();
        self.set_value(token, value);
        Ok(true)
    }

    pub(super) fn matches(&mut self, word: &str) -> Result<bool, Exception> {
        if !self.has_more_than(word.len() - 1) {
            self.at = self.text.len();
            return Err(self.fail("Unexpected end when reading JSON."));
        }
        for expected in word.bytes() {
            if self.byte() != Some(expected) {
                return Ok(false);
            }
            self.at += 1;
        }
        Ok(match self.byte() {
            None | Some(0 | b'}' | b']' | b',' | b' ' | b'\t' | b'\n' | b'\r') => true,
            Some(b'/') => matches!(self.byte_at(self.at + 1), Some(b'/' | b'*')),
            Some(b')') => self.in_constructor(),
            Some(_) => self.char().is_whitespace(),
        })
    }

    pub(super) fn null_or_constructor(&mut self, budget: &mut Budget) -> Result<bool, Exception> {
        match self.byte_at(self.at + 1) {
            Some(b'u') => self.word("null", "null", Token::Null, Scalar::Null),
            Some(b'e') => self.constructor(budget),
            Some(_) => Err(self.unexpected()),
            None => {
                self.at += 1;
                Err(self.fail("Unexpected end when reading JSON."))
            }
        }
    }

    /// `new Name(`.
    fn constructor(&mut self, budget: &mut Budget) -> Result<bool, Exception> {
        if !self.matches("new")? {
            return Err(self.fail("Unexpected content while parsing JSON."));
        }
        self.eat_blanks();
        let start = self.at;
        loop {
            match self.rest().chars().next() {
                None => return Err(self.fail("Unexpected end while parsing constructor.")),
                Some(char) if char.is_alphanumeric() => self.at += char.len_utf8(),
                Some(char) if char == '(' || char == '\0' || char.is_whitespace() => break,
                Some(_) => return Err(self.bad_constructor()),
            }
        }
        let name = self.text.get(start..self.at).unwrap_or("");
        budget.memory(name.len() + 16)?;
        let name = Arc::from(name);
        self.eat_blanks();
        if self.byte() != Some(b'(') {
            return Err(self.bad_constructor());
        }
        self.at += 1;
        self.start_constructor(name)
    }

    #[cold]
    fn bad_constructor(&self) -> Exception {
        let char = self.char();
        self.fail(&format!("Unexpected character while parsing constructor: {char}."))
    }

    /// `/* … */` or `// …`.
    pub(super) fn comment(&mut self, budget: &mut Budget) -> Result<bool, Exception> {
        self.at += 1;
        // Json.NET wants two characters here, so `//` at the very end is no comment.
        if !self.has_more_than(1) {
            return Err(self.fail("Unexpected end while parsing comment."));
        }
        let single = match self.byte() {
            Some(b'*') => false,
            Some(b'/') => true,
            _ => {
                let char = self.char();
                return Err(self.fail(&format!("Error parsing comment. Expected: *, got {char}.")));
            }
        };
        self.at += 1;
        let start = self.at;
        let end = loop {
            match self.byte() {
                None | Some(b'\r' | b'\n') if single => break self.at,
                None => return Err(self.fail("Unexpected end while parsing comment.")),
                Some(b'\n') => self.line_feed(),
                Some(b'\r') => self.carriage_return(),
                Some(b'*') if !single && self.byte_at(self.at + 1) == Some(b'/') => {
                    self.at += 2;
                    break self.at - 2;
                }
                Some(_) => self.at += 1,
            }
        };
        let text = self.text.get(start..end).unwrap_or("");
        budget.memory(text.len() + 16)?;
        self.token = Token::Comment;
        self.value = Scalar::Comment(Arc::from(text));
        Ok(true)
    }

    pub(super) fn number(&mut self, budget: &mut Budget) -> Result<bool, Exception> {
        let text = self.number_text()?;
        let value = self.number_value(text, budget)?;
        let token = match value {
            Scalar::Double(_) => Token::Float,
            _ => Token::Integer,
        };
        self.set_value(token, value);
        Ok(true)
    }

    /// The characters of a number. The index counts before they are looked at, as the errors about them show.
    pub(super) fn number_text(&mut self) -> Result<&'t str, Exception> {
        let start = self.at;
        loop {
            match self.byte() {
                Some(
                    b'0'..=b'9' | b'-' | b'+' | b'.' | b'a'..=b'f' | b'A'..=b'F' | b'x' | b'X',
                ) => self.at += 1,
                None | Some(0 | b',' | b'}' | b']' | b')' | b'/') => break,
                Some(_) if self.char().is_whitespace() => break,
                Some(_) => {
                    let char = self.char();
                    return Err(self.fail(&format!(
                        "Unexpected character encountered while parsing number: {char}."
                    )));
                }
            }
        }
        let text = self.text.get(start..self.at).unwrap_or("");
        self.count_item();
        self.end_value();
        Ok(text)
    }

    pub(super) fn number_value(
        &self,
        text: &str,
        budget: &mut Budget,
    ) -> Result<Scalar, Exception> {
        let invalid = || self.fail(&format!("Input string '{text}' is not a valid number."));
        if is_other_base(text) {
            return other_base(text).map(Scalar::Int).ok_or_else(invalid);
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            if let Ok(value) = text.parse() {
                return Ok(Scalar::Int(value));
            }
            if text.len() > MAX_INTEGER {
                return Err(self.fail(&format!("JSON integer {text} is too large to parse.")));
            }
            budget.memory(text.len() + 16)?;
            let digits = digits.trim_start_matches('0');
            let negative = digits.len() < text.len() && text.starts_with('-');
            return Ok(Scalar::BigInt(if negative {
                Arc::from(format!("-{digits}"))
            } else {
                Arc::from(digits)
            }));
        }
        text.parse().map(Scalar::Double).map_err(|_| invalid())
    }
}

/// Whether a number is hexadecimal or octal.
pub(super) fn is_other_base(text: &str) -> bool {
    let mut bytes = text.bytes();
    let (first, second) = (bytes.next(), bytes.next());
    first == Some(b'0') && second.is_some_and(|byte| !matches!(byte, b'.' | b'e' | b'E'))
}

/// `0x1F` and `017`, as `Convert.ToInt64` reads them: two's complement when all bits are used.
pub(super) fn other_base(text: &str) -> Option<i64> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let value = match hex {
        Some(digits) if digits.starts_with(['+', '-']) => return None,
        Some(digits) => u64::from_str_radix(digits, 16),
        None => u64::from_str_radix(text, 8),
    };
    value.ok().map(u64::cast_signed)
}
