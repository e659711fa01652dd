//! The registry is whole, and its documentation is true.

use std::path::Path;

use tollgate_engine::Section;

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
        let section = def.sections[0];
        let mut n_blocks = 0;
        for block in blocks(def.docs) {
            n_blocks += 1;
            let case = match section {
                Section::Inbound => Case::inbound(block),
                Section::Backend => Case::backend(block),
                Section::Outbound | Section::OnError => Case::outbound(block),
            };
            let case = case.named_values(&[
                ("openai-api-key", "k"),
                ("tenant-id", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"),
                ("client-app-id", "c0ffee00-0000-4000-8000-000000000000"),
            ]);
            assert_eq!(case.backends(&["openai"]).findings(), "", "{}", def.name);
        }
        assert!(n_blocks > 0, "{} has no example", def.name);
    }
}

#[test]
fn other_policies_are_refused_by_name() {
    for (name, _) in UNSUPPORTED {
        Case::inbound(&format!("<{name} />")).refused(&format!("policy `{name}` is not supported"));
    }
}
