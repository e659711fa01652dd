//! `System.Enum` and enumerations that members of other types give.

use super::decl::{Kind, TypeDecl, not_allowed, p, refused};
use super::{Ty, info};
use crate::eval::{Args, Cx, formatted};
use crate::{Exception, ExceptionKind, Value};

const NOT_LISTED: &str = "the allow-list has `Parse`, `TryParse` and `ToString` of `Enum` only";
const NO_TYPES: &str = "expressions cannot look at types at run time; write `Enum.Parse<T>(…)`";

/// The constants that text names, joined by commas, or a number.
fn read(ty: &Ty, text: Option<&str>, any_case: bool) -> Result<Value, Exception> {
    let Some(id) = ty.id().filter(|_| ty.is_enum()) else {
        let message = "Type provided must be an Enum. (Parameter 'TEnum')";
        return Err(Exception::new(ExceptionKind::Argument, message));
    };
    let text = text.ok_or_else(|| crate::eval::null_argument("value"))?;
    let clean = text.trim();
    if clean.is_empty() {
        let message =
            "Must specify valid information for parsing in the string. (Parameter 'value')";
        return Err(Exception::new(ExceptionKind::Argument, message));
    }
    let missing = || {
        let message = format!("Requested value '{text}' was not found.");
        Exception::new(ExceptionKind::Argument, message)
    };
    let digits = clean.strip_prefix(['-', '+']).unwrap_or(clean);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = clean.parse().map_err(|_| crate::number::NumberType::Int32.overflow())?;
        return Ok(Value::Enum(id, number));
    }
    let mut all = 0;
    for name in clean.split(',') {
        let name = name.trim();
        let fits = |own: &str| own == name || any_case && own.eq_ignore_ascii_case(name);
        let found = info(id).constants().iter().find(|(own, _)| fits(own));
        all |= found.ok_or_else(missing)?.1;
    }
    Ok(Value::Enum(id, all))
}

#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn try_read(a: &mut Args<'_>, any_case: bool) -> Result<Value, Exception> {
    let ty = a.ty(0).clone();
    let found = read(&ty, a.opt_str(0), any_case);
    let ok = found.is_ok();
    a.set(a.len() - 1, found.unwrap_or_else(|_| crate::eval::default_value(&ty)));
    Ok(Value::Bool(ok))
}

fn to_string(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let (value, format) = (a.value(0), a.opt_str(1).unwrap_or_default().to_owned());
    let text = formatted(cx, &value, &format)?;
    cx.string(text)
}

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Enum",
    kind: Kind::Class,
    bases: &[],
    docs: "The base of enumerations.",
    members: &[
        p(
            "static TEnum Parse<TEnum>(string value) where TEnum : struct",
            "The constant of a name or number.",
            |_, a| read(a.ty(0), a.opt_str(0), false),
        ),
        p(
            "static TEnum Parse<TEnum>(string value, bool ignoreCase) where TEnum : struct",
            "The constant of a name or number.",
            |_, a| read(a.ty(0), a.opt_str(0), a.bool(1)),
        ),
        p(
            "static bool TryParse<TEnum>(string value, out TEnum result) where TEnum : struct",
            "The constant of a name or number, if there is one.",
            |_, a| try_read(a, false),
        ),
        p(
            "static bool TryParse<TEnum>(string value, bool ignoreCase, out TEnum result) where TEnum : struct",
            "The constant of a name or number, if there is one.",
            |_, a| {
                let any_case = a.bool(1);
                try_read(a, any_case)
            },
        ),
        p("string ToString(string format)", "As `G`, `F`, `D` or `X`.", to_string),
        p(
            "string ToString(string format, IFormatProvider provider)",
            "As `G`, `F`, `D` or `X`.",
            to_string,
        ),
        p("string ToString(IFormatProvider provider)", "Its name.", super::object::to_string),
    ],
    refused: &[
        refused("static object Parse(Type enumType, string value)", NO_TYPES),
        refused("static object Parse(Type enumType, string value, bool ignoreCase)", NO_TYPES),
        refused("static bool TryParse(Type enumType, string value, out object result)", NO_TYPES),
        refused(
            "static bool TryParse(Type enumType, string value, bool ignoreCase, out object result)",
            NO_TYPES,
        ),
        not_allowed("CompareTo", NOT_LISTED),
        not_allowed("Format", NOT_LISTED),
        not_allowed("GetName", NOT_LISTED),
        not_allowed("GetNames", NOT_LISTED),
        not_allowed("GetTypeCode", NOT_LISTED),
        not_allowed("GetUnderlyingType", NOT_LISTED),
        not_allowed("GetValues", NOT_LISTED),
        not_allowed("HasFlag", NOT_LISTED),
        not_allowed("IsDefined", NOT_LISTED),
        not_allowed("ToObject", NOT_LISTED),
    ],
};

pub(super) const TYPE_CODE: TypeDecl = TypeDecl {
    name: "System.TypeCode",
    kind: Kind::Enum(&[
        ("Empty", 0),
        ("Object", 1),
        ("DBNull", 2),
        ("Boolean", 3),
        ("Char", 4),
        ("SByte", 5),
        ("Byte", 6),
        ("Int16", 7),
        ("UInt16", 8),
        ("Int32", 9),
        ("UInt32", 10),
        ("Int64", 11),
        ("UInt64", 12),
        ("Single", 13),
        ("Double", 14),
        ("Decimal", 15),
        ("DateTime", 16),
        ("String", 18),
    ]),
    bases: &[],
    docs: "What `GetTypeCode()` gives.",
    members: &[],
    refused: &[],
};

pub(super) const UNICODE_CATEGORY: TypeDecl = TypeDecl {
    name: "System.Globalization.UnicodeCategory",
    kind: Kind::Enum(crate::unicode::CATEGORIES),
    bases: &[],
    docs: "What `char.GetUnicodeCategory` gives.",
    members: &[],
    refused: &[],
};
