//! Content codings of bodies that a policy reads.

use std::io;
use std::pin::pin;

use async_compression::tokio::bufread::{
    BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder,
};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use smallvec::SmallVec;
use tokio::io::{AsyncRead, AsyncReadExt};
use tollgate_engine::ports::BodyError;

/// More codings on one body than this are refused.
const MAX_CODINGS: usize = 3;

/// Output is made in steps of this size; between two of them other tasks get their turn.
const STEP: usize = 64 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// Decodes a body by its `Content-Encoding`; none when it is not encoded. No more than `limit` bytes come out of any step.
pub(crate) async fn decode(
    headers: &HeaderMap,
    raw: &Bytes,
    limit: usize,
) -> Result<Option<Bytes>, BodyError> {
    let codings = codings(headers)?;
    if codings.is_empty() || raw.is_empty() {
        return Ok(None);
    }
    let mut body = raw.clone();
    for coding in codings.into_iter().rev() {
        body = inflate(coding, &body, limit).await?;
    }
    Ok(Some(body))
}

fn codings(headers: &HeaderMap) -> Result<SmallVec<[Coding; MAX_CODINGS]>, BodyError> {
    let mut codings = SmallVec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let value = value
            .to_str()
            .map_err(|_| BodyError::Encoding("unreadable `Content-Encoding`".to_owned()))?;
        for name in value.split(',').map(str::trim) {
            let coding = match name.to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Coding::Gzip,
                "deflate" => Coding::Deflate,
                "br" => Coding::Brotli,
                "zstd" => Coding::Zstd,
                _ => return Err(BodyError::Encoding(format!("unknown content coding `{name}`"))),
            };
            if codings.len() == MAX_CODINGS {
                return Err(BodyError::Encoding("too many content codings".to_owned()));
            }
            codings.push(coding);
        }
    }
    Ok(codings)
}

async fn inflate(coding: Coding, body: &Bytes, limit: usize) -> Result<Bytes, BodyError> {
    let input: &[u8] = body;
    match coding {
        Coding::Gzip => {
            let mut decoder = GzipDecoder::new(input);
            decoder.multiple_members(true);
            read_bounded(decoder, limit).await
        }
        // RFC 9110 means the zlib format, but enough senders leave its two-byte header away; it cannot be mistaken.
        Coding::Deflate if is_zlib(input) => read_bounded(ZlibDecoder::new(input), limit).await,
        Coding::Deflate => read_bounded(DeflateDecoder::new(input), limit).await,
        Coding::Brotli => read_bounded(BrotliDecoder::new(input), limit).await,
        Coding::Zstd => {
            let mut decoder = ZstdDecoder::new(input);
            decoder.multiple_members(true);
            read_bounded(decoder, limit).await
        }
    }
}

fn is_zlib(input: &[u8]) -> bool {
    matches!(input, [cmf, flg, ..] if cmf & 0x0f == 8 && (u16::from(*cmf) << 8 | u16::from(*flg)).is_multiple_of(31))
}

async fn read_bounded(decoder: impl AsyncRead, limit: usize) -> Result<Bytes, BodyError> {
    let mut decoder = pin!(decoder);
    let mut out = BytesMut::new();
    loop {
        out.reserve(STEP);
        let n = decoder.read_buf(&mut out).await.map_err(|error| encoding_error(&error))?;
        if n == 0 {
            return Ok(out.freeze());
        }
        if out.len() > limit {
            return Err(BodyError::InflatesTooFar { limit });
        }
        tokio::task::consume_budget().await;
    }
}

fn encoding_error(error: &io::Error) -> BodyError {
    BodyError::Encoding(error.to_string())
}

#[cfg(test)]
mod tests {
    use async_compression::tokio::write::{
        BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder,
    };
    use tokio::io::{AsyncWrite, AsyncWriteExt};

    use super::*;

    async fn encoded<W: AsyncWrite + Unpin>(
        mut encoder: W,
        body: &[u8],
        inner: fn(W) -> Vec<u8>,
    ) -> Bytes {
        encoder.write_all(body).await.unwrap();
        encoder.shutdown().await.unwrap();
        Bytes::from(inner(encoder))
    }

    async fn gzip(body: &[u8]) -> Bytes {
        encoded(GzipEncoder::new(Vec::new()), body, GzipEncoder::into_inner).await
    }

    async fn check(
        encoding: &str,
        raw: &Bytes,
        limit: usize,
        expected: Result<Option<&[u8]>, &str>,
    ) {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, encoding.parse().unwrap());
        let decoded = decode(&headers, raw, limit).await;
        match (decoded, expected) {
            (Ok(body), Ok(expected)) => assert_eq!(body.as_deref(), expected, "{encoding}"),
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected), "{encoding}: {error}");
            }
            (decoded, expected) => panic!("{encoding}: {decoded:?}, not {expected:?}"),
        }
    }

    #[tokio::test]
    async fn every_coding_is_decoded() {
        let body = b"the quick brown fox".repeat(50);
        let body = body.as_slice();
        check("gzip", &gzip(body).await, 2000, Ok(Some(body))).await;
        check("X-GZIP", &gzip(body).await, 2000, Ok(Some(body))).await;
        let zlib = encoded(ZlibEncoder::new(Vec::new()), body, ZlibEncoder::into_inner).await;
        check("deflate", &zlib, 2000, Ok(Some(body))).await;
        let deflate =
            encoded(DeflateEncoder::new(Vec::new()), body, DeflateEncoder::into_inner).await;
        check("deflate", &deflate, 2000, Ok(Some(body))).await;
        let brotli = encoded(BrotliEncoder::new(Vec::new()), body, BrotliEncoder::into_inner).await;
        check("br", &brotli, 2000, Ok(Some(body))).await;
        let zstd = encoded(ZstdEncoder::new(Vec::new()), body, ZstdEncoder::into_inner).await;
        check("zstd", &zstd, 2000, Ok(Some(body))).await;
        let twice =
            encoded(BrotliEncoder::new(Vec::new()), &gzip(body).await, BrotliEncoder::into_inner)
                .await;
        check("gzip, br", &twice, 2000, Ok(Some(body))).await;
        check("identity", &Bytes::from_static(b"x"), 2000, Ok(None)).await;
        check("gzip", &Bytes::new(), 2000, Ok(None)).await;
    }

    #[tokio::test]
    async fn bombs_garbage_and_strangers_are_refused() {
        let bomb = gzip(&vec![0; 4 << 20]).await;
        check("gzip", &bomb, 1 << 20, Err("inflates past the limit")).await;
        check("gzip", &Bytes::from_static(b"not gzip at all"), 2000, Err("cannot be decoded"))
            .await;
        let cut = gzip(b"some text").await;
        check("gzip", &cut.slice(..cut.len() - 6), 2000, Err("cannot be decoded")).await;
        check("compress", &cut, 2000, Err("unknown content coding `compress`")).await;
        check("gzip,gzip,gzip,gzip", &cut, 2000, Err("too many content codings")).await;
    }
}
