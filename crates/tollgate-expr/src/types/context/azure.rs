//! Parts of `context` that say where in Azure a request came from. Here most of them are null: the types are there so
//! that policies which look at them load.

use super::super::decl::{Kind, TypeDecl, m};
use super::super::{Member, TypeId};
use super::entity;
use crate::eval::{Args, Cx};
use crate::{Exception, Value};

/// A member of a part that is never there.
const fn absent(signature: &'static str, docs: &'static str) -> Member {
    m(signature, docs, |_, _| Err(Exception::null_reference()))
}

/// The backend of the request.
fn backend<T>(
    cx: &Cx<'_>,
    _: &Args<'_>,
    take: impl FnOnce(&crate::Backend) -> T,
) -> Result<T, Exception> {
    cx.host.backend().as_ref().map(take).ok_or_else(Exception::null_reference)
}

pub(in crate::types) const BACKEND: TypeDecl = entity(
    "IBackend",
    "The backend that the request will go to.",
    &[
        text_of!("Id", "Its identifier.", backend, id),
        text_of!(
            "AzureRegion",
            "Its region in Azure; empty when none is set.",
            backend,
            azure_region
        ),
        m("BackendType Type", "One backend, or several behind one name.", |cx, a| {
            backend(cx, a, |it| Value::Enum(TypeId::BackendType, i32::from(it.is_pool)))
        }),
    ],
);

pub(in crate::types) const BACKEND_TYPE: TypeDecl = TypeDecl {
    name: "BackendType",
    kind: Kind::Enum(&[("Single", 0), ("Pool", 1)]),
    bases: &[],
    docs: "One backend, or several behind one name.",
    members: &[],
    refused: &[],
};

pub(in crate::types) const SUSTAINABILITY: TypeDecl = entity(
    "ISustainabilityInfo",
    "How the power of the region is made.",
    &[m("CarbonIntensityCategory CurrentCarbonIntensity", "Not available here.", |_, _| {
        Ok(Value::Enum(TypeId::CarbonIntensityCategory, 0))
    })],
);

pub(in crate::types) const CARBON_INTENSITY: TypeDecl = TypeDecl {
    name: "CarbonIntensityCategory",
    kind: Kind::Enum(&[
        ("NotAvailable", 0),
        ("VeryLow", 1),
        ("Low", 2),
        ("Medium", 3),
        ("High", 4),
        ("VeryHigh", 5),
    ]),
    bases: &[],
    docs: "How much carbon dioxide a region's power costs.",
    members: &[],
    refused: &[],
};

pub(in crate::types) const GRAPHQL: TypeDecl = entity(
    "IGraphQL",
    "The field that a resolver of GraphQL fills; outside resolvers it is null.",
    &[
        absent("JObject Arguments", "The arguments of the field."),
        absent("JObject GraphQLArguments", "The arguments of the field."),
        absent("JObject Parent", "The object that the field belongs to."),
    ],
);

pub(in crate::types) const PRIVATE_ENDPOINT: TypeDecl = entity(
    "IPrivateEndpointConnection",
    "The private endpoint that a request came through.",
    &[
        absent("string Name", "Its name."),
        absent("string GroupId", "Its group."),
        absent("string MemberName", "The name of its member."),
    ],
);

pub(in crate::types) const VNET: TypeDecl =
    entity("IAzureVnetInfo", "The network of Azure that a request came from.", &[]);

pub(in crate::types) const FOUNDRY: TypeDecl = entity(
    "IFoundry",
    "What of Microsoft Foundry a request is for.",
    &[absent("string Deployment", "The deployment of a model.")],
);
