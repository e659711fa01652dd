//! What policies refer to by name: backends, certificates and their authorities, schemas.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic, Span};
use tollgate_engine::json_schema::{self, NamedDocument, SchemaDocument};
use tollgate_engine::ports::NoEvents;
use tollgate_engine::{Ports, Url};

use crate::adapters::backend_roots;
use crate::backend::{Backend, Credentials, TlsOptions};
use crate::backend_pool::{BackendPool, Member};
use crate::breaker::Breakers;
use crate::certificates::{self, Concern, Validity, shown};
use crate::config::{ApiConfig, BackendConfig, CertificateConfig, Config, PoolConfig, PoolMember};
use crate::llm_log::{LlmLog, LlmLogSettings};
use crate::openapi;
use crate::snapshot::SnapshotNames;
use crate::telemetry::Redactor;

use super::files::{Files, Missing};

/// What the configuration names, as far as it can be used.
pub(super) fn names(
    config: &Config,
    ports: &Ports,
    breakers: &Breakers,
    diagnostics: &mut Vec<Diagnostic>,
) -> SnapshotNames {
    let mut names = SnapshotNames {
        redactor: Redactor::new(config.secrets.iter().map(|secret| secret.expose().as_str())),
        ..SnapshotNames::default()
    };
    for certificate in &config.certificates {
        match certificates::read_certificate(certificate.pem.expose().as_bytes(), None) {
            Ok(parsed) => {
                if let Some(validity) = Validity::of(&parsed) {
                    let now = ports.clock.unix_seconds();
                    diagnostics.extend(expiry(certificate, validity, now));
                    names.validities.insert(certificate.name.as_str().into(), validity);
                }
                names.certificates.insert(certificate.name.clone(), Arc::new(parsed));
            }
            Err(why) => {
                let message = format!("certificate `{}` cannot be used: {why}", certificate.name);
                diagnostics.push(
                    Diagnostic::new(Code::CONFIG_VALUE, message, certificate.span)
                        .label("not usable"),
                );
            }
        }
    }
    for logger in &config.loggers {
        // A load that is only checked has none.
        let known = ports.events.logger(&logger.name).unwrap_or_else(|| Arc::new(NoEvents));
        names.loggers.insert(logger.name.clone(), known);
    }
    names.llm_logs = llm_logs(config, &names);
    names.authorities = authorities(config, diagnostics);
    names.revocation_lists = revocation_lists(config, diagnostics);
    let default_roots = backend_roots(config);
    for backend_config in &config.backends {
        if let Some(backend) =
            backend(backend_config, &names, ports, breakers, default_roots.as_ref(), diagnostics)
        {
            names.backends.insert(Arc::clone(&backend.id), Arc::new(backend));
        }
    }
    for config in &config.pools {
        let pool = pool(config, &names, breakers);
        names.pools.insert(Arc::clone(&pool.id), Arc::new(pool));
    }
    names
}

fn pool(config: &PoolConfig, names: &SnapshotNames, breakers: &Breakers) -> BackendPool {
    let id: Arc<str> = config.id.as_str().into();
    let member = |member: &PoolMember| {
        let backend = names.backends.get(member.backend.as_str())?;
        let requests = breakers.metrics().pool_requests(&id, &backend.id);
        Some(Member::new(&id, Arc::clone(backend), member.priority, member.weight, requests))
    };
    let members = config.members.iter().filter_map(member).collect();
    BackendPool::new(Arc::clone(&id), members, config.session_cookie.clone(), config.state_affinity)
}

/// What is to be said of the time that a certificate is good for.
fn expiry(certificate: &CertificateConfig, validity: Validity, now: i64) -> Option<Diagnostic> {
    let name = &certificate.name;
    let (begins, ends) = (shown(validity.begins), shown(validity.ends));
    let (message, label) = match validity.concern(now)? {
        Concern::Early => (format!("certificate `{name}` is not valid before {begins}"), "not yet"),
        Concern::Soon(days) => {
            let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
            (format!("certificate `{name}` expires in {days}, on {ends}"), "renew it")
        }
        Concern::Over => (format!("certificate `{name}` has expired on {ends}"), "renew it"),
    };
    let found = Diagnostic::new(Code::CONFIG_EXPIRY, message, certificate.span).label(label);
    Some(
        found.help(
            "whoever is shown it refuses it then; a new file is taken over without a restart",
        ),
    )
}

/// The certificate authorities of `[ca-certificates]`: roots and what leads to them.
fn authorities(
    config: &Config,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<bytes::Bytes>, Vec<bytes::Bytes>) {
    let mut read = |file: &Option<(PathBuf, Span)>, what: &str| {
        let Some((path, span)) = file else { return Vec::new() };
        certificates::read_bundle_file(path).unwrap_or_else(|why| {
            let message = format!("the {what} of `ca-certificates` cannot be used: {why}");
            diagnostics
                .push(Diagnostic::new(Code::CONFIG_VALUE, message, *span).label("not usable"));
            Vec::new()
        })
    };
    let roots = read(&config.authorities.roots, "roots");
    (roots, read(&config.authorities.intermediates, "intermediates"))
}

/// The lists of `ca-certificates.revocation-lists`.
fn revocation_lists(config: &Config, diagnostics: &mut Vec<Diagnostic>) -> Vec<bytes::Bytes> {
    let mut all = Vec::new();
    for (path, span) in &config.authorities.revocation_lists {
        let bytes = std::fs::read(path).map_err(|error| error.kind().to_string());
        match bytes.and_then(|bytes| certificates::read_revocation_lists(&bytes)) {
            Ok(lists) => all.extend(lists),
            Err(why) => {
                let message = format!("a list of `revocation-lists` cannot be used: {why}");
                diagnostics
                    .push(Diagnostic::new(Code::CONFIG_VALUE, message, *span).label("not usable"));
            }
        }
    }
    all
}

/// The schemas of `[schemas]`.
pub(super) fn schemas(
    files: &mut Files<'_>,
    config: &Config,
) -> HashMap<String, Arc<SchemaDocument>> {
    let mut documents = Vec::new();
    for schema in &config.schemas {
        let Some((_, text)) = files.read(Path::new(&schema.file), Missing::IsError) else {
            continue;
        };
        match openapi::read_schemas(&text) {
            Ok(root) => {
                let (name, file) = (schema.id.clone(), schema.file.clone());
                documents.push(NamedDocument { name, file, root });
            }
            Err(why) => {
                let message = format!("schema `{}` cannot be used: {why}", schema.id);
                files.diagnostics.push(
                    Diagnostic::new(Code::CONFIG_VALUE, message, schema.span).label("not usable"),
                );
            }
        }
    }
    json_schema::bundle(documents)
}

fn backend(
    config: &BackendConfig,
    names: &SnapshotNames,
    ports: &Ports,
    breakers: &Breakers,
    default_roots: Option<&Arc<Vec<bytes::Bytes>>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Backend> {
    let mut report = |(message, span): (String, Span)| {
        diagnostics.push(Diagnostic::new(Code::CONFIG_VALUE, message, span).label("not usable"));
    };
    let managed_identity = config.managed_identity.as_ref().map(|(resource, client_id)| {
        ports.identities.source(client_id.as_deref(), resource).map_err(|error| {
            let id = &config.id;
            let message = format!("the managed identity of backend `{id}` cannot be used: {error}");
            (message, config.span)
        })
    });
    let own_roots = config.ca_file.as_ref().map(|(file, span)| {
        certificates::read_bundle_file(file).map(Arc::new).map_err(|why| {
            (format!("the roots of backend `{}` cannot be used: {why}", config.id), *span)
        })
    });
    let (managed_identity, own_roots) = match (managed_identity.transpose(), own_roots.transpose())
    {
        (Ok(managed_identity), Ok(own_roots)) => (managed_identity, own_roots),
        (identity, roots) => {
            identity.err().into_iter().chain(roots.err()).for_each(&mut report);
            return None;
        }
    };
    let roots = own_roots.or_else(|| default_roots.cloned());
    let id: Arc<str> = config.id.as_str().into();
    let breaker = (!config.breaker.is_empty()).then(|| {
        let Url { scheme, host, port, path, .. } = &config.url;
        breakers.breaker(&id, format!("{scheme}://{host}:{port}{path}"), &config.breaker)
    });
    Some(Backend {
        id,
        url: config.url.clone(),
        credentials: Credentials {
            headers: config.headers.clone(),
            query: config.query.clone(),
            authorization: config.authorization.clone(),
            managed_identity,
            certificate: config
                .certificate
                .as_ref()
                .and_then(|name| names.certificates.get(name).cloned()),
        },
        tls: TlsOptions {
            verify_chain: config.verify_chain,
            verify_name: config.verify_name,
            roots,
            server_name: config.server_name.clone(),
        },
        http_version: config.http_version,
        connect_timeout: config.connect_timeout,
        first_byte_timeout: config.first_byte_timeout,
        deployments: config.deployments.iter().cloned().collect(),
        breaker,
    })
}

/// What is logged of the calls of models, by API.
fn llm_logs(config: &Config, names: &SnapshotNames) -> HashMap<String, Arc<LlmLog>> {
    let logged = config.apis.iter().filter_map(|api| Some((api, api.llm_logs.clone()?)));
    let mut redactor = None;
    let log = |(api, settings): (&ApiConfig, LlmLogSettings)| {
        let logger = settings.logger.as_ref().and_then(|name| names.loggers.get(name)).cloned();
        let redactor = redactor.get_or_insert_with(|| Arc::new(names.redactor.clone()));
        (api.id.clone(), Arc::new(LlmLog::new(settings, logger, Arc::clone(redactor))))
    };
    logged.map(log).collect()
}
