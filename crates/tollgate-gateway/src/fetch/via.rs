//! How policies want connections made, as a key of what is kept.

use std::hash::Hash;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tollgate_engine::Secret;
use tollgate_engine::jose::Certificate;
use tollgate_engine::ports::{Proxy, Via};

/// Choices of policies that are remembered; certificates and proxies can come from expressions.
const MAX_CHOICES: usize = 64;

/// A certificate and a proxy, compared by content: they may be made anew for each request.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct ViaKey {
    certificate: Option<CertificateKey>,
    proxy: Option<Arc<Proxy>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct CertificateKey {
    der: Bytes,
    chain: Vec<Bytes>,
    private_key: Option<Secret<Bytes>>,
}

impl ViaKey {
    pub(crate) fn of(via: &Via) -> Self {
        let certificate =
            via.certificate.as_deref().map(|certificate: &Certificate| CertificateKey {
                der: certificate.der().clone(),
                chain: certificate.chain().to_vec(),
                private_key: certificate.private_key().cloned(),
            });
        Self { certificate, proxy: via.proxy.clone() }
    }
}

/// What was made for choices of policies, the latest last.
///
/// INVARIANT: never more than `MAX_CHOICES`; the one that has not been asked for the longest goes first.
pub(crate) struct Choices<K, T>(Mutex<Vec<(K, T)>>);

impl<K, T> Default for Choices<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: PartialEq, T: Clone> Choices<K, T> {
    /// What was made for this choice, or is made now.
    pub(crate) fn get_or_make<E>(
        &self,
        key: K,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let mut made = self.0.lock();
        if let Some(at) = made.iter().position(|(known, _)| *known == key) {
            let found = made.remove(at);
            let value = found.1.clone();
            made.push(found);
            return Ok(value);
        }
        let value = make()?;
        if made.len() >= MAX_CHOICES {
            made.remove(0);
        }
        made.push((key, value.clone()));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_bounded_and_the_oldest_goes() {
        let choices = Choices::default();
        let mut n_made = 0;
        let mut get = |key: usize| {
            let made = choices.get_or_make(key, || {
                n_made += 1;
                Ok::<_, ()>(n_made)
            });
            made.unwrap()
        };
        assert_eq!((get(0), get(1), get(0)), (1, 2, 1));
        for key in 2..=MAX_CHOICES {
            get(key);
        }
        assert_eq!(get(0), 1, "it was asked for after 1");
        assert_eq!(get(1), MAX_CHOICES + 2, "it was made again");
        assert_eq!(choices.0.lock().len(), MAX_CHOICES);
    }

    #[test]
    fn keys_compare_contents() {
        let via = |key: &'static [u8]| {
            let private_key = Some(Secret::new(Bytes::from_static(key)));
            let certificate =
                Certificate::new(Bytes::from_static(b"leaf"), Vec::new(), private_key);
            Via { certificate: Some(Arc::new(certificate)), proxy: None }
        };
        assert!(ViaKey::of(&via(b"a")) == ViaKey::of(&via(b"a")));
        assert!(ViaKey::of(&via(b"a")) != ViaKey::of(&via(b"b")));
        assert!(ViaKey::of(&via(b"a")) != ViaKey::of(&Via::default()));
    }
}
