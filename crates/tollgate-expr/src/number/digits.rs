//! A number as .NET's formatters see it: decimal digits and where the point stands.

use rust_decimal::Decimal;

/// What the digits were made from; it decides about rounding and negative zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Integer,
    Float,
    Decimal,
}

/// How digits of a float are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// The fewest that read back as the same number.
    Shortest,
    /// So many significant digits.
    Significant(usize),
    /// So many digits after the point.
    Fraction(usize),
}

/// `0.d₁d₂d₃… × 10^scale`. The first digit is not 0; no digits at all is zero.
#[derive(Debug, Clone)]
pub(super) struct Digits {
    pub(super) places: Vec<u8>,
    pub(super) scale: i32,
    pub(super) negative: bool,
    pub(super) source: Source,
}

impl Digits {
    /// Of an integer.
    pub(super) fn integer(value: i128) -> Self {
        let digits = match value {
            0 => Vec::new(),
            _ => value.unsigned_abs().to_string().into_bytes(),
        };
        let scale = length(&digits);
        Self { places: digits, scale, negative: value < 0, source: Source::Integer }
    }

    /// Of a decimal: trailing zeros belong to it.
    pub(super) fn decimal(value: Decimal) -> Self {
        let mantissa = value.mantissa().unsigned_abs();
        let digits = match mantissa {
            0 => Vec::new(),
            _ => mantissa.to_string().into_bytes(),
        };
        let scale = length(&digits) - i32::try_from(value.scale()).unwrap_or(0);
        Self { places: digits, scale, negative: value.is_sign_negative(), source: Source::Decimal }
    }

    /// Of a finite `double`.
    pub(super) fn double(value: f64, cut: Cut) -> Self {
        let magnitude = value.abs();
        let text = match cut {
            Cut::Shortest => shortest(magnitude, 15, whole_double(magnitude).as_ref()),
            Cut::Significant(count) => format!("{magnitude:.*e}", count.saturating_sub(1)),
            Cut::Fraction(count) => format!("{magnitude:.count$}"),
        };
        Self::from_text(&text, value.is_sign_negative())
    }

    /// Of a finite `float`.
    pub(super) fn single(value: f32, cut: Cut) -> Self {
        match cut {
            Cut::Shortest => {
                let magnitude = value.abs();
                let text = shortest(magnitude, 6, whole_single(magnitude).as_ref());
                Self::from_text(&text, value.is_sign_negative())
            }
            _ => Self::double(value.into(), cut),
        }
    }

    /// Reads `ddd.ddd` with an optional exponent.
    fn from_text(text: &str, negative: bool) -> Self {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut scale = exponent.parse::<i32>().unwrap_or(0) + length(whole.as_bytes());
        let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let zeros = all.iter().take_while(|&&digit| digit == b'0').count();
        let mut digits: Vec<u8> = all.into_iter().skip(zeros).collect();
        scale -= i32::try_from(zeros).unwrap_or(0);
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        if digits.is_empty() {
            scale = 0;
        }
        Self { places: digits, scale, negative, source: Source::Float }
    }

    /// The digit at `index`, 0 past the end.
    pub(super) fn at(&self, index: usize) -> u8 {
        self.places.get(index).copied().unwrap_or(b'0')
    }

    /// Whether there are no digits.
    pub(super) fn is_zero(&self) -> bool {
        self.places.is_empty()
    }

    /// Keeps `count` digits. `exact` says that the digits are rounded already.
    pub(super) fn round(&mut self, count: i32, exact: bool) {
        let keep = usize::try_from(count).unwrap_or(0);
        let up = count >= 0 && !exact && self.places.get(keep).is_some_and(|&digit| digit >= b'5');
        self.places.truncate(keep);
        if up {
            while self.places.last() == Some(&b'9') {
                self.places.pop();
            }
            if let Some(digit) = self.places.last_mut() {
                *digit += 1;
            } else {
                self.scale += 1;
                self.places.push(b'1');
            }
        } else {
            while self.places.last() == Some(&b'0') {
                self.places.pop();
            }
        }
        if self.places.is_empty() {
            if self.source != Source::Float {
                self.negative = false;
            }
            self.scale = 0;
        }
    }
}

/// A number of a type that holds no fractions any more, and how far it is to the numbers below and above.
struct Whole {
    value: u128,
    below: u128,
    above: u128,
}

/// 2¹²⁰; no text of few digits stands exactly between two numbers beyond.
const FAR: f64 = 1.329_227_995_784_916e36;

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and bounded")]
fn whole_double(value: f64) -> Option<Whole> {
    (9_007_199_254_740_992.0..FAR).contains(&value).then(|| Whole {
        value: value as u128,
        below: (value - value.next_down()) as u128,
        above: (value.next_up() - value) as u128,
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and bounded")]
fn whole_single(value: f32) -> Option<Whole> {
    (16_777_216.0..FAR).contains(&f64::from(value)).then(|| Whole {
        value: value as u128,
        below: (value - value.next_down()) as u128,
        above: (value.next_up() - value) as u128,
    })
}

/// The fewest digits that read back as a number, as .NET finds them. Rust differs in two cases: of two texts that are as near
/// it takes the larger one, .NET the one with the even digit, and it takes a text exactly half-way to the next number, for
/// which .NET writes one digit more. Fewer than `least` digits are never as near as others.
fn shortest<F>(magnitude: F, least: usize, whole: Option<&Whole>) -> String
where
    F: std::fmt::LowerExp + std::str::FromStr + PartialEq + Copy,
{
    let text = format!("{magnitude:e}");
    let mantissa = text.split('e').next().unwrap_or_default();
    let behind = mantissa.len().saturating_sub(2);
    if whole.is_some_and(|whole| whole.is_half_way(&text)) {
        let longer = (behind + 1..17).map(|digits| format!("{magnitude:.digits$e}"));
        let inside = |text: &String| whole.is_some_and(|whole| !whole.is_half_way(text));
        return longer.into_iter().find(inside).unwrap_or(text);
    }
    let odd = mantissa.as_bytes().last().is_some_and(|digit| digit % 2 == 1);
    if odd && behind + 1 >= least {
        let even = format!("{magnitude:.behind$e}");
        if even.parse().is_ok_and(|read: F| read == magnitude) {
            return even;
        }
    }
    text
}

impl Whole {
    fn is_half_way(&self, text: &str) -> bool {
        let exact = || {
            let (mantissa, exponent) = text.split_once('e')?;
            let (first, behind) = mantissa.split_once('.').unwrap_or((mantissa, ""));
            let zeros =
                exponent.parse::<u32>().ok()?.checked_sub(u32::try_from(behind.len()).ok()?)?;
            let digits: u128 = format!("{first}{behind}").parse().ok()?;
            digits.checked_mul(10_u128.checked_pow(zeros)?)
        };
        match exact() {
            Some(exact) if exact > self.value => (exact - self.value) * 2 == self.above,
            Some(exact) => (self.value - exact) * 2 == self.below,
            None => false,
        }
    }
}

fn length(digits: &[u8]) -> i32 {
    i32::try_from(digits.len()).unwrap_or(i32::MAX)
}
