//! Issuers, and the tenants in them.

use std::borrow::Cow;

use tollgate_engine::jose::{Claims, SignedBy, Verified};

/// What Entra's tenant-independent documents write in the place of the tenant.
const TENANT: &str = "{tenantid}";

/// An issuer as metadata has it, with the tenant of the token in the place of `{tenantid}`; none when the token does not
/// say its tenant properly.
pub(crate) fn resolve<'a>(issuer: &'a str, claims: &Claims) -> Option<Cow<'a, str>> {
    if !issuer.contains(TENANT) {
        return Some(Cow::Borrowed(issuer));
    }
    let tenant = claims.text("tid").filter(|tenant| guid(tenant))?;
    Some(Cow::Owned(issuer.replace(TENANT, tenant)))
}

/// Whether text is a GUID in the usual form.
pub(crate) fn guid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == lengths.len()
        && parts.iter().zip(lengths).all(|(part, length)| part.len() == length)
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Whether an issuer has the tenant as a segment of its path.
pub(crate) fn names_tenant(issuer: &str, tenant: &str) -> bool {
    issuer.split('/').skip(3).any(|segment| segment.eq_ignore_ascii_case(tenant))
}

/// Whether the key that signed a token is one its publisher gave to the token's issuer.
///
/// Entra publishes an `issuer` with each key, because the documents of `common` hold keys of several issuers. A v1 token
/// bears another issuer (`sts.windows.net`) than the key says, so naming the same tenant is enough.
pub(crate) fn signer_matches(token: &Verified<Claims>) -> bool {
    let SignedBy::Key { issuer: Some(published), .. } = token.signed_by() else { return true };
    let claims = token.get();
    let Some(issuer) = claims.text("iss") else { return false };
    let Some(published) = resolve(published, claims) else { return false };
    *published == *issuer
        || claims.text("tid").is_some_and(|tenant| {
            guid(tenant) && names_tenant(&published, tenant) && names_tenant(issuer, tenant)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids() {
        assert!(guid("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"));
        for text in [
            "",
            "common",
            "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
            "{0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0}",
            "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1fg",
            "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0/",
            "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f",
        ] {
            assert!(!guid(text), "{text}");
        }
    }

    #[test]
    fn tenants_are_segments() {
        assert!(names_tenant("https://sts.windows.net/abc/", "ABC"));
        assert!(!names_tenant("https://abc/def/", "abc"));
        assert!(!names_tenant("https://host/xabc/", "abc"));
    }
}
