//! Bodies that are held in memory.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use tollgate_engine::BufferedBody;
use tollgate_engine::ports::BodyError;

use super::budget::Held;
use super::decode::decode;

/// A body that is being read, in one piece as long as it came in one.
#[derive(Default)]
pub(crate) struct Gathered {
    first: Bytes,
    rest: BytesMut,
}

impl Gathered {
    /// Takes a piece in; what it takes from the budget stays with `held`.
    pub(crate) fn push(
        &mut self,
        piece: Bytes,
        limit: usize,
        held: &mut Held,
        total: usize,
    ) -> Result<(), BodyError> {
        if self.len() + piece.len() > limit {
            return Err(BodyError::TooLarge { limit });
        }
        held.grow(piece.len(), total).map_err(|_| BodyError::MemoryPressure)?;
        if self.first.is_empty() && self.rest.is_empty() {
            self.first = piece;
        } else {
            let first = std::mem::take(&mut self.first);
            self.rest.extend_from_slice(&first);
            self.rest.extend_from_slice(&piece);
        }
        Ok(())
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    /// The whole body, decoded as its `Content-Encoding` says.
    pub(crate) async fn decoded(
        self,
        headers: &HeaderMap,
        limit: usize,
        held: &mut Held,
        total: usize,
    ) -> Result<BufferedBody, BodyError> {
        let raw = if self.rest.is_empty() { self.first } else { self.rest.freeze() };
        let decoded = decode(headers, &raw, limit).await?;
        if let Some(decoded) = &decoded {
            held.grow(decoded.len(), total).map_err(|_| BodyError::MemoryPressure)?;
        }
        Ok(BufferedBody { raw, decoded })
    }
}
