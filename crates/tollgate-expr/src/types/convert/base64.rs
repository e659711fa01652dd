//! Base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::Ty;
use super::super::decl::{Kind, Member, TypeDecl, p};
use crate::eval::{Args, Cx, null_argument};
use crate::state::Shared;
use crate::{Exception, ExceptionKind, Value};

pub(in crate::types) const FORMATTING: TypeDecl = TypeDecl {
    name: "System.Base64FormattingOptions",
    kind: Kind::Flags(&[("None", 0), ("InsertLineBreaks", 1)]),
    bases: &[],
    docs: "Whether base64 is broken into lines.",
    members: &[],
    refused: &[],
};

// .NET does not look at the bits that padding leaves over.
const LENIENT: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    base64::engine::GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

fn decoded(cx: &mut Cx<'_>, text: &str) -> Result<Value, Exception> {
    let clean: String = text.chars().filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n')).collect();
    match LENIENT.decode(clean) {
        Ok(bytes) => {
            cx.charge(bytes.len())?;
            Ok(Value::Bytes(bytes.into()))
        }
        Err(_) => Err(Exception::new(
            ExceptionKind::Format,
            "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, or an illegal character among the padding characters.",
        )),
    }
}

#[cold]
fn out_of_range(message: &str, parameter: &str) -> Exception {
    let message = format!("{message} (Parameter '{parameter}')");
    Exception::new(ExceptionKind::ArgumentOutOfRange, message)
}

/// Offset and length: arguments 1 and 2, neither negative.
fn range(a: &Args<'_>, offset_name: &str) -> Result<(usize, usize), Exception> {
    let Ok(length) = usize::try_from(a.int(2)) else {
        return Err(out_of_range(
            "Index was out of range. Must be non-negative and less than the size of the collection.",
            "length",
        ));
    };
    let offset = usize::try_from(a.int(1));
    let offset = offset.map_err(|_| out_of_range("Value must be positive.", offset_name))?;
    Ok((offset, length))
}

/// That part of something.
fn part<'s, T>(
    all: &'s [T],
    (offset, length): (usize, usize),
    offset_name: &str,
) -> Result<&'s [T], Exception> {
    let end = offset.checked_add(length);
    end.and_then(|end| all.get(offset..end)).ok_or_else(|| {
        let message = "Offset and length must refer to a position in the string.";
        out_of_range(message, offset_name)
    })
}

fn part_to_text(cx: &mut Cx<'_>, a: &Args<'_>, option: i32) -> Result<Value, Exception> {
    let bytes = a.bytes(cx, 0, "inArray")?;
    let range = range(a, "offset")?;
    to_text(cx, part(&bytes, range, "offset")?, option)
}

/// Whether base64 is broken into lines.
fn in_lines(option: i32) -> Result<bool, Exception> {
    match option {
        0 | 1 => Ok(option == 1),
        other => {
            let message = format!("Illegal enum value: {other}. (Parameter 'options')");
            Err(Exception::new(ExceptionKind::Argument, message))
        }
    }
}

fn encoded(bytes: &[u8], in_lines: bool) -> String {
    let text = STANDARD.encode(bytes);
    if !in_lines {
        return text;
    }
    let mut out = String::with_capacity(text.len() + text.len() / 38);
    for (index, c) in text.chars().enumerate() {
        if index > 0 && index % 76 == 0 {
            out.push_str("\r\n");
        }
        out.push(c);
    }
    out
}

fn to_text(cx: &mut Cx<'_>, bytes: &[u8], option: i32) -> Result<Value, Exception> {
    let text = encoded(bytes, in_lines(option)?);
    cx.string(text)
}

/// Writes base64 into an array of `char`.
fn to_chars(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    if a.get(0).is_null() {
        return Err(null_argument("inArray"));
    }
    let target = a.some(3, "outArray")?;
    let range = range(a, "offsetIn")?;
    let start = usize::try_from(a.int(4));
    let start = start.map_err(|_| out_of_range("Value must be positive.", "offsetOut"))?;
    let in_lines = in_lines(a.int(5))?;
    let bytes = a.bytes(cx, 0, "inArray")?;
    let bytes_in = part(&bytes, range, "offsetIn")?;
    if bytes.is_empty() {
        return Ok(Value::Int(0));
    }
    let text = encoded(bytes_in, in_lines);
    cx.charge(text.len())?;
    let room = cx.known_length(&target).unwrap_or_default();
    if start.saturating_add(text.len()) > room {
        let message = "Either offset did not refer to a position in the string, or there is an insufficient length of destination character array.";
        return Err(out_of_range(message, "offsetOut"));
    }
    // .NET looks at the first place even if it writes nothing.
    if start == room {
        let message = "Index was outside the bounds of the array.";
        return Err(Exception::new(ExceptionKind::IndexOutOfRange, message));
    }
    for (index, c) in (i64::from(a.int(4))..).zip(text.encode_utf16()) {
        cx.array_set(&target, index, Value::Char(c))?;
    }
    Ok(Value::Int(i32::try_from(text.len()).unwrap_or(i32::MAX)))
}

fn from_chars(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let array = a.some(0, "inArray")?;
    let items = cx.collect(&array)?;
    let part = part(&items, range(a, "offset")?, "offset")?;
    let unit = |value: &Value| if let Value::Char(unit) = value { *unit } else { 0 };
    let units: Vec<u16> = part.iter().map(unit).collect();
    if units.is_empty() {
        return cx.state.shared(Shared::Array, &Ty::BYTE);
    }
    decoded(cx, &String::from_utf16_lossy(&units))
}

pub(super) const MEMBERS: &[Member] = &[
    p("static string ToBase64String(byte[] inArray)", "Bytes as base64.", |cx, a| {
        let bytes = a.bytes(cx, 0, "inArray")?;
        to_text(cx, &bytes, 0)
    }),
    p(
        "static string ToBase64String(byte[] inArray, Base64FormattingOptions options)",
        "Bytes as base64, in lines if asked for.",
        |cx, a| {
            let bytes = a.bytes(cx, 0, "inArray")?;
            to_text(cx, &bytes, a.int(1))
        },
    ),
    p(
        "static string ToBase64String(byte[] inArray, int offset, int length)",
        "Some bytes as base64.",
        |cx, a| part_to_text(cx, a, 0),
    ),
    p(
        "static string ToBase64String(byte[] inArray, int offset, int length, Base64FormattingOptions options)",
        "Some bytes as base64, in lines if asked for.",
        |cx, a| part_to_text(cx, a, a.int(3)),
    ),
    p(
        "static int ToBase64CharArray(byte[] inArray, int offsetIn, int length, char[] outArray, int offsetOut)",
        "Writes base64 into an array; how many characters.",
        |cx, a| to_chars(cx, a),
    ),
    p(
        "static int ToBase64CharArray(byte[] inArray, int offsetIn, int length, char[] outArray, int offsetOut, Base64FormattingOptions options)",
        "Writes base64 into an array; how many characters.",
        |cx, a| to_chars(cx, a),
    ),
    p("static byte[] FromBase64String(string s)", "Base64 as bytes.", |cx, a| {
        let text = a.str(0, "s")?;
        decoded(cx, &text)
    }),
    p(
        "static byte[] FromBase64CharArray(char[] inArray, int offset, int length)",
        "Base64 as bytes.",
        |cx, a| from_chars(cx, a),
    ),
];
