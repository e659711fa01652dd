//! Certificates as text.

use crate::cryptography::digest::Algorithm;
use crate::cryptography::name::Name;
use crate::cryptography::oid::{EMAIL, friendly_name};
use crate::cryptography::parse::{Alternative, Parsed};
use crate::cryptography::{Certificate, oid, rsa_key::RsaKey};

use super::{hex, local};

/// `GetNameInfo`; empty when there is no such name.
pub(super) fn name_info(parsed: &Parsed, kind: i32, issuer: bool) -> String {
    let name = if issuer { &parsed.issuer } else { &parsed.subject };
    let alternative = |kind: Alternative| parsed.alternative(issuer, kind);
    let of_name = |kind: &str| name.last(kind).map(str::to_owned);
    let found = match kind {
        0 => name.simple().map(str::to_owned),
        1 => alternative(Alternative::Email).or_else(|| of_name(EMAIL)),
        2 => alternative(Alternative::Upn),
        3 => alternative(Alternative::Dns).or_else(|| of_name(oid::COMMON_NAME)),
        4 => alternative(Alternative::Dns),
        5 => alternative(Alternative::Url),
        _ => None,
    };
    found.unwrap_or_default()
}

/// The SHA-1 in hexadecimal, as certificates are called.
pub(super) fn thumbprint(parsed: &Parsed) -> String {
    hex(&Algorithm::Sha1.hash(&parsed.der))
}

/// `ToString()`.
pub(super) fn short(parsed: &Parsed) -> String {
    format!(
        "[Subject]\n  {}\n\n[Issuer]\n  {}\n\n{}",
        parsed.subject.text(),
        parsed.issuer.text(),
        numbers(parsed)
    )
}

fn numbers(parsed: &Parsed) -> String {
    format!(
        "[Serial Number]\n  {}\n\n[Not Before]\n  {}\n\n[Not After]\n  {}\n\n[Thumbprint]\n  {}\n",
        hex(&parsed.serial),
        local(parsed.not_before).text(),
        local(parsed.not_after).text(),
        thumbprint(parsed)
    )
}

/// `ToString(true)`. What extensions hold is shown in hexadecimal: .NET leaves it to the platform.
pub(super) fn verbose(certificate: &Certificate) -> String {
    let parsed = certificate.parsed();
    let mut text = format!("[Version]\n  V{}\n", parsed.version);
    let sides: [(&str, &Name, bool); 2] =
        [("Subject", &parsed.subject, false), ("Issuer", &parsed.issuer, true)];
    for (title, name, issuer) in sides {
        line(&mut text, format_args!("\n[{title}]\n  {}", name.text()));
        for (label, kind) in
            [("Simple Name", 0), ("Email Name", 1), ("UPN Name", 2), ("DNS Name", 3)]
        {
            let found = name_info(parsed, kind, issuer);
            if !found.is_empty() {
                line(&mut text, format_args!("\n  {label}: {found}"));
            }
        }
        text.push('\n');
    }
    line(&mut text, format_args!("\n{}", numbers(parsed)));
    line(
        &mut text,
        format_args!("\n[Signature Algorithm]\n  {}\n", labelled(&parsed.signature_algorithm)),
    );
    text.push_str(&public_key(parsed));
    if certificate.has_private_key() {
        text.push_str("\n\n[Private Key]\n");
    }
    if !parsed.extensions.is_empty() {
        text.push_str("\n\n[Extensions]");
        for extension in &parsed.extensions {
            let label = labelled(&extension.oid);
            line(&mut text, format_args!("\n* {label}:\n  {}", hex(&extension.value)));
        }
    }
    text.push('\n');
    text
}

/// Appends to text.
fn line(text: &mut String, more: std::fmt::Arguments<'_>) {
    use std::fmt::Write as _;
    // Writing to a string cannot fail.
    let _ok = text.write_fmt(more);
}

fn labelled(oid: &str) -> String {
    format!("{}({oid})", friendly_name(oid).unwrap_or_default())
}

fn public_key(parsed: &Parsed) -> String {
    let algorithm = friendly_name(&parsed.key_algorithm).unwrap_or_default();
    let mut text = format!("\n[Public Key]\n  Algorithm: {algorithm}\n  Length: ");
    if let Ok((key, _)) = RsaKey::from_spki(&parsed.spki) {
        line(&mut text, format_args!("{}", key.bits()));
    }
    line(&mut text, format_args!("\n  Key Blob: {}", hex(&parsed.key)));
    line(&mut text, format_args!("\n  Parameters: {}", hex(&parsed.key_parameters)));
    text
}
