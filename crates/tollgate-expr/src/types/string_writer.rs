//! `System.IO.StringWriter`: text written bit by bit.

use super::TypeId;
use super::decl::{Kind, Member, TypeDecl, joined, m, refused, rw};
use super::string::check_later_format;
use super::string_builder::{Builder, push, text_of};
use crate::eval::{Args, Cx, composite, null_argument};
use crate::native::Native;
use crate::state::confusion;
use crate::text;
use crate::{Exception, ExceptionKind, Value};

type Run = Result<Value, Exception>;

/// Where the text goes.
#[derive(Debug)]
struct Writer {
    builder: Value,
    line_end: String,
    open: bool,
}

impl Native for Writer {
    fn id(&self) -> TypeId {
        TypeId::StringWriter
    }

    fn text_of(&self) -> Option<&Value> {
        Some(&self.builder)
    }
}

fn writer<'c>(cx: &'c mut Cx<'_>, a: &Args<'_>) -> Result<&'c mut Writer, Exception> {
    cx.state.native_mut(a.get(0)).ok_or_else(confusion)
}

#[cold]
fn closed() -> Exception {
    Exception::new(ExceptionKind::ObjectDisposed, "Cannot write to a closed TextWriter.")
}

fn write_text(cx: &mut Cx<'_>, a: &Args<'_>, text: &str, line: bool) -> Run {
    let walk = writer(cx, a)?;
    if !walk.open {
        return Err(closed());
    }
    let builder = walk.builder.clone();
    let end = if line { walk.line_end.clone() } else { String::new() };
    push(cx, &builder, text)?;
    push(cx, &builder, &end)?;
    Ok(Value::Null)
}

/// The characters of an array; none of null.
fn characters(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<String, Exception> {
    if a.get(1).is_null() {
        return Ok(String::new());
    }
    let items = cx.collect(&a.value(1))?;
    let unit = |item: &Value| if let Value::Char(unit) = item { Some(*unit) } else { None };
    let units: Vec<u16> = items.iter().filter_map(unit).collect();
    Ok(String::from_utf16_lossy(&units))
}

fn write_characters(cx: &mut Cx<'_>, a: &Args<'_>, line: bool) -> Run {
    let text = characters(cx, a)?;
    write_text(cx, a, &text, line)
}

/// The text of what is written.
fn written(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<String, Exception> {
    let value = a.value(1);
    let mut text = String::new();
    cx.write_text(&value, &mut text)?;
    Ok(text)
}

fn write(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let text = written(cx, a)?;
    write_text(cx, a, &text, false)
}

fn write_line(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let text = if a.len() > 1 { written(cx, a)? } else { String::new() };
    write_text(cx, a, &text, true)
}

/// `Write(format, …)`, whose values are arguments of their own or an array.
fn write_format(cx: &mut Cx<'_>, a: &mut Args<'_>, many: bool, line: bool) -> Run {
    let format = a.str(1, "format")?;
    let args = if many {
        if a.get(2).is_null() {
            return Err(null_argument("args"));
        }
        cx.collect(&a.value(2))?
    } else {
        (2..a.len()).map(|index| a.value(index)).collect()
    };
    let text = composite(cx, &format, &args)?;
    write_text(cx, a, &text, line)
}

/// `Write(buffer, index, count)`.
fn write_part(cx: &mut Cx<'_>, a: &mut Args<'_>, line: bool) -> Run {
    if a.get(1).is_null() {
        let message = "Buffer cannot be null. (Parameter 'buffer')";
        return Err(Exception::new(ExceptionKind::ArgumentNull, message));
    }
    for (at, name) in [(2, "index"), (3, "count")] {
        if a.long(at) < 0 {
            let message = format!("Non-negative number required. (Parameter '{name}')");
            return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
        }
    }
    let text = characters(cx, a)?;
    let at = |n: i64| usize::try_from(n).unwrap_or_default();
    let (start, count) = (at(a.long(2)), at(a.long(3)));
    if start.saturating_add(count) > text::length(&text) {
        let message = "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.";
        return Err(Exception::new(ExceptionKind::Argument, message));
    }
    let part = text::substring(&text, start, count);
    write_text(cx, a, &part, line)
}

fn close(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    writer(cx, a)?.open = false;
    Ok(Value::Null)
}

fn new(cx: &mut Cx<'_>, builder: Value) -> Run {
    cx.state.add_native(Writer { builder, line_end: "\n".to_owned(), open: true })
}

macro_rules! each {
    ($($ty:literal;)*) => {
        &[$(
            m(concat!("void Write(", $ty, " value)"), "Writes a value's text.", write),
            m(concat!("void WriteLine(", $ty, " value)"), "Writes a value's text and a line end.", write_line),
        )*]
    };
}

const VALUES: &[Member] = each! {
    "string";
    "object";
    "char";
    "bool";
    "int";
    "uint";
    "long";
    "ulong";
    "float";
    "double";
    "decimal";
    "StringBuilder";
};

const REST: &[Member] = &[
    m("new()", "Empty.", |cx, _| {
        let builder = cx.state.add_native(Builder::of(String::new()))?;
        new(cx, builder)
    }),
    m("new(StringBuilder sb)", "That adds to a builder.", |cx, a| {
        let builder = a.value(0);
        if builder.is_null() {
            let message = "Buffer cannot be null. (Parameter 'sb')";
            return Err(Exception::new(ExceptionKind::ArgumentNull, message));
        }
        new(cx, builder)
    }),
    m("StringBuilder GetStringBuilder()", "What holds the text.", |cx, a| {
        Ok(writer(cx, a)?.builder.clone())
    }),
    m("string ToString()", "The text.", |cx, a| {
        let builder = writer(cx, a)?.builder.clone();
        let text = text_of(cx, &builder).unwrap_or_default();
        cx.string(text)
    }),
    rw(
        "string NewLine",
        "What ends a line.",
        |cx, a| Ok(Value::from(writer(cx, a)?.line_end.as_str())),
        |cx, a| {
            let line_end = a.opt_str(1).unwrap_or("\n").to_owned();
            writer(cx, a)?.line_end = line_end;
            Ok(a.value(1))
        },
    ),
    m("void Write(char[] buffer)", "Writes characters.", |cx, a| write_characters(cx, a, false)),
    m("void WriteLine(char[] buffer)", "Writes characters and a line end.", |cx, a| {
        write_characters(cx, a, true)
    }),
    m("void Write(char[] buffer, int index, int count)", "Some of them.", |cx, a| {
        write_part(cx, a, false)
    }),
    m("void Write(string format, object arg0)", "Formatted text.", |cx, a| {
        write_format(cx, a, false, false)
    })
    .prepared(check_later_format),
    m("void Write(string format, object arg0, object arg1)", "Formatted text.", |cx, a| {
        write_format(cx, a, false, false)
    })
    .prepared(check_later_format),
    m("void Write(string format, object arg0, object arg1, object arg2)", "Three.", |cx, a| {
        write_format(cx, a, false, false)
    })
    .prepared(check_later_format),
    m("void Write(string format, params object[] arg)", "Formatted text.", |cx, a| {
        write_format(cx, a, true, false)
    })
    .prepared(check_later_format),
    m("void WriteLine()", "Ends the line.", write_line),
    m("void WriteLine(char[] buffer, int index, int count)", "Some of them.", |cx, a| {
        write_part(cx, a, true)
    }),
    m("void WriteLine(string format, object arg0)", "A formatted line.", |cx, a| {
        write_format(cx, a, false, true)
    })
    .prepared(check_later_format),
    m("void WriteLine(string format, object arg0, object arg1)", "A line.", |cx, a| {
        write_format(cx, a, false, true)
    })
    .prepared(check_later_format),
    m("void WriteLine(string format, object arg0, object arg1, object arg2)", "One.", |cx, a| {
        write_format(cx, a, false, true)
    })
    .prepared(check_later_format),
    m("void WriteLine(string format, params object[] arg)", "A formatted line.", |cx, a| {
        write_format(cx, a, true, true)
    })
    .prepared(check_later_format),
    m("void Flush()", "Does nothing: all is written.", |_, _| Ok(Value::Null)),
    m("void Close()", "Ends it.", close),
    m("void Dispose()", "Ends it.", close),
];

const NO_TASKS: &str = "expressions do not wait";

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.IO.StringWriter",
    kind: Kind::Class,
    bases: &["IDisposable"],
    docs: "Text written bit by bit.",
    members: &joined::<{ VALUES.len() + REST.len() }>(VALUES, REST),
    refused: &[
        refused("Encoding", "text in memory has no encoding"),
        refused("FormatProvider", "there is no culture but the invariant one"),
        refused("DisposeAsync", NO_TASKS),
        refused("FlushAsync", NO_TASKS),
        refused("WriteAsync", NO_TASKS),
        refused("WriteLineAsync", NO_TASKS),
        refused("Synchronized", "expressions have no threads"),
        refused("Null", "a writer to nowhere has no use"),
        refused("GetLifetimeService", "remoting has no use in a policy"),
        refused("InitializeLifetimeService", "remoting has no use in a policy"),
    ],
};
