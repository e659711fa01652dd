//! Base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::decl::{Kind, Member, TypeDecl, p};
use crate::eval::{Args, Cx, null_argument};
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

const NOT_POSITIVE: &str = "Value must be positive.";
const BEYOND: &str = "Offset and length must refer to a position in the string.";

/// The part of bytes that arguments 1 and 2 say; what else is refused before it is known to be one.
fn part(
    cx: &Cx<'_>,
    a: &Args<'_>,
    offset_name: &str,
    checked: impl FnOnce() -> Result<(), Exception>,
) -> Result<Vec<u8>, Exception> {
    let bytes = a.bytes(cx, 0, "inArray")?;
    let Ok(length) = usize::try_from(a.int(2)) else {
        return Err(out_of_range(
            "Index was out of range. Must be non-negative and less than the size of the collection.",
            "length",
        ));
    };
    let Ok(offset) = usize::try_from(a.int(1)) else {
        return Err(out_of_range(NOT_POSITIVE, offset_name));
    };
    checked()?;
    let end = offset.checked_add(length);
    let part = end.and_then(|end| bytes.get(offset..end)).map(<[u8]>::to_vec);
    part.ok_or_else(|| out_of_range(BEYOND, offset_name))
}

/// Whether to break lines.
fn option(number: i32) -> Result<bool, Exception> {
    match number {
        0 => Ok(false),
        1 => Ok(true),
        other => {
            let message = format!("Illegal enum value: {other}. (Parameter 'options')");
            Err(Exception::new(ExceptionKind::Argument, message))
        }
    }
}

fn encoded(bytes: &[u8], lines: bool) -> String {
    let text = STANDARD.encode(bytes);
    if !lines {
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

fn to_text(cx: &mut Cx<'_>, bytes: &[u8], number: i32) -> Result<Value, Exception> {
    let text = encoded(bytes, option(number)?);
    cx.string(text)
}

/// The same of a part.
fn part_to_text(cx: &mut Cx<'_>, a: &Args<'_>, number: i32) -> Result<Value, Exception> {
    let bytes = part(cx, a, "offset", || Ok(()))?;
    to_text(cx, &bytes, number)
}

/// Writes base64 into an array of `char`.
fn to_chars(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    if a.get(0).is_null() {
        return Err(null_argument("inArray"));
    }
    let target = a.some(3, "outArray")?;
    let start = a.int(4);
    let mut lines = false;
    let bytes = part(cx, a, "offsetIn", || {
        if start < 0 {
            return Err(out_of_range(NOT_POSITIVE, "offsetOut"));
        }
        lines = option(a.int(5))?;
        Ok(())
    })?;
    let room = cx.known_length(&target).unwrap_or_default();
    let at = usize::try_from(start).unwrap_or(usize::MAX);
    let text = encoded(&bytes, lines);
    cx.charge(text.len())?;
    if at.saturating_add(text.len()) > room {
        let message = "Either offset did not refer to a position in the string, or there is an insufficient length of destination character array.";
        return Err(out_of_range(message, "offsetOut"));
    }
    // .NET takes the address of the first unit, even to write none, unless there were no bytes at all.
    if at == room && cx.known_length(a.get(0)).is_some_and(|length| length > 0) {
        let message = "Index was outside the bounds of the array.";
        return Err(Exception::new(ExceptionKind::IndexOutOfRange, message));
    }
    for (index, c) in (i64::from(start)..).zip(text.encode_utf16()) {
        cx.array_set(&target, index, Value::Char(c))?;
    }
    Ok(Value::Int(i32::try_from(text.len()).unwrap_or(i32::MAX)))
}

fn from_chars(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let array = a.some(0, "inArray")?;
    let items = cx.collect(&array)?;
    let (offset, length) = (usize::try_from(a.int(1)), usize::try_from(a.int(2)));
    let Ok(length) = length else {
        return Err(out_of_range(
            "Index was out of range. Must be non-negative and less than the size of the collection.",
            "length",
        ));
    };
    let Ok(offset) = offset else { return Err(out_of_range(NOT_POSITIVE, "offset")) };
    let part = offset.checked_add(length).and_then(|end| items.get(offset..end));
    let part = part.ok_or_else(|| out_of_range(BEYOND, "offset"))?;
    let unit = |value: &Value| if let Value::Char(unit) = value { *unit } else { 0 };
    let units: Vec<u16> = part.iter().map(unit).collect();
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
