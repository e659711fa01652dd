//! `bool`, `char` and `Guid`.

use super::decl::{Kind, TypeDecl, m, p};
use crate::eval::{Args, Cx, formatted, null_argument};
use crate::json::parse_guid;
use crate::number::{parse_bool, try_parse_bool};
use crate::{Exception, ExceptionKind, Value};

pub(super) const BOOLEAN: TypeDecl = TypeDecl {
    name: "System.Boolean",
    kind: Kind::Struct,
    bases: &[],
    docs: "True or false.",
    members: &[
        p("static string TrueString", "`True`.", |_, _| Ok(Value::from("True"))),
        p("static string FalseString", "`False`.", |_, _| Ok(Value::from("False"))),
        m("static bool Parse(string value)", "Reads `true` or `false`, in any case.", |_, a| {
            parse_bool(a.opt_str(0)).map(Value::Bool)
        }),
        m(
            "static bool TryParse(string value, out bool result)",
            "Reads a bool, if it is one.",
            |_, a| {
                let read = try_parse_bool(a.opt_str(0));
                a.set(1, Value::Bool(read.unwrap_or_default()));
                Ok(Value::Bool(read.is_some()))
            },
        ),
        m("int CompareTo(bool value)", "The order of two values.", |_, a| {
            Ok(Value::Int(a.bool(0).cmp(&a.bool(1)) as i32))
        }),
        m("bool Equals(bool obj)", "Whether they are equal.", |_, a| {
            Ok(Value::Bool(a.bool(0) == a.bool(1)))
        }),
    ],
    refused: &[],
};

fn character(a: &Args<'_>) -> char {
    char::from_u32(u32::from(a.char(0))).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn mapped(a: &Args<'_>, map: fn(&str) -> String) -> Value {
    let text = map(&crate::text::unit_text(a.char(0)));
    Value::Char(crate::text::unit_at(&text, 0).unwrap_or_else(|| a.char(0)))
}

pub(super) const CHAR: TypeDecl = TypeDecl {
    name: "System.Char",
    kind: Kind::Struct,
    bases: &[],
    docs: "A UTF-16 unit.",
    members: &[
        p("static char MaxValue", "The largest unit.", |_, _| Ok(Value::Char(u16::MAX))),
        p("static char MinValue", "The smallest unit.", |_, _| Ok(Value::Char(0))),
        m("static bool IsDigit(char c)", "Whether it is a decimal digit.", |_, a| {
            let c = character(a);
            Ok(Value::Bool(
                c.is_ascii_digit() || !c.is_ascii() && c.is_numeric() && !c.is_alphabetic(),
            ))
        }),
        m("static bool IsNumber(char c)", "Whether it is a number.", |_, a| {
            Ok(Value::Bool(character(a).is_numeric()))
        }),
        m("static bool IsLetter(char c)", "Whether it is a letter.", |_, a| {
            Ok(Value::Bool(character(a).is_alphabetic()))
        }),
        m("static bool IsLetterOrDigit(char c)", "Whether it is a letter or digit.", |_, a| {
            Ok(Value::Bool(character(a).is_alphanumeric()))
        }),
        m("static bool IsWhiteSpace(char c)", "Whether it is white space.", |_, a| {
            Ok(Value::Bool(character(a).is_whitespace()))
        }),
        m("static bool IsUpper(char c)", "Whether it is in upper case.", |_, a| {
            Ok(Value::Bool(character(a).is_uppercase()))
        }),
        m("static bool IsLower(char c)", "Whether it is in lower case.", |_, a| {
            Ok(Value::Bool(character(a).is_lowercase()))
        }),
        m("static bool IsPunctuation(char c)", "Whether it is punctuation.", |_, a| {
            let c = character(a);
            Ok(Value::Bool(
                c.is_ascii_punctuation()
                    && !matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~'),
            ))
        }),
        m("static bool IsControl(char c)", "Whether it is a control character.", |_, a| {
            Ok(Value::Bool(character(a).is_control()))
        }),
        m("static char ToUpper(char c)", "In upper case.", |_, a| {
            Ok(mapped(a, crate::text::upper))
        }),
        m("static char ToLower(char c)", "In lower case.", |_, a| {
            Ok(mapped(a, crate::text::lower))
        }),
        m("static char ToUpperInvariant(char c)", "In upper case.", |_, a| {
            Ok(mapped(a, crate::text::upper))
        }),
        m("static char ToLowerInvariant(char c)", "In lower case.", |_, a| {
            Ok(mapped(a, crate::text::lower))
        }),
        m("static string ToString(char c)", "As text.", super::object::to_string),
        m("static double GetNumericValue(char c)", "The number of a digit, or -1.", |_, a| {
            Ok(Value::Double(character(a).to_digit(10).map_or(-1.0, f64::from)))
        }),
        m("static char Parse(string s)", "Text of one unit.", |_, a| {
            let text = a.str(0, "s")?;
            match (crate::text::unit_at(&text, 0), crate::text::length(&text)) {
                (Some(unit), 1) => Ok(Value::Char(unit)),
                _ => Err(Exception::new(
                    ExceptionKind::Format,
                    "String must be exactly one character long.",
                )),
            }
        }),
        m("int CompareTo(char value)", "The distance of two units.", |_, a| {
            Ok(Value::Int(i32::from(a.char(0)) - i32::from(a.char(1))))
        }),
        m("bool Equals(char obj)", "Whether they are equal.", |_, a| {
            Ok(Value::Bool(a.char(0) == a.char(1)))
        }),
    ],
    refused: &[],
};

fn new_guid(cx: &mut Cx<'_>) -> Value {
    let random = u128::from(cx.host.random()) << 64 | u128::from(cx.host.random());
    // Version 4, variant 1.
    let guid = random & !(0xF << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    Value::guid(guid)
}

#[expect(clippy::many_single_char_names, reason = "sixteen bytes in a row")]
/// The bytes of a GUID in .NET's order: the first three parts little-endian.
fn net_order(guid: [u8; 16]) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h, rest @ ..] = guid;
    let [i, j, k, l, m, n, o, p] = rest;
    [d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p]
}

fn guid(a: &Args<'_>, index: usize) -> [u8; 16] {
    match a.get(index) {
        Value::Guid(guid) => *guid,
        _ => [0; 16],
    }
}

pub(super) const GUID: TypeDecl = TypeDecl {
    name: "System.Guid",
    kind: Kind::Struct,
    bases: &[],
    docs: "A globally unique identifier.",
    members: &[
        m("new(string g)", "From text.", |_, a| match a.opt_str(0) {
            Some(text) => parse_guid(Some(text)).map(Value::guid),
            None => Err(null_argument("g")),
        }),
        m("new(byte[] b)", "From 16 bytes.", |cx, a| {
            let bytes = a.bytes(cx, 0, "b")?;
            let bytes: Result<[u8; 16], _> = bytes.try_into();
            bytes.map(|bytes| Value::Guid(net_order(bytes))).map_err(|_| {
                Exception::new(
                    ExceptionKind::Argument,
                    "Byte array for GUID must be exactly 16 bytes long. (Parameter 'b')",
                )
            })
        }),
        p("static Guid Empty", "All zeros.", |_, _| Ok(Value::Guid([0; 16]))),
        m("static Guid NewGuid()", "A random one.", |cx, _| Ok(new_guid(cx))),
        m("static Guid Parse(string input)", "From text.", |_, a| {
            if a.get(0).is_null() {
                return Err(null_argument("input"));
            }
            parse_guid(a.opt_str(0)).map(Value::guid)
        }),
        m(
            "static bool TryParse(string input, out Guid result)",
            "From text, if it is one.",
            |_, a| {
                let read = parse_guid(Some(a.opt_str(0).unwrap_or_default()));
                a.set(1, read.as_ref().map_or(Value::Guid([0; 16]), |guid| Value::guid(*guid)));
                Ok(Value::Bool(read.is_ok()))
            },
        ),
        m("string ToString(string format)", "As `N`, `D`, `B`, `P` or `X`.", |cx, a| {
            let (value, format) = (a.value(0), a.opt_str(1).unwrap_or("D").to_owned());
            let format = if format.is_empty() { "D" } else { &format };
            let text = formatted(cx, &value, format)?;
            cx.string(text)
        }),
        m("byte[] ToByteArray()", "16 bytes, the first three parts little-endian.", |_, a| {
            Ok(Value::Bytes(net_order(guid(a, 0)).to_vec().into()))
        }),
        m("bool Equals(Guid g)", "Whether they are equal.", |_, a| {
            Ok(Value::Bool(guid(a, 0) == guid(a, 1)))
        }),
        m("int CompareTo(Guid value)", "The order of two.", |_, a| {
            Ok(Value::Int(guid(a, 0).cmp(&guid(a, 1)) as i32))
        }),
        p("operator bool ==(Guid a, Guid b)", "Whether they are equal.", |_, a| {
            Ok(Value::Bool(guid(a, 0) == guid(a, 1)))
        }),
        p("operator bool !=(Guid a, Guid b)", "Whether they differ.", |_, a| {
            Ok(Value::Bool(guid(a, 0) != guid(a, 1)))
        }),
    ],
    refused: &[],
};
