//! Letters and their marks: taken apart to be compared, put together by `Normalize`.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::compositions::COMPOSITIONS;

/// What the table says, to look up.
struct Marks {
    /// What a character is made of.
    parts: HashMap<char, (char, char)>,
    /// What a letter and a mark make.
    whole: HashMap<(char, char), char>,
    /// The combining classes of marks.
    classes: HashMap<char, u8>,
}

static MARKS: LazyLock<Marks> = LazyLock::new(|| {
    let (mut parts, mut whole, mut classes) = (HashMap::new(), HashMap::new(), HashMap::new());
    for (mark, class, letters) in COMPOSITIONS {
        classes.insert(*mark, *class);
        let mut letters = letters.chars();
        while let (Some(letter), Some(made)) = (letters.next(), letters.next()) {
            parts.insert(made, (letter, *mark));
            whole.insert((letter, *mark), made);
        }
    }
    Marks { parts, whole, classes }
});

fn class(c: char) -> u8 {
    MARKS.classes.get(&c).copied().unwrap_or_default()
}

/// A character without its marks, and those.
pub(super) fn apart(mut c: char) -> (char, Vec<char>) {
    let mut marks = Vec::new();
    while let Some((letter, mark)) = MARKS.parts.get(&c) {
        marks.insert(0, *mark);
        c = *letter;
    }
    (c, marks)
}

/// Characters taken apart, marks in their order.
pub(super) fn decomposed(text: &str) -> Vec<char> {
    let mut out = Vec::new();
    let mut marks = Vec::new();
    for c in text.chars() {
        if class(c) != 0 {
            marks.push(c);
            continue;
        }
        settle(&mut out, &mut marks);
        let (letter, own) = apart(c);
        marks.extend(own);
        out.push(letter);
    }
    settle(&mut out, &mut marks);
    out
}

/// Adds the marks of a letter in the order of their classes.
fn settle(out: &mut Vec<char>, marks: &mut Vec<char>) {
    marks.sort_by_key(|mark| class(*mark));
    out.append(marks);
}

/// `Normalize()`, form C, for the alphabets of Europe; other text stays as it is.
pub(crate) fn composed(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut out: Vec<char> = Vec::new();
    let mut letter = None;
    let mut last = 0;
    for c in decomposed(text) {
        let own = class(c);
        let made = letter
            .filter(|_| own != 0 && last < own)
            .and_then(|place: usize| Some((place, *MARKS.whole.get(&(*out.get(place)?, c))?)));
        if let Some((place, made)) = made
            && let Some(slot) = out.get_mut(place)
        {
            *slot = made;
            continue;
        }
        last = own;
        if own == 0 {
            letter = Some(out.len());
        }
        out.push(c);
    }
    out.into_iter().collect()
}
