//! One file per policy, and the registry.
//!
//! A policy declares its attributes and children, builds a step from an element, and runs it; nothing else in Tollgate
//! knows it by name. What the outside is needed for goes through the engine's ports.

mod authentication_basic;
mod authentication_certificate;
mod authentication_managed_identity;
mod azure_openai_emit_token_metric;
mod azure_openai_semantic_cache_lookup;
mod azure_openai_semantic_cache_store;
mod azure_openai_token_limit;
mod base_url;
mod cache_lookup;
mod cache_lookup_value;
mod cache_remove_value;
mod cache_store;
mod cache_store_value;
mod cache_value;
mod cached_response;
mod cached_value;
mod check_header;
mod choose;
mod conversion;
mod cors;
mod cross_domain;
mod dimension;
mod emit_metric;
mod exists_action;
mod find_and_replace;
mod forward_request;
mod get_authorization_context;
mod ip_filter;
mod json_to_xml;
mod jsonp;
mod limit;
mod limit_concurrency;
mod liquid;
mod llm;
mod llm_content_safety;
mod llm_emit_token_metric;
mod llm_semantic_cache_lookup;
mod llm_semantic_cache_store;
mod llm_token_limit;
mod log_to_eventhub;
mod message_body;
mod mock_response;
mod openid_url;
mod outgoing_call;
mod proxy;
mod query;
mod quota;
mod quota_by_key;
mod rate_limit;
mod rate_limit_by_key;
mod redirect_content_urls;
mod retry;
mod return_response;
mod rewrite_uri;
mod semantic_cache;
mod send_one_way_request;
mod send_request;
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
mod validate_client_certificate;
mod validate_content;
mod validate_headers;
mod validate_jwt;
mod validate_parameters;
mod validate_status_code;
mod validation;
mod wait;
mod xml_text;
mod xml_to_json;
mod xsl_transform;

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
    authentication_basic::POLICY,
    authentication_certificate::POLICY,
    authentication_managed_identity::POLICY,
    azure_openai_emit_token_metric::POLICY,
    azure_openai_semantic_cache_lookup::POLICY,
    azure_openai_semantic_cache_store::POLICY,
    azure_openai_token_limit::POLICY,
    cache_lookup::POLICY,
    cache_lookup_value::POLICY,
    cache_remove_value::POLICY,
    cache_store::POLICY,
    cache_store_value::POLICY,
    cache_value::POLICY,
    check_header::POLICY,
    choose::POLICY,
    cors::POLICY,
    cross_domain::POLICY,
    emit_metric::POLICY,
    find_and_replace::POLICY,
    forward_request::POLICY,
    get_authorization_context::POLICY,
    ip_filter::POLICY,
    json_to_xml::POLICY,
    jsonp::POLICY,
    limit_concurrency::POLICY,
    llm_content_safety::POLICY,
    llm_emit_token_metric::POLICY,
    llm_semantic_cache_lookup::POLICY,
    llm_semantic_cache_store::POLICY,
    llm_token_limit::POLICY,
    log_to_eventhub::POLICY,
    mock_response::POLICY,
    proxy::POLICY,
    quota::POLICY,
    quota_by_key::POLICY,
    rate_limit::POLICY,
    rate_limit_by_key::POLICY,
    redirect_content_urls::POLICY,
    retry::POLICY,
    return_response::POLICY,
    rewrite_uri::POLICY,
    send_one_way_request::POLICY,
    send_request::POLICY,
    set_backend_service::POLICY,
    set_body::POLICY,
    set_header::POLICY,
    set_method::POLICY,
    set_query_parameter::POLICY,
    set_status::POLICY,
    set_variable::POLICY,
    trace::POLICY,
    validate_azure_ad_token::POLICY,
    validate_client_certificate::POLICY,
    validate_content::POLICY,
    validate_headers::POLICY,
    validate_jwt::POLICY,
    validate_parameters::POLICY,
    validate_status_code::POLICY,
    wait::POLICY,
    xml_to_json::POLICY,
    xsl_transform::POLICY,
];
