//! What loops tell of themselves.

use std::sync::Arc;

use super::value::Value;

fn place(index: usize) -> Value {
    Value::Int(i64::try_from(index).unwrap_or(i64::MAX))
}

/// `forloop`.
pub(super) fn forloop(name: &Arc<str>, index: usize, length: usize) -> Value {
    Value::Object(
        [
            ("name", Value::Text(Arc::clone(name))),
            ("length", place(length)),
            ("index", place(index + 1)),
            ("index0", place(index)),
            ("rindex", place(length - index)),
            ("rindex0", place(length - index - 1)),
            ("first", Value::Bool(index == 0)),
            ("last", Value::Bool(index + 1 == length)),
        ]
        .into(),
    )
}

/// `tablerowloop`.
pub(super) fn tablerowloop(index: usize, length: usize, column: usize, columns: usize) -> Value {
    Value::Object(
        [
            ("length", place(length)),
            ("index", place(index + 1)),
            ("index0", place(index)),
            ("col", place(column + 1)),
            ("col0", place(column)),
            ("rindex", place(length - index)),
            ("rindex0", place(length - index - 1)),
            ("first", Value::Bool(index == 0)),
            ("last", Value::Bool(index + 1 == length)),
            ("col_first", Value::Bool(column == 0)),
            ("col_last", Value::Bool(column + 1 == columns)),
        ]
        .into(),
    )
}
