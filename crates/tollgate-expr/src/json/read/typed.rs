//! `ReadAsInt32` and its like: the next value as the reader of one type takes it.

use std::sync::Arc;

use super::super::Scalar;
use super::super::convert::{base64_bytes, to_bool};
use super::super::guid::{guid_bytes, parse_guid_exact};
use super::date;
use super::literal::{is_other_base, other_base};
use super::reader::{Comments, Reader, State, Token};
use crate::number::{self, NAN, Number, NumberType, Styles};
use crate::time::{DateStyles, DateTime, DateTimeOffset};
use crate::{Budget, Exception};

/// What is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    Int32,
    Double,
    Decimal,
    Bool,
    Str,
    Bytes,
    DateTime,
    DateTimeOffset,
}

impl Want {
    /// What messages about text call it.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Int32 => "integer",
            Self::Double => "double",
            Self::Decimal => "decimal",
            Self::Bool => "boolean",
            Self::Str => "string",
            Self::Bytes => "bytes",
            Self::DateTime => "DateTime",
            Self::DateTimeOffset => "DateTimeOffset",
        }
    }
}

/// Text as a value; none when it is not one. Empty text is null.
pub(crate) fn of_text(text: &str, want: Want) -> Option<(Token, Scalar)> {
    if text.is_empty() {
        return Some((Token::Null, Scalar::Null));
    }
    let text = Some(text);
    let decimal = |styles| match number::parse(NumberType::Decimal, text, styles) {
        Ok(Number::Decimal(value)) => Some(value),
        _ => None,
    };
    match want {
        Want::Int32 => match number::parse(NumberType::Int32, text, Styles::INTEGER) {
            Ok(Number::Int32(value)) => Some((Token::Integer, Scalar::Int(value.into()))),
            _ => None,
        },
        Want::Double => match number::parse(NumberType::Double, text, Styles::FLOAT_THOUSANDS) {
            Ok(Number::Double(value)) => Some((Token::Float, Scalar::Double(value))),
            _ => None,
        },
        Want::Decimal => decimal(Styles::NUMBER)
            .or_else(|| decimal(Styles::FLOAT))
            .map(|value| (Token::Float, Scalar::Decimal(value))),
        Want::Bool => {
            number::parse_bool(text).ok().map(|value| (Token::Boolean, Scalar::Bool(value)))
        }
        Want::DateTime => text
            .and_then(date::parse)
            .or_else(|| DateTime::parse(text, DateStyles::ROUNDTRIP_KIND, DateTime::MIN).ok())
            .map(|value| (Token::Date, Scalar::Date(value))),
        Want::DateTimeOffset => text
            .and_then(date::parse_offset)
            .or_else(|| DateTimeOffset::try_parse(text, DateStyles::ROUNDTRIP_KIND, DateTime::MIN))
            .map(|value| (Token::Date, Scalar::DateOffset(value))),
        Want::Str | Want::Bytes => None,
    }
}

/// Text as bytes: base 64, or a GUID.
pub(crate) fn bytes_of_text(text: &str, budget: &mut Budget) -> Result<Arc<[u8]>, Exception> {
    match parse_guid_exact(text, "D") {
        Ok(guid) => Ok(Arc::from(guid_bytes(guid))),
        Err(_) => base64_bytes(text, budget),
    }
}

impl Reader<'_> {
    /// Reads the next value; the token tells what there was: also null, the end of an array or of the text, and for bytes
    /// the start of a container.
    pub(crate) fn read_as(&mut self, want: Want, budget: &mut Budget) -> Result<(), Exception> {
        let start = self.at;
        let read = self.read_typed(want, budget);
        budget.step(1 + (self.at - start) as u64 / 64)?;
        read
    }

    fn read_typed(&mut self, want: Want, budget: &mut Budget) -> Result<(), Exception> {
        if self.state == State::Finished {
            return self.finished(budget).map(drop);
        }
        if self.state == State::PostValue && self.post_value(Comments::Skip, budget)? {
            return Ok(());
        }
        let in_array = matches!(self.state, State::Array | State::ArrayStart | State::PostValue);
        let symbols = !matches!(want, Want::Bool | Want::Bytes);
        let dates = matches!(want, Want::DateTime | Want::DateTimeOffset);
        loop {
            let Some(byte) = self.byte() else {
                self.token = Token::None;
                return Ok(());
            };
            match byte {
                b'"' | b'\'' => return self.typed_text(byte, want, budget),
                b'n' => return self.typed_null(),
                b'/' => self.skip_comment(budget)?,
                b',' => {
                    self.at += 1;
                    self.count_item();
                    self.end_value();
                    return Err(
                        self.fail("Unexpected character encountered while parsing value: ,.")
                    );
                }
                b']' if in_array => return self.end_array().map(drop),
                b'{' if want == Want::Bytes => return self.start_object().map(drop),
                b'[' if want == Want::Bytes => return self.start_array().map(drop),
                b't' | b'f' if matches!(want, Want::Str | Want::Bool) => {
                    return self.typed_bool(byte == b't', want);
                }
                b'N' if symbols => return self.symbol("NaN", NAN, want),
                b'I' if symbols => return self.symbol("Infinity", f64::INFINITY, want),
                b'-' if symbols && self.byte_at(self.at + 1) == Some(b'I') => {
                    return self.symbol("-Infinity", f64::NEG_INFINITY, want);
                }
                b'-' if want != Want::Bytes => return self.typed_number(want, budget),
                b'.' | b'0'..=b'9' if want != Want::Bytes && !dates => {
                    return self.typed_number(want, budget);
                }
                _ if self.skip_blank() => {}
                _ => return Err(self.typed_unexpected()),
            }
        }
    }

    #[cold]
    fn typed_unexpected(&mut self) -> Exception {
        let char = self.char();
        match char {
            char::REPLACEMENT_CHARACTER => self.ahead = 1,
            _ => self.skip_char(),
        }
        self.fail(&format!("Unexpected character encountered while parsing value: {char}."))
    }

    fn typed_null(&mut self) -> Result<(), Exception> {
        match self.byte_at(self.at + 1) {
            Some(b'u') => self.word("null", "null", Token::Null, Scalar::Null).map(drop),
            Some(_) => {
                self.at += 1;
                Err(self.typed_unexpected())
            }
            None => {
                self.at = self.text.len();
                Err(self.fail("Unexpected end when reading JSON."))
            }
        }
    }

    fn typed_bool(&mut self, value: bool, want: Want) -> Result<(), Exception> {
        let word = if value { "true" } else { "false" };
        if !self.matches(word)? {
            return Err(self.unexpected());
        }
        self.count_item();
        match want {
            Want::Str => self.set_value(Token::String, Scalar::from(word)),
            _ => self.set_value(Token::Boolean, Scalar::Bool(value)),
        }
        Ok(())
    }

    /// `NaN` and the infinities: only the readers of doubles and of text take them.
    fn symbol(&mut self, word: &str, value: f64, want: Want) -> Result<(), Exception> {
        if !self.matches(word)? {
            return Err(self.fail(&format!("Error parsing {word} value.")));
        }
        match want {
            Want::Double => {
                self.count_item();
                self.set_value(Token::Float, Scalar::Double(value));
            }
            Want::Str => {
                self.count_item();
                self.set_value(Token::String, Scalar::from(word));
            }
            _ => return Err(self.fail(&format!("Cannot read {word} value."))),
        }
        Ok(())
    }

    fn typed_number(&mut self, want: Want, budget: &mut Budget) -> Result<(), Exception> {
        let text = self.number_text()?;
        let (token, value) = match want {
            Want::Bool => {
                let value = self.number_value(text, budget)?;
                let value = matches!(value, Scalar::BigInt(_)) || to_bool(&value)?;
                (Token::Boolean, Scalar::Bool(value))
            }
            Want::Str => {
                self.number_value(text, budget)?;
                budget.memory(text.len() + 16)?;
                (Token::String, Scalar::from(text))
            }
            Want::Int32 => (Token::Integer, self.int32(text)?),
            Want::Double | Want::Decimal => {
                let value = if is_other_base(text) {
                    let whole = other_base(text);
                    whole.and_then(|whole| of_text(&whole.to_string(), want))
                } else if want == Want::Double {
                    text.parse().ok().map(|value| (Token::Float, Scalar::Double(value)))
                } else {
                    let value = number::parse(NumberType::Decimal, Some(text), Styles::FLOAT);
                    match value {
                        Ok(Number::Decimal(value)) => Some((Token::Float, Scalar::Decimal(value))),
                        _ => None,
                    }
                };
                value.ok_or_else(|| self.no_number(text, want))?
            }
            Want::Bytes | Want::DateTime | Want::DateTimeOffset => {
                return Err(self.fail("Cannot read number value as type."));
            }
        };
        self.set_value(token, value);
        Ok(())
    }

    fn int32(&self, text: &str) -> Result<Scalar, Exception> {
        if is_other_base(text) {
            let value = other_base(text).filter(|value| u32::try_from(*value).is_ok());
            #[expect(clippy::cast_possible_truncation, reason = "two's complement")]
            let value = value.map(|value| Scalar::Int((value as i32).into()));
            return value.ok_or_else(|| self.no_number(text, Want::Int32));
        }
        if let Ok(value) = text.parse::<i32>() {
            return Ok(Scalar::Int(value.into()));
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let message = format!("JSON integer {text} is too large or small for an Int32.");
            return Err(self.fail(&message));
        }
        Err(self.no_number(text, Want::Int32))
    }

    #[cold]
    fn no_number(&self, text: &str, want: Want) -> Exception {
        let noun = want.noun();
        self.fail(&format!("Input string '{text}' is not a valid {noun}."))
    }

    fn typed_text(&mut self, quote: u8, want: Want, budget: &mut Budget) -> Result<(), Exception> {
        let text = self.string_text(quote, budget)?;
        let text = text.as_ref();
        self.count_item();
        self.end_value();
        let (token, value) = match want {
            Want::Str => {
                budget.memory(text.len() + 16)?;
                (Token::String, Scalar::from(text))
            }
            Want::Bytes => (Token::Bytes, Scalar::Bytes(bytes_of_text(text, budget)?)),
            _ => of_text(text, want).ok_or_else(|| {
                let noun = want.noun();
                self.fail(&format!("Could not convert string to {noun}: {text}."))
            })?,
        };
        self.set_value(token, value);
        Ok(())
    }
}
