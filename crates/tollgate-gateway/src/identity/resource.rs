//! What a token is asked for.

use tollgate_engine::ports::IdentityError;

/// Longest resource that is asked for.
const MAX_RESOURCE: usize = 2_048;

/// Resources whose tokens are the same with and without a slash at the end, and whose audience has none.
const WITHOUT_SLASH: &[&str] = &["https://cognitiveservices.azure.com", "https://ai.azure.com"];

/// What is appended to a resource to make the scope of the v2 endpoint.
const DEFAULT: &str = "/.default";

/// A resource in the two ways it is written: as `resource` of the older endpoints and as `scope`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    /// `https://cognitiveservices.azure.com/.default`.
    scope: String,
}

impl Resource {
    /// From a resource as policies write it, with or without `/.default`.
    ///
    /// A slash at the end of a resource is part of its name: the scope of `https://host/` is `https://host//.default`
    /// (<https://learn.microsoft.com/entra/identity-platform/scopes-oidc#trailing-slash-and-default>).
    pub(super) fn parse(written: &str) -> Result<Self, IdentityError> {
        let resource = written.trim();
        if resource.is_empty() || resource == DEFAULT {
            return Err(IdentityError::Resource("it is empty".to_owned()));
        }
        if resource.len() > MAX_RESOURCE {
            return Err(IdentityError::Resource(format!("it is longer than {MAX_RESOURCE} bytes")));
        }
        if !resource.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(IdentityError::Resource(
                "it has spaces or characters outside ASCII".to_owned(),
            ));
        }
        let resource = resource.strip_suffix(DEFAULT).unwrap_or(resource);
        let bare = resource.trim_end_matches('/');
        let is_known = WITHOUT_SLASH.iter().any(|known| bare.eq_ignore_ascii_case(known));
        let resource = if is_known { bare } else { resource };
        Ok(Self { scope: format!("{resource}{DEFAULT}") })
    }

    /// The scope; credentials of managed identities take `/.default` off again.
    pub(super) fn scope(&self) -> &str {
        &self.scope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, expected: Option<&str>) {
        let scope = Resource::parse(written).ok();
        assert_eq!(scope.as_ref().map(Resource::scope), expected, "{written}");
    }

    #[test]
    fn azure_resources_have_one_scope() {
        for end in ["", "/", "/.default", "//.default"] {
            check(
                &format!("https://cognitiveservices.azure.com{end}"),
                Some("https://cognitiveservices.azure.com/.default"),
            );
            check(&format!("https://ai.azure.com{end}"), Some("https://ai.azure.com/.default"));
        }
        check(" https://ai.azure.com ", Some("https://ai.azure.com/.default"));
    }

    #[test]
    fn other_resources_keep_their_slash() {
        check("https://vault.azure.net", Some("https://vault.azure.net/.default"));
        check("https://vault.azure.net/.default", Some("https://vault.azure.net/.default"));
        check(
            "https://management.core.windows.net/",
            Some("https://management.core.windows.net//.default"),
        );
        check("api://my-api", Some("api://my-api/.default"));
        check(
            "11111111-2222-3333-4444-555555555555",
            Some("11111111-2222-3333-4444-555555555555/.default"),
        );
    }

    #[test]
    fn what_is_no_resource_is_refused() {
        check("", None);
        check("  ", None);
        check("/.default", None);
        check("https://a https://b", None);
        check("https://é", None);
        check(&format!("https://{}", "a".repeat(MAX_RESOURCE)), None);
    }
}
