//! Certificates of the HTTPS listener, chosen by the name the client asks for.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tollgate_engine::jose::Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::wire::tls_provider;

/// Why a certificate cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListenCertificateError {
    /// It has no private key.
    #[error("certificate {0} of the listener has no private key")]
    NoKey(usize),
    /// It cannot be read, or key and certificate do not belong together.
    #[error("certificate {0} of the listener cannot be used: {1}")]
    Unusable(usize, String),
}

/// The certificates in force. A reload replaces them; connections that are open keep theirs.
#[derive(Default)]
pub struct ListenCertificates(ArcSwap<Table>);

#[derive(Default)]
struct Table {
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By what follows the asterisk's dot.
    wildcard: HashMap<String, Arc<CertifiedKey>>,
    first: Option<Arc<CertifiedKey>>,
}

impl fmt::Debug for ListenCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenCertificates")
            .field("names", &self.0.load().exact.len())
            .finish_non_exhaustive()
    }
}

impl ListenCertificates {
    /// Replaces the certificates. On an error the old ones stay. The first one also serves names that match none.
    pub fn replace(&self, certificates: &[Arc<Certificate>]) -> Result<(), ListenCertificateError> {
        let mut table = Table::default();
        for (index, certificate) in certificates.iter().enumerate() {
            let key = Arc::new(certified(certificate, index + 1)?);
            for name in names(certificate) {
                // Where two certificates are for one name, the earlier one wins.
                match name.strip_prefix("*.") {
                    Some(parent) => {
                        table.wildcard.entry(parent.to_owned()).or_insert_with(|| Arc::clone(&key))
                    }
                    None => table.exact.entry(name).or_insert_with(|| Arc::clone(&key)),
                };
            }
            table.first.get_or_insert(key);
        }
        self.0.store(Arc::new(table));
        Ok(())
    }

    fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let table = self.0.load();
        let by_name = name.and_then(|name| {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let parent = name.split_once('.').map(|(_, parent)| parent);
            table.exact.get(&name).or_else(|| table.wildcard.get(parent?)).cloned()
        });
        by_name.or_else(|| table.first.clone())
    }
}

impl ResolvesServerCert for ListenCertificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name())
    }
}

fn certified(
    certificate: &Certificate,
    number: usize,
) -> Result<CertifiedKey, ListenCertificateError> {
    let key = certificate.private_key().ok_or(ListenCertificateError::NoKey(number))?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.expose().to_vec()));
    let chain = std::iter::once(certificate.der()).chain(certificate.chain());
    let chain = chain.map(|der| CertificateDer::from(der.to_vec())).collect();
    CertifiedKey::from_der(chain, key, &tls_provider())
        .map_err(|error| ListenCertificateError::Unusable(number, error.to_string()))
}

/// DNS names, in lower case; the common name only where there is no other, as clients have it.
fn names(certificate: &Certificate) -> Vec<String> {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate.der()) else { return Vec::new() };
    let alternative = parsed.subject_alternative_name().ok().flatten();
    let names: Vec<String> = alternative
        .iter()
        .flat_map(|it| &it.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect();
    if !names.is_empty() {
        return names;
    }
    let common = parsed.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    common.map(str::to_ascii_lowercase).collect()
}
