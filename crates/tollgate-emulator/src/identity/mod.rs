//! Managed identity endpoints: IMDS of virtual machines and the one of App Service.

mod app_service;
mod imds;

use std::time::Duration;

use parking_lot::RwLock;

use crate::EmulatorError;
use crate::entra::{Entra, Issued, Principal, Resource, without_default};
use crate::ids::guid;
use crate::pairs::Pairs;

pub use app_service::AppService;
pub use imds::Imds;

/// How long Azure's managed identity tokens are good.
const TOKEN_LIFETIME: Duration = Duration::from_hours(24);

/// One managed identity that is assigned to the emulated machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ManagedIdentity {
    /// Client id.
    pub client_id: String,
    /// Object id of the service principal.
    pub object_id: String,
    /// Azure resource id.
    pub resource_id: String,
    /// Whether it is the machine's own (system-assigned) identity.
    pub system: bool,
}

impl ManagedIdentity {
    /// The machine's own identity, with random ids.
    pub fn system() -> Self {
        let resource_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourcegroups/emulator/providers/\
                           Microsoft.Compute/virtualMachines/emulator";
        Self {
            client_id: guid(),
            object_id: guid(),
            resource_id: resource_id.to_owned(),
            system: true,
        }
    }

    /// A user-assigned identity of this name and client id.
    pub fn user(name: &str, client_id: impl Into<String>) -> Self {
        let resource_id = format!(
            "/subscriptions/11111111-2222-3333-4444-555555555555/resourcegroups/emulator/providers/\
             Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
        );
        Self { client_id: client_id.into(), object_id: guid(), resource_id, system: false }
    }
}

/// What both endpoints share.
#[derive(Debug)]
struct Machine {
    entra: Entra,
    identities: Vec<ManagedIdentity>,
    lifetime: RwLock<Duration>,
}

/// How a request names the identity that it wants.
#[derive(Debug, PartialEq, Eq)]
enum Unknown {
    /// None has the id that was given.
    NotFound,
    /// No id was given and there are several.
    Several,
    /// Two ids were given.
    TwoIds,
}

impl Machine {
    fn new(entra: Entra, identities: Vec<ManagedIdentity>) -> Self {
        Self { entra, identities, lifetime: RwLock::new(TOKEN_LIFETIME) }
    }

    /// The identity that the query asks for by one of `client`, `object`, `resource`, which are parameter names.
    fn find(&self, query: &Pairs, names: &IdNames) -> Result<&ManagedIdentity, Unknown> {
        let named = |parameters: &[&str]| parameters.iter().find_map(|name| query.first(name));
        let ids = [named(names.client), named(names.object), named(names.resource)];
        let (identity, n_ids) = match ids {
            [None, None, None] => return self.unnamed(),
            [client, object, resource] => {
                let matching = |identity: &&ManagedIdentity| {
                    let same = |asked: Option<&str>, own: &str| {
                        asked.is_none_or(|id| id.eq_ignore_ascii_case(own))
                    };
                    same(client, &identity.client_id)
                        && same(object, &identity.object_id)
                        && same(resource, &identity.resource_id)
                };
                (self.identities.iter().find(matching), ids.iter().flatten().count())
            }
        };
        if n_ids > 1 {
            return Err(Unknown::TwoIds);
        }
        identity.ok_or(Unknown::NotFound)
    }

    fn unnamed(&self) -> Result<&ManagedIdentity, Unknown> {
        match (self.identities.iter().find(|identity| identity.system), self.identities.as_slice())
        {
            (Some(system), _) => Ok(system),
            (None, [only]) => Ok(only),
            (None, []) => Err(Unknown::NotFound),
            (None, _) => Err(Unknown::Several),
        }
    }

    fn issue(
        &self,
        identity: &ManagedIdentity,
        resource: &Resource,
    ) -> Result<Issued, EmulatorError> {
        let principal = Principal {
            client_id: identity.client_id.clone(),
            object_id: identity.object_id.clone(),
            roles: Vec::new(),
            resource_id: Some(identity.resource_id.clone()),
        };
        let lifetime = *self.lifetime.read();
        self.entra.issue(self.entra.tenant_id(), &principal, resource, Some(lifetime))
    }
}

/// Names of the query parameters that choose an identity.
struct IdNames {
    client: &'static [&'static str],
    object: &'static [&'static str],
    resource: &'static [&'static str],
}

/// `resource` of the answer: what was asked for, without a scope's `/.default`.
fn answered_resource(asked: &str) -> &str {
    without_default(asked)
}
