//! `System.BitConverter`.

use super::decl::{Kind, Member, TypeDecl, joined, p, refused};
use crate::eval::{Args, Cx, null_argument};
use crate::state::confusion;
use crate::{Exception, ExceptionKind, Value};

fn bytes(a: &Args<'_>) -> Result<Value, Exception> {
    let bytes: Vec<u8> = match a.get(0) {
        Value::Bool(value) => vec![u8::from(*value)],
        Value::Short(value) => value.to_le_bytes().to_vec(),
        Value::Char(value) | Value::UShort(value) => value.to_le_bytes().to_vec(),
        Value::Int(value) => value.to_le_bytes().to_vec(),
        Value::UInt(value) => value.to_le_bytes().to_vec(),
        Value::Long(value) => value.to_le_bytes().to_vec(),
        Value::ULong(value) => value.to_le_bytes().to_vec(),
        Value::Float(value) => value.to_le_bytes().to_vec(),
        Value::Double(value) => value.to_le_bytes().to_vec(),
        _ => return Err(confusion()),
    };
    Ok(Value::Bytes(bytes.into()))
}

#[cold]
fn bad_start() -> Exception {
    let message = "Index was out of range. Must be non-negative and less than the size of the collection. (Parameter 'startIndex')";
    Exception::new(ExceptionKind::ArgumentOutOfRange, message)
}

/// The bytes of a number that begins at an index.
fn exactly<const N: usize>(cx: &Cx<'_>, a: &Args<'_>) -> Result<[u8; N], Exception> {
    let bytes = a.bytes(cx, 0, "value")?;
    let start = usize::try_from(a.int(1)).ok().filter(|start| *start < bytes.len());
    let start = start.ok_or_else(bad_start)?;
    let part = bytes.get(start..).and_then(|rest| rest.first_chunk::<N>());
    part.copied().ok_or_else(|| {
        let message = "Destination array is not long enough to copy all the items in the collection. Check array index and length. (Parameter 'value')";
        Exception::new(ExceptionKind::Argument, message)
    })
}

fn hex(cx: &mut Cx<'_>, bytes: &[u8]) -> Result<Value, Exception> {
    cx.charge(bytes.len() * 3)?;
    let mut out = String::with_capacity(bytes.len() * 3);
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            out.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            out.extend(char::from_digit(u32::from(digit), 16).map(|c| c.to_ascii_uppercase()));
        }
    }
    Ok(Value::from(out))
}

/// `ToString(value, startIndex[, length])`.
fn part(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    if a.get(0).is_null() {
        return Err(null_argument("value"));
    }
    let bytes = a.bytes(cx, 0, "value")?;
    let length = if a.len() > 2 {
        i64::from(a.int(2))
    } else {
        i64::try_from(bytes.len()).unwrap_or(i64::MAX) - a.long(1)
    };
    let start = usize::try_from(a.int(1)).ok();
    let start = start.filter(|start| *start < bytes.len() || *start == 0).ok_or_else(bad_start)?;
    let Ok(length) = usize::try_from(length) else {
        let message = "Value must be positive. (Parameter 'length')";
        return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
    };
    let part = start.checked_add(length).and_then(|end| bytes.get(start..end));
    let part = part.ok_or_else(|| {
        let message = "Destination array is not long enough to copy all the items in the collection. Check array index and length. (Parameter 'value')";
        Exception::new(ExceptionKind::Argument, message)
    })?;
    hex(cx, part)
}

macro_rules! writers {
    ($($ty:literal)*) => {
        [$(p(concat!("static byte[] GetBytes(", $ty, " value)"), "Its bytes.", |_, a| bytes(a))),*]
    };
}

macro_rules! readers {
    ($($name:literal $ty:literal $variant:ident $rust:ty;)*) => {
        [$(p(
            concat!("static ", $ty, " ", $name, "(byte[] value, int startIndex)"),
            "A value from its bytes.",
            |cx, a| Ok(Value::$variant(<$rust>::from_le_bytes(exactly(cx, a)?))),
        )),*]
    };
}

const WRITERS: &[Member] =
    &writers!("bool" "char" "short" "ushort" "int" "uint" "long" "ulong" "float" "double");

const READERS: &[Member] = &readers!(
    "ToChar" "char" Char u16;
    "ToInt16" "short" Short i16;
    "ToUInt16" "ushort" UShort u16;
    "ToInt32" "int" Int i32;
    "ToUInt32" "uint" UInt u32;
    "ToInt64" "long" Long i64;
    "ToUInt64" "ulong" ULong u64;
    "ToSingle" "float" Float f32;
    "ToDouble" "double" Double f64;
);

const OTHER: &[Member] = &[
    p("static bool IsLittleEndian", "True.", |_, _| Ok(Value::Bool(true))),
    p(
        "static bool ToBoolean(byte[] value, int startIndex)",
        "Whether a byte is not 0.",
        |cx, a| {
            let bytes = a.bytes(cx, 0, "value")?;
            let index = usize::try_from(a.int(1)).ok();
            let byte = index.and_then(|index| bytes.get(index)).ok_or_else(bad_start)?;
            Ok(Value::Bool(*byte != 0))
        },
    ),
    p("static string ToString(byte[] value)", "As `00-FF`.", |cx, a| {
        let bytes = a.bytes(cx, 0, "value")?;
        hex(cx, &bytes)
    }),
    p("static string ToString(byte[] value, int startIndex)", "Some as `00-FF`.", |cx, a| {
        part(cx, a)
    }),
    p(
        "static string ToString(byte[] value, int startIndex, int length)",
        "Some as `00-FF`.",
        |cx, a| part(cx, a),
    ),
    p("static long DoubleToInt64Bits(double value)", "Its bits.", |_, a| {
        Ok(Value::Long(a.double(0).to_bits().cast_signed()))
    }),
    p("static double Int64BitsToDouble(long value)", "A number of its bits.", |_, a| {
        Ok(Value::Double(f64::from_bits(a.long(0).cast_unsigned())))
    }),
    p("static int SingleToInt32Bits(float value)", "Its bits.", |_, a| match a.get(0) {
        Value::Float(value) => Ok(Value::Int(value.to_bits().cast_signed())),
        _ => Err(confusion()),
    }),
    p("static float Int32BitsToSingle(int value)", "A number of its bits.", |_, a| {
        Ok(Value::Float(f32::from_bits(a.int(0).cast_unsigned())))
    }),
];

const PLAIN: &[Member] = &joined::<{ WRITERS.len() + READERS.len() }>(WRITERS, READERS);

const SPANS: &str = "spans are not in the allow-list";

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.BitConverter",
    kind: Kind::Static,
    bases: &[],
    docs: "Values as bytes, little-endian.",
    members: &joined::<{ PLAIN.len() + OTHER.len() }>(PLAIN, OTHER),
    refused: &[
        refused("TryWriteBytes", SPANS),
        refused("static bool ToBoolean(ReadOnlySpan<byte> value)", SPANS),
        refused("static char ToChar(ReadOnlySpan<byte> value)", SPANS),
        refused("static short ToInt16(ReadOnlySpan<byte> value)", SPANS),
        refused("static ushort ToUInt16(ReadOnlySpan<byte> value)", SPANS),
        refused("static int ToInt32(ReadOnlySpan<byte> value)", SPANS),
        refused("static uint ToUInt32(ReadOnlySpan<byte> value)", SPANS),
        refused("static long ToInt64(ReadOnlySpan<byte> value)", SPANS),
        refused("static ulong ToUInt64(ReadOnlySpan<byte> value)", SPANS),
        refused("static float ToSingle(ReadOnlySpan<byte> value)", SPANS),
        refused("static double ToDouble(ReadOnlySpan<byte> value)", SPANS),
    ],
};
