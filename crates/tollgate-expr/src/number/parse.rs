//! `X.Parse` and `X.TryParse`, invariant culture.

use rust_decimal::Decimal;

use super::decimal::decimal;
use super::{NAN, Number, NumberType};
use crate::{Exception, ExceptionKind};

/// `System.Globalization.NumberStyles`, with .NET's bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Styles(pub(crate) u32);

impl Styles {
    /// Spaces around, sign in front.
    pub(crate) const INTEGER: Self = Self(0x7);
    /// Everything but hexadecimal and the exponent: the default of `decimal`.
    pub(crate) const NUMBER: Self = Self(0x6f);
    /// The default of `double` and `float`.
    pub(crate) const FLOAT_THOUSANDS: Self = Self(0xe7);
    /// Without thousands.
    pub(crate) const FLOAT: Self = Self(0xa7);
    /// Hexadecimal digits with spaces around.
    pub(crate) const HEX_NUMBER: Self = Self(0x203);

    const LEADING_WHITE: Self = Self(0x1);
    const TRAILING_WHITE: Self = Self(0x2);
    const LEADING_SIGN: Self = Self(0x4);
    const TRAILING_SIGN: Self = Self(0x8);
    const PARENTHESES: Self = Self(0x10);
    const DECIMAL_POINT: Self = Self(0x20);
    const THOUSANDS: Self = Self(0x40);
    const EXPONENT: Self = Self(0x80);
    const CURRENCY: Self = Self(0x100);
    const HEX: Self = Self(0x200);

    /// What `X.Parse(text)` takes.
    pub(crate) fn of(kind: NumberType) -> Self {
        match kind {
            NumberType::Single | NumberType::Double => Self::FLOAT_THOUSANDS,
            NumberType::Decimal => Self::NUMBER,
            _ => Self::INTEGER,
        }
    }

    fn has(self, style: Self) -> bool {
        self.0 & style.0 != 0
    }
}

/// Why text is not a number of the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Format,
    Overflow,
}

/// `X.Parse(text, styles)`.
pub(crate) fn parse(
    kind: NumberType,
    text: Option<&str>,
    styles: Styles,
) -> Result<Number, Exception> {
    validate(kind, styles)?;
    let text = text.ok_or_else(null_text)?;
    read(kind, text, styles).map_err(|fault| match fault {
        Fault::Format => {
            Exception::new(ExceptionKind::Format, "Input string was not in a correct format.")
        }
        Fault::Overflow => kind.overflow(),
    })
}

/// `X.TryParse(text, styles, ..)`.
pub(crate) fn try_parse(kind: NumberType, text: Option<&str>, styles: Styles) -> Option<Number> {
    validate(kind, styles).ok()?;
    read(kind, text?, styles).ok()
}

/// `bool.Parse`.
pub(crate) fn parse_bool(text: Option<&str>) -> Result<bool, Exception> {
    let text = text.ok_or_else(|| {
        Exception::new(ExceptionKind::ArgumentNull, "Value cannot be null. (Parameter 'value')")
    })?;
    try_parse_bool(Some(text)).ok_or_else(|| {
        Exception::new(
            ExceptionKind::Format,
            format!("String '{text}' was not recognized as a valid Boolean."),
        )
    })
}

/// `bool.TryParse`.
pub(crate) fn try_parse_bool(text: Option<&str>) -> Option<bool> {
    let text = text?.trim_matches(|char: char| char.is_whitespace() || char == '\0');
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

#[cold]
fn null_text() -> Exception {
    Exception::new(ExceptionKind::ArgumentNull, "Value cannot be null. (Parameter 's')")
}

fn validate(kind: NumberType, styles: Styles) -> Result<(), Exception> {
    let is_integral = kind.range().is_some();
    let message = if styles.0 & !0x3ff != 0 {
        "An undefined NumberStyles value is being used. (Parameter 'style')"
    } else if styles.has(Styles::HEX) && !is_integral {
        "The number style AllowHexSpecifier is not supported on floating point data types. (Parameter 'style')"
    } else if styles.has(Styles::HEX) && styles.0 & !Styles::HEX_NUMBER.0 != 0 {
        "With the AllowHexSpecifier bit set in the enum bit field, the only other valid bits that can be combined into the enum value must be a subset of those in HexNumber. (Parameter 'style')"
    } else {
        return Ok(());
    };
    Err(Exception::new(ExceptionKind::Argument, message))
}

fn read(kind: NumberType, text: &str, styles: Styles) -> Result<Number, Fault> {
    if styles.has(Styles::HEX) {
        return read_hex(kind, text, styles);
    }
    let scanned = scan(text.as_bytes(), styles);
    match kind {
        NumberType::Double | NumberType::Single => {
            let value = match scanned {
                Some(scanned) => scanned.float(kind),
                None => float_symbol(text).ok_or(Fault::Format)?,
            };
            Ok(match kind {
                #[expect(clippy::cast_possible_truncation, reason = "was read as a `float`")]
                NumberType::Single => Number::Single(value as f32),
                _ => Number::Double(value),
            })
        }
        NumberType::Decimal => {
            scanned.ok_or(Fault::Format)?.decimal().map(Number::Decimal).ok_or(Fault::Overflow)
        }
        _ => {
            let value = scanned.ok_or(Fault::Format)?.whole().ok_or(Fault::Overflow)?;
            Number::integral(kind, value).ok_or(Fault::Overflow)
        }
    }
}

fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | 9..=13)
}

fn read_hex(kind: NumberType, text: &str, styles: Styles) -> Result<Number, Fault> {
    let mut bytes = text.as_bytes();
    if styles.has(Styles::LEADING_WHITE) {
        while let [first, rest @ ..] = bytes
            && is_white(*first)
        {
            bytes = rest;
        }
    }
    let count = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (digits, tail) = bytes.split_at_checked(count).unwrap_or((bytes, &[]));
    let is_tail = |byte: &u8| *byte == 0 || (styles.has(Styles::TRAILING_WHITE) && is_white(*byte));
    if digits.is_empty() || !tail.iter().all(is_tail) {
        return Err(Fault::Format);
    }
    let (least, _, bits) = kind.range().ok_or(Fault::Format)?;
    let mut value: u128 = 0;
    for digit in digits {
        let digit = char::from(*digit).to_digit(16).ok_or(Fault::Format)?;
        value = value << 4 | u128::from(digit);
        if value >> bits != 0 {
            return Err(Fault::Overflow);
        }
    }
    // A signed type takes the top bit as its sign.
    let signed = if least < 0 && value >> (bits - 1) != 0 {
        value.cast_signed() - (1_i128 << bits)
    } else {
        value.cast_signed()
    };
    Number::integral(kind, signed).ok_or(Fault::Overflow)
}

/// `Infinity`, `NaN` and their signs, any case.
fn float_symbol(text: &str) -> Option<f64> {
    let text = text.trim();
    let (sign, name) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.chars().next(), rest),
        None => (None, text),
    };
    if name.eq_ignore_ascii_case("infinity") {
        Some(if sign == Some('-') { f64::NEG_INFINITY } else { f64::INFINITY })
    } else if name.eq_ignore_ascii_case("nan") {
        Some(NAN)
    } else {
        None
    }
}

/// What text says, digit by digit.
#[derive(Debug, Default)]
struct Scanned {
    /// Significant digits, without leading zeros.
    digits: Vec<u8>,
    /// Digits before the point; negative when zeros follow it.
    scale: i64,
    negative: bool,
}

/// Digits that are kept; what comes after them only decides about rounding. The longest exact `double` has 767.
const MAX_DIGITS: usize = 800;

impl Scanned {
    fn push(&mut self, digit: u8) {
        if self.digits.len() < MAX_DIGITS {
            self.digits.push(digit);
        } else if digit != b'0' {
            // Stands for everything after it that is not zero.
            if let Some(last) = self.digits.last_mut() {
                *last = (*last).max(b'1');
            }
        }
    }

    fn float(&self, kind: NumberType) -> f64 {
        let digits = str::from_utf8(&self.digits).unwrap_or("0");
        let text = format!("0.{digits}0e{}", self.scale);
        let magnitude = match kind {
            NumberType::Single => text.parse::<f32>().map_or(0.0, f64::from),
            _ => text.parse::<f64>().unwrap_or(0.0),
        };
        if self.negative { -magnitude } else { magnitude }
    }

    /// The value when it is whole and not absurdly large.
    fn whole(&self) -> Option<i128> {
        let count = self.digits.iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1);
        if i64::try_from(count).ok()? > self.scale && count > 0 {
            return None;
        }
        if self.scale > 30 && count > 0 {
            return None;
        }
        let mut value: i128 = 0;
        if count > 0 {
            for index in 0..usize::try_from(self.scale).ok()? {
                let digit = self.digits.get(index).copied().unwrap_or(b'0');
                value = value * 10 + i128::from(digit - b'0');
            }
        }
        Some(if self.negative { -value } else { value })
    }

    /// The 96-bit decimal nearest to it, ties to even; trailing zeros stay.
    fn decimal(&self) -> Option<Decimal> {
        const MAX: u128 = (1 << 96) - 1;
        const MAX_SCALE: i64 = 28;
        if self.digits.is_empty() {
            let scale = u32::try_from((-self.scale).clamp(0, MAX_SCALE)).ok()?;
            return Some(decimal(0, scale, self.negative));
        }
        if self.scale > 29 {
            return None;
        }
        let mut mantissa: u128 = 0;
        let mut exponent = self.scale;
        let mut next = 0;
        while (exponent > 0 || next < self.digits.len()) && exponent > -MAX_SCALE {
            let digit = self.digits.get(next).copied().unwrap_or(b'0');
            let grown = mantissa * 10 + u128::from(digit - b'0');
            if grown > MAX {
                break;
            }
            mantissa = grown;
            next += 1;
            exponent -= 1;
        }
        // With the exponent below its least, not even the first digit may count.
        let rest = if exponent < -MAX_SCALE { &[] } else { self.digits.get(next..).unwrap_or(&[]) };
        let up = match rest.split_first() {
            Some((b'5', tail)) => mantissa % 2 == 1 || tail.iter().any(|&digit| digit != b'0'),
            Some((&first, _)) => first > b'5',
            None => false,
        };
        if up {
            mantissa += 1;
            if mantissa > MAX {
                mantissa = MAX / 10 + 1;
                exponent += 1;
            }
        }
        if exponent > 0 {
            return None;
        }
        let scale = u32::try_from((-exponent).min(MAX_SCALE)).ok()?;
        if exponent < -MAX_SCALE {
            mantissa = 0;
        }
        Some(decimal(mantissa, scale, self.negative))
    }
}

/// A cursor over the text, and what was seen before the digits.
struct Scanner<'a> {
    rest: &'a [u8],
    styles: Styles,
    sign: bool,
    parentheses: bool,
    currency: bool,
    out: Scanned,
}

const CURRENCY: &[u8] = "¤".as_bytes();

fn scan(text: &[u8], styles: Styles) -> Option<Scanned> {
    let mut scanner = Scanner {
        rest: text,
        styles,
        sign: false,
        parentheses: false,
        currency: false,
        out: Scanned::default(),
    };
    scanner.prefix();
    if !scanner.digits() {
        return None;
    }
    scanner.exponent();
    scanner.suffix();
    let ended = scanner.rest.iter().all(|&byte| byte == 0);
    if !ended || scanner.parentheses {
        return None;
    }
    Some(scanner.out)
}

impl Scanner<'_> {
    fn eat(&mut self, token: &[u8]) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn eat_sign(&mut self) -> bool {
        if self.eat(b"+") {
            return true;
        }
        let negative = self.eat(b"-");
        self.out.negative |= negative;
        negative
    }

    fn eat_currency(&mut self) -> bool {
        if self.currency || !self.styles.has(Styles::CURRENCY) {
            return false;
        }
        self.currency = self.eat(CURRENCY);
        self.currency
    }

    fn prefix(&mut self) {
        while let Some(&byte) = self.rest.first() {
            // A sign holds on to its digits: no space between them, but for a currency symbol.
            let may_skip = self.styles.has(Styles::LEADING_WHITE) && (!self.sign || self.currency);
            if is_white(byte) && may_skip {
                self.rest = self.rest.get(1..).unwrap_or(&[]);
                continue;
            }
            if !self.sign && self.styles.has(Styles::LEADING_SIGN) && self.eat_sign() {
                self.sign = true;
            } else if !self.sign && self.styles.has(Styles::PARENTHESES) && self.eat(b"(") {
                self.sign = true;
                self.parentheses = true;
                self.out.negative = true;
            } else if !self.eat_currency() {
                break;
            }
        }
    }

    fn digits(&mut self) -> bool {
        let mut any = false;
        let mut point = false;
        while let Some((&byte, rest)) = self.rest.split_first() {
            match byte {
                b'0'..=b'9' => {
                    any = true;
                    if byte != b'0' || !self.out.digits.is_empty() {
                        self.out.push(byte);
                        self.out.scale += i64::from(!point);
                    } else if point {
                        self.out.scale -= 1;
                    }
                }
                b'.' if !point && self.styles.has(Styles::DECIMAL_POINT) => point = true,
                b',' if any && !point && self.styles.has(Styles::THOUSANDS) => {}
                _ => break,
            }
            self.rest = rest;
        }
        any
    }

    fn exponent(&mut self) {
        if !self.styles.has(Styles::EXPONENT) {
            return;
        }
        let Some(mut rest) = self.rest.strip_prefix(b"e").or_else(|| self.rest.strip_prefix(b"E"))
        else {
            return;
        };
        let mut negative = false;
        if let [sign @ (b'+' | b'-'), tail @ ..] = rest {
            negative = *sign == b'-';
            rest = tail;
        }
        if !rest.first().is_some_and(u8::is_ascii_digit) {
            return;
        }
        let mut exponent: i64 = 0;
        while let Some((byte, tail)) = rest.split_first()
            && byte.is_ascii_digit()
        {
            exponent = (exponent * 10 + i64::from(byte - b'0')).min(9999);
            rest = tail;
        }
        self.out.scale += if negative { -exponent } else { exponent };
        self.rest = rest;
    }

    fn suffix(&mut self) {
        while let Some(&byte) = self.rest.first() {
            if is_white(byte) && self.styles.has(Styles::TRAILING_WHITE) {
                self.rest = self.rest.get(1..).unwrap_or(&[]);
            } else if !self.sign && self.styles.has(Styles::TRAILING_SIGN) && self.eat_sign() {
                self.sign = true;
            } else if self.parentheses && self.eat(b")") {
                self.parentheses = false;
            } else if !self.eat_currency() {
                break;
            }
        }
    }
}
