//! `System.Convert` and `System.BitConverter`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::decl::{Kind, Member, TypeDecl, m};
use crate::eval::{Args, Cx, null_argument};
use crate::number::{NumberType, Styles, convert, parse, parse_bool};
use crate::{Exception, ExceptionKind, Value};

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Convert",
    kind: Kind::Static,
    bases: &[],
    docs: "Conversions between types.",
    members: CONVERT,
    refused: &[],
};

fn number(a: &Args<'_>, kind: NumberType) -> Result<Value, Exception> {
    let value = a.get(0);
    let number = match value {
        Value::Null => crate::number::Number::Int32(0),
        Value::Str(text) => return parse(kind, Some(text), Styles::of(kind)).map(Value::from),
        Value::Bool(value) => crate::number::Number::Int32(i32::from(*value)),
        Value::Char(unit) => crate::number::Number::UInt16(*unit),
        Value::Enum(_, number) => crate::number::Number::Int32(*number),
        other => match other.number() {
            Some(number) => number,
            None => return Err(no_cast(value, kind)),
        },
    };
    convert(number, kind).map(Value::from)
}

#[cold]
fn no_cast(_value: &Value, kind: NumberType) -> Exception {
    let message = format!("Unable to cast object to type 'System.{kind:?}'.");
    Exception::new(ExceptionKind::InvalidCast, message)
}

fn boolean(a: &Args<'_>) -> Result<Value, Exception> {
    match a.get(0) {
        Value::Null => Ok(Value::Bool(false)),
        Value::Bool(value) => Ok(Value::Bool(*value)),
        Value::Str(text) => parse_bool(Some(text)).map(Value::Bool),
        other => Ok(Value::Bool(other.as_double().is_some_and(|number| number != 0.0))),
    }
}

/// The bits of a number in another base.
fn radix(a: &Args<'_>, bits: u32) -> Result<u64, Exception> {
    let base = u32::try_from(a.int(1)).unwrap_or_default();
    if !matches!(base, 2 | 8 | 10 | 16) {
        return Err(Exception::new(ExceptionKind::Argument, "Invalid Base."));
    }
    let text = a.opt_str(0).unwrap_or("0");
    let digits = if base == 16 {
        text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text)
    } else {
        text
    };
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(rest) if base == 10 => (true, rest),
        _ => (false, digits),
    };
    if digits.is_empty() {
        let message = "Index was out of range. Must be non-negative and less than the size of the collection.";
        return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
    }
    if !digits.chars().all(|c| c.is_digit(base)) {
        let message = if digits.chars().next().is_some_and(|c| c.is_digit(base)) {
            "Additional non-parsable characters are at the end of the string."
        } else {
            "Could not find any recognizable digits."
        };
        return Err(Exception::new(ExceptionKind::Format, message));
    }
    let value = u64::from_str_radix(digits, base).ok();
    let fits = value.filter(|value| bits == 64 || *value < 1 << bits);
    let Some(value) = fits else {
        let message = format!("Value was either too large or too small for an Int{bits}.");
        return Err(Exception::new(ExceptionKind::Overflow, message));
    };
    Ok(if negative { value.wrapping_neg() } else { value })
}

// .NET does not look at the bits that padding leaves over.
const LENIENT: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    base64::engine::GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

fn from_base64(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let text = a.str(0, "s")?;
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

fn to_base64(cx: &mut Cx<'_>, bytes: &[u8], lines: bool) -> Result<Value, Exception> {
    let text = STANDARD.encode(bytes);
    if !lines {
        return cx.string(text);
    }
    let mut out = String::new();
    for (index, c) in text.chars().enumerate() {
        if index > 0 && index % 76 == 0 {
            out.push_str("\r\n");
        }
        out.push(c);
    }
    cx.string(out)
}

macro_rules! to {
    ($name:literal, $ty:literal, $kind:ident) => {
        m(concat!("static ", $ty, " ", $name, "(object value)"), "A value as a number.", |_, a| {
            number(a, NumberType::$kind)
        })
    };
}

const CONVERT: &[Member] = &[
    to!("ToSByte", "sbyte", SByte),
    to!("ToByte", "byte", Byte),
    to!("ToInt16", "short", Int16),
    to!("ToUInt16", "ushort", UInt16),
    to!("ToInt32", "int", Int32),
    to!("ToUInt32", "uint", UInt32),
    to!("ToInt64", "long", Int64),
    to!("ToUInt64", "ulong", UInt64),
    to!("ToSingle", "float", Single),
    to!("ToDouble", "double", Double),
    to!("ToDecimal", "decimal", Decimal),
    m("static byte ToByte(string value, int fromBase)", "A number in another base.", |_, a| {
        Ok(Value::Byte(u8::try_from(radix(a, 8)?).unwrap_or_default()))
    }),
    m("static int ToInt32(string value, int fromBase)", "A number in another base.", |_, a| {
        let [a, b, c, d, ..] = radix(a, 32)?.to_le_bytes();
        Ok(Value::Int(i32::from_le_bytes([a, b, c, d])))
    }),
    m("static long ToInt64(string value, int fromBase)", "A number in another base.", |_, a| {
        Ok(Value::Long(i64::from_le_bytes(radix(a, 64)?.to_le_bytes())))
    }),
    m("static bool ToBoolean(object value)", "A value as a bool.", |_, a| boolean(a)),
    m("static string ToString(object value)", "A value as text.", |cx, a| {
        super::object::to_string(cx, a)
    }),
    m("static string ToString(int value, int toBase)", "A number in another base.", |cx, a| {
        let value = a.int(0);
        let text = match a.int(1) {
            2 => format!("{value:b}"),
            8 => format!("{value:o}"),
            16 => format!("{value:x}"),
            10 => value.to_string(),
            _ => return Err(Exception::new(ExceptionKind::Argument, "Invalid Base.")),
        };
        cx.string(text)
    }),
    m("static char ToChar(int value)", "A number as a character.", |_, a| {
        u16::try_from(a.int(0)).map(Value::Char).map_err(|_| {
            let message = "Value was either too large or too small for a character.";
            Exception::new(ExceptionKind::Overflow, message)
        })
    }),
    m("static char ToChar(string value)", "Text of one character.", |_, a| {
        let text = a.str(0, "value")?;
        match (crate::text::unit_at(&text, 0), crate::text::length(&text)) {
            (Some(unit), 1) => Ok(Value::Char(unit)),
            _ => Err(Exception::new(
                ExceptionKind::Format,
                "String must be exactly one character long.",
            )),
        }
    }),
    m("static DateTime ToDateTime(string value)", "Text as a time.", |cx, a| {
        super::time::parse(cx, a)
    }),
    m("static string ToBase64String(byte[] inArray)", "Bytes as base64.", |cx, a| {
        let bytes = a.bytes(cx, 0, "inArray")?;
        to_base64(cx, &bytes, false)
    }),
    m(
        "static string ToBase64String(byte[] inArray, int offset, int length)",
        "Some bytes as base64.",
        |cx, a| {
            let bytes = a.bytes(cx, 0, "inArray")?;
            let start = usize::try_from(a.long(1)).unwrap_or(usize::MAX);
            let end = usize::try_from(a.long(2)).ok().and_then(|n| start.checked_add(n));
            let Some(part) = end.and_then(|end| bytes.get(start..end)) else {
                let message = "Offset and length must refer to a position in the string. (Parameter 'offset')";
                return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
            };
            to_base64(cx, part, false)
        },
    ),
    m("static byte[] FromBase64String(string s)", "Base64 as bytes.", |cx, a| from_base64(cx, a)),
];

pub(super) const BIT_CONVERTER: TypeDecl = TypeDecl {
    name: "System.BitConverter",
    kind: Kind::Static,
    bases: &[],
    docs: "Numbers as bytes, little-endian.",
    members: &[
        m("static bool IsLittleEndian", "True.", |_, _| Ok(Value::Bool(true))),
        m("static string ToString(byte[] value)", "As `00-FF`.", |cx, a| {
            let bytes = a.bytes(cx, 0, "value")?;
            hex(cx, &bytes)
        }),
        m(
            "static string ToString(byte[] value, int startIndex, int length)",
            "Some as `00-FF`.",
            |cx, a| {
                let length = usize::try_from(a.long(2)).unwrap_or(usize::MAX);
                let bytes = part(cx, a, length)?;
                hex(cx, &bytes)
            },
        ),
        m("static byte[] GetBytes(bool value)", "Its byte.", |_, a| {
            Ok(bytes(&[u8::from(a.bool(0))]))
        }),
        m("static byte[] GetBytes(int value)", "Its bytes.", |_, a| {
            Ok(bytes(&a.int(0).to_le_bytes()))
        }),
        m("static byte[] GetBytes(long value)", "Its bytes.", |_, a| {
            Ok(bytes(&a.long(0).to_le_bytes()))
        }),
        m("static byte[] GetBytes(double value)", "Its bytes.", |_, a| {
            Ok(bytes(&a.double(0).to_le_bytes()))
        }),
        m("static byte[] GetBytes(short value)", "Its bytes.", |_, a| {
            Ok(bytes(&i16::try_from(a.long(0)).unwrap_or_default().to_le_bytes()))
        }),
        m("static byte[] GetBytes(uint value)", "Its bytes.", |_, a| {
            Ok(bytes(&u32::try_from(a.long(0)).unwrap_or_default().to_le_bytes()))
        }),
        m("static short ToInt16(byte[] value, int startIndex)", "A number from bytes.", |cx, a| {
            Ok(Value::Short(i16::from_le_bytes(exactly(cx, a)?)))
        }),
        m("static int ToInt32(byte[] value, int startIndex)", "A number from bytes.", |cx, a| {
            Ok(Value::Int(i32::from_le_bytes(exactly(cx, a)?)))
        }),
        m("static long ToInt64(byte[] value, int startIndex)", "A number from bytes.", |cx, a| {
            Ok(Value::Long(i64::from_le_bytes(exactly(cx, a)?)))
        }),
        m("static uint ToUInt32(byte[] value, int startIndex)", "A number from bytes.", |cx, a| {
            Ok(Value::UInt(u32::from_le_bytes(exactly(cx, a)?)))
        }),
        m(
            "static ulong ToUInt64(byte[] value, int startIndex)",
            "A number from bytes.",
            |cx, a| Ok(Value::ULong(u64::from_le_bytes(exactly(cx, a)?))),
        ),
        m(
            "static ushort ToUInt16(byte[] value, int startIndex)",
            "A number from bytes.",
            |cx, a| Ok(Value::UShort(u16::from_le_bytes(exactly(cx, a)?))),
        ),
        m(
            "static double ToDouble(byte[] value, int startIndex)",
            "A number from bytes.",
            |cx, a| Ok(Value::Double(f64::from_le_bytes(exactly(cx, a)?))),
        ),
    ],
    refused: &[],
};

fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.into())
}

fn hex(cx: &mut Cx<'_>, bytes: &[u8]) -> Result<Value, Exception> {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    cx.string(pairs.join("-"))
}

fn part(cx: &Cx<'_>, a: &Args<'_>, length: usize) -> Result<Vec<u8>, Exception> {
    if a.get(0).is_null() {
        return Err(null_argument("value"));
    }
    let bytes = a.bytes(cx, 0, "value")?;
    let start = usize::try_from(a.long(1)).ok().filter(|start| *start < bytes.len());
    let Some(start) = start else {
        let message = "Index was out of range. Must be non-negative and less than the size of the collection. (Parameter 'startIndex')";
        return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
    };
    let end = start.checked_add(length);
    let part = end.and_then(|end| bytes.get(start..end)).map(<[u8]>::to_vec);
    part.ok_or_else(|| {
        let message = "Destination array is not long enough to copy all the items in the collection. Check array index and length. (Parameter 'value')";
        Exception::new(ExceptionKind::Argument, message)
    })
}

fn exactly<const N: usize>(cx: &Cx<'_>, a: &Args<'_>) -> Result<[u8; N], Exception> {
    part(cx, a, N)?.try_into().map_err(|_| crate::state::confusion())
}
