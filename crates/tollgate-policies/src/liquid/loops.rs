//! Loops, and what they tell of themselves.

use std::sync::Arc;

use super::ast::{Expr, Loop, LoopKind, Offset};
use super::render::{Flow, Render, Result, Scope, set};
use super::value::{Number, Value};

impl Render<'_> {
    /// The items that a loop visits; none when the value is no collection.
    fn segment(&mut self, this: &Loop) -> Result<Option<Vec<Value>>> {
        let collection = self.eval(&this.collection)?;
        let Some(items) = self.items(&collection)? else { return Ok(None) };
        let from = match &this.offset {
            None => 0,
            Some(Offset::Continue) => self.offsets.get(&this.name).copied().unwrap_or(0),
            Some(Offset::At(offset)) => self.count(offset)?,
        };
        let limit = match &this.limit {
            Some(limit) => self.count(limit)?,
            None => usize::MAX,
        };
        let mut segment: Vec<Value> = items.into_iter().skip(from).take(limit).collect();
        if this.reversed {
            segment.reverse();
        }
        self.offsets.insert(Arc::clone(&this.name), from + segment.len());
        Ok(Some(segment))
    }

    /// A number of items.
    fn count(&mut self, expr: &Expr) -> Result<usize> {
        let value = self.eval(expr)?;
        let number = match value {
            Value::Nil => Some(0),
            other => other.parsed_number().and_then(Number::int),
        };
        let number = number.ok_or_else(|| self.fault("A limit or offset is not a number."))?;
        Ok(usize::try_from(number.max(0)).unwrap_or(usize::MAX))
    }

    /// `{% for %}`, `{% JSONArrayFor %}`, `{% tablerow %}`.
    pub(super) fn repeat(&mut self, this: &Loop) -> Result<Flow> {
        let items = self.segment(this)?.unwrap_or_default();
        if items.is_empty() && !matches!(this.kind, LoopKind::TableRow(_)) {
            return self.inside(&this.otherwise);
        }
        self.scopes.push(Scope::new());
        let ended = match &this.kind {
            LoopKind::TableRow(columns) => self.rows(this, items, columns.as_ref()),
            LoopKind::For | LoopKind::JsonArray => self.each(this, items),
        };
        self.scopes.pop();
        ended.map(|()| Flow::Done)
    }

    fn each(&mut self, this: &Loop, items: Vec<Value>) -> Result<()> {
        let length = items.len();
        let has_commas = matches!(this.kind, LoopKind::JsonArray);
        let mut needs_comma = false;
        for (index, item) in items.into_iter().enumerate() {
            self.step(1)?;
            let forloop = forloop(&this.name, index, length);
            if let Some(scope) = self.scopes.last_mut() {
                set(scope, &this.variable, item);
                set(scope, &"forloop".into(), forloop);
            }
            let flow = if has_commas {
                let (text, flow) = self.captured(&this.body)?;
                // An item that gives nothing needs no comma.
                let is_blank = text.trim().is_empty();
                if needs_comma && !is_blank {
                    self.write(",")?;
                }
                needs_comma |= !is_blank;
                self.write(&text)?;
                flow
            } else {
                self.nodes(&this.body)?
            };
            if flow == Flow::Break {
                break;
            }
        }
        Ok(())
    }

    fn rows(&mut self, this: &Loop, items: Vec<Value>, columns: Option<&Expr>) -> Result<()> {
        let length = items.len();
        let columns = match columns {
            Some(columns) => self.count(columns)?.max(1),
            None => length.max(1),
        };
        self.write("<tr class=\"row1\">\n")?;
        for (index, item) in items.into_iter().enumerate() {
            self.step(1)?;
            let column = index % columns;
            if let Some(scope) = self.scopes.last_mut() {
                set(scope, &this.variable, item);
                set(scope, &"tablerowloop".into(), tablerowloop(index, length, column, columns));
            }
            self.write(&format!("<td class=\"col{}\">", column + 1))?;
            let flow = self.nodes(&this.body)?;
            self.write("</td>")?;
            if flow == Flow::Break {
                break;
            }
            if column + 1 == columns && index + 1 < length {
                let row = (index + 1) / columns + 1;
                self.write(&format!("</tr>\n<tr class=\"row{row}\">"))?;
            }
        }
        self.write("</tr>\n")
    }
}

fn place(index: usize) -> Value {
    Value::Int(i64::try_from(index).unwrap_or(i64::MAX))
}

/// `forloop`.
fn forloop(name: &Arc<str>, index: usize, length: usize) -> Value {
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
fn tablerowloop(index: usize, length: usize, column: usize, columns: usize) -> Value {
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
