//! Values of `XPath` and their conversions.

use std::sync::Arc;

/// A node: which tree, and which node of it. Their order is document order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::xsl_transform) struct NodeRef {
    pub(in crate::xsl_transform) tree: u32,
    pub(in crate::xsl_transform) node: u32,
}

/// A value.
#[derive(Debug, Clone)]
pub(in crate::xsl_transform) enum Value {
    /// In document order, each once.
    Nodes(Arc<[NodeRef]>),
    Number(f64),
    Text(Arc<str>),
    Bool(bool),
    /// A tree that a template made: its root.
    Fragment(u32),
}

impl Value {
    pub(in crate::xsl_transform) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    pub(in crate::xsl_transform) fn nodes(nodes: Vec<NodeRef>) -> Self {
        Self::Nodes(nodes.into())
    }
}

/// A number as text: no exponent, and no point when it is whole.
pub(in crate::xsl_transform) fn number_text(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else if number == 0.0 {
        "0".to_owned()
    } else {
        number.to_string()
    }
}

/// The number that a text says, else not a number.
pub(in crate::xsl_transform) fn number_of(text: &str) -> f64 {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().any(|b| b.is_ascii_digit());
    if is_number { text.parse().unwrap_or(f64::NAN) } else { f64::NAN }
}

/// Halves go up, as `round()` of `XPath` has it.
pub(in crate::xsl_transform) fn round(number: f64) -> f64 {
    if (number.fract() + 0.5).abs() < f64::EPSILON { number.ceil() } else { number.round() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_and_read() {
        for (number, text) in [
            (1.0, "1"),
            (-0.0, "0"),
            (1.5, "1.5"),
            (1e21, "1000000000000000000000"),
            (0.000_000_1, "0.0000001"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(number_text(number), text);
        }
        for (text, number) in [(" 12 ", 12.0), ("-.5", -0.5), ("5.", 5.0)] {
            assert!((number_of(text) - number).abs() < f64::EPSILON, "{text}");
        }
        for text in ["", "-", ".", "1e3", "+1", "1 2", "--1", "1.2.3", "x"] {
            assert!(number_of(text).is_nan(), "{text}");
        }
        assert!(
            (round(-0.5) - 0.0).abs() < f64::EPSILON && (round(2.5) - 3.0).abs() < f64::EPSILON
        );
        assert!((round(-1.5) + 1.0).abs() < f64::EPSILON);
    }
}
