//! Typed values of attributes and text.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Method, StatusCode};
use tollgate_expr::EvalState;

use crate::PolicyError;

/// A type that literals and expression results become.
pub trait Typed: Sized + Clone + fmt::Debug + Send + Sync + 'static {
    /// What the expression must give.
    const TARGET: tollgate_expr::Target;

    /// Reads a literal; the error is one line in the author's words, such as ``expected a whole number``.
    fn parse(text: &str) -> Result<Self, String>;

    /// Takes the result of an expression.
    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError>;
}

fn text_of(
    value: &tollgate_expr::Value,
    state: &EvalState,
) -> Result<Option<Arc<str>>, PolicyError> {
    value.to_text(state).map_err(|exception| PolicyError::expression(&exception))
}

/// Text; null becomes the empty string.
impl Typed for Arc<str> {
    const TARGET: tollgate_expr::Target = tollgate_expr::Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.into())
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        Ok(text_of(value, state)?.unwrap_or_default())
    }
}

/// Text; null stays apart.
impl Typed for Option<Arc<str>> {
    const TARGET: tollgate_expr::Target = tollgate_expr::Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Some(text.into()))
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        text_of(value, state)
    }
}

impl Typed for bool {
    const TARGET: tollgate_expr::Target = tollgate_expr::Target::Bool;

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            text if text.eq_ignore_ascii_case("true") => Ok(true),
            text if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err("expected `true` or `false`".to_owned()),
        }
    }

    fn from_value(value: &tollgate_expr::Value, _: &EvalState) -> Result<Self, PolicyError> {
        value.as_bool().ok_or_else(|| PolicyError::unfit_value("The value is not a bool."))
    }
}

impl Typed for i64 {
    const TARGET: tollgate_expr::Target = tollgate_expr::Target::Int;

    fn parse(text: &str) -> Result<Self, String> {
        text.trim().parse().map_err(|_| "expected a whole number".to_owned())
    }

    fn from_value(value: &tollgate_expr::Value, _: &EvalState) -> Result<Self, PolicyError> {
        value.as_int().ok_or_else(|| PolicyError::unfit_value("The value is not a whole number."))
    }
}

/// A duration in whole seconds, or as `hh:mm:ss`.
impl Typed for Duration {
    const TARGET: tollgate_expr::Target = tollgate_expr::Target::Any;

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "expected seconds, or `hh:mm:ss`".to_owned();
        let text = text.trim();
        if let Ok(seconds) = text.parse::<u64>() {
            return Ok(Duration::from_secs(seconds));
        }
        let mut seconds = 0u64;
        let mut parts = 0;
        for part in text.split(':') {
            let number: u64 = part.parse().map_err(|_| wrong())?;
            parts += 1;
            if part.len() > 2 || parts > 1 && number > 59 {
                return Err(wrong());
            }
            seconds = seconds * 60 + number;
        }
        if parts == 3 { Ok(Duration::from_secs(seconds)) } else { Err(wrong()) }
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        if let Some(seconds) = value.as_int() {
            return u64::try_from(seconds)
                .map(Duration::from_secs)
                .map_err(|_| PolicyError::unfit_value("The duration is negative."));
        }
        let text = text_of(value, state)?.unwrap_or_default();
        Self::parse(&text).map_err(|_| PolicyError::unfit_value("The value is not a duration."))
    }
}

impl Typed for StatusCode {
    const TARGET: tollgate_expr::Target = tollgate_expr::Target::Int;

    fn parse(text: &str) -> Result<Self, String> {
        text.trim()
            .parse::<u16>()
            .ok()
            .and_then(|code| StatusCode::from_u16(code).ok())
            .ok_or_else(|| "expected a status code from 100 to 999".to_owned())
    }

    fn from_value(value: &tollgate_expr::Value, _: &EvalState) -> Result<Self, PolicyError> {
        // What policies set is the status of a final response, which one below 200 cannot be (RFC 9110 §15.2).
        let code = value.as_int().filter(|code| *code >= 200);
        let code = code.and_then(|code| u16::try_from(code).ok());
        code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or_else(|| {
            PolicyError::unfit_value("The value is not a status code from 200 to 999.")
        })
    }
}

impl Typed for Method {
    const TARGET: tollgate_expr::Target = tollgate_expr::Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        // Azure writes methods in upper case, however they are spelled.
        Method::from_bytes(text.trim().to_ascii_uppercase().as_bytes())
            .map_err(|_| "expected an HTTP method".to_owned())
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = text_of(value, state)?.unwrap_or_default();
        Self::parse(&text).map_err(|_| PolicyError::unfit_value("The value is not an HTTP method."))
    }
}

impl Typed for HeaderName {
    const TARGET: tollgate_expr::Target = tollgate_expr::Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        HeaderName::from_bytes(text.trim().as_bytes())
            .map_err(|_| "expected the name of a header".to_owned())
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = text_of(value, state)?.unwrap_or_default();
        Self::parse(&text)
            .map_err(|_| PolicyError::unfit_value("The value is not the name of a header."))
    }
}

/// A body: bytes as they are, anything else as its text in UTF-8; null is an empty body.
impl Typed for Bytes {
    const TARGET: tollgate_expr::Target = tollgate_expr::Target::Any;

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        if let Some(bytes) = value.as_bytes(state) {
            return Ok(bytes);
        }
        Ok(text_of(value, state)?
            .map_or_else(Bytes::new, |text| Bytes::copy_from_slice(text.as_bytes())))
    }
}

/// The value as the expression gave it; a literal is a string.
impl Typed for tollgate_expr::Value {
    const TARGET: tollgate_expr::Target = tollgate_expr::Target::Any;

    fn parse(text: &str) -> Result<Self, String> {
        Ok(tollgate_expr::Value::from(text))
    }

    fn from_value(value: &tollgate_expr::Value, _: &EvalState) -> Result<Self, PolicyError> {
        Ok(value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_clock_time() {
        assert_eq!(Duration::parse(" 90 "), Ok(Duration::from_secs(90)));
        assert_eq!(Duration::parse("00:05:00"), Ok(Duration::from_mins(5)));
        for wrong in ["-1", "1.5", "5:00", "00:99:00", "", "a"] {
            assert!(Duration::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn methods_are_upper_case_tokens() {
        assert_eq!(Method::parse("post"), Ok(Method::POST));
        assert!(Method::parse("a b").is_err());
    }
}
