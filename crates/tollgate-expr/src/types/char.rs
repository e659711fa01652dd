//! `System.Char`.

use super::TypeId;
use super::decl::{Kind, Member, TypeDecl, joined, p, refused};
use crate::eval::{Args, null_argument};
use crate::unicode::{Category, is_white_space, numeric_value};
use crate::{Exception, ExceptionKind, Value};

/// The code point among the arguments: a `char`, or that at an index of a string, both halves of a pair together.
fn point(a: &Args<'_>) -> Result<u32, Exception> {
    if let Value::Char(unit) = a.get(0) {
        return Ok(u32::from(*unit));
    }
    let (units, index) = units(a)?;
    let at = |index: usize| units.get(index).copied().unwrap_or_default();
    let paired = paired(at(index), at(index + 1));
    Ok(paired.unwrap_or_else(|| u32::from(at(index))))
}

/// The units of a string argument and an index within them.
fn units(a: &Args<'_>) -> Result<(Vec<u16>, usize), Exception> {
    let units: Vec<u16> = a.str(0, "s")?.encode_utf16().collect();
    let index = usize::try_from(a.int(1)).ok().filter(|index| *index < units.len());
    let index = index.ok_or_else(|| {
        out_of_range("Specified argument was out of the range of valid values.", "index")
    })?;
    Ok((units, index))
}

const fn is_high(unit: u16) -> bool {
    matches!(unit, 0xd800..=0xdbff)
}

const fn is_low(unit: u16) -> bool {
    matches!(unit, 0xdc00..=0xdfff)
}

/// The code point of two halves.
fn paired(high: u16, low: u16) -> Option<u32> {
    let both = is_high(high) && is_low(low);
    both.then(|| 0x10000 + ((u32::from(high) - 0xd800) << 10) + (u32::from(low) - 0xdc00))
}

/// The unit among the arguments.
fn unit(a: &Args<'_>) -> Result<u16, Exception> {
    if let Value::Char(unit) = a.get(0) {
        return Ok(*unit);
    }
    let (units, index) = units(a)?;
    Ok(units.get(index).copied().unwrap_or_default())
}

/// The category that `char` has of a code point: of Latin-1 that of an older Unicode.
fn category(point: u32) -> Category {
    const LOWERCASE_LETTER: Category = Category(1);
    const DASH_PUNCTUATION: Category = Category(19);
    match point {
        0xaa | 0xba => LOWERCASE_LETTER,
        0xad => DASH_PUNCTUATION,
        _ => Category::of(point),
    }
}

fn mapped(a: &Args<'_>, map: fn(&str) -> String) -> Value {
    let Some(c) = char::from_u32(u32::from(a.char(0))) else { return a.value(0) };
    let text = map(c.encode_utf8(&mut [0; 4]));
    Value::Char(crate::text::unit_at(&text, 0).unwrap_or_else(|| a.char(0)))
}

#[cold]
fn out_of_range(message: &str, parameter: &str) -> Exception {
    let message = format!("{message} (Parameter '{parameter}')");
    Exception::new(ExceptionKind::ArgumentOutOfRange, message)
}

fn to_utf32(a: &Args<'_>) -> Result<Value, Exception> {
    if let (Value::Char(high), Value::Char(low)) = (a.get(0), a.get(1)) {
        if !is_high(*high) {
            let message =
                "A valid high surrogate character is between 0xd800 and 0xdbff, inclusive.";
            return Err(out_of_range(message, "highSurrogate"));
        }
        let point = paired(*high, *low).ok_or_else(|| {
            let message =
                "A valid low surrogate character is between 0xdc00 and 0xdfff, inclusive.";
            out_of_range(message, "lowSurrogate")
        })?;
        return Ok(Value::Int(point.cast_signed()));
    }
    let (units, index) = units(a).map_err(|fault| match fault.kind() {
        ExceptionKind::ArgumentOutOfRange => out_of_range(
            "Index was out of range. Must be non-negative and less than the size of the collection.",
            "index",
        ),
        _ => fault,
    })?;
    let at = |index: usize| units.get(index).copied().unwrap_or_default();
    let fault = |what: &str| {
        let message = format!(
            "Found a {what} at index: {index}. The input may not be in this encoding, or may not contain valid Unicode (UTF-16) characters. (Parameter 's')"
        );
        Exception::new(ExceptionKind::Argument, message)
    };
    let point = match at(index) {
        high if is_high(high) => paired(high, at(index + 1))
            .ok_or_else(|| fault("high surrogate char without a following low surrogate"))?,
        low if is_low(low) => {
            return Err(fault("low surrogate char without a preceding high surrogate"));
        }
        unit => u32::from(unit),
    };
    Ok(Value::Int(point.cast_signed()))
}

/// A test of a `char` and of a character of a string.
macro_rules! tests {
    ($($name:literal $doc:literal $test:expr),*) => {
        [$(
            p(concat!("static bool ", $name, "(char c)"), $doc, |_, a| {
                let test: fn(u32) -> bool = $test;
                Ok(Value::Bool(test(point(a)?)))
            }),
            p(concat!("static bool ", $name, "(string s, int index)"), $doc, |_, a| {
                let test: fn(u32) -> bool = $test;
                Ok(Value::Bool(test(point(a)?)))
            }),
        )*]
    };
}

const TESTS: &[Member] = &tests!(
    "IsControl" "Whether it is a control character." |c| category(c).is_control(),
    "IsDigit" "Whether it is a decimal digit." |c| category(c).is_digit(),
    "IsLetter" "Whether it is a letter." |c| category(c).is_letter(),
    "IsLetterOrDigit" "Whether it is a letter or a decimal digit."
        |c| category(c).is_letter() || category(c).is_digit(),
    "IsLower" "Whether it is in lower case." |c| category(c).is_lower(),
    "IsNumber" "Whether it is a number of any kind." |c| category(c).is_number(),
    "IsPunctuation" "Whether it is punctuation." |c| category(c).is_punctuation(),
    "IsSeparator" "Whether it separates words, lines or paragraphs." |c| category(c).is_separator(),
    "IsSymbol" "Whether it is a symbol." |c| category(c).is_symbol(),
    "IsUpper" "Whether it is in upper case." |c| category(c).is_upper(),
    "IsWhiteSpace" "Whether it is white space." is_white_space
);

const OWN: &[Member] = &[
    p("static char MaxValue", "The largest unit.", |_, _| Ok(Value::Char(u16::MAX))),
    p("static char MinValue", "The smallest unit.", |_, _| Ok(Value::Char(0))),
    p("static bool IsSurrogate(char c)", "Whether it is half of a pair.", |_, a| {
        unit(a).map(|unit| Value::Bool(is_high(unit) || is_low(unit)))
    }),
    p("static bool IsSurrogate(string s, int index)", "Whether it is half of a pair.", |_, a| {
        unit(a).map(|unit| Value::Bool(is_high(unit) || is_low(unit)))
    }),
    p("static bool IsHighSurrogate(char c)", "Whether it begins a pair.", |_, a| {
        unit(a).map(|unit| Value::Bool(is_high(unit)))
    }),
    p("static bool IsHighSurrogate(string s, int index)", "Whether it begins a pair.", |_, a| {
        unit(a).map(|unit| Value::Bool(is_high(unit)))
    }),
    p("static bool IsLowSurrogate(char c)", "Whether it ends a pair.", |_, a| {
        unit(a).map(|unit| Value::Bool(is_low(unit)))
    }),
    p("static bool IsLowSurrogate(string s, int index)", "Whether it ends a pair.", |_, a| {
        unit(a).map(|unit| Value::Bool(is_low(unit)))
    }),
    p(
        "static bool IsSurrogatePair(char highSurrogate, char lowSurrogate)",
        "Whether two units are a pair.",
        |_, a| Ok(Value::Bool(paired(a.char(0), a.char(1)).is_some())),
    ),
    p(
        "static bool IsSurrogatePair(string s, int index)",
        "Whether a pair begins there.",
        |_, a| {
            let (units, index) = units(a)?;
            let at = |index: usize| units.get(index).copied().unwrap_or_default();
            Ok(Value::Bool(paired(at(index), at(index + 1)).is_some()))
        },
    ),
    p("static string ConvertFromUtf32(int utf32)", "The text of a code point.", |cx, a| {
        let point = u32::try_from(a.int(0)).ok().and_then(char::from_u32);
        let point = point.ok_or_else(|| {
            let message = "A valid UTF32 value is between 0x000000 and 0x10ffff, inclusive, and should not include surrogate codepoint values (0x00d800 ~ 0x00dfff).";
            out_of_range(message, "utf32")
        })?;
        cx.string(point.to_string())
    }),
    p(
        "static int ConvertToUtf32(char highSurrogate, char lowSurrogate)",
        "The code point of a pair.",
        |_, a| to_utf32(a),
    ),
    p("static int ConvertToUtf32(string s, int index)", "The code point at an index.", |_, a| {
        to_utf32(a)
    }),
    p(
        "static UnicodeCategory GetUnicodeCategory(char c)",
        "What kind of character it is.",
        |_, a| Ok(Value::Enum(TypeId::UnicodeCategory, i32::from(category(point(a)?).0))),
    ),
    p(
        "static UnicodeCategory GetUnicodeCategory(string s, int index)",
        "What kind of character it is.",
        |_, a| Ok(Value::Enum(TypeId::UnicodeCategory, i32::from(category(point(a)?).0))),
    ),
    p("static double GetNumericValue(char c)", "The number it stands for, or -1.", |_, a| {
        Ok(Value::Double(numeric_value(point(a)?)))
    }),
    p(
        "static double GetNumericValue(string s, int index)",
        "The number it stands for, or -1.",
        |_, a| Ok(Value::Double(numeric_value(point(a)?))),
    ),
    p("static char ToUpper(char c)", "In upper case.", |_, a| Ok(mapped(a, crate::text::upper))),
    p("static char ToLower(char c)", "In lower case.", |_, a| Ok(mapped(a, crate::text::lower))),
    p("static char ToUpperInvariant(char c)", "In upper case.", |_, a| {
        Ok(mapped(a, crate::text::upper))
    }),
    p("static char ToLowerInvariant(char c)", "In lower case.", |_, a| {
        Ok(mapped(a, crate::text::lower))
    }),
    p("static string ToString(char c)", "As text.", super::object::to_string),
    p("string ToString(IFormatProvider provider)", "As text.", super::object::to_string),
    p("static char Parse(string s)", "Text of one unit.", |_, a| {
        let text = a.opt_str(0).ok_or_else(|| null_argument("s"))?;
        one(text).map(Value::Char).ok_or_else(|| {
            let message = "String must be exactly one character long.";
            Exception::new(ExceptionKind::Format, message)
        })
    }),
    p("static bool TryParse(string s, out char result)", "Text of one unit, if it is.", |_, a| {
        let read = a.opt_str(0).and_then(one);
        a.set(1, Value::Char(read.unwrap_or_default()));
        Ok(Value::Bool(read.is_some()))
    }),
    p("int CompareTo(char value)", "The distance of two units.", |_, a| {
        Ok(Value::Int(i32::from(a.char(0)) - i32::from(a.char(1))))
    }),
    p(
        "int CompareTo(object value)",
        "The distance of two units; null is less.",
        super::object::compare_to,
    ),
    p("bool Equals(char obj)", "Whether they are equal.", |_, a| {
        Ok(Value::Bool(a.char(0) == a.char(1)))
    }),
    p("TypeCode GetTypeCode()", "The code of its type.", |_, _| {
        Ok(Value::Enum(TypeId::TypeCode, 4))
    }),
];

/// The only unit of a text.
fn one(text: &str) -> Option<u16> {
    let mut units = text.encode_utf16();
    units.next().filter(|_| units.next().is_none())
}

const CULTURE: &str = "`CultureInfo` is not in the allow-list; the culture is the invariant one";

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Char",
    kind: Kind::Struct,
    bases: &[],
    docs: "A UTF-16 unit.",
    members: &joined::<{ OWN.len() + TESTS.len() }>(OWN, TESTS),
    refused: &[
        refused("static char ToUpper(char c, CultureInfo culture)", CULTURE),
        refused("static char ToLower(char c, CultureInfo culture)", CULTURE),
    ],
};
