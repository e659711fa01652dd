//! `System.Text.StringBuilder`.

use super::decl::{Kind, TypeDecl, m, rw};
use crate::eval::{Args, Cx, composite};
use crate::state::{Object, confusion};
use crate::text;
use crate::{Exception, ExceptionKind, Value};

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Text.StringBuilder",
    kind: Kind::Class,
    bases: &[],
    docs: "Text that grows.",
    members: &[
        m("new()", "Empty.", |cx, _| cx.state.add(Object::Builder(String::new()))),
        m("new(int capacity)", "Empty.", |cx, _| cx.state.add(Object::Builder(String::new()))),
        m("new(string value)", "With text.", |cx, a| {
            let text = a.opt_str(0).unwrap_or_default().to_owned();
            cx.charge(text.len())?;
            cx.state.add(Object::Builder(text))
        }),
        rw(
            "int Length",
            "The number of UTF-16 units.",
            |cx, a| Ok(Value::Int(i32::try_from(text::length(read(cx, a)?)).unwrap_or(i32::MAX))),
            |cx, a| {
                let length = usize::try_from(a.long(1)).unwrap_or_default();
                edit(cx, a, |out| {
                    out.truncate(text::byte_offset(out, length));
                    Ok(())
                })
            },
        ),
        m("StringBuilder Append(string value)", "Adds text.", append),
        m("StringBuilder Append(object value)", "Adds a value's text.", append),
        m("StringBuilder Append(char value)", "Adds a character.", append),
        m(
            "StringBuilder Append(char value, int repeatCount)",
            "Adds a character many times.",
            |cx, a| {
                let unit = text::unit_text(a.char(1));
                let count = usize::try_from(a.long(2)).unwrap_or_default();
                cx.charge(count.saturating_mul(unit.len()))?;
                let more = unit.repeat(count);
                edit(cx, a, |out| {
                    out.push_str(&more);
                    Ok(())
                })
            },
        ),
        m("StringBuilder AppendLine()", "Adds a line end.", |cx, a| {
            cx.charge(1)?;
            edit(cx, a, |out| {
                out.push('\n');
                Ok(())
            })
        }),
        m("StringBuilder AppendLine(string value)", "Adds text and a line end.", |cx, a| {
            let more = a.opt_str(1).unwrap_or_default().to_owned();
            cx.charge(more.len() + 1)?;
            edit(cx, a, |out| {
                out.push_str(&more);
                out.push('\n');
                Ok(())
            })
        }),
        m(
            "StringBuilder AppendFormat(string format, params object[] args)",
            "Adds formatted text.",
            |cx, a| {
                let format = a.str(1, "format")?;
                let args = cx.collect(&a.value(2))?;
                let more = composite(cx, &format, &args)?;
                edit(cx, a, |out| {
                    out.push_str(&more);
                    Ok(())
                })
            },
        ),
        m("StringBuilder Insert(int index, string value)", "Puts text in.", |cx, a| {
            let more = a.opt_str(2).unwrap_or_default().to_owned();
            let index = usize::try_from(a.long(1)).unwrap_or(usize::MAX);
            cx.charge(more.len())?;
            edit(cx, a, |out| {
                if index > text::length(out) {
                    return Err(range());
                }
                out.insert_str(text::byte_offset(out, index), &more);
                Ok(())
            })
        }),
        m("StringBuilder Remove(int startIndex, int length)", "Takes a part out.", |cx, a| {
            let start = usize::try_from(a.long(1)).unwrap_or(usize::MAX);
            let count = usize::try_from(a.long(2)).unwrap_or(usize::MAX);
            edit(cx, a, |out| {
                let end = start.checked_add(count).filter(|end| *end <= text::length(out));
                let Some(end) = end else { return Err(range()) };
                out.replace_range(text::byte_offset(out, start)..text::byte_offset(out, end), "");
                Ok(())
            })
        }),
        m("StringBuilder Replace(string oldValue, string newValue)", "Replaces text.", |cx, a| {
            let (old, new) = (a.str(1, "oldValue")?, a.opt_str(2).unwrap_or_default().to_owned());
            if old.is_empty() {
                let message = "The value cannot be an empty string. (Parameter 'oldValue')";
                return Err(Exception::new(ExceptionKind::Argument, message));
            }
            let n = read(cx, a)?.matches(&*old).count();
            cx.charge(n.saturating_mul(new.len()))?;
            edit(cx, a, |out| {
                *out = out.replace(&*old, &new);
                Ok(())
            })
        }),
        m("StringBuilder Clear()", "Takes everything out.", |cx, a| {
            edit(cx, a, |out| {
                out.clear();
                Ok(())
            })
        }),
    ],
    refused: &[],
};

fn range() -> Exception {
    Exception::new(
        ExceptionKind::ArgumentOutOfRange,
        "Index was out of range. Must be non-negative and less than the size of the collection. (Parameter 'index')",
    )
}

fn read<'c>(cx: &'c Cx<'_>, a: &Args<'_>) -> Result<&'c str, Exception> {
    match cx.state.object(a.this_object()?) {
        Object::Builder(text) => Ok(text),
        _ => Err(confusion()),
    }
}

fn edit(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    change: impl FnOnce(&mut String) -> Result<(), Exception>,
) -> Result<Value, Exception> {
    match cx.state.object_mut(a.this_object()?) {
        Some(Object::Builder(text)) => change(text)?,
        _ => return Err(confusion()),
    }
    Ok(a.value(0))
}

fn append(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let mut more = String::new();
    cx.write_text(a.get(1), &mut more)?;
    cx.charge(more.len())?;
    edit(cx, a, |out| {
        out.push_str(&more);
        Ok(())
    })
}
