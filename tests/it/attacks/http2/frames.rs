//! Frames and blocks of headers, written byte by byte.

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
pub(super) const PADDED: u8 = 8;

/// A frame, whatever its length.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame").to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// A number of HPACK behind a prefix of so many bits (RFC 7541 §5.1).
pub(super) fn number(block: &mut Vec<u8>, first: u8, bits: u32, mut value: usize) {
    let most = (1_usize << bits) - 1;
    if value < most {
        block.push(first | u8::try_from(value).expect("a small number"));
        return;
    }
    block.push(first | u8::try_from(most).expect("a small number"));
    value -= most;
    while value >= 0x80 {
        block.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
        value >>= 7;
    }
    block.push(u8::try_from(value).expect("seven bits"));
}

/// A header that is not to be remembered, or is (RFC 7541 §6.2).
pub(super) fn literal(block: &mut Vec<u8>, is_kept: bool, name: &[u8], value: &[u8]) {
    block.push(if is_kept { 0x40 } else { 0 });
    for text in [name, value] {
        number(block, 0, 7, text.len());
        block.extend_from_slice(text);
    }
}

pub(super) type Header<'a> = (&'a [u8], &'a [u8]);

pub(super) fn block(headers: &[Header<'_>]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        literal(&mut block, false, name, value);
    }
    block
}

pub(super) fn head<'a>(method: &'a str, path: &'a str) -> Vec<Header<'a>> {
    vec![
        (b":method", method.as_bytes()),
        (b":scheme", b"https"),
        (b":authority", b"gw.test"),
        (b":path", path.as_bytes()),
    ]
}

pub(super) fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &block(&head("GET", path)))
}

pub(super) fn post(stream: u32, path: &str, more: &[Header<'_>]) -> Vec<u8> {
    let headers = [head("POST", path), more.to_vec()].concat();
    frame(HEADERS, END_HEADERS, stream, &block(&headers))
}

pub(super) fn window(stream: u32, by: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes())
}

pub(super) fn setting(id: u16, value: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
}
