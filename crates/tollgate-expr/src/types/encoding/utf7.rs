//! UTF-7 (RFC 2152).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn is_direct(unit: u16) -> bool {
    u8::try_from(unit)
        .is_ok_and(|byte| byte.is_ascii_alphanumeric() || b"\t\n\r '(),-./:?".contains(&byte))
}

/// Text as UTF-7.
pub(super) fn encode(units: impl Iterator<Item = u16>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Base64 { bits: 0, count: None };
    for unit in units {
        if is_direct(unit) {
            writer.finish(&mut out);
            out.extend(u8::try_from(unit));
        } else if unit == u16::from(b'+') && writer.count.is_none() {
            out.extend(b"+-");
        } else {
            writer.push(unit, &mut out);
        }
    }
    writer.finish(&mut out);
    out
}

/// What is written of a run of base64.
struct Base64 {
    bits: u32,
    /// Bits that are not written yet; none outside a run.
    count: Option<u32>,
}

impl Base64 {
    fn push(&mut self, unit: u16, out: &mut Vec<u8>) {
        if self.count.is_none() {
            out.push(b'+');
        }
        self.bits = self.bits << 16 | u32::from(unit);
        let mut count = self.count.unwrap_or(0) + 16;
        while count >= 6 {
            count -= 6;
            out.extend(ALPHABET.get((self.bits >> count & 63) as usize));
        }
        self.bits &= (1 << count) - 1;
        self.count = Some(count);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let Some(count) = self.count.take() else { return };
        if count > 0 {
            out.extend(ALPHABET.get((self.bits << (6 - count) & 63) as usize));
        }
        out.push(b'-');
        self.bits = 0;
    }
}

/// UTF-7 as text; bytes that are not ASCII stand for themselves.
pub(super) fn decode(bytes: &[u8]) -> Vec<u16> {
    let mut out = Vec::new();
    let mut bits: u32 = 0;
    // Bits that are not read yet; none outside a run of base64.
    let mut count: Option<u32> = None;
    let mut first = false;
    for byte in bytes {
        let Some(known) = count else {
            if *byte == b'+' {
                (bits, count, first) = (0, Some(0), true);
            } else {
                out.push(u16::from(*byte));
            }
            continue;
        };
        if let Some(value) = ALPHABET.iter().zip(0u32..).find(|(c, _)| *c == byte) {
            bits = bits << 6 | value.1;
            let mut known = known + 6;
            if known >= 16 {
                known -= 16;
                out.extend(u16::try_from(bits >> known & 0xffff));
                bits &= (1 << known) - 1;
            }
            count = Some(known);
        } else {
            count = None;
            if *byte != b'-' {
                out.push(u16::from(*byte));
            } else if first {
                out.push(u16::from(b'+'));
            }
        }
        first = false;
    }
    out
}
