//! `System.Uri` and its enumerations.

use super::decl::{Kind, Member, TypeDecl, joined, p, refused};
use super::{Ty, TypeId};
use crate::collections::Key;
use crate::eval::{Args, Cx, null_argument};
use crate::native::Native;
use crate::state::enum_text;
use crate::uri::{
    Absolute, Fault, Host, HostKind, Shown, Uri, combined, escape_data, escape_uri, is_base_of,
    is_hex_encoding, is_scheme, path_to, push_hex, relative_to, unescape_all,
};
use crate::{Exception, ExceptionKind, Value};

impl Native for Uri {
    fn id(&self) -> TypeId {
        TypeId::Uri
    }

    fn text(&self) -> Option<String> {
        Some(Uri::text(self))
    }

    fn key(&self) -> Option<Key> {
        let text =
            self.absolute.as_ref().map_or_else(|| self.original.clone(), Absolute::comparable);
        Some(Key::Str(text.into()))
    }
}

#[cold]
fn fault(fault: Fault) -> Exception {
    Exception::new(ExceptionKind::UriFormat, fault.message())
}

fn value(cx: &mut Cx<'_>, uri: Uri) -> Result<Value, Exception> {
    cx.charge(4 * uri.original.len() + size_of::<Uri>())?;
    Ok(Value::native(uri))
}

/// An absolute URI.
pub(super) fn new_uri(cx: &mut Cx<'_>, text: &str) -> Result<Value, Exception> {
    cx.charge(4 * text.len())?;
    let uri = Uri::absolute(text).map_err(fault)?;
    value(cx, uri)
}

/// An absolute or relative URI of text that JSON holds.
pub(crate) fn any_uri(text: &str) -> Value {
    let relative = || Uri::relative_path(text.to_owned()).normalized();
    Value::native(Uri::absolute(text).unwrap_or_else(|_| relative()))
}

/// The original text of a URI.
pub(crate) fn original_text(value: &Value) -> Option<&str> {
    value.as_native::<Uri>().map(|uri| uri.original.as_str())
}

#[cold]
fn no_relative() -> Exception {
    let message = "A relative URI cannot be created because the 'uriString' parameter represents an absolute URI.";
    Exception::new(ExceptionKind::UriFormat, message)
}

/// A URI of a kind: 0 any, 1 absolute, 2 relative.
fn of_kind(text: &str, kind: i32) -> Result<Uri, Exception> {
    match kind {
        // Only where nothing else is allowed does it name a file of a server.
        0 if text.trim_start().starts_with("//") => Ok(Uri::relative_path(text.to_owned())),
        0 => match Uri::absolute(text) {
            Ok(uri) => Ok(uri),
            Err(reason) if reason.may_be_relative() => Ok(Uri::relative_path(text.to_owned())),
            Err(reason) => Err(fault(reason)),
        },
        1 => Uri::absolute(text).map_err(fault),
        2 => Uri::relative(text).map_err(|reason| reason.map_or_else(no_relative, fault)),
        other => {
            let message =
                format!("The value '{other}' passed for the UriKind parameter is invalid.");
            Err(Exception::new(ExceptionKind::Argument, message))
        }
    }
}

fn uri<'a>(a: &'a Args<'_>, index: usize, name: &str) -> Result<&'a Uri, Exception> {
    a.get(index).as_native().ok_or_else(|| null_argument(name))
}

fn this<'a>(a: &'a Args<'_>) -> Result<&'a Uri, Exception> {
    a.get(0).as_native().ok_or_else(Exception::null_reference)
}

#[cold]
fn relative() -> Exception {
    let message = "This operation is not supported for a relative URI.";
    Exception::new(ExceptionKind::InvalidOperation, message)
}

fn absolute<'a>(a: &'a Args<'_>) -> Result<&'a Absolute, Exception> {
    this(a)?.absolute.as_ref().ok_or_else(relative)
}

fn part(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    take: impl FnOnce(&Absolute) -> String,
) -> Result<Value, Exception> {
    let text = take(absolute(a)?);
    cx.string(text)
}

/// A URI of a base and a relative one.
fn joined_uri(a: &Args<'_>) -> Result<Uri, Exception> {
    let base = uri(a, 0, "baseUri")?;
    let Some(whole) = &base.absolute else {
        let message =
            "Specified argument was out of the range of valid values. (Parameter 'baseUri')";
        return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
    };
    match a.get(1) {
        Value::Str(text) => combined(base, whole, text).map_err(fault),
        Value::Null => combined(base, whole, "").map_err(fault),
        other => {
            let relative: &Uri = other.as_native().ok_or_else(crate::state::confusion)?;
            if relative.absolute.is_some() {
                return Ok(relative.clone());
            }
            combined(base, whole, &relative.original).map_err(fault)
        }
    }
}

fn created(cx: &mut Cx<'_>, a: &mut Args<'_>, found: Option<Uri>) -> Result<Value, Exception> {
    let ok = found.is_some();
    let made = match found {
        Some(uri) => value(cx, uri)?,
        None => Value::Null,
    };
    a.set(a.len() - 1, made);
    Ok(Value::Bool(ok))
}

const SCHEME: i32 = 1;
const USER: i32 = 2;
const HOST: i32 = 4;
const PORT: i32 = 8;
const PATH: i32 = 16;
const QUERY: i32 = 32;
const FRAGMENT: i32 = 64;
const STRONG_PORT: i32 = 128;
const NORMALIZED_HOST: i32 = 256;
const KEEP_DELIMITER: i32 = 0x4000_0000;

/// `GetComponents`.
fn components(uri: &Uri, parts: i32, format: i32) -> Result<String, Exception> {
    const OUTSIDE: &str = "Specified argument was out of the range of valid values.";
    let out_of_range = |name: &str| {
        let message = format!("{OUTSIDE} (Parameter '{name}')");
        Exception::new(ExceptionKind::ArgumentOutOfRange, message)
    };
    if parts < 0 && parts != i32::MIN {
        let message = format!(
            "UriComponents.SerializationInfoString must not be combined with other UriComponents. (Parameter 'components')\nActual value was {}.",
            enum_text(TypeId::UriComponents, parts)
        );
        return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
    }
    let shown = match format {
        1 => Shown::Escaped,
        2 => Shown::Unescaped,
        3 => Shown::Safe,
        // Some parts are the same in every format.
        0 => match &uri.absolute {
            None if parts == i32::MIN => return Err(out_of_range("format")),
            None => return Err(relative()),
            Some(_) if matches!(parts, SCHEME | PORT | STRONG_PORT) => Shown::Escaped,
            Some(absolute) if parts == HOST && uri.original.contains(&absolute.host.name) => {
                Shown::Escaped
            }
            Some(_) => return Err(out_of_range("uriFormat")),
        },
        _ => return Err(out_of_range("format")),
    };
    let Some(absolute) = &uri.absolute else {
        return if parts == i32::MIN { Ok(uri.relative_part(shown)) } else { Err(relative()) };
    };
    let serialized = parts == i32::MIN;
    let parts = if serialized { 127 } else { parts };
    let keep = parts & KEEP_DELIMITER != 0;
    let parts = parts & !KEEP_DELIMITER;
    let wants = |part: i32| parts & part != 0;
    let only = |part: i32| parts == part;
    let mut out = String::new();
    if wants(SCHEME) {
        out.push_str(&absolute.scheme);
        if keep || !only(SCHEME) {
            out.push_str(absolute.delimiter());
        }
    }
    let user = absolute.user(shown);
    if wants(USER) && absolute.has_user {
        out.push_str(&user);
        if keep || !only(USER) {
            out.push('@');
        }
    }
    if wants(HOST | NORMALIZED_HOST) {
        match absolute.host.name.strip_suffix(']') {
            Some(name) if serialized => {
                out.push_str(name);
                out.push_str(&absolute.host.zone);
                out.push(']');
            }
            _ => out.push_str(&absolute.host.name),
        }
    }
    let strong = wants(STRONG_PORT) && absolute.port >= 0;
    if strong || wants(PORT) && !absolute.is_default_port {
        if keep || !(only(STRONG_PORT) || only(PORT)) {
            out.push(':');
        }
        out.push_str(&absolute.port.to_string());
    }
    if wants(PATH) {
        let path = absolute.rooted_path(shown);
        match path.strip_prefix('/') {
            Some(rest) if only(PATH) && !keep => out.push_str(rest),
            _ => out.push_str(&path),
        }
    }
    for (flag, text) in [(QUERY, absolute.query(shown)), (FRAGMENT, absolute.fragment(shown))] {
        if wants(flag) {
            let bare = only(flag) && !keep;
            out.push_str(if bare { text.get(1..).unwrap_or_default() } else { &text });
        }
    }
    Ok(out)
}

/// `Compare`, by a `StringComparison`.
fn compared(a: &Args<'_>) -> Result<Value, Exception> {
    let (left, right) = (a.get(0).as_native::<Uri>(), a.get(1).as_native::<Uri>());
    let order = match (left, right) {
        (None, None) => 0,
        (None, Some(_)) => -1,
        (Some(_), None) => 1,
        (Some(left), Some(right)) if left.absolute.is_none() || right.absolute.is_none() => {
            match (left.absolute.is_some(), right.absolute.is_some()) {
                (true, false) => 1,
                (false, true) => -1,
                _ => ordered(&left.original, &right.original, a.int(4)),
            }
        }
        (Some(left), Some(right)) => {
            let (parts, format) = (a.int(2), a.int(3));
            let left = components(left, parts, format)?;
            ordered(&left, &components(right, parts, format)?, a.int(4))
        }
    };
    Ok(Value::Int(order))
}

fn ordered(left: &str, right: &str, comparison: i32) -> i32 {
    let comparison = crate::text::Comparison::of(comparison);
    super::string::compare(Some(left), Some(right), comparison)
}

/// `GetLeftPart`.
fn left_part(uri: &Absolute, part: i32) -> Result<String, Exception> {
    let shown = Shown::Escaped;
    let named = uri.delimiter() == "://" && !uri.host.name.is_empty();
    let server = || if named { uri.server(shown) } else { String::new() };
    let path = || format!("{}{}", uri.server(shown), uri.rooted_path(shown));
    Ok(match part {
        0 => format!("{}{}", uri.scheme, uri.delimiter()),
        1 => server(),
        2 => path(),
        3 => format!("{}{}", path(), uri.query(shown)),
        _ => {
            let message =
                format!("The subcomponent, {part}, of this uri is not valid. (Parameter 'part')");
            return Err(Exception::new(ExceptionKind::Argument, message));
        }
    })
}

fn equal(a: &Args<'_>) -> bool {
    crate::eval::equal_values(a.get(0), a.get(1))
}

const MAKING: &[Member] = &[
    p("new(string uriString)", "An absolute URI.", |cx, a| {
        let text = a.str(0, "uriString")?;
        new_uri(cx, &text)
    }),
    p("new(string uriString, UriKind uriKind)", "A URI of a kind.", |cx, a| {
        let text = a.str(0, "uriString")?;
        cx.charge(4 * text.len())?;
        let uri = of_kind(&text, a.int(1))?.normalized();
        value(cx, uri)
    }),
    p("new(Uri baseUri, string relativeUri)", "A URI seen from another.", |cx, a| {
        let uri = joined_uri(a)?;
        value(cx, uri)
    }),
    p("new(Uri baseUri, Uri relativeUri)", "A URI seen from another.", |cx, a| {
        uri(a, 0, "baseUri")?;
        if a.get(1).is_null() {
            return Err(Exception::null_reference());
        }
        let uri = joined_uri(a)?;
        value(cx, uri)
    }),
    p(
        "static bool TryCreate(string uriString, UriKind uriKind, out Uri result)",
        "A URI of a kind, if the text is one.",
        |cx, a| {
            let found = a.opt_str(0).map(|text| of_kind(text, a.int(1)));
            if let Some(Err(bad)) = &found
                && bad.kind() == ExceptionKind::Argument
            {
                return Err(bad.clone());
            }
            created(cx, a, found.and_then(Result::ok))
        },
    ),
    p(
        "static bool TryCreate(Uri baseUri, string relativeUri, out Uri result)",
        "A URI seen from another, if they make one.",
        |cx, a| {
            // Text that is absolute needs no base.
            let whole = a.opt_str(1).and_then(|text| of_kind(text, 0).ok());
            let found = match whole {
                Some(uri) if uri.absolute.is_none() => joined_uri(a).ok(),
                whole => whole,
            };
            created(cx, a, found)
        },
    ),
    p(
        "static bool TryCreate(Uri baseUri, Uri relativeUri, out Uri result)",
        "A URI seen from another, if they make one.",
        |cx, a| {
            let found = if a.get(1).is_null() { None } else { joined_uri(a).ok() };
            created(cx, a, found)
        },
    ),
];

macro_rules! schemes {
    ($($name:literal $scheme:literal),*) => {
        [$(p(concat!("static string ", $name), concat!("`", $scheme, "`."), |_, _| {
            Ok(Value::from($scheme))
        })),*]
    };
}

const SCHEMES: &[Member] = &schemes!(
    "UriSchemeFile" "file",
    "UriSchemeFtp" "ftp",
    "UriSchemeGopher" "gopher",
    "UriSchemeHttp" "http",
    "UriSchemeHttps" "https",
    "UriSchemeMailto" "mailto",
    "UriSchemeNews" "news",
    "UriSchemeNntp" "nntp",
    "UriSchemeNetTcp" "net.tcp",
    "UriSchemeNetPipe" "net.pipe",
    "SchemeDelimiter" "://"
);

macro_rules! parts {
    ($($name:literal $doc:literal $take:expr;)*) => {
        [$(p(concat!("string ", $name), $doc, |cx, a| part(cx, a, $take))),*]
    };
}

const PARTS: &[Member] = &parts!(
    "AbsoluteUri" "The whole URI, escaped." |uri| uri.whole(Shown::Escaped);
    "AbsolutePath" "The path, escaped." |uri| uri.path(Shown::Escaped);
    "LocalPath" "The path, unescaped." Absolute::local_path;
    "Authority" "Host, and port unless it is the default." Absolute::authority_text;
    "PathAndQuery" "Path and query." |uri| uri.path(Shown::Escaped) + &uri.query(Shown::Escaped);
    "Host" "The host, in lower case." |uri| uri.host.name.clone();
    "DnsSafeHost" "The host without brackets." |uri| uri.host.dns_safe();
    "IdnHost" "The host in Punycode." |uri| uri.host.idn();
    "Query" "The query with its question mark." |uri| uri.query(Shown::Escaped);
    "Fragment" "The fragment with its `#`." |uri| uri.fragment(Shown::Escaped);
    "Scheme" "Such as `https`." |uri| uri.scheme.clone();
    "UserInfo" "User and password." |uri| uri.user(Shown::Escaped);
);

const OWN: &[Member] = &[
    p("string OriginalString", "The text it was made of.", |_, a| {
        Ok(Value::from(this(a)?.original.as_str()))
    }),
    p("bool IsAbsoluteUri", "Whether it is absolute.", |_, a| {
        Ok(Value::Bool(this(a)?.absolute.is_some()))
    }),
    p("int Port", "The port, or -1.", |_, a| Ok(Value::Int(absolute(a)?.port))),
    p("bool IsDefaultPort", "Whether the port is the scheme's.", |_, a| {
        Ok(Value::Bool(absolute(a)?.is_default_port))
    }),
    p("bool IsFile", "Whether it is of a file.", |_, a| Ok(Value::Bool(absolute(a)?.is_file()))),
    p("bool IsUnc", "Whether it is of a file of a server.", |_, a| {
        Ok(Value::Bool(absolute(a)?.is_unc()))
    }),
    p("bool IsLoopback", "Whether the host is this machine.", |_, a| {
        Ok(Value::Bool(absolute(a)?.host.is_loopback()))
    }),
    p("bool UserEscaped", "False.", |_, _| Ok(Value::Bool(false))),
    p("UriHostNameType HostNameType", "What kind of host it names.", |_, a| {
        Ok(Value::Enum(TypeId::UriHostNameType, absolute(a)?.host.kind as i32))
    }),
    p("string[] Segments", "The parts of the path with their slashes.", |cx, a| {
        let segments = absolute(a)?.segments();
        cx.state.array(Ty::STRING, segments.into_iter().map(Value::from).collect())
    }),
    p(
        "string GetComponents(UriComponents components, UriFormat format)",
        "Some parts, escaped or not.",
        |cx, a| {
            let text = components(this(a)?, a.int(1), a.int(2))?;
            cx.string(text)
        },
    ),
    p("string GetLeftPart(UriPartial part)", "The URI up to a part.", |cx, a| {
        let text = left_part(absolute(a)?, a.int(1))?;
        cx.string(text)
    }),
    p("bool IsBaseOf(Uri uri)", "Whether it begins another.", |_, a| {
        let other = uri(a, 1, "uri")?;
        let Some(base) = &this(a)?.absolute else { return Ok(Value::Bool(false)) };
        let is_base = match &other.absolute {
            Some(other) => is_base_of(base, other),
            None => combined(this(a)?, base, &other.original)
                .is_ok_and(|whole| whole.absolute.is_some_and(|whole| is_base_of(base, &whole))),
        };
        Ok(Value::Bool(is_base))
    }),
    p("Uri MakeRelativeUri(Uri uri)", "The way to another.", |cx, a| {
        let target = uri(a, 1, "uri")?;
        let base = absolute(a)?;
        let end = target.absolute.as_ref().ok_or_else(relative)?;
        let made = relative_to(base, target, end);
        value(cx, made)
    }),
    p("string MakeRelative(Uri toUri)", "The way to another, as text.", |cx, a| {
        let target = uri(a, 1, "toUri")?;
        let base = absolute(a)?;
        let end = target.absolute.as_ref().ok_or_else(relative)?;
        let text = path_to(base, end).unwrap_or_else(|| target.text());
        cx.string(text)
    }),
    p("bool IsWellFormedOriginalString()", "Whether its text needs no escapes.", |_, a| {
        Ok(Value::Bool(this(a)?.is_well_formed()))
    }),
    p("bool Equals(object comparand)", "Whether it is the same URI, or its text.", |_, a| {
        let text = a.opt_str(1).and_then(|text| of_kind(text, 0).ok());
        Ok(Value::Bool(match text {
            Some(other) => Native::key(this(a)?) == Native::key(&other),
            None => equal(a),
        }))
    }),
    p("operator bool ==(Uri uri1, Uri uri2)", "Whether they are equal.", |_, a| {
        Ok(Value::Bool(equal(a)))
    }),
    p("operator bool !=(Uri uri1, Uri uri2)", "Whether they differ.", |_, a| {
        Ok(Value::Bool(!equal(a)))
    }),
];

fn escaped(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    name: &str,
    how: fn(&str) -> String,
) -> Result<Value, Exception> {
    let text = a.str(0, name)?;
    cx.charge(3 * text.len())?;
    let text = how(&text);
    cx.string(text)
}

fn hex_unescape(a: &mut Args<'_>) -> Result<Value, Exception> {
    let pattern = a.opt_str(0).ok_or_else(Exception::null_reference)?;
    let index = usize::try_from(a.int(1)).ok();
    let unit = index.and_then(|index| crate::text::unit_at(pattern, index));
    let Some((index, unit)) = index.zip(unit) else {
        let message =
            "Specified argument was out of the range of valid values. (Parameter 'index')";
        return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
    };
    let rest = pattern.get(crate::text::byte_offset(pattern, index)..).unwrap_or_default();
    let digits = rest.get(1..3).filter(|_| is_hex_encoding(rest));
    let byte = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
    let length = if byte.is_some() { 3 } else { 1 };
    a.set(1, Value::Int(a.int(1) + length));
    Ok(Value::Char(byte.unwrap_or(unit)))
}

#[cold]
fn index_outside() -> Exception {
    let message = "Index was outside the bounds of the array.";
    Exception::new(ExceptionKind::IndexOutOfRange, message)
}

const STATIC: &[Member] = &[
    p(
        "static string EscapeDataString(string stringToEscape)",
        "Escaped as part of a URI.",
        |cx, a| escaped(cx, a, "stringToEscape", escape_data),
    ),
    p(
        "static string EscapeUriString(string stringToEscape)",
        "Escaped as a whole URI.",
        |cx, a| escaped(cx, a, "stringToEscape", escape_uri),
    ),
    p("static string UnescapeDataString(string stringToUnescape)", "Unescaped.", |cx, a| {
        escaped(cx, a, "stringToUnescape", unescape_all)
    }),
    p(
        "static bool IsWellFormedUriString(string uriString, UriKind uriKind)",
        "Whether text is a URI that needs no escapes.",
        |_, a| {
            let uri = a.opt_str(0).and_then(|text| of_kind(text, a.int(1)).ok());
            Ok(Value::Bool(uri.is_some_and(|uri| uri.is_well_formed())))
        },
    ),
    p("static UriHostNameType CheckHostName(string name)", "What kind of host it is.", |_, a| {
        let name = a.opt_str(0).unwrap_or_default();
        let host = Host::read(&format!("[{name}]")).or_else(|| Host::read(name));
        let kind = host.map(|host| host.kind).filter(|kind| *kind != HostKind::Basic);
        Ok(Value::Enum(TypeId::UriHostNameType, kind.unwrap_or(HostKind::Unknown) as i32))
    }),
    p("static bool CheckSchemeName(string schemeName)", "Whether it may be a scheme.", |_, a| {
        Ok(Value::Bool(is_scheme(a.opt_str(0).unwrap_or_default())))
    }),
    p("static string HexEscape(char character)", "`%XX`.", |_, a| {
        let Ok(byte) = u8::try_from(a.char(0)) else {
            let message =
                "Specified argument was out of the range of valid values. (Parameter 'character')";
            return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
        };
        let mut out = String::new();
        push_hex(&mut out, byte);
        Ok(Value::from(out))
    }),
    p(
        "static bool IsHexEncoding(string pattern, int index)",
        "Whether `%XX` stands there.",
        |_, a| {
            let pattern = a.opt_str(0).ok_or_else(Exception::null_reference)?;
            let length = i32::try_from(crate::text::length(pattern)).unwrap_or(i32::MAX);
            if length.wrapping_sub(a.int(1)) < 3 {
                return Ok(Value::Bool(false));
            }
            let index = usize::try_from(a.int(1)).map_err(|_| index_outside())?;
            let rest = pattern.get(crate::text::byte_offset(pattern, index)..);
            Ok(Value::Bool(rest.is_some_and(is_hex_encoding)))
        },
    ),
    p(
        "static char HexUnescape(string pattern, ref int index)",
        "The character at an index, unescaped; the index goes behind it.",
        |_, a| hex_unescape(a),
    ),
    p("static bool IsHexDigit(char character)", "Whether it is a hexadecimal digit.", |_, a| {
        let c = char::from_u32(u32::from(a.char(0)));
        Ok(Value::Bool(c.is_some_and(|c| c.is_ascii_hexdigit())))
    }),
    p("static int FromHex(char digit)", "The number of a hexadecimal digit.", |_, a| {
        let c = char::from_u32(u32::from(a.char(0)));
        let digit = c.and_then(|c| c.to_digit(16)).and_then(|digit| i32::try_from(digit).ok());
        digit.map(Value::Int).ok_or_else(|| Exception::new(ExceptionKind::Argument, "digit"))
    }),
    p(
        "static int Compare(Uri uri1, Uri uri2, UriComponents partsToCompare, UriFormat compareFormat, StringComparison comparisonType)",
        "The order of some parts of two URIs.",
        |_, a| compared(a),
    ),
];

const NAMES: &[Member] = &joined::<{ SCHEMES.len() + PARTS.len() }>(SCHEMES, PARTS);
const ACTIONS: &[Member] = &joined::<{ OWN.len() + STATIC.len() }>(OWN, STATIC);
const REST: &[Member] = &joined::<{ NAMES.len() + ACTIONS.len() }>(NAMES, ACTIONS);

const OBSOLETE: &str = "it is obsolete in .NET; leave out `dontEscape`";

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Uri",
    kind: Kind::Class,
    bases: &[],
    docs: "A URI.",
    members: &joined::<{ MAKING.len() + REST.len() }>(MAKING, REST),
    refused: &[
        refused("new(string uriString, bool dontEscape)", OBSOLETE),
        refused("new(Uri baseUri, string relativeUri, bool dontEscape)", OBSOLETE),
        refused("GetObjectData", "serialization is not in the allow-list"),
    ],
};

const fn enumeration(
    name: &'static str,
    docs: &'static str,
    constants: &'static [(&'static str, i32)],
) -> TypeDecl {
    TypeDecl { name, kind: Kind::Enum(constants), bases: &[], docs, members: &[], refused: &[] }
}

pub(super) const PARTIAL: TypeDecl = enumeration(
    "System.UriPartial",
    "A part of a URI.",
    &[("Scheme", 0), ("Authority", 1), ("Path", 2), ("Query", 3)],
);

pub(super) const KIND: TypeDecl = enumeration(
    "System.UriKind",
    "Whether a URI is absolute.",
    &[("RelativeOrAbsolute", 0), ("Absolute", 1), ("Relative", 2)],
);

pub(super) const FORMAT: TypeDecl = enumeration(
    "System.UriFormat",
    "How a URI is escaped.",
    &[("UriEscaped", 1), ("Unescaped", 2), ("SafeUnescaped", 3)],
);

pub(super) const HOST_NAME_TYPE: TypeDecl = enumeration(
    "System.UriHostNameType",
    "What kind of host a URI names.",
    &[("Unknown", 0), ("Basic", 1), ("Dns", 2), ("IPv4", 3), ("IPv6", 4)],
);

pub(super) const COMPONENTS: TypeDecl = TypeDecl {
    name: "System.UriComponents",
    kind: Kind::Flags(&[
        ("Scheme", SCHEME),
        ("UserInfo", USER),
        ("Host", HOST),
        ("Port", PORT),
        ("SchemeAndServer", 13),
        ("Path", PATH),
        ("Query", QUERY),
        ("PathAndQuery", 48),
        ("HttpRequestUrl", 61),
        ("Fragment", FRAGMENT),
        ("AbsoluteUri", 127),
        ("StrongPort", STRONG_PORT),
        ("HostAndPort", 132),
        ("StrongAuthority", 134),
        ("NormalizedHost", NORMALIZED_HOST),
        ("KeepDelimiter", KEEP_DELIMITER),
        ("SerializationInfoString", i32::MIN),
    ]),
    bases: &[],
    docs: "Parts of a URI.",
    members: &[],
    refused: &[],
};
