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

/// The part of bytes that arguments 1 and 2 say.
fn part(cx: &Cx<'_>, a: &Args<'_>, offset_name: &str) -> Result<Vec<u8>, Exception> {
    const BEYOND: &str = "Offset and length must refer to a position in the string.";
    let bytes = a.bytes(cx, 0, "inArray")?;
    let Ok(length) = usize::try_from(a.int(2)) else {
        return Err(out_of_range(
            "Index was out of range. Must be non-negative and less than the size of the collection.",
            "length",
        ));
    };
    let Ok(offset) = usize::try_from(a.int(1)) else {
        return Err(out_of_range("Value must be positive.", offset_name));
    };
    let end = offset.checked_add(length);
    let part = end.and_then(|end| bytes.get(offset..end)).map(<[u8]>::to_vec);
    part.ok_or_else(|| out_of_range(BEYOND, offset_name))
}

fn encoded(bytes: &[u8], option: i32) -> Result<String, Exception> {
    let text = STANDARD.encode(bytes);
    match option {
        0 => Ok(text),
        1 => {
            let mut out = String::with_capacity(text.len() + text.len() / 38);
            for (index, c) in text.chars().enumerate() {
                if index > 0 && index % 76 == 0 {
                    out.push_str("\r\n");
                }
                out.push(c);
            }
            Ok(out)
        }
        other => {
            let message = format!("Illegal enum value: {other}. (Parameter 'options')");
            Err(Exception::new(ExceptionKind::Argument, message))
        }
    }
}

fn to_text(cx: &mut Cx<'_>, bytes: &[u8], option: i32) -> Result<Value, Exception> {
    let text = encoded(bytes, option)?;
    cx.string(text)
}

/// Writes base64 into an array of `char`.
fn to_chars(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    if a.get(0).is_null() {
        return Err(null_argument("inArray"));
    }
    let target = a.some(3, "outArray")?;
    let bytes = part(cx, a, "offsetIn")?;
    let text = encoded(&bytes, a.int(5))?;
    cx.charge(text.len())?;
    let start = a.int(4);
    let room = cx.known_length(&target).unwrap_or_default();
    let fits = usize::try_from(start).ok().filter(|start| start + text.len() <= room);
    if fits.is_none() {
        let message = if start < 0 {
            "Value must be positive."
        } else {
            "Either offset did not refer to a position in the string, or there is an insufficient length of destination character array."
        };
        return Err(out_of_range(message, "offsetOut"));
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
    let Ok(offset) = offset else { return Err(out_of_range("Value must be positive.", "offset")) };
    let part = offset.checked_add(length).and_then(|end| items.get(offset..end));
    let part = part.ok_or_else(|| {
        out_of_range("Offset and length must refer to a position in the string.", "offset")
    })?;
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
        |cx, a| {
            let bytes = part(cx, a, "offset")?;
            to_text(cx, &bytes, 0)
        },
    ),
    p(
        "static string ToBase64String(byte[] inArray, int offset, int length, Base64FormattingOptions options)",
        "Some bytes as base64, in lines if asked for.",
        |cx, a| {
            let bytes = part(cx, a, "offset")?;
            to_text(cx, &bytes, a.int(3))
        },
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
