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
            // Fewer than 15 digits are never half-way between two numbers of so many digits.
            Cut::Shortest => to_even(format!("{magnitude:e}"), 15, |digits| {
                let even = format!("{magnitude:.digits$e}");
                (even.parse() == Ok(magnitude)).then_some(even)
            }),
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
                let text = to_even(format!("{magnitude:e}"), 6, |digits| {
                    let even = format!("{magnitude:.digits$e}");
                    (even.parse() == Ok(magnitude)).then_some(even)
                });
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

/// The fewest digits of a number. Where two texts are as near, .NET takes the one with the even digit, Rust the larger one:
/// `even` gives the exact rounding to so many digits behind the first, if it still reads as the number.
fn to_even(text: String, least: usize, even: impl FnOnce(usize) -> Option<String>) -> String {
    let mantissa = text.split('e').next().unwrap_or_default();
    let odd = mantissa.as_bytes().last().is_some_and(|digit| digit % 2 == 1);
    // The point is no digit.
    let n_digits = mantissa.len() - 1;
    if !odd || n_digits < least {
        return text;
    }
    even(n_digits - 1).unwrap_or(text)
}

fn length(digits: &[u8]) -> i32 {
    i32::try_from(digits.len()).unwrap_or(i32::MAX)
}
