//! Keys in and out: DER and XML.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::{Run, bytes, cryptographic};
use super::{PUBLIC_ONLY, key, this};
use crate::cryptography::der::{Reader, SEQUENCE};
use crate::cryptography::rsa_key::{KeyFault, PRIVATE_PARTS, RsaKey, pkcs1_of};
use crate::eval::{Args, Cx};
use crate::{Exception, ExceptionKind, Value};

fn fault(fault: KeyFault) -> Exception {
    match fault {
        KeyFault::Encoding => cryptographic("ASN1 corrupted data."),
        KeyFault::Unsupported => {
            cryptographic("The key is not supported: RSA keys have 2048 to 8192 bits.")
        }
    }
}

/// Takes a key out of DER.
pub(super) fn import(
    cx: &mut Cx<'_>,
    a: &mut Args<'_>,
    read: impl FnOnce(&[u8]) -> Result<(RsaKey, usize), KeyFault>,
) -> Run {
    // An array that is null is an empty span.
    let der = if a.get(1).is_null() { Vec::new() } else { a.bytes(cx, 1, "source")? };
    // The library checks a private key: that is as much work as a signature.
    cx.step(4000)?;
    cx.charge(der.len())?;
    let (key, n) = read(&der).map_err(fault)?;
    this(cx, a)?.key = Some(Arc::new(key));
    a.set(2, Value::Int(i32::try_from(n).unwrap_or(i32::MAX)));
    Ok(Value::Null)
}

/// Whether the private key of an object may leave it.
fn leaves(key: &RsaKey) -> Result<(), Exception> {
    if !key.has_private() {
        return Err(cryptographic(PUBLIC_ONLY));
    }
    // What Windows says about keys that are not exportable.
    key.pkcs1()
        .map(|_| ())
        .ok_or_else(|| cryptographic("Key not valid for use in specified state."))
}

pub(super) fn export(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    write: impl FnOnce(&RsaKey) -> Option<Vec<u8>>,
) -> Run {
    let key = key(cx, a)?;
    leaves(&key)?;
    let der = write(&key).ok_or_else(|| cryptographic(PUBLIC_ONLY))?;
    bytes(cx, &der)
}

pub(super) fn export_public(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    write: impl FnOnce(&RsaKey) -> Vec<u8>,
) -> Run {
    let der = write(&*key(cx, a)?);
    bytes(cx, &der)
}

/// The names of the parts in XML, as PKCS #1 orders them; .NET writes the private exponent last.
const XML_PARTS: [&str; 6] = ["P", "Q", "DP", "DQ", "InverseQ", "D"];

pub(super) fn to_xml(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let key = key(cx, a)?;
    let mut text = String::from("<RSAKeyValue>");
    let mut add = |name: &str, digits: &[u8]| {
        for part in ["<", name, ">", &STANDARD.encode(digits), "</", name, ">"] {
            text.push_str(part);
        }
    };
    add("Modulus", &key.modulus);
    add("Exponent", &key.exponent);
    if a.bool(1) {
        leaves(&key)?;
        let parts = private_parts(&key).ok_or_else(|| cryptographic(PUBLIC_ONLY))?;
        for name in XML_PARTS {
            if let Some((_, digits)) = parts.iter().find(|(known, _)| *known == name) {
                add(name, digits);
            }
        }
    }
    text.push_str("</RSAKeyValue>");
    cx.string(text)
}

/// The parts of the private key, each as long as .NET makes it.
fn private_parts(key: &RsaKey) -> Option<Vec<(&'static str, Vec<u8>)>> {
    let mut reader = Reader::new(key.pkcs1()?).inside(SEQUENCE)?;
    reader.number()?;
    reader.unsigned()?;
    reader.unsigned()?;
    let half = key.modulus.len().div_ceil(2);
    let mut parts = Vec::new();
    for name in PRIVATE_PARTS {
        let digits = reader.unsigned()?;
        let len = if name == "D" { key.modulus.len() } else { half };
        let mut padded = vec![0; len.saturating_sub(digits.len())];
        padded.extend(digits);
        parts.push((name, padded));
    }
    Some(parts)
}

/// The text of the first element of a name, which has no elements inside.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

fn part(xml: &str, name: &str) -> Result<Option<Vec<u8>>, Exception> {
    let Some(text) = element(xml, name) else { return Ok(None) };
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let digits = STANDARD.decode(text).map_err(|_| {
        let message = "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, or an illegal character among the padding characters.";
        Exception::new(ExceptionKind::Format, message)
    })?;
    Ok(Some(digits))
}

fn required(xml: &str, name: &str) -> Result<Vec<u8>, Exception> {
    part(xml, name)?.ok_or_else(|| {
        cryptographic(&format!(
            "Input string does not contain a valid encoding of the 'RSA' '{name}' parameter."
        ))
    })
}

pub(super) fn from_xml(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let xml = a.str(1, "xmlString")?;
    cx.step(4000 + xml.len() as u64 / 8)?;
    cx.charge(xml.len())?;
    let trimmed = xml.trim();
    if !trimmed.starts_with('<') || !trimmed.ends_with('>') {
        return Err(cryptographic("The provided XML could not be read."));
    }
    let (modulus, exponent) = (required(&xml, "Modulus")?, required(&xml, "Exponent")?);
    let key = if part(&xml, "D")?.is_some() {
        let mut parts = vec![modulus, exponent];
        for name in PRIVATE_PARTS {
            parts.push(required(&xml, name)?);
        }
        let mut der = pkcs1_of(&parts);
        let read = RsaKey::from_pkcs1(&der, true);
        der.fill(0);
        read.map_err(fault)?.0
    } else {
        RsaKey::public(&modulus, &exponent)
    };
    this(cx, a)?.key = Some(Arc::new(key));
    Ok(Value::Null)
}
