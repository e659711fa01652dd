//! Sets of UTF-16 units.

use std::sync::{Arc, LazyLock};

use super::category;

/// A set, while a pattern is compiled: sorted ranges that do not touch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Set(Vec<(u16, u16)>);

impl Set {
    pub(super) fn unit(unit: u16) -> Self {
        Self(vec![(unit, unit)])
    }

    pub(super) fn range(first: u16, last: u16) -> Self {
        Self(if first <= last { vec![(first, last)] } else { Vec::new() })
    }

    pub(super) fn all() -> Self {
        Self::range(0, u16::MAX)
    }

    /// Of ranges in any order.
    pub(super) fn of(mut ranges: Vec<(u16, u16)>) -> Self {
        ranges.sort_unstable();
        let mut out: Vec<(u16, u16)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match out.last_mut() {
                Some(before) if u32::from(first) <= u32::from(before.1) + 1 => {
                    before.1 = before.1.max(last);
                }
                _ => out.push((first, last)),
            }
        }
        Self(out)
    }

    /// Of categories, a bit for each.
    pub(super) fn categories(bits: u32) -> Self {
        static WORD: LazyLock<Set> = LazyLock::new(|| Set(category::ranges(category::WORD)));
        static DIGIT: LazyLock<Set> = LazyLock::new(|| Set(category::ranges(category::DIGIT)));
        match bits {
            category::WORD => WORD.clone(),
            category::DIGIT => DIGIT.clone(),
            _ => Self(category::ranges(bits)),
        }
    }

    /// `\s`.
    pub(super) fn spaces() -> Self {
        Self(vec![
            (0x09, 0x0d),
            (0x20, 0x20),
            (0x85, 0x85),
            (0xa0, 0xa0),
            (0x1680, 0x1680),
            (0x2000, 0x200a),
            (0x2028, 0x2029),
            (0x202f, 0x202f),
            (0x205f, 0x205f),
            (0x3000, 0x3000),
        ])
    }

    pub(super) fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }

    pub(super) fn contains(&self, unit: u16) -> bool {
        contains(&self.0, unit)
    }

    /// The units, when there are few.
    #[cfg(test)]
    fn few(&self, limit: usize) -> Option<Vec<u16>> {
        let mut out = Vec::new();
        for (first, last) in &self.0 {
            if usize::from(last - first) >= limit {
                return None;
            }
            out.extend(*first..=*last);
        }
        (out.len() <= limit).then_some(out)
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        let mut all = self.0.clone();
        all.extend_from_slice(&other.0);
        Self::of(all)
    }

    pub(super) fn inverse(&self) -> Self {
        let mut out = Vec::with_capacity(self.0.len() + 1);
        let mut next = Some(0u16);
        for (first, last) in &self.0 {
            if let Some(from) = next
                && from < *first
            {
                out.push((from, first - 1));
            }
            next = last.checked_add(1);
        }
        if let Some(from) = next {
            out.push((from, u16::MAX));
        }
        Self(out)
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        self.inverse().union(other).inverse()
    }

    /// With the lower case of each unit.
    pub(super) fn with_lower(&self) -> Self {
        let lowered = MAPPED.iter().filter(|(upper, _)| self.contains(*upper));
        let mut all = self.0.clone();
        all.extend(lowered.map(|(_, lower)| (*lower, *lower)));
        Self::of(all)
    }

    /// The units whose lower case is in the set.
    pub(super) fn any_case(&self) -> Self {
        static UPPER: LazyLock<Set> =
            LazyLock::new(|| Set::of(MAPPED.iter().map(|(upper, _)| (*upper, *upper)).collect()));
        let mut all = self.minus(&UPPER).0;
        let folded = MAPPED.iter().filter(|(_, lower)| self.contains(*lower));
        all.extend(folded.map(|(upper, _)| (*upper, *upper)));
        Self::of(all)
    }
}

fn contains(ranges: &[(u16, u16)], unit: u16) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= unit);
    after.checked_sub(1).and_then(|index| ranges.get(index)).is_some_and(|(_, last)| unit <= *last)
}

/// Every unit that has a lower case, with it.
static MAPPED: LazyLock<Vec<(u16, u16)>> = LazyLock::new(|| {
    (0..=u16::MAX).map(|unit| (unit, lower(unit))).filter(|(unit, lower)| unit != lower).collect()
});

/// The lower case of a unit in the invariant culture; units that would become two stay.
pub(super) fn lower(unit: u16) -> u16 {
    if let Ok(byte) = u8::try_from(unit)
        && byte.is_ascii()
    {
        return u16::from(byte.to_ascii_lowercase());
    }
    let Some(c) = char::from_u32(u32::from(unit)) else { return unit };
    let mut mapped = c.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => u16::try_from(u32::from(only)).unwrap_or(unit),
        _ => unit,
    }
}

/// Whether a unit is of `\w`, or one of the joiners that never end a word.
pub(super) fn is_word(unit: u16) -> bool {
    static WORD: LazyLock<Class> = LazyLock::new(|| {
        let joiners = Set::range(0x200c, 0x200d);
        Class::new(&Set::categories(category::WORD).union(&joiners))
    });
    WORD.contains(unit)
}

/// Whether a unit is of `\w` as ECMAScript has it.
pub(super) fn is_ecma_word(unit: u16) -> bool {
    ecma_word().contains(unit)
}

/// `\w` of ECMAScript; .NET has the dotted capital I among it.
pub(super) fn ecma_word() -> Set {
    Set(vec![(0x30, 0x39), (0x41, 0x5a), (0x5f, 0x5f), (0x61, 0x7a), (0x130, 0x130)])
}

/// A set, to match with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Class(Arc<Members>);

#[derive(Debug, PartialEq, Eq)]
struct Members {
    ascii: [bool; 128],
    ranges: Box<[(u16, u16)]>,
}

impl Class {
    pub(super) fn new(set: &Set) -> Self {
        let mut ascii = [false; 128];
        for (unit, member) in (0..).zip(&mut ascii) {
            *member = set.contains(unit);
        }
        Self(Arc::new(Members { ascii, ranges: set.ranges().into() }))
    }

    #[inline]
    pub(super) fn contains(&self, unit: u16) -> bool {
        match self.0.ascii.get(usize::from(unit)) {
            Some(member) => *member,
            None => contains(&self.0.ranges, unit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algebra() {
        let letters = Set::range(0x61, 0x7a);
        let vowels = Set::of(vec![(0x75, 0x75), (0x61, 0x61), (0x65, 0x65), (0x69, 0x69)]);
        let rest = letters.minus(&vowels);
        assert!(rest.contains(0x62) && !rest.contains(0x61) && !rest.contains(0x41));
        assert_eq!(rest.union(&vowels), letters);
        assert_eq!(letters.inverse().inverse(), letters);
        assert_eq!(Set::all().inverse(), Set::default());
        assert_eq!(Set::default().inverse(), Set::all());
    }

    #[test]
    fn case() {
        let k = Set::unit(0x6b).any_case();
        assert_eq!(k.few(4), Some(vec![0x4b, 0x6b, 0x212a]));
        assert_eq!(lower(0x130), 0x130);
        assert!(Set::range(0x41, 0x5a).with_lower().any_case().contains(0x51));
    }

    #[test]
    fn words_are_as_dotnet_has_them() {
        assert!(is_word(0x200d) && is_word(0x5f) && is_word(0xe9) && !is_word(0x2d));
        assert!(is_ecma_word(0x130) && !is_ecma_word(0xe9));
        assert_eq!(Set::spaces().ranges().len(), 10);
    }
}
