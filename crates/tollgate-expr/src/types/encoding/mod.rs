//! `System.Text.Encoding`.

mod codec;
mod utf7;

use codec::Page;

use super::decl::{Kind, Member, TypeDecl, joined, m, p, refused};
use super::{Ty, TypeId};
use crate::eval::{Args, Cx, null_argument};
use crate::state::Shared;
use crate::text::length;
use crate::{Exception, ExceptionKind, Value};

/// An encoding with its code page and names.
struct Known {
    page: Page,
    number: i32,
    web_name: &'static str,
    name: &'static str,
    /// Other names than `web_name`, in lower case.
    aliases: &'static [&'static str],
    mark: &'static [u8],
    /// The class.
    class: &'static str,
    /// Whether mail and news readers can show and keep it, browsers show it, and browsers keep it.
    shown: [bool; 3],
}

const UTF8: Known = Known {
    page: Page::Utf8,
    number: 65001,
    web_name: "utf-8",
    name: "Unicode (UTF-8)",
    aliases: &[
        "unicode-1-1-utf-8",
        "unicode-2-0-utf-8",
        "x-unicode-1-1-utf-8",
        "x-unicode-2-0-utf-8",
    ],
    mark: b"\xef\xbb\xbf",
    class: "System.Text.UTF8Encoding+UTF8EncodingSealed",
    shown: [true, true, true],
};

const ALL: &[Known] = &[
    UTF8,
    Known {
        page: Page::Default,
        number: 65001,
        web_name: "utf-8",
        name: "Unicode (UTF-8)",
        aliases: &[],
        mark: b"",
        class: "System.Text.UTF8Encoding+UTF8EncodingSealed",
        shown: [true, true, true],
    },
    Known {
        page: Page::Ascii,
        number: 20127,
        web_name: "us-ascii",
        name: "US-ASCII",
        aliases: &[
            "ansi_x3.4-1968",
            "ansi_x3.4-1986",
            "ascii",
            "cp367",
            "csascii",
            "ibm367",
            "iso-ir-6",
            "iso646-us",
            "iso_646.irv:1991",
            "us",
        ],
        mark: b"",
        class: "System.Text.ASCIIEncoding+ASCIIEncodingSealed",
        shown: [true, false, false],
    },
    Known {
        page: Page::Latin1,
        number: 28591,
        web_name: "iso-8859-1",
        name: "Western European (ISO)",
        aliases: &[
            "cp819",
            "csisolatin1",
            "ibm819",
            "iso-ir-100",
            "iso8859-1",
            "iso_8859-1",
            "iso_8859-1:1987",
            "l1",
            "latin1",
        ],
        mark: b"",
        class: "System.Text.Latin1Encoding",
        shown: [true, true, true],
    },
    Known {
        page: Page::Utf16,
        number: 1200,
        web_name: "utf-16",
        name: "Unicode",
        aliases: &["iso-10646-ucs-2", "ucs-2", "unicode", "utf-16le"],
        mark: b"\xff\xfe",
        class: "System.Text.UnicodeEncoding",
        shown: [false, false, true],
    },
    Known {
        page: Page::Utf16Be,
        number: 1201,
        web_name: "utf-16BE",
        name: "Unicode (Big-Endian)",
        aliases: &["unicodefffe"],
        mark: b"\xfe\xff",
        class: "System.Text.UnicodeEncoding",
        shown: [false, false, false],
    },
    Known {
        page: Page::Utf32,
        number: 12000,
        web_name: "utf-32",
        name: "Unicode (UTF-32)",
        aliases: &["utf-32le"],
        mark: b"\xff\xfe\0\0",
        class: "System.Text.UTF32Encoding",
        shown: [false, false, false],
    },
    Known {
        page: Page::Utf32Be,
        number: 12001,
        web_name: "utf-32BE",
        name: "Unicode (UTF-32 Big-Endian)",
        aliases: &[],
        mark: b"\0\0\xfe\xff",
        class: "System.Text.UTF32Encoding",
        shown: [false, false, false],
    },
    Known {
        page: Page::Utf7,
        number: 65000,
        web_name: "utf-7",
        name: "Unicode (UTF-7)",
        aliases: &[
            "csunicode11utf7",
            "unicode-1-1-utf-7",
            "unicode-2-0-utf-7",
            "x-unicode-1-1-utf-7",
            "x-unicode-2-0-utf-7",
        ],
        mark: b"",
        class: "System.Text.UTF7Encoding",
        shown: [true, false, false],
    },
];

/// The bit of a copy: another object than the one that it is of.
const COPY: i32 = 1 << 8;

/// The value of an encoding: its place in the list.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "nine encodings")]
fn encoding(page: Page) -> Value {
    let place = ALL.iter().position(|known| known.page == page).unwrap_or_default();
    Value::Enum(TypeId::Encoding, place as i32)
}

fn of_number(number: i32) -> &'static Known {
    usize::try_from(number & !COPY).ok().and_then(|place| ALL.get(place)).unwrap_or(&UTF8)
}

fn known(a: &Args<'_>, index: usize) -> &'static Known {
    of_number(a.int(index))
}

/// Whether two encodings are the same but for one being a copy.
pub(crate) fn same_encoding(left: i32, right: i32) -> bool {
    left & !COPY == right & !COPY
}

/// The name of the class of an encoding, which is what its `ToString()` gives.
pub(super) fn class_name(number: i32) -> &'static str {
    let class = of_number(number).class;
    // Of this one alone a copy is of another class.
    match class.split_once('+') {
        Some((outer @ "System.Text.ASCIIEncoding", _)) if number & COPY != 0 => outer,
        _ => class,
    }
}

/// The encoding of a name.
fn named(name: &str) -> Option<&'static Known> {
    let name = name.to_ascii_lowercase();
    ALL.iter().find(|known| {
        known.web_name.eq_ignore_ascii_case(&name) || known.aliases.contains(&name.as_str())
    })
}

#[cold]
fn out_of_range(message: &str, parameter: &str) -> Exception {
    let message = format!("{message} (Parameter '{parameter}')");
    Exception::new(ExceptionKind::ArgumentOutOfRange, message)
}

#[cold]
fn null(message: &str, parameter: &str) -> Exception {
    Exception::new(ExceptionKind::ArgumentNull, format!("{message} (Parameter '{parameter}')"))
}

const NO_ARRAY: &str = "Array cannot be null.";
const IN_BUFFER: &str = "Index and count must refer to a location within the buffer.";
const NO_STRING: &str = "String reference not set to an instance of a String.";
const IN_STRING: &str = "Index and count must refer to a location within the string.";

fn by_name(a: &Args<'_>) -> Result<Value, Exception> {
    let name = a.str(0, "name")?;
    let found = named(&name).ok_or_else(|| {
        let message = format!(
            "'{name}' is not a supported encoding name. For information on defining a custom encoding, see the documentation for the Encoding.RegisterProvider method. (Parameter 'name')"
        );
        Exception::new(ExceptionKind::Argument, message)
    })?;
    Ok(encoding(found.page))
}

fn by_number(a: &Args<'_>) -> Result<Value, Exception> {
    let number = a.int(0);
    match number {
        0 => return Ok(encoding(Page::Default)),
        1..=3 | 42 => {
            let message = format!("{number} is not a supported code page. (Parameter 'codepage')");
            return Err(Exception::new(ExceptionKind::Argument, message));
        }
        4..=65535 => {}
        _ => {
            let message = "Valid values are between 0 and 65535, inclusive.";
            return Err(out_of_range(message, "codepage"));
        }
    }
    let found = ALL.iter().find(|known| known.number == number);
    found.map(|known| encoding(known.page)).ok_or_else(|| {
        let message = format!("No data is available for encoding {number}. For information on defining a custom encoding, see the documentation for the Encoding.RegisterProvider method.");
        Exception::new(ExceptionKind::NotSupported, message)
    })
}

/// An index and a count among the arguments, which must lie within a length.
fn range(
    a: &Args<'_>,
    at: usize,
    length: usize,
    names: [&str; 2],
    beyond: (&str, &str),
) -> Result<std::ops::Range<usize>, Exception> {
    const NEGATIVE: &str = "Non-negative number required.";
    let [index_name, count_name] = names;
    let index = usize::try_from(a.int(at)).map_err(|_| out_of_range(NEGATIVE, index_name))?;
    let count = usize::try_from(a.int(at + 1)).map_err(|_| out_of_range(NEGATIVE, count_name))?;
    let end = index.checked_add(count).filter(|end| *end <= length);
    let end = end.ok_or_else(|| out_of_range(beyond.0, beyond.1))?;
    Ok(index..end)
}

/// The units of an argument that is text or characters.
fn text_units(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<u16>, Exception> {
    if let Value::Str(text) = a.get(1) {
        cx.charge(text.len() * 2)?;
        return Ok(text.encode_utf16().collect());
    }
    super::string::units(cx, &a.value(1))
}

fn encoded(cx: &mut Cx<'_>, a: &Args<'_>, text: &str) -> Result<Vec<u8>, Exception> {
    cx.step(1 + text.len() as u64 / 64)?;
    let bytes = known(a, 0).page.encode(text);
    cx.charge(bytes.len())?;
    Ok(bytes)
}

/// The same of units; UTF-7 keeps halves of pairs.
fn encoded_units(cx: &mut Cx<'_>, a: &Args<'_>, units: &[u16]) -> Result<Vec<u8>, Exception> {
    if known(a, 0).page != Page::Utf7 {
        return encoded(cx, a, &String::from_utf16_lossy(units));
    }
    cx.step(1 + units.len() as u64 / 64)?;
    let bytes = utf7::encode(units.iter().copied());
    cx.charge(bytes.len())?;
    Ok(bytes)
}

/// The bytes of all of a text.
fn text_bytes(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<u8>, Exception> {
    let text = a.opt_str(1).ok_or_else(|| null(NO_STRING, "s"))?.to_owned();
    encoded(cx, a, &text)
}

/// The bytes of all of some characters.
fn unit_bytes(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<u8>, Exception> {
    if a.get(1).is_null() {
        return Err(null(NO_ARRAY, "chars"));
    }
    let units = text_units(cx, a)?;
    encoded_units(cx, a, &units)
}

/// The bytes of the part of a text or of characters that an index and a count say; what a part that is none is said of.
fn part_bytes(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    names: [&str; 2],
    beyond: (&str, &str),
) -> Result<Vec<u8>, Exception> {
    let units = text_units(cx, a)?;
    let range = range(a, 2, units.len(), names, beyond)?;
    encoded_units(cx, a, units.get(range).unwrap_or_default())
}

/// The bytes of a part of a text.
fn text_part_bytes(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<u8>, Exception> {
    if a.get(1).is_null() {
        return Err(null(NO_STRING, "s"));
    }
    part_bytes(cx, a, PART, (IN_STRING, "index"))
}

/// The bytes of some of some characters.
fn unit_part_bytes(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<u8>, Exception> {
    if a.get(1).is_null() {
        return Err(null(NO_ARRAY, "chars"));
    }
    part_bytes(cx, a, PART, (IN_BUFFER, "chars"))
}

fn count(length: usize) -> Value {
    Value::Int(i32::try_from(length).unwrap_or(i32::MAX))
}

/// `GetBytes(text, charIndex, charCount, bytes, byteIndex)`; what the class calls the text.
fn write_bytes(cx: &mut Cx<'_>, a: &Args<'_>, name: &str) -> Result<Value, Exception> {
    if a.get(1).is_null() {
        return Err(null(NO_ARRAY, name));
    }
    let Value::Bytes(target) = a.value(4) else { return Err(null(NO_ARRAY, "bytes")) };
    // Some classes speak of a string even when it is characters.
    let text = matches!(a.get(1), Value::Str(_))
        || matches!(known(a, 0).page, Page::Utf8 | Page::Default | Page::Ascii);
    let beyond = (if text { IN_STRING } else { IN_BUFFER }, name);
    let bytes = part_bytes(cx, a, ["charIndex", "charCount"], beyond)?;
    let start = usize::try_from(a.int(5)).ok().filter(|start| *start <= target.len());
    let start = start.ok_or_else(|| {
        let message = "Index was out of range. Must be non-negative and less than the size of the collection.";
        out_of_range(message, "byteIndex")
    })?;
    let place = cx.state.bytes_mut(&target)?.get_mut(start..start + bytes.len());
    let place = place.ok_or_else(|| {
        let known = known(a, 0);
        let fallback = if known.page == Page::Latin1 { "InternalEncoderBestFit" } else { "EncoderReplacement" };
        let message = format!("The output byte buffer is too small to contain the encoded data, encoding '{}' fallback 'System.Text.{fallback}Fallback'. (Parameter 'bytes')", known.name);
        Exception::new(ExceptionKind::Argument, message)
    })?;
    place.copy_from_slice(&bytes);
    Ok(count(bytes.len()))
}

/// The bytes among the arguments, all or the part that an index and a count say, as text.
fn decoded(cx: &mut Cx<'_>, a: &Args<'_>, names: [&str; 2]) -> Result<String, Exception> {
    if a.get(1).is_null() {
        return Err(null(NO_ARRAY, "bytes"));
    }
    let bytes = a.bytes(cx, 1, "bytes")?;
    let range = match a.get(2) {
        Value::Int(_) => range(a, 2, bytes.len(), names, (IN_BUFFER, "bytes"))?,
        _ => 0..bytes.len(),
    };
    cx.step(1 + range.len() as u64 / 64)?;
    Ok(known(a, 0).page.decode(bytes.get(range).unwrap_or_default()))
}

const PART: [&str; 2] = ["index", "count"];

fn units(text: &str) -> Vec<Value> {
    text.encode_utf16().map(Value::Char).collect()
}

/// `GetChars(bytes, byteIndex, byteCount, chars, charIndex)`.
fn write_units(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let target = a.value(4);
    if target.is_null() && !a.get(1).is_null() {
        return Err(null(NO_ARRAY, "chars"));
    }
    let text = decoded(cx, a, ["byteIndex", "byteCount"])?;
    let room = cx.known_length(&target).unwrap_or_default();
    let start = usize::try_from(a.int(5)).ok().filter(|start| *start <= room);
    let start = start.ok_or_else(|| {
        let message = "Index was out of range. Must be non-negative and less than the size of the collection.";
        out_of_range(message, "charIndex")
    })?;
    let units = units(&text);
    if start + units.len() > room {
        let known = known(a, 0);
        let fallback = match known.page {
            Page::Latin1 => "InternalDecoderBestFit",
            Page::Utf7 => "UTF7Encoding+DecoderUTF7",
            _ => "DecoderReplacement",
        };
        let message = format!(
            "The output char buffer is too small to contain the decoded characters, encoding '{}' fallback 'System.Text.{fallback}Fallback'. (Parameter 'chars')",
            known.name
        );
        return Err(Exception::new(ExceptionKind::Argument, message));
    }
    let n = units.len();
    for (index, unit) in (i64::from(a.int(5))..).zip(units) {
        cx.array_set(&target, index, unit)?;
    }
    Ok(count(n))
}

/// `Encoding.Convert`.
fn transcoded(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let all = a.len() == 3;
    if all && a.get(2).is_null() {
        return Err(null_argument("bytes"));
    }
    for (index, name) in ["srcEncoding", "dstEncoding", "bytes"].into_iter().enumerate() {
        if a.get(index).is_null() {
            return Err(null(NO_ARRAY, name));
        }
    }
    let bytes = a.bytes(cx, 2, "bytes")?;
    let range = match a.get(3) {
        Value::Int(_) => range(a, 3, bytes.len(), PART, (IN_BUFFER, "bytes"))?,
        _ => 0..bytes.len(),
    };
    let text = known(a, 0).page.decode(bytes.get(range).unwrap_or_default());
    cx.charge(text.len() * 5)?;
    Ok(Value::Bytes(known(a, 1).page.encode(&text).into()))
}

/// The most that a count can come to.
fn most(a: &Args<'_>, name: &str, of: impl Fn(Page, i64) -> i64) -> Result<Value, Exception> {
    let given = a.int(1);
    if given < 0 {
        return Err(out_of_range("Non-negative number required.", name));
    }
    let most = i32::try_from(of(known(a, 0).page, i64::from(given)));
    most.map(Value::Int).map_err(|_| {
        let message = if name == "charCount" {
            "Too many characters. The resulting number of bytes is larger than what can be returned as an int."
        } else {
            "Too many bytes. The resulting number of chars is larger than what can be returned as an int."
        };
        out_of_range(message, name)
    })
}

macro_rules! texts {
    ($($name:literal $doc:literal $field:ident;)*) => {
        [$(p(concat!("string ", $name), $doc, |_, a| Ok(Value::from(known(a, 0).$field)))),*]
    };
}

macro_rules! facts {
    ($($name:literal $doc:literal $fact:expr;)*) => {
        [$(p(concat!("bool ", $name), $doc, |_, a| {
            let fact: fn(&Known) -> bool = $fact;
            Ok(Value::Bool(fact(known(a, 0))))
        })),*]
    };
}

const TEXTS: &[Member] = &texts!(
    "BodyName" "Its name in mail." web_name;
    "HeaderName" "Its name in the headers of mail." web_name;
    "WebName" "Its name on the web." web_name;
    "EncodingName" "Its name for people." name;
);

const FACTS: &[Member] = &facts!(
    "IsBrowserDisplay" "Whether browsers can show it." |known| known.shown[1];
    "IsBrowserSave" "Whether browsers can keep it." |known| known.shown[2];
    "IsMailNewsDisplay" "Whether mail readers can show it." |known| known.shown[0];
    "IsMailNewsSave" "Whether mail readers can keep it." |known| known.shown[0];
    "IsSingleByte" "Whether every character is one byte."
        |known| matches!(known.page, Page::Ascii | Page::Latin1);
    "IsAlwaysNormalized()" "Whether its text is always normalised." |known| known.page == Page::Latin1;
);

const GIVEN: &[Member] = &[
    p("static Encoding UTF8", "UTF-8.", |_, _| Ok(encoding(Page::Utf8))),
    p("static Encoding Default", "UTF-8 without a byte order mark.", |_, _| {
        Ok(encoding(Page::Default))
    }),
    p("static Encoding ASCII", "ASCII.", |_, _| Ok(encoding(Page::Ascii))),
    p("static Encoding Unicode", "UTF-16, little-endian.", |_, _| Ok(encoding(Page::Utf16))),
    p("static Encoding BigEndianUnicode", "UTF-16, big-endian.", |_, _| {
        Ok(encoding(Page::Utf16Be))
    }),
    p("static Encoding UTF32", "UTF-32.", |_, _| Ok(encoding(Page::Utf32))),
    p("static Encoding UTF7", "UTF-7.", |_, _| Ok(encoding(Page::Utf7))),
    p("static Encoding GetEncoding(string name)", "By name.", |_, a| by_name(a)),
    p("static Encoding GetEncoding(int codepage)", "By code page.", |_, a| by_number(a)),
    p(
        "static byte[] Convert(Encoding srcEncoding, Encoding dstEncoding, byte[] bytes)",
        "Bytes of one encoding in another.",
        |cx, a| transcoded(cx, a),
    ),
    p(
        "static byte[] Convert(Encoding srcEncoding, Encoding dstEncoding, byte[] bytes, int index, int count)",
        "Some bytes of one encoding in another.",
        |cx, a| transcoded(cx, a),
    ),
    p("int CodePage", "The number of its code page.", |_, a| Ok(Value::Int(known(a, 0).number))),
    p("int WindowsCodePage", "The number of the nearest code page of Windows.", |_, a| {
        Ok(Value::Int(match known(a, 0).page {
            Page::Ascii | Page::Latin1 => 1252,
            _ => 1200,
        }))
    }),
    m("byte[] GetPreamble()", "The byte order mark.", |cx, a| match known(a, 0).mark {
        [] => cx.state.shared(Shared::Array, &Ty::BYTE),
        mark => Ok(Value::Bytes(mark.into())),
    }),
    p("bool IsReadOnly", "Whether it cannot be changed; a copy could be.", |_, a| {
        Ok(Value::Bool(a.int(0) & COPY == 0))
    }),
    p("object Clone()", "A copy.", |_, a| Ok(Value::Enum(TypeId::Encoding, a.int(0) | COPY))),
];

const CODING: &[Member] = &[
    p("byte[] GetBytes(string s)", "The text as bytes.", |cx, a| {
        Ok(Value::Bytes(text_bytes(cx, a)?.into()))
    }),
    p("byte[] GetBytes(char[] chars)", "The text as bytes.", |cx, a| {
        Ok(Value::Bytes(unit_bytes(cx, a)?.into()))
    }),
    p("byte[] GetBytes(string s, int index, int count)", "Some text as bytes.", |cx, a| {
        Ok(Value::Bytes(text_part_bytes(cx, a)?.into()))
    }),
    p("byte[] GetBytes(char[] chars, int index, int count)", "Some text as bytes.", |cx, a| {
        Ok(Value::Bytes(unit_part_bytes(cx, a)?.into()))
    }),
    p(
        "int GetBytes(string s, int charIndex, int charCount, byte[] bytes, int byteIndex)",
        "Writes some text into bytes; how many.",
        |cx, a| {
            let name = if known(a, 0).page == Page::Ascii { "chars" } else { "s" };
            write_bytes(cx, a, name)
        },
    ),
    p(
        "int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex)",
        "Writes some text into bytes; how many.",
        |cx, a| write_bytes(cx, a, "chars"),
    ),
    p("int GetByteCount(string s)", "How many bytes the text takes.", |cx, a| {
        if a.get(1).is_null() {
            let chars = matches!(known(a, 0).page, Page::Utf8 | Page::Default | Page::Ascii);
            return Err(null_argument(if chars { "chars" } else { "s" }));
        }
        Ok(count(text_bytes(cx, a)?.len()))
    }),
    p("int GetByteCount(char[] chars)", "How many bytes the text takes.", |cx, a| {
        Ok(count(unit_bytes(cx, a)?.len()))
    }),
    p(
        "int GetByteCount(string s, int index, int count)",
        "How many bytes some text takes.",
        |cx, a| Ok(count(text_part_bytes(cx, a)?.len())),
    ),
    p(
        "int GetByteCount(char[] chars, int index, int count)",
        "How many bytes some text takes.",
        |cx, a| Ok(count(unit_part_bytes(cx, a)?.len())),
    ),
    p("string GetString(byte[] bytes)", "The bytes as text.", |cx, a| {
        let text = decoded(cx, a, PART)?;
        cx.string(text)
    }),
    p("string GetString(byte[] bytes, int index, int count)", "Some bytes as text.", |cx, a| {
        let ascii = known(a, 0).page == Page::Ascii;
        let text = decoded(cx, a, if ascii { ["byteIndex", "byteCount"] } else { PART })?;
        cx.string(text)
    }),
    p("char[] GetChars(byte[] bytes)", "The bytes as units.", |cx, a| {
        let text = decoded(cx, a, PART)?;
        cx.state.array(Ty::CHAR, units(&text))
    }),
    p("char[] GetChars(byte[] bytes, int index, int count)", "Some bytes as units.", |cx, a| {
        let text = decoded(cx, a, PART)?;
        cx.state.array(Ty::CHAR, units(&text))
    }),
    p(
        "int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)",
        "Writes the text of some bytes into units; how many.",
        |cx, a| write_units(cx, a),
    ),
    p("int GetCharCount(byte[] bytes)", "How many units the bytes give.", |cx, a| {
        Ok(count(length(&decoded(cx, a, PART)?)))
    }),
    p(
        "int GetCharCount(byte[] bytes, int index, int count)",
        "How many units some bytes give.",
        |cx, a| Ok(count(length(&decoded(cx, a, PART)?))),
    ),
    p("bool Equals(object value)", "Whether it is the same encoding.", |cx, a| {
        super::object::equals(cx, a.get(0), a.get(1)).map(Value::Bool)
    }),
    p("int GetMaxByteCount(int charCount)", "The most bytes that units can take.", |_, a| {
        most(a, "charCount", Page::max_bytes)
    }),
    p("int GetMaxCharCount(int byteCount)", "The most units that bytes can give.", |_, a| {
        most(a, "byteCount", Page::max_units)
    }),
];

const PLAIN: &[Member] = &joined::<{ TEXTS.len() + FACTS.len() }>(TEXTS, FACTS);
const ALL_GIVEN: &[Member] = &joined::<{ GIVEN.len() + PLAIN.len() }>(GIVEN, PLAIN);

const FALLBACKS: &str = "fallbacks are not in the allow-list; what cannot be encoded is replaced";
const POINTERS: &str = "pointers and spans are not in the allow-list";

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Text.Encoding",
    kind: Kind::Class,
    bases: &[],
    docs: "Text as bytes.",
    members: &joined::<{ ALL_GIVEN.len() + CODING.len() }>(ALL_GIVEN, CODING),
    refused: &[
        refused("EncoderFallback", FALLBACKS),
        refused("DecoderFallback", FALLBACKS),
        refused(
            "static Encoding GetEncoding(int codepage, EncoderFallback encoderFallback, DecoderFallback decoderFallback)",
            FALLBACKS,
        ),
        refused(
            "static Encoding GetEncoding(string name, EncoderFallback encoderFallback, DecoderFallback decoderFallback)",
            FALLBACKS,
        ),
        refused("RegisterProvider", "providers of encodings are not in the allow-list"),
        refused("GetEncodings", "`EncodingInfo` is not in the allow-list"),
        refused("GetDecoder", "`Decoder` is not in the allow-list"),
        refused("GetEncoder", "`Encoder` is not in the allow-list"),
        refused(
            "bool IsAlwaysNormalized(NormalizationForm form)",
            "`NormalizationForm` is not in the allow-list",
        ),
        refused("Preamble", POINTERS),
        refused("int GetByteCount(ReadOnlySpan<char> chars)", POINTERS),
        refused("int GetBytes(ReadOnlySpan<char> chars, Span<byte> bytes)", POINTERS),
        refused("int GetCharCount(ReadOnlySpan<byte> bytes)", POINTERS),
        refused("int GetChars(ReadOnlySpan<byte> bytes, Span<char> chars)", POINTERS),
        refused("string GetString(ReadOnlySpan<byte> bytes)", POINTERS),
    ],
};

/// The text of bytes in a named character set; UTF-8 when the name is unknown.
pub(crate) fn decode_as(name: Option<&str>, bytes: &[u8]) -> String {
    let page = name.and_then(named).map_or(Page::Utf8, |known| known.page);
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    page.decode(bytes)
}

/// Text as bytes in a named character set; UTF-8 when the name is unknown.
pub(crate) fn encode_as(name: Option<&str>, text: &str) -> Vec<u8> {
    name.and_then(named).map_or(Page::Utf8, |known| known.page).encode(text)
}
