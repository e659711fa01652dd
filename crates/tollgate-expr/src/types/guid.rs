//! `System.Guid`.

use super::decl::{Kind, Member, TypeDecl, m, p, refused};
use crate::eval::{Args, Cx, formatted, null_argument};
use crate::json::{parse_guid, parse_guid_exact};
use crate::{Exception, ExceptionKind, Value};

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

/// A GUID of three numbers and eight bytes.
fn of_parts(a: &Args<'_>, tail: [u8; 8]) -> Value {
    let [.., a0, a1, a2, a3] = a.long(0).to_be_bytes();
    let [.., b0, b1] = a.long(1).to_be_bytes();
    let [.., c0, c1] = a.long(2).to_be_bytes();
    let head = u64::from_be_bytes([a0, a1, a2, a3, b0, b1, c0, c1]);
    Value::guid(u128::from(head) << 64 | u128::from(u64::from_be_bytes(tail)))
}

fn of_bytes(a: &Args<'_>) -> Value {
    let byte = |index: usize| u8::try_from(a.int(index)).unwrap_or_default();
    of_parts(a, std::array::from_fn(|n| byte(n + 3)))
}

fn exact<const N: usize>(
    cx: &Cx<'_>,
    a: &Args<'_>,
    index: usize,
    name: &str,
) -> Result<[u8; N], Exception> {
    let bytes: Result<[u8; N], _> = a.bytes(cx, index, name)?.try_into();
    bytes.map_err(|_| {
        let message =
            format!("Byte array for GUID must be exactly {N} bytes long. (Parameter '{name}')");
        Exception::new(ExceptionKind::Argument, message)
    })
}

fn to_string(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let (value, format) = (a.value(0), a.opt_str(1).unwrap_or("D").to_owned());
    let format = if format.is_empty() { "D" } else { &format };
    let text = formatted(cx, &value, format)?;
    cx.string(text)
}

/// `Parse` tells nothing of numbers that are too large; the constructor does.
fn unrecognized(exception: Exception) -> Exception {
    match exception.kind() {
        ExceptionKind::Overflow => {
            Exception::new(ExceptionKind::Format, "Unrecognized Guid format.")
        }
        _ => exception,
    }
}

const MEMBERS: &[Member] = &[
    p("new(string g)", "From text.", |_, a| match a.opt_str(0) {
        Some(text) => parse_guid(Some(text)).map(Value::guid),
        None => Err(null_argument("g")),
    }),
    p("new(byte[] b)", "From 16 bytes.", |cx, a| Ok(Value::Guid(net_order(exact(cx, a, 0, "b")?)))),
    p("new(int a, short b, short c, byte[] d)", "From its parts.", |cx, a| {
        Ok(of_parts(a, exact(cx, a, 3, "d")?))
    }),
    p(
        "new(int a, short b, short c, byte d, byte e, byte f, byte g, byte h, byte i, byte j, byte k)",
        "From its parts.",
        |_, a| Ok(of_bytes(a)),
    ),
    p(
        "new(uint a, ushort b, ushort c, byte d, byte e, byte f, byte g, byte h, byte i, byte j, byte k)",
        "From its parts.",
        |_, a| Ok(of_bytes(a)),
    ),
    p("static Guid Empty", "All zeros.", |_, _| Ok(Value::Guid([0; 16]))),
    m("static Guid NewGuid()", "A random one.", |cx, _| Ok(new_guid(cx))),
    p("static Guid Parse(string input)", "From text.", |_, a| {
        parse_guid(a.opt_str(0)).map(Value::guid).map_err(unrecognized)
    }),
    p("static bool TryParse(string input, out Guid result)", "From text, if it is one.", |_, a| {
        let read = parse_guid(a.opt_str(0));
        a.set(1, read.as_ref().map_or(Value::Guid([0; 16]), |guid| Value::guid(*guid)));
        Ok(Value::Bool(read.is_ok()))
    }),
    p("static Guid ParseExact(string input, string format)", "From text in a format.", |_, a| {
        let text = a.str(0, "input")?;
        let format = a.str(1, "format")?;
        parse_guid_exact(&text, &format).map(Value::guid).map_err(unrecognized)
    }),
    p(
        "static bool TryParseExact(string input, string format, out Guid result)",
        "From text in a format, if it is one.",
        |_, a| {
            let both = a.opt_str(0).zip(a.opt_str(1));
            let read = both.and_then(|(text, format)| parse_guid_exact(text, format).ok());
            a.set(2, Value::guid(read.unwrap_or_default()));
            Ok(Value::Bool(read.is_some()))
        },
    ),
    p("string ToString(string format)", "As `N`, `D`, `B`, `P` or `X`.", to_string),
    p(
        "string ToString(string format, IFormatProvider provider)",
        "As `N`, `D`, `B`, `P` or `X`.",
        to_string,
    ),
    p("byte[] ToByteArray()", "16 bytes, the first three parts little-endian.", |_, a| {
        Ok(Value::Bytes(net_order(guid(a, 0)).to_vec().into()))
    }),
    p("bool Equals(Guid g)", "Whether they are equal.", |_, a| {
        Ok(Value::Bool(guid(a, 0) == guid(a, 1)))
    }),
    p("bool Equals(object o)", "Whether it is an equal one.", |cx, a| {
        super::object::equals(cx, a.get(0), a.get(1)).map(Value::Bool)
    }),
    p("int CompareTo(Guid value)", "The order of two.", |_, a| {
        Ok(Value::Int(guid(a, 0).cmp(&guid(a, 1)) as i32))
    }),
    p("int CompareTo(object value)", "The order of two; null is less.", super::object::compare_to),
    p("operator bool ==(Guid a, Guid b)", "Whether they are equal.", |_, a| {
        Ok(Value::Bool(guid(a, 0) == guid(a, 1)))
    }),
    p("operator bool !=(Guid a, Guid b)", "Whether they differ.", |_, a| {
        Ok(Value::Bool(guid(a, 0) != guid(a, 1)))
    }),
];

const SPANS: &str = "spans are not in the allow-list";

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Guid",
    kind: Kind::Struct,
    bases: &[],
    docs: "A globally unique identifier.",
    members: MEMBERS,
    refused: &[
        refused("new(ReadOnlySpan<byte> b)", SPANS),
        refused("static Guid Parse(ReadOnlySpan<char> input)", SPANS),
        refused("static bool TryParse(ReadOnlySpan<char> input, out Guid result)", SPANS),
        refused(
            "static Guid ParseExact(ReadOnlySpan<char> input, ReadOnlySpan<char> format)",
            SPANS,
        ),
        refused(
            "static bool TryParseExact(ReadOnlySpan<char> input, ReadOnlySpan<char> format, out Guid result)",
            SPANS,
        ),
        refused("TryFormat", SPANS),
        refused("TryWriteBytes", SPANS),
    ],
};
