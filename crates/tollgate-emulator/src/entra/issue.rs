//! Giving a principal a token for a resource, as the token endpoint and the managed identity endpoints do.

use std::time::Duration;

use serde_json::Value;

use crate::EmulatorError;
use crate::entra::Entra;
use crate::entra::directory::{Application, MICROSOFT_RESOURCES, Resource, bare, without_default};
use crate::entra::token::{TokenSpec, TokenVersion};
use crate::entra::verify::{Claims, Parsed, Refused};
use crate::ids::unix_now;

/// Who a token is for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Principal {
    pub(crate) client_id: String,
    pub(crate) object_id: String,
    /// Resource and role.
    pub(crate) roles: Vec<(String, String)>,
    /// Azure resource id of a managed identity.
    pub(crate) resource_id: Option<String>,
}

impl From<&Application> for Principal {
    fn from(application: &Application) -> Self {
        Self {
            client_id: application.client_id.clone(),
            object_id: application.object_id.clone(),
            roles: application.roles.clone(),
            resource_id: None,
        }
    }
}

/// A token and what the endpoints say beside it.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) not_before: i64,
    pub(crate) expires_on: i64,
}

impl Entra {
    /// What `asked` (a resource or a scope with `/.default`) names, if anything.
    pub(crate) fn resource(&self, asked: &str) -> Option<Resource> {
        let name = bare(asked);
        if let Some(api) =
            self.state.applications.read().iter().find(|known| known.is_resource(asked))
        {
            return Some(Resource::Api {
                application: api.clone(),
                asked: without_default(asked).to_owned(),
            });
        }
        let known = MICROSOFT_RESOURCES.contains(&name)
            || self.state.resources.read().iter().any(|uri| uri.trim_end_matches('/') == name);
        known.then(|| Resource::External { audience: without_default(asked).to_owned() })
    }

    /// A token of `tenant` (GUID) for `principal` to use at `resource`.
    pub(crate) fn issue(
        &self,
        tenant: &str,
        principal: &Principal,
        resource: &Resource,
        lifetime: Option<Duration>,
    ) -> Result<Issued, EmulatorError> {
        let mut spec = match resource {
            Resource::External { audience } => TokenSpec::v1(audience),
            Resource::Api { application, asked } => match application.version {
                TokenVersion::V1 => TokenSpec::v1(asked),
                TokenVersion::V2 => TokenSpec::v2(&application.client_id),
            },
        };
        spec = spec.tenant(tenant).app(&principal.client_id);
        spec = spec
            .claim("oid", principal.object_id.as_str())
            .claim("sub", principal.object_id.as_str());
        if let Some(id) = &principal.resource_id {
            spec =
                spec.claim("idtyp", "app").claim("appidacr", "2").claim("xms_mirid", id.as_str());
        }
        let granted: Vec<&str> = principal
            .roles
            .iter()
            .filter(|(api, _)| match resource {
                Resource::External { audience } => bare(api) == bare(audience),
                Resource::Api { application, .. } => application.is_resource(api),
            })
            .map(|(_, role)| role.as_str())
            .collect();
        if !granted.is_empty() {
            spec = spec.claim("roles", Value::from(granted));
        }
        let now = unix_now();
        let seconds = lifetime.map_or_else(
            || self.lifetime(),
            |lifetime| i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX / 2),
        );
        spec.ends_in = Some(seconds);
        Ok(Issued { token: self.mint(&spec)?, not_before: now, expires_on: now + seconds })
    }

    /// The claims of a token of the emulated cluster, if its signature holds.
    pub(crate) fn verify_workload(&self, parsed: Parsed<'_>) -> Result<Claims, Refused> {
        let key = self.cluster_key().map_err(|_| Refused::UnknownKey)?;
        if parsed.header("kid") != Some(key.kid()) {
            return Err(Refused::UnknownKey);
        }
        parsed.verify(key.public_der(), &["RS256"])
    }
}
