//! `X509Certificate`, `X509Certificate2` and what they lead to.

mod base;
mod describe;
mod extensions;
mod key;
mod load;
mod second;

pub(in crate::types) use base::{CONTENT_TYPE, DECL as X509_CERTIFICATE, KEY_STORAGE, NAME_TYPE};
pub(in crate::types) use extensions::{
    CERTIFICATE as CERTIFICATE_EXTENSIONS, RSA as RSA_EXTENSIONS,
};
pub(in crate::types) use key::{DISTINGUISHED_NAME, PUBLIC_KEY};
pub(in crate::types) use second::DECL as X509_CERTIFICATE2;

use super::super::TypeId;
use super::{Run, cryptographic};
use crate::collections::Key;
use crate::cryptography::Certificate;
use crate::cryptography::hex;
use crate::cryptography::parse::Parsed;
use crate::eval::{Args, Cx, null_argument};
use crate::native::Native;
use crate::state::confusion;
use crate::time::{DateTime, Kind};
use crate::{Exception, Value};

/// A certificate object; empty ones and those that were disposed have no certificate.
#[derive(Debug)]
pub(super) struct Cert {
    id: TypeId,
    certificate: Option<Certificate>,
    /// The keys that were asked for: they are the same objects each time.
    public_key: Option<Value>,
    private_key: Option<Value>,
}

impl Native for Cert {
    fn id(&self) -> TypeId {
        self.id
    }

    fn text(&self) -> Option<String> {
        let certificate = self.certificate.as_ref()?;
        (self.id == TypeId::X509Certificate2).then(|| describe::short(certificate.parsed()))
    }

    /// Certificates are the same when issuer and serial number are, and so are empty ones.
    fn key(&self) -> Option<Key> {
        let Some(certificate) = &self.certificate else { return Some(Key::Many(Vec::new())) };
        let parsed = certificate.parsed();
        let digits = |bytes: &[u8]| {
            Key::Str(bytes.iter().copied().map(char::from).collect::<String>().into())
        };
        Some(Key::Many(vec![digits(&parsed.issuer.der), digits(&parsed.serial)]))
    }
}

/// A certificate of the host as an `X509Certificate2`: the same object each time, until an expression disposes it.
pub(crate) fn certificate(cx: &mut Cx<'_>, certificate: Certificate) -> Run {
    let at = cx.state.certificates.iter().position(|(known, _)| known.is(&certificate));
    let known = at.and_then(|at| cx.state.certificates.get(at)).map(|(_, known)| known.clone());
    if let Some(known) = known
        && held(cx, &known)?.is_some()
    {
        return Ok(known);
    }
    let made = add(cx, TypeId::X509Certificate2, Some(certificate.clone()))?;
    match at.and_then(|at| cx.state.certificates.get_mut(at)) {
        Some(known) => known.1 = made.clone(),
        None => cx.state.certificates.push((certificate, made.clone())),
    }
    Ok(made)
}

fn add(cx: &mut Cx<'_>, id: TypeId, certificate: Option<Certificate>) -> Run {
    cx.charge(certificate.as_ref().map_or(0, |certificate| certificate.der().len()))?;
    cx.state.add_native(Cert { id, certificate, public_key: None, private_key: None })
}

/// The certificate among the arguments; a disposed one throws.
fn this(cx: &Cx<'_>, a: &Args<'_>) -> Result<Certificate, Exception> {
    of(cx, a.get(0))
}

fn of(cx: &Cx<'_>, value: &Value) -> Result<Certificate, Exception> {
    held(cx, value)?.ok_or_else(|| cryptographic("m_safeCertContext is an invalid handle."))
}

/// The certificate of an object; none when the object is empty.
fn held(cx: &Cx<'_>, value: &Value) -> Result<Option<Certificate>, Exception> {
    let cert: &Cert = cx.state.native(value).ok_or_else(confusion)?;
    Ok(cert.certificate.clone())
}

/// Certificates are the same when issuer and serial number are.
fn same(one: &Parsed, other: &Parsed) -> bool {
    one.issuer.der == other.issuer.der && one.serial == other.serial
}

/// The certificate that an extension method is called on.
fn extended(cx: &Cx<'_>, a: &Args<'_>) -> Result<Certificate, Exception> {
    if a.get(0).is_null() {
        return Err(null_argument("certificate"));
    }
    this(cx, a)
}

/// A text of the certificate among the arguments.
fn text(cx: &mut Cx<'_>, a: &Args<'_>, take: impl FnOnce(&Parsed) -> String) -> Run {
    let text = take(this(cx, a)?.parsed());
    cx.string(text)
}

/// Bytes of the certificate among the arguments.
fn data(cx: &mut Cx<'_>, a: &Args<'_>, take: impl FnOnce(&Parsed) -> Vec<u8>) -> Run {
    let data = take(this(cx, a)?.parsed());
    super::bytes(cx, &data)
}

/// Seconds since 1970 as local time, which is UTC here.
fn local(seconds: i64) -> DateTime {
    let ticks = seconds.saturating_mul(10_000_000).saturating_add(621_355_968_000_000_000);
    DateTime::from_ticks(ticks, Kind::Local).unwrap_or(DateTime::MIN)
}
