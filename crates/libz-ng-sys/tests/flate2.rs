//! flate2 works on this crate: what it writes it reads back, and garbage is an error.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

#[test]
fn gzip_round_trips() {
    let text: Vec<u8> = (0..200_000u64).map(|n| u8::try_from(n * n % 251).unwrap()).collect();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&text).unwrap();
    let packed = encoder.finish().unwrap();
    assert!(packed.len() < text.len());
    let mut back = Vec::new();
    GzDecoder::new(&packed[..]).read_to_end(&mut back).unwrap();
    assert_eq!(back, text);
    assert!(GzDecoder::new(&packed[..packed.len() / 2]).read_to_end(&mut Vec::new()).is_err());
}
