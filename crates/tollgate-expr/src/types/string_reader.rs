//! `System.IO.StringReader`: text read bit by bit.

use super::TypeId;
use super::decl::{Kind, TypeDecl, m, refused};
use crate::eval::{Args, Cx, null_argument};
use crate::native::Native;
use crate::state::confusion;
use crate::text;
use crate::{Exception, ExceptionKind, Value};

type Run = Result<Value, Exception>;

/// What is left to read; none after it was closed.
#[derive(Debug)]
struct Reader {
    text: Option<std::sync::Arc<str>>,
    offset: usize,
    /// The second half of a pair whose first half was read.
    half: Option<u16>,
}

impl Native for Reader {
    fn id(&self) -> TypeId {
        TypeId::StringReader
    }
}

fn reader<'c>(cx: &'c mut Cx<'_>, a: &Args<'_>) -> Result<&'c mut Reader, Exception> {
    cx.state.native_mut(a.get(0)).ok_or_else(confusion)
}

#[cold]
fn closed() -> Exception {
    let message = "Cannot read from a closed TextReader.";
    Exception::new(ExceptionKind::ObjectDisposed, message)
}

impl Reader {
    fn rest(&self) -> Result<&str, Exception> {
        let text = self.text.as_deref().ok_or_else(closed)?;
        Ok(text.get(self.offset..).unwrap_or_default())
    }

    fn peek(&self) -> Result<Option<u16>, Exception> {
        let next = self.rest()?.encode_utf16().next();
        Ok(self.half.or(next))
    }

    fn next(&mut self) -> Result<Option<u16>, Exception> {
        let rest = self.rest()?;
        let c = rest.chars().next();
        if let Some(half) = self.half.take() {
            return Ok(Some(half));
        }
        let Some(c) = c else { return Ok(None) };
        self.offset += c.len_utf8();
        let mut units = [0; 2];
        let mut units = c.encode_utf16(&mut units).iter().copied();
        let first = units.next();
        self.half = units.next();
        Ok(first)
    }

    fn line(&mut self) -> Result<Option<String>, Exception> {
        let rest = self.rest()?;
        if rest.is_empty() {
            return Ok(None);
        }
        let end = rest.find(['\r', '\n']).unwrap_or(rest.len());
        let line = rest.get(..end).unwrap_or_default().to_owned();
        let tail = rest.get(end..).unwrap_or_default();
        let skipped = if tail.starts_with("\r\n") { 2 } else { usize::from(!tail.is_empty()) };
        self.offset += end + skipped;
        self.half = None;
        Ok(Some(line))
    }
}

fn unit(unit: Option<u16>) -> Value {
    Value::Int(unit.map_or(-1, i32::from))
}

/// `Read(buffer, index, count)`: how many units were read.
fn read_block(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let buffer = a.get(1).clone();
    if buffer.is_null() {
        let message = "Buffer cannot be null. (Parameter 'buffer')";
        return Err(Exception::new(ExceptionKind::ArgumentNull, message));
    }
    let (index, count) = (a.long(2), a.long(3));
    for (number, name) in [(index, "index"), (count, "count")] {
        if number < 0 {
            let message = format!("Non-negative number required. (Parameter '{name}')");
            return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
        }
    }
    let room = i64::try_from(cx.known_length(&buffer).unwrap_or_default()).unwrap_or(i64::MAX);
    if room - index < count {
        let message = "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.";
        return Err(Exception::new(ExceptionKind::Argument, message));
    }
    let mut n = 0;
    reader(cx, a)?.rest()?;
    while n < count {
        cx.step(1)?;
        let Some(next) = reader(cx, a)?.next()? else { break };
        cx.array_set(&buffer, index + n, Value::Char(next))?;
        n += 1;
    }
    Ok(Value::Int(i32::try_from(n).unwrap_or(i32::MAX)))
}

fn close(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    reader(cx, a)?.text = None;
    Ok(Value::Null)
}

const NO_TASKS: &str = "expressions do not wait";

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.IO.StringReader",
    kind: Kind::Class,
    bases: &["IDisposable"],
    docs: "Text read bit by bit.",
    members: &[
        m("new(string s)", "Of text.", |cx, a| {
            let text = match a.get(0) {
                Value::Str(text) => text.clone(),
                _ => return Err(null_argument("s")),
            };
            cx.state.add_native(Reader { text: Some(text), offset: 0, half: None })
        }),
        m("int Peek()", "The next unit, or -1.", |cx, a| Ok(unit(reader(cx, a)?.peek()?))),
        m("int Read()", "The next unit, or -1; it is taken.", |cx, a| {
            Ok(unit(reader(cx, a)?.next()?))
        }),
        m("int Read(char[] buffer, int index, int count)", "Reads units.", read_block),
        m("int ReadBlock(char[] buffer, int index, int count)", "Reads units.", read_block),
        m("string ReadLine()", "The next line, or null.", |cx, a| {
            let line = reader(cx, a)?.line()?;
            line.map_or(Ok(Value::Null), |line| cx.string(line))
        }),
        m("string ReadToEnd()", "The rest.", |cx, a| {
            let walk = reader(cx, a)?;
            let mut text = walk.half.take().map(text::unit_text).unwrap_or_default();
            text.push_str(walk.rest()?);
            walk.offset = usize::MAX;
            cx.string(text)
        }),
        m("void Close()", "Ends it.", close),
        m("void Dispose()", "Ends it.", close),
    ],
    refused: &[
        refused("ReadAsync", NO_TASKS),
        refused("ReadLineAsync", NO_TASKS),
        refused("ReadToEndAsync", NO_TASKS),
        refused("ReadBlockAsync", NO_TASKS),
        refused("Synchronized", "expressions have no threads"),
        refused("Null", "a reader of nothing has no use"),
        refused("GetLifetimeService", "remoting has no use in a policy"),
        refused("InitializeLifetimeService", "remoting has no use in a policy"),
    ],
};
