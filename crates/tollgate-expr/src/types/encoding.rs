//! `System.Text.Encoding`.

use super::TypeId;
use super::decl::{Kind, TypeDecl, m, p};
use crate::eval::{Args, Cx};
use crate::text::length;
use crate::{Exception, ExceptionKind, Value};

const UTF8: i32 = 65001;
const ASCII: i32 = 20127;
const UTF16: i32 = 1200;
const UTF16_BE: i32 = 1201;
const UTF32: i32 = 12000;
const LATIN1: i32 = 28591;

const fn encoding(page: i32) -> Value {
    Value::Enum(TypeId::Encoding, page)
}

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Text.Encoding",
    kind: Kind::Class,
    bases: &[],
    docs: "Text as bytes.",
    members: &[
        p("static Encoding UTF8", "UTF-8.", |_, _| Ok(encoding(UTF8))),
        p("static Encoding Default", "UTF-8.", |_, _| Ok(encoding(UTF8))),
        p("static Encoding ASCII", "ASCII.", |_, _| Ok(encoding(ASCII))),
        p("static Encoding Unicode", "UTF-16, little-endian.", |_, _| Ok(encoding(UTF16))),
        p("static Encoding BigEndianUnicode", "UTF-16, big-endian.", |_, _| Ok(encoding(UTF16_BE))),
        p("static Encoding UTF32", "UTF-32.", |_, _| Ok(encoding(UTF32))),
        m("static Encoding GetEncoding(string name)", "By name.", |_, a| {
            let name = a.str(0, "name")?;
            let page = match name.to_ascii_lowercase().as_str() {
                "utf-8" | "utf8" | "unicode-1-1-utf-8" => UTF8,
                "us-ascii" | "ascii" | "iso646-us" => ASCII,
                "utf-16" | "utf-16le" | "unicode" | "ucs-2" => UTF16,
                "utf-16be" | "unicodefffe" => UTF16_BE,
                "utf-32" => UTF32,
                "iso-8859-1" | "latin1" | "iso_8859-1" | "l1" => LATIN1,
                _ => {
                    let message = format!(
                        "'{name}' is not a supported encoding name. For information on defining a custom encoding, see the documentation for the Encoding.RegisterProvider method. (Parameter 'name')"
                    );
                    return Err(Exception::new(ExceptionKind::Argument, message));
                }
            };
            Ok(encoding(page))
        }),
        m("static Encoding GetEncoding(int codepage)", "By code page.", |_, a| match a.int(0) {
            page @ (UTF8 | ASCII | UTF16 | UTF16_BE | UTF32 | LATIN1) => Ok(encoding(page)),
            page => Err(Exception::new(
                ExceptionKind::NotSupported,
                format!("No data is available for encoding {page}."),
            )),
        }),
        m("byte[] GetBytes(string s)", "The text as bytes.", |cx, a| {
            let text = a.str(1, "s")?;
            let bytes = encode(a.int(0), &text);
            cx.charge(bytes.len())?;
            Ok(Value::Bytes(bytes.into()))
        }),
        m("byte[] GetBytes(char[] chars)", "The text as bytes.", |cx, a| {
            let array = a.some(1, "chars")?;
            let items = cx.collect(&array)?;
            let unit = |item: &Value| if let Value::Char(unit) = item { *unit } else { 0 };
            let units: Vec<u16> = items.iter().map(unit).collect();
            let bytes = encode(a.int(0), &String::from_utf16_lossy(&units));
            cx.charge(bytes.len())?;
            Ok(Value::Bytes(bytes.into()))
        }),
        m("int GetByteCount(string s)", "How many bytes the text takes.", |_, a| {
            let n = encode(a.int(0), &a.str(1, "s")?).len();
            Ok(Value::Int(i32::try_from(n).unwrap_or(i32::MAX)))
        }),
        m("string GetString(byte[] bytes)", "The bytes as text.", |cx, a| {
            let bytes = a.bytes(cx, 1, "bytes")?;
            string(cx, a, &bytes)
        }),
        m(
            "string GetString(byte[] bytes, int index, int count)",
            "Some bytes as text.",
            |cx, a| {
                let bytes = a.bytes(cx, 1, "bytes")?;
                let start = usize::try_from(a.long(2)).unwrap_or(usize::MAX);
                let end =
                    usize::try_from(a.long(3)).ok().and_then(|count| start.checked_add(count));
                let Some(part) = end.and_then(|end| bytes.get(start..end)) else {
                    let message = "Index and count must refer to a location within the buffer. (Parameter 'bytes')";
                    return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
                };
                string(cx, a, part)
            },
        ),
        m("string WebName", "Its name on the web.", |_, a| {
            Ok(Value::from(match a.int(0) {
                ASCII => "us-ascii",
                UTF16 => "utf-16",
                UTF16_BE => "utf-16BE",
                UTF32 => "utf-32",
                LATIN1 => "iso-8859-1",
                _ => "utf-8",
            }))
        }),
    ],
    refused: &[],
};

fn string(cx: &mut Cx<'_>, a: &Args<'_>, bytes: &[u8]) -> Result<Value, Exception> {
    let text = decode(a.int(0), bytes);
    cx.string(text)
}

fn encode(page: i32, text: &str) -> Vec<u8> {
    let single = |limit: u32| {
        let byte = move |c: char| u8::try_from(u32::from(c)).ok().filter(|_| u32::from(c) < limit);
        text.chars().flat_map(move |c| std::iter::repeat_n(byte(c).unwrap_or(b'?'), c.len_utf16()))
    };
    match page {
        ASCII => single(0x80).collect(),
        LATIN1 => single(0x100).collect(),
        UTF16 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        UTF16_BE => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        UTF32 => text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
        _ => text.as_bytes().to_vec(),
    }
}

fn decode(page: i32, bytes: &[u8]) -> String {
    let units = |read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> =
            bytes.chunks(2).map(|pair| <[u8; 2]>::try_from(pair).map_or(0xFFFD, read)).collect();
        String::from_utf16_lossy(&units)
    };
    match page {
        ASCII => {
            bytes.iter().map(|b| if b.is_ascii() { char::from(*b) } else { '\u{fffd}' }).collect()
        }
        LATIN1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
        UTF16 => units(u16::from_le_bytes),
        UTF16_BE => units(u16::from_be_bytes),
        UTF32 => bytes
            .chunks(4)
            .map(|four| <[u8; 4]>::try_from(four).ok().map(u32::from_le_bytes))
            .map(|code| code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// The text of bytes in a named character set; UTF-8 when the name is unknown.
pub(super) fn decode_as(name: Option<&str>, bytes: &[u8]) -> String {
    let page = match name.unwrap_or_default().to_ascii_lowercase().as_str() {
        "us-ascii" | "ascii" => ASCII,
        "utf-16" | "utf-16le" => UTF16,
        "utf-16be" => UTF16_BE,
        "iso-8859-1" | "latin1" => LATIN1,
        _ => UTF8,
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = decode(page, bytes);
    debug_assert!(length(&text) <= text.len());
    text
}
