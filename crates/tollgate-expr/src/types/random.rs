//! `System.Random`: the numbers of a seed are those of .NET (Knuth's subtractive generator).

use super::TypeId;
use super::decl::{Kind, TypeDecl, m, refused};
use crate::eval::{Args, Cx, null_argument};
use crate::native::Native;
use crate::state::confusion;
use crate::{Exception, ExceptionKind, Value};

const BIG: i32 = i32::MAX;

/// The state of the generator. Index 0 of the numbers is not used.
#[derive(Debug)]
struct Random {
    numbers: [i32; 56],
    next: usize,
}

impl Native for Random {
    fn id(&self) -> TypeId {
        TypeId::Random
    }
}

impl Random {
    fn new(seed: i32) -> Random {
        let mut random = Random { numbers: [0; 56], next: 0 };
        let mut last = 161_803_398 - seed.checked_abs().unwrap_or(BIG);
        random.set(55, last);
        let mut number = 1;
        for index in 1..55 {
            let place = 21 * index % 55;
            random.set(place, number);
            number = wrapped(last.wrapping_sub(number));
            last = random.get(place);
        }
        for _ in 0..4 {
            for index in 1..56 {
                let other = random.get(1 + (index + 30) % 55);
                random.set(index, wrapped(random.get(index).wrapping_sub(other)));
            }
        }
        random
    }

    fn get(&self, index: usize) -> i32 {
        self.numbers.get(index).copied().unwrap_or_default()
    }

    fn set(&mut self, index: usize, number: i32) {
        if let Some(place) = self.numbers.get_mut(index) {
            *place = number;
        }
    }

    /// From 0 to below `int.MaxValue`.
    fn number(&mut self) -> i32 {
        self.next = self.next % 55 + 1;
        let other = (self.next + 20) % 55 + 1;
        let mut number = self.get(self.next).wrapping_sub(self.get(other));
        if number == BIG {
            number -= 1;
        }
        let number = wrapped(number);
        self.set(self.next, number);
        number
    }

    /// From 0 to below 1.
    fn fraction(&mut self) -> f64 {
        f64::from(self.number()) * (1.0 / f64::from(BIG))
    }

    /// From `least` to below `most`, which is not less.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "as .NET does"
    )]
    fn between(&mut self, least: i32, most: i32) -> i32 {
        let range = i64::from(most) - i64::from(least);
        if range <= i64::from(BIG) {
            return (self.fraction() * range as f64) as i32 + least;
        }
        let number = self.number();
        let number = if self.number() % 2 == 0 { -number } else { number };
        let fraction = (f64::from(number) + f64::from(BIG - 1)) / (2.0 * f64::from(BIG) - 1.0);
        ((fraction * range as f64) as i64 + i64::from(least)) as i32
    }
}

/// What .NET adds to numbers below zero.
const fn wrapped(number: i32) -> i32 {
    if number < 0 { number.wrapping_add(BIG) } else { number }
}

fn this<'a>(cx: &'a mut Cx<'_>, a: &Args<'_>) -> Result<&'a mut Random, Exception> {
    cx.state.native_mut(a.get(0)).ok_or_else(confusion)
}

#[cold]
fn out_of_range(message: &str) -> Exception {
    Exception::new(ExceptionKind::ArgumentOutOfRange, message)
}

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Random",
    kind: Kind::Class,
    bases: &[],
    docs: "Random numbers; those of a seed are the same as in .NET.",
    members: &[
        m("new()", "Seeded at random.", |cx, _| {
            let [a, b, c, d, ..] = cx.host.random().to_le_bytes();
            cx.charge(size_of::<Random>())?;
            cx.state.add_native(Random::new(i32::from_le_bytes([a, b, c, d])))
        }),
        m("new(int Seed)", "With a seed.", |cx, a| {
            cx.charge(size_of::<Random>())?;
            cx.state.add_native(Random::new(a.int(0)))
        }),
        m("int Next()", "From 0 to below int.MaxValue.", |cx, a| {
            Ok(Value::Int(this(cx, a)?.number()))
        }),
        m("int Next(int maxValue)", "From 0 to below a number.", |cx, a| {
            let most = a.int(1);
            if most < 0 {
                let message = "'maxValue' must be greater than zero. (Parameter 'maxValue')";
                return Err(out_of_range(message));
            }
            Ok(Value::Int(this(cx, a)?.between(0, most)))
        }),
        m("int Next(int minValue, int maxValue)", "From a number to below another.", |cx, a| {
            let (least, most) = (a.int(1), a.int(2));
            if least > most {
                let message = "'minValue' cannot be greater than maxValue. (Parameter 'minValue')";
                return Err(out_of_range(message));
            }
            Ok(Value::Int(this(cx, a)?.between(least, most)))
        }),
        m("double NextDouble()", "From 0 to below 1.", |cx, a| {
            Ok(Value::Double(this(cx, a)?.fraction()))
        }),
        m("void NextBytes(byte[] buffer)", "Fills bytes.", |cx, a| {
            let buffer = a.value(1);
            let Value::Bytes(bytes) = &buffer else { return Err(null_argument("buffer")) };
            cx.step(bytes.len() as u64)?;
            let mut drawn = Vec::with_capacity(bytes.len());
            let random = this(cx, a)?;
            for _ in 0..bytes.len() {
                let [byte, ..] = random.number().to_le_bytes();
                drawn.push(byte);
            }
            cx.state.bytes_mut(bytes)?.copy_from_slice(&drawn);
            Ok(Value::Null)
        }),
    ],
    refused: &[refused("void NextBytes(Span<byte> buffer)", "spans are not in the allow-list")],
};
