//! Text of elements.

use std::ops::Range;

use tollgate_diagnostics::MappedText;

use super::{Element, Value};

pub(super) fn of_content(element: &Element) -> Option<Value> {
    let text = joined_text(element);
    (!text.as_str().trim().is_empty()).then_some(Value {
        text,
        is_expression: false,
        is_opaque: false,
    })
}

pub(super) fn joined_text(element: &Element) -> MappedText {
    MappedText::verbatim("", element.span)
}

pub(super) fn raw(text: &MappedText, range: Range<usize>) -> MappedText {
    text.slice(range)
}
