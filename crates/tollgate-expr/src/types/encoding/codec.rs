//! Text as bytes and back. What an encoding does not know is replaced.

use super::utf7;

/// An encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    Utf8,
    /// As [`Page::Utf8`], without a byte order mark.
    Default,
    Ascii,
    Latin1,
    Utf16,
    Utf16Be,
    Utf32,
    Utf32Be,
    Utf7,
}

/// Characters that Latin 1 has something like, and what that is.
const BEST_FIT: &str = concat!(
    "ĀAāaĂAăaĄAąaĆCćcĈCĉcĊCċcČCčcĎDďdĐDđdĒEēeĔEĕeĖEėeĘEęeĚEěeĜGĝgĞGğgĠGġgĢGģgĤHĥhĦHħhĨIĩiĪIīi",
    "ĬIĭiĮIįiİIıiĴJĵjĶKķkĹLĺlĻLļlĽLľlŁLłlŃNńnŅNņnŇNňnŌOōoŎOŏoŐOőoŒOœoŔRŕrŖRŗrŘRřrŚSśsŜSŝsŞSşs",
    "ŠSšsŢTţtŤTťtŦTŧtŨUũuŪUūuŬUŭuŮUůuŰUűuŲUųuŴWŵwŶYŷyŸYŹZźzŻZżzŽZžzƀbƉDƑFƒfƗIƚlƟOƠOơoƫtƮTƯUưu",
    "ƶzǍAǎaǏIǐiǑOǒoǓUǔuǕUǖuǗUǘuǙUǚuǛUǜuǞAǟaǤGǥgǦGǧgǨKǩkǪOǫoǬOǭoǰjɡg\u{2b9}'\u{2ba}\"\u{2bc}'",
    "\u{2c4}^\u{2c6}^\u{2c8}'\u{2cb}`\u{2cd}_\u{2dc}~\u{300}`\u{302}^\u{303}~\u{30e}\"",
    "\u{331}_\u{332}_\u{2000} \u{2001} \u{2002} \u{2003} \u{2004} \u{2005} \u{2006} \u{2010}-",
    "\u{2011}-\u{2013}-\u{2014}-\u{2018}'\u{2019}'\u{201a},\u{201c}\"\u{201d}\"\u{201e}\"",
    "\u{2022}.\u{2026}.\u{2032}'\u{2035}`\u{2039}<\u{203a}>™T",
);

/// What Latin 1 has for a unit.
fn latin1(unit: u16) -> u8 {
    if let Ok(byte) = u8::try_from(unit) {
        return byte;
    }
    // Full-width forms of ASCII.
    if (0xff01..=0xff5e).contains(&unit) {
        return u8::try_from(unit - 0xfee0).unwrap_or(b'?');
    }
    let mut chars = BEST_FIT.chars();
    while let (Some(from), Some(to)) = (chars.next(), chars.next()) {
        if u32::from(from) == u32::from(unit) {
            return u8::try_from(to).unwrap_or(b'?');
        }
    }
    b'?'
}

impl Page {
    /// The bytes of units; half a pair is replaced.
    pub(super) fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Page::Utf8 | Page::Default => text.as_bytes().to_vec(),
            Page::Ascii => text
                .encode_utf16()
                .map(|unit| u8::try_from(unit).ok().filter(u8::is_ascii).unwrap_or(b'?'))
                .collect(),
            Page::Latin1 => text.encode_utf16().map(latin1).collect(),
            Page::Utf16 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Page::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Page::Utf32 => text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
            Page::Utf32Be => text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect(),
            Page::Utf7 => utf7::encode(text.encode_utf16()),
        }
    }

    /// The text of bytes.
    pub(super) fn decode(self, bytes: &[u8]) -> String {
        match self {
            Page::Utf8 | Page::Default => String::from_utf8_lossy(bytes).into_owned(),
            Page::Ascii => {
                bytes.iter().map(|b| if b.is_ascii() { char::from(*b) } else { '?' }).collect()
            }
            Page::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
            Page::Utf16 => utf16(bytes, u16::from_le_bytes),
            Page::Utf16Be => utf16(bytes, u16::from_be_bytes),
            Page::Utf32 => utf32(bytes, u32::from_le_bytes),
            Page::Utf32Be => utf32(bytes, u32::from_be_bytes),
            Page::Utf7 => String::from_utf16_lossy(&utf7::decode(bytes)),
        }
    }

    /// The most bytes that so many units can take.
    pub(super) fn max_bytes(self, units: i64) -> i64 {
        match self {
            Page::Utf8 | Page::Default => (units + 1) * 3,
            Page::Ascii | Page::Latin1 => units + 1,
            Page::Utf16 | Page::Utf16Be => (units + 1) * 2,
            Page::Utf32 | Page::Utf32Be => (units + 1) * 4,
            Page::Utf7 => units * 3 + 2,
        }
    }

    /// The most units that so many bytes can give.
    pub(super) fn max_units(self, bytes: i64) -> i64 {
        match self {
            Page::Utf8 | Page::Default => bytes + 1,
            Page::Ascii | Page::Latin1 => bytes,
            Page::Utf16 | Page::Utf16Be => (bytes >> 1) + (bytes & 1) + 1,
            Page::Utf32 | Page::Utf32Be => bytes / 2 + 2,
            Page::Utf7 => bytes.max(1),
        }
    }
}

fn utf16(bytes: &[u8], read: fn([u8; 2]) -> u16) -> String {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| read(*pair)).collect();
    let mut text = String::from_utf16_lossy(&units);
    if !rest.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}

fn utf32(bytes: &[u8], read: fn([u8; 4]) -> u32) -> String {
    let (fours, rest) = bytes.as_chunks::<4>();
    let replaced =
        |four: &[u8; 4]| char::from_u32(read(*four)).unwrap_or(char::REPLACEMENT_CHARACTER);
    let mut text: String = fours.iter().map(replaced).collect();
    if !rest.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}
