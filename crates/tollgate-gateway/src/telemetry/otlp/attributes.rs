//! Attributes of spans and metrics.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};

use crate::telemetry::Redactor;

/// Bytes of a text; what is longer is cut.
const MAX_TEXT: usize = 1_024;

/// What stands for the value of a query parameter.
const REDACTED: &str = "REDACTED";

/// Parameters of a query that are named.
const MAX_PARAMETERS: usize = 32;

/// A text.
pub(crate) fn text(key: impl Into<String>, value: &str) -> KeyValue {
    of(key, Value::StringValue(cut(value).to_owned()))
}

/// A number.
pub(crate) fn number(key: impl Into<String>, value: impl TryInto<i64>) -> KeyValue {
    of(key, Value::IntValue(value.try_into().unwrap_or(i64::MAX)))
}

/// A list of texts.
pub(crate) fn texts<'a>(key: impl Into<String>, values: impl Iterator<Item = &'a str>) -> KeyValue {
    let text = |value: &str| AnyValue { value: Some(Value::StringValue(cut(value).to_owned())) };
    of(key, Value::ArrayValue(ArrayValue { values: values.map(text).collect() }))
}

fn of(key: impl Into<String>, value: Value) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn cut(value: &str) -> &str {
    value.get(..value.floor_char_boundary(MAX_TEXT)).unwrap_or(value)
}

/// A query without what stands in it: keys and tokens do. The names of its parameters stay.
pub(crate) fn redacted_query(query: &str) -> String {
    let shown = |parameter: &str| match parameter.split_once('=') {
        Some((name, _)) => format!("{name}={REDACTED}"),
        // A parameter without a name may be all secret.
        None => REDACTED.to_owned(),
    };
    query.split('&').take(MAX_PARAMETERS).map(shown).collect::<Vec<_>>().join("&")
}

/// Masks the secrets of the configuration wherever a text holds one.
pub(super) fn redact(attributes: &mut [KeyValue], redactor: &Redactor) {
    for attribute in attributes {
        let value = attribute.value.as_mut().and_then(|value| value.value.as_mut());
        match value {
            Some(Value::StringValue(text)) => redact_text(text, redactor),
            Some(Value::ArrayValue(list)) => {
                for value in &mut list.values {
                    if let Some(Value::StringValue(text)) = &mut value.value {
                        redact_text(text, redactor);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Masks secrets in one text.
pub(super) fn redact_text(text: &mut String, redactor: &Redactor) {
    if let Cow::Owned(masked) = redactor.redact(text) {
        *text = masked;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_show_names_only() {
        assert_eq!(
            redacted_query("api-version=1&key=hunter22"),
            "api-version=REDACTED&key=REDACTED"
        );
        assert_eq!(redacted_query("hunter22&a="), "REDACTED&a=REDACTED");
        assert_eq!(redacted_query(&"a=1&".repeat(99)).matches("a=").count(), MAX_PARAMETERS);
    }

    #[test]
    fn secrets_are_masked_in_texts_and_lists() {
        let redactor = Redactor::new(["hunter22"]);
        let mut attributes = [text("a", "x hunter22"), texts("b", ["hunter22", "y"].into_iter())];
        redact(&mut attributes, &redactor);
        let shown = format!("{attributes:?}");
        assert!(!shown.contains("hunter22") && shown.contains("x ***"), "{shown}");
    }

    #[test]
    fn texts_are_cut_at_a_character() {
        let value = format!("x{}", "é".repeat(MAX_TEXT));
        assert_eq!(cut(&value).len(), MAX_TEXT - 1);
    }
}
