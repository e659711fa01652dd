//! One file per policy, and the registry.
//!
//! A policy declares its attributes and children, builds a step from an element, and runs it; nothing else in Tollgate
//! knows it by name. What the outside is needed for goes through the engine's ports.

mod authentication_managed_identity;
mod base_url;
mod choose;
mod emit_metric;
mod exists_action;
mod forward_request;
mod log_to_eventhub;
mod openid_url;
mod query;
mod retry;
mod return_response;
mod rewrite_uri;
mod set_backend_service;
mod set_body;
mod set_header;
mod set_method;
mod set_query_parameter;
mod set_status;
mod set_variable;
mod token;
mod trace;
mod unsupported;
mod validate_azure_ad_token;
mod validate_jwt;
mod wait;

#[cfg(test)]
mod matrix_tests;
#[cfg(test)]
mod registry_tests;
#[cfg(test)]
mod testing;

use tollgate_engine::PolicyDef;

pub use unsupported::UNSUPPORTED;

/// What Azure has at global scope until somebody writes there.
pub const DEFAULT_GLOBAL: &str = "<policies><inbound /><backend><forward-request /></backend><outbound /><on-error /></policies>";

/// Every policy, sorted by name.
pub const ALL: &[PolicyDef] = &[
    authentication_managed_identity::POLICY,
    choose::POLICY,
    emit_metric::POLICY,
    forward_request::POLICY,
    log_to_eventhub::POLICY,
    retry::POLICY,
    return_response::POLICY,
    rewrite_uri::POLICY,
    set_backend_service::POLICY,
    set_body::POLICY,
    set_header::POLICY,
    set_method::POLICY,
    set_query_parameter::POLICY,
    set_status::POLICY,
    set_variable::POLICY,
    trace::POLICY,
    validate_azure_ad_token::POLICY,
    validate_jwt::POLICY,
    wait::POLICY,
];
