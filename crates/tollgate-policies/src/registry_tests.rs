//! The registry is whole, and its documentation is true.

use std::path::Path;

use tollgate_engine::{Scope, Section};

use crate::testing::Case;
use crate::{ALL, UNSUPPORTED};

#[test]
fn names_are_sorted_and_unique() {
    let policies: Vec<_> = ALL.iter().map(|def| def.name).collect();
    assert!(policies.is_sorted_by(|a, b| a < b), "{policies:?}");
    let unsupported: Vec<_> = UNSUPPORTED.iter().map(|(name, _)| *name).collect();
    assert!(unsupported.is_sorted_by(|a, b| a < b), "{unsupported:?}");
    assert!(policies.iter().all(|name| !unsupported.contains(name)));
}

#[test]
fn every_policy_file_is_registered() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut declared = 0;
    for entry in std::fs::read_dir(src).unwrap() {
        let path = entry.unwrap().path();
        let file = if path.is_dir() { path.join("mod.rs") } else { path };
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if text.contains(concat!("const POL", "ICY: PolicyDef")) {
            declared += 1;
            let named = ALL
                .iter()
                .filter(|def| text.contains(&format!("name: \"{}\",\n    sections:", def.name)));
            assert_eq!(named.count(), 1, "{}", file.display());
        }
    }
    assert_eq!(declared, ALL.len());
}

#[test]
fn declarations_are_documented() {
    for def in ALL {
        assert!(def.docs.contains("Differences from Azure:\n\n- "), "{}", def.name);
        assert!(!def.sections.is_empty() && !def.scopes.is_empty(), "{}", def.name);
        for attribute in def.attributes {
            assert!(attribute.doc.ends_with('.'), "{} {}", def.name, attribute.name);
        }
    }
}

/// The XML blocks of a reference text.
fn blocks(docs: &str) -> impl Iterator<Item = &str> {
    docs.split("```xml\n").skip(1).filter_map(|rest| rest.split("```").next())
}

#[test]
fn every_example_compiles() {
    for def in ALL {
        let mut n_blocks = 0;
        for block in blocks(def.docs) {
            n_blocks += 1;
            let findings = |section: &Section| {
                let case = match section {
                    Section::Inbound if !def.scopes.contains(&Scope::Operation) => {
                        Case::inbound("<base />").wider(def.scopes[0], block)
                    }
                    Section::Inbound => Case::inbound(block),
                    Section::Backend => Case::backend(block),
                    Section::Outbound | Section::OnError => Case::outbound(block),
                };
                let case = case.named_values(&[
                    ("openai-api-key", "k"),
                    ("backend-password", "p"),
                    ("proxy-password", "p"),
                    ("pfx-password", "p"),
                    ("tenant-id", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"),
                    ("client-app-id", "c0ffee00-0000-4000-8000-000000000000"),
                ]);
                let narrowest = def.scopes.iter().max().unwrap();
                let case = case.backends(&["openai", "content-safety"]).loggers(&["audit"]);
                case.scope(*narrowest).findings()
            };
            let first = findings(&def.sections[0]);
            let compiles = first.is_empty() || def.sections.iter().any(|s| findings(s).is_empty());
            assert!(compiles, "{}: {first}", def.name);
        }
        assert!(n_blocks > 0, "{} has no example", def.name);
    }
}

#[test]
fn every_policy_may_have_an_id() {
    for def in ALL {
        let policy = format!("<{} id=\"x\" />", def.name);
        let found = Case::inbound(&policy).findings();
        assert!(!found.contains("unknown attribute"), "{found}");
    }
}

#[test]
fn every_missing_attribute_is_reported() {
    let mut n_missing = 0;
    for def in ALL {
        let case = match def.sections[0] {
            Section::Inbound => Case::inbound(&format!("<{} />", def.name)),
            Section::Backend => Case::backend(&format!("<{} />", def.name)),
            Section::Outbound | Section::OnError => Case::outbound(&format!("<{} />", def.name)),
        };
        let findings = case.scope(def.scopes[0]).findings();
        for attribute in def.attributes.iter().filter(|attribute| attribute.required) {
            n_missing += 1;
            let wanted = format!("`{}` needs the attribute `{}`", def.name, attribute.name);
            assert_eq!(findings.matches(&wanted).count(), 1, "{wanted}\n{findings}");
        }
    }
    assert!(n_missing > ALL.len() / 2);
}

#[test]
fn other_policies_are_refused_by_name() {
    for (name, _) in UNSUPPORTED {
        Case::inbound(&format!("<{name} />")).refused(&format!("policy `{name}` is not supported"));
    }
}

#[test]
fn secrets_do_not_print() {
    let policies = r#"<set-header name="a"><value>{{key}}</value></set-header>
        <set-query-parameter name="{{key}}"><value>{{key}}</value></set-query-parameter>
        <set-variable name="a" value="{{key}}" /><set-body>{{key}}</set-body>
        <rewrite-uri template="/{{key}}" />
        <authentication-managed-identity resource="{{key}}" client-id="{{key}}" />
        <set-backend-service base-url="https://h/{{key}}" />
        <return-response><set-status code="200" reason="{{key}}" /></return-response>
        <validate-jwt token-value="{{key}}" failed-validation-error-message="{{key}}">
            <issuer-signing-keys><key id="k">{{key}}</key></issuer-signing-keys>
            <decryption-keys><key>{{key}}</key></decryption-keys>
            <audiences><audience>{{key}}</audience></audiences><issuers><issuer>{{key}}</issuer></issuers>
            <required-claims><claim name="a" separator="{{key}}"><value>{{key}}</value></claim></required-claims>
        </validate-jwt>"#;
    let secret = "Q2FuYXJ5Q2FuYXJ5Q2FuYXJ5Q2FuYXJ5Q2FuYXJ5Q2E=";
    let case = Case::inbound(policies).named_values(&[("key", secret)]);
    let printed = case.printed();
    for part in ["Q2Fu", "q2fu", "Canary", "67, 97, 110"] {
        assert!(!printed.contains(part), "{part} in {printed}");
    }
}

/// Documents as Microsoft prints them for this job, given the named values.
#[test]
fn documents_as_printed_load() {
    let validate_entra = r#"<validate-azure-ad-token tenant-id={{TENANT_ID}} header-name="Authorization" failed-validation-httpcode="401" failed-validation-error-message="Unauthorized. Access token is missing or invalid.">
<client-application-ids>
<application-id>{{CLIENT_APP_ID}}</application-id>
</client-application-ids>
<audiences>
<audience>...</audience>
</audiences>
<required-claims>
<claim name="roles">
<value>...</value>
</claim>
</required-claims>
</validate-azure-ad-token>"#;
    let validate_jwt = r#"<validate-jwt header-name="Authorization" failed-validation-httpcode="401" failed-validation-error-message="Unauthorized. Access token is missing or invalid.">
<openid-config url={{OPENID_CONFIGURATION_URL}} />
<issuers>
<issuer>{{ISSUER_URL}}</issuer>
</issuers>
<audiences>
<audience>...</audience>
</audiences>
<required-claims>
<claim name="roles">
<value>...</value>
</claim>
</required-claims>
</validate-jwt>"#;
    let identity = r#"<authentication-managed-identity resource="https://cognitiveservices.azure.com" output-token-variable-name="managed-id-access-token" ignore-error="false" />
<set-header name="Authorization" exists-action="override">
<value>@("Bearer " + (string)context.Variables["managed-id-access-token"])</value>
</set-header>"#;
    let key = r#"<set-header name="api-key" exists-action="override">
<value>{{openai-api-key}}</value>
</set-header>"#;
    let backend = r#"<set-backend-service backend-id="openai-backend" />"#;
    let case = |policies: &str| {
        Case::inbound(policies).backends(&["openai-backend"]).named_values(&[
            ("TENANT_ID", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"),
            ("CLIENT_APP_ID", "c0ffee00-0000-4000-8000-000000000000"),
            ("OPENID_CONFIGURATION_URL", "https://issuer.example/.well-known/openid-configuration"),
            ("ISSUER_URL", "https://issuer.example"),
            ("openai-api-key", "k"),
            ("backend-password", "p"),
            ("proxy-password", "p"),
            ("pfx-password", "p"),
        ])
    };
    for policies in [validate_entra, validate_jwt, key, backend, identity] {
        assert_eq!(case(policies).findings(), "", "{policies}");
    }
    for policies in [validate_entra, validate_jwt] {
        let placeholder = policies.replace(r#"name="roles""#, "name=...");
        case(&placeholder).refused("E0105");
    }
}
