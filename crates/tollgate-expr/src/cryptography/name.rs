//! Distinguished names as .NET writes them.

use super::der::{self, OID, Reader, SEQUENCE, SET};
use super::oid;

/// A part of a name: one attribute, or several that stand together.
type Part = Vec<(String, String)>;

/// A distinguished name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) der: Vec<u8>,
    parts: Vec<Part>,
}

impl Name {
    pub(crate) fn read(raw: &[u8]) -> Option<Name> {
        let mut parts = Vec::new();
        let mut reader = Reader::new(raw).inside(SEQUENCE)?;
        while !reader.is_empty() {
            let mut set = reader.inside(SET)?;
            let mut part = Vec::new();
            while !set.is_empty() {
                let mut attribute = set.inside(SEQUENCE)?;
                let kind = der::oid_text(attribute.expect(OID)?);
                let (tag, content) = attribute.any()?;
                part.push((kind, text(tag, content)));
            }
            parts.push(part);
        }
        Some(Name { der: raw.to_vec(), parts })
    }

    /// As `Subject` and `Issuer` are: the last part first.
    pub(crate) fn text(&self) -> String {
        self.parts.iter().rev().map(part_text).collect::<Vec<String>>().join(", ")
    }

    /// As `GetName()` gives it: in the order of the certificate.
    pub(crate) fn forwards(&self) -> String {
        self.parts.iter().map(part_text).collect::<Vec<String>>().join(", ")
    }

    /// The last attribute of a kind.
    pub(crate) fn last(&self, kind: &str) -> Option<&str> {
        let mut all = self.parts.iter().rev().flat_map(|part| part.iter().rev());
        all.find(|(known, _)| known == kind).map(|(_, value)| value.as_str())
    }

    /// `X509NameType.SimpleName`: the common name, or the next best.
    pub(crate) fn simple(&self) -> Option<&str> {
        [oid::COMMON_NAME, oid::UNIT, oid::ORGANISATION, oid::EMAIL]
            .iter()
            .find_map(|kind| self.last(kind))
            .or_else(|| self.parts.last()?.last().map(|(_, value)| value.as_str()))
    }
}

fn part_text(part: &Part) -> String {
    let one = |(kind, value): &(String, String)| {
        let label = match oid::friendly_name(kind) {
            Some(name) => name.to_owned(),
            None => format!("OID.{kind}"),
        };
        format!("{label}={}", quoted(value))
    };
    part.iter().map(one).collect::<Vec<String>>().join(" + ")
}

fn quoted(value: &str) -> String {
    let space = |found: Option<char>| {
        found.is_some_and(|c| matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r'))
    };
    let needs = value.is_empty()
        || space(value.chars().next())
        || space(value.chars().next_back())
        || value.contains([',', '+', '=', '"', '\n', '<', '>', '#', ';']);
    if needs { format!("\"{}\"", value.replace('"', "\"\"")) } else { value.to_owned() }
}

/// The text of a string of ASN.1.
pub(crate) fn text(tag: u8, content: &[u8]) -> String {
    match tag {
        // BMPString
        0x1E => {
            let units: Vec<u16> = content
                .chunks_exact(2)
                .filter_map(|pair| <[u8; 2]>::try_from(pair).ok())
                .map(u16::from_be_bytes)
                .collect();
            String::from_utf16_lossy(&units)
        }
        // UniversalString
        0x1C => content
            .chunks_exact(4)
            .filter_map(|four| <[u8; 4]>::try_from(four).ok())
            .map(|four| {
                char::from_u32(u32::from_be_bytes(four)).unwrap_or(char::REPLACEMENT_CHARACTER)
            })
            .collect(),
        // TeletexString, which everybody reads as Latin-1.
        0x14 => content.iter().map(|byte| char::from(*byte)).collect(),
        _ => String::from_utf8_lossy(content).into_owned(),
    }
}
