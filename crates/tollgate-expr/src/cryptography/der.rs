//! DER, as far as keys and PKCS#12 files need it.

/// Tags.
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTETS: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// `[0]` with a value inside.
pub(crate) const CONTEXT_0: u8 = 0xA0;

/// Reads values one after the other. Lengths are definite; nothing is copied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(der: &'a [u8]) -> Reader<'a> {
        Reader { rest: der }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The tag of the next value.
    pub(crate) fn tag(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next value: its tag and content.
    pub(crate) fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.rest.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (len, rest) = if *first < 0x80 {
            (usize::from(*first), rest)
        } else {
            let n = usize::from(*first & 0x7F);
            if n == 0 || n > 4 {
                return None;
            }
            let (digits, rest) = rest.split_at_checked(n)?;
            (digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit)), rest)
        };
        let (content, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        Some((*tag, content))
    }

    /// The content of the next value, when it has the tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        let before = *self;
        match self.any() {
            Some((found, content)) if found == tag => Some(content),
            _ => {
                *self = before;
                None
            }
        }
    }

    /// The next value, which holds values.
    pub(crate) fn inside(&mut self, tag: u8) -> Option<Reader<'a>> {
        self.expect(tag).map(Reader::new)
    }

    /// The next value as it stands.
    pub(crate) fn raw(&mut self) -> Option<&'a [u8]> {
        let before = self.rest;
        self.any()?;
        before.get(..before.len() - self.rest.len())
    }

    /// An integer that is not negative, without leading zeros.
    pub(crate) fn unsigned(&mut self) -> Option<&'a [u8]> {
        let content = self.expect(INTEGER)?;
        if content.first()? & 0x80 != 0 {
            return None;
        }
        let zeros = content.iter().take_while(|byte| **byte == 0).count();
        content.get(zeros.min(content.len() - 1)..)
    }

    /// A small integer.
    pub(crate) fn number(&mut self) -> Option<u32> {
        let digits = self.unsigned()?;
        if digits.len() > 4 {
            return None;
        }
        Some(digits.iter().fold(0, |number, digit| number << 8 | u32::from(*digit)))
    }
}

/// A value.
pub(crate) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let len = content.len().to_be_bytes();
    match u8::try_from(content.len()) {
        Ok(len) if len < 0x80 => out.push(len),
        _ => {
            let zeros = len.iter().take_while(|byte| **byte == 0).count();
            let digits = len.get(zeros..).unwrap_or_default();
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
            out.extend(digits);
        }
    }
    out.extend(content);
    out
}

/// A value that holds values.
pub(crate) fn values(tag: u8, content: &[Vec<u8>]) -> Vec<u8> {
    value(tag, &content.concat())
}

/// An integer that is not negative.
pub(crate) fn unsigned(digits: &[u8]) -> Vec<u8> {
    let zeros = digits.iter().take_while(|byte| **byte == 0).count();
    let digits = digits.get(zeros..).unwrap_or_default();
    let mut content = Vec::with_capacity(digits.len() + 1);
    if digits.first().is_none_or(|first| first & 0x80 != 0) {
        content.push(0);
    }
    content.extend(digits);
    value(INTEGER, &content)
}

/// An object identifier's text: `1.2.840…`.
pub(crate) fn oid_text(content: &[u8]) -> String {
    let mut numbers: Vec<u128> = Vec::new();
    let mut number: u128 = 0;
    for byte in content {
        number = (number << 7) | u128::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            numbers.push(number);
            number = 0;
        }
    }
    let Some((first, rest)) = numbers.split_first() else { return String::new() };
    let root = (first / 40).min(2);
    let mut parts = vec![root.to_string(), (first - root * 40).to_string()];
    parts.extend(rest.iter().map(u128::to_string));
    parts.join(".")
}
