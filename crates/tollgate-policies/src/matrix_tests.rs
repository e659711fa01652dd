//! Where each policy may stand, as Microsoft's reference has it.

use tollgate_engine::{Limit, Scope, Section};

use crate::ALL;

/// Name, sections of the reference, sections that only the policy toolkit allows, scopes, limit. Sections: `i`nbound,
/// `b`ackend, `o`utbound, on-`e`rror; scopes: `g`lobal, `w`orkspace, `p`roduct, `a`pi, o`p`eration as `o`; limits: one per
/// `s`ection, one per `d`ocument.
const MATRIX: &[(&str, &str, &str, &str, &str)] = &[
    ("authentication-basic", "i", "", "gpao", ""),
    ("authentication-certificate", "i", "", "gwpao", ""),
    ("authentication-managed-identity", "i", "o", "gpao", ""),
    ("azure-openai-semantic-cache-lookup", "i", "", "gpao", "s"),
    ("azure-openai-semantic-cache-store", "o", "", "gpao", "s"),
    ("azure-openai-token-limit", "i", "", "gwpao", ""),
    ("cache-lookup", "i", "", "gwpao", "s"),
    ("cache-lookup-value", "iboe", "", "gwpao", ""),
    ("cache-remove-value", "iboe", "", "gwpao", ""),
    ("cache-store", "o", "", "gwpao", "s"),
    ("cache-store-value", "iboe", "", "gwpao", ""),
    ("check-header", "i", "o", "gpao", ""),
    ("choose", "iboe", "", "gwpao", ""),
    ("cors", "i", "", "gwpao", "s"),
    ("cross-domain", "i", "", "g", ""),
    ("emit-metric", "iboe", "", "gwpao", ""),
    ("find-and-replace", "iboe", "", "gwpao", ""),
    ("forward-request", "b", "", "gwpao", ""),
    ("get-authorization-context", "i", "bo", "gpao", ""),
    ("ip-filter", "i", "", "gwpao", ""),
    ("json-to-xml", "ioe", "b", "gwpao", ""),
    ("jsonp", "o", "", "gwpao", "s"),
    ("limit-concurrency", "iboe", "", "gwpao", ""),
    ("llm-semantic-cache-lookup", "i", "", "gpao", "s"),
    ("llm-semantic-cache-store", "o", "", "gpao", "s"),
    ("llm-token-limit", "i", "", "gwpao", ""),
    ("log-to-eventhub", "iboe", "", "gpao", ""),
    ("mock-response", "ioe", "", "gwpao", ""),
    ("proxy", "i", "", "gwpao", ""),
    ("quota", "i", "", "p", "d"),
    ("quota-by-key", "i", "", "gwpao", ""),
    ("rate-limit", "i", "", "pao", "d"),
    ("rate-limit-by-key", "i", "", "gwpao", ""),
    ("redirect-content-urls", "io", "", "gwpao", "s"),
    ("retry", "iboe", "", "gwpao", ""),
    ("return-response", "iboe", "", "gwpao", ""),
    ("rewrite-uri", "i", "", "gwpao", ""),
    ("send-one-way-request", "iboe", "", "gwpao", ""),
    ("send-request", "iboe", "", "gwpao", ""),
    ("set-backend-service", "ib", "oe", "gwpao", ""),
    ("set-body", "iboe", "", "gwpao", ""),
    ("set-header", "iboe", "", "gwpao", ""),
    ("set-method", "ie", "bo", "gwpao", ""),
    ("set-query-parameter", "ib", "oe", "gwpao", ""),
    ("set-status", "iboe", "", "gwpao", ""),
    ("set-variable", "iboe", "", "gwpao", ""),
    ("trace", "iboe", "", "gwpao", ""),
    ("validate-azure-ad-token", "i", "", "gwpao", ""),
    ("validate-client-certificate", "i", "", "gwpao", ""),
    ("validate-jwt", "i", "", "gwpao", ""),
    ("wait", "ibo", "e", "gwpao", ""),
    ("xml-to-json", "ioe", "b", "gwpao", ""),
    ("xsl-transform", "io", "e", "gwpao", "s"),
];

fn section(letter: char) -> Section {
    match letter {
        'i' => Section::Inbound,
        'b' => Section::Backend,
        'o' => Section::Outbound,
        _ => Section::OnError,
    }
}

fn scope(letter: char) -> Scope {
    match letter {
        'g' => Scope::Global,
        'w' => Scope::Workspace,
        'p' => Scope::Product,
        'a' => Scope::Api,
        _ => Scope::Operation,
    }
}

fn sorted<T: Ord + Copy>(all: &[T]) -> Vec<T> {
    let mut all = all.to_vec();
    all.sort_unstable();
    all
}

#[test]
fn policies_stand_where_the_reference_allows() {
    let mut wrong = Vec::new();
    for def in ALL {
        let Some((_, sections, toolkit, scopes, limit)) =
            MATRIX.iter().find(|(name, ..)| *name == def.name)
        else {
            continue;
        };
        let limit = match *limit {
            "s" => Limit::OncePerSection,
            "d" => Limit::OncePerDocument,
            _ => Limit::Any,
        };
        let wanted: Vec<Section> = sections.chars().map(section).collect();
        let only_toolkit: Vec<Section> = toolkit.chars().map(section).collect();
        let everywhere: Vec<Scope> = scopes.chars().map(scope).collect();
        let same = sorted(def.sections) == sorted(&wanted)
            && sorted(def.toolkit_sections) == sorted(&only_toolkit)
            && sorted(def.scopes) == sorted(&everywhere)
            && def.limit == limit;
        if !same {
            wrong.push(format!(
                "{}: {:?} {:?} {:?} {:?}",
                def.name, def.sections, def.toolkit_sections, def.scopes, def.limit
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
