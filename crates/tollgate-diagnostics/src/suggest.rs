//! "Did you mean".

/// The candidate closest to `name`, when it is close enough to be a likely slip.
///
/// Compares without regard to case; the allowed distance grows with the length of the name.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer names are not slips, and the comparison is quadratic.
    const LONGEST: usize = 64;
    if name.is_empty() || name.len() > LONGEST {
        return None;
    }
    let name = name.to_lowercase();
    let limit = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (distance(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edit distance in which swapping two neighbours counts once (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut previous_char = None;
    for (i, ca) in a.chars().enumerate() {
        let mut next = Vec::with_capacity(b.len() + 1);
        next.push(i + 1);
        for (j, cb) in b.iter().copied().enumerate() {
            let at =
                |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&row, j) + usize::from(ca != cb))
                .min(at(&row, j + 1) + 1)
                .min(at(&next, j) + 1);
            if j > 0 && previous_char == Some(cb) && b.get(j - 1) == Some(&ca) {
                best = best.min(at(&before, j - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
        previous_char = Some(ca);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let names = ["calls", "renewal-period", "counter-key", "inbound", "outbound"];
        assert_eq!(closest("cals", names), Some("calls"));
        assert_eq!(closest("inbuond", names), Some("inbound"));
        assert_eq!(closest("Renewal-Perod", names), Some("renewal-period"));
        assert_eq!(closest("zebra", names), None);
        assert_eq!(closest("", names), None);
    }
}
