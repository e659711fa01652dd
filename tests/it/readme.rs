//! What the README shows is true.

use std::collections::BTreeMap;

use crate::harness::{Directory, repository, tollgate};

/// The blocks of a language, in order.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("\n```{language}\n");
    text.split(&fence)
        .skip(1)
        .map(|rest| rest.split("\n```").next().expect("the end of a block"))
        .collect()
}

fn readme() -> String {
    std::fs::read_to_string(repository().join("README.md")).expect("README.md")
}

#[test]
fn the_policy_directory_loads() {
    let text = readme();
    let config =
        blocks(&text, "toml").into_iter().find(|block| block.starts_with("# tollgate.toml"));
    let policy =
        blocks(&text, "xml").into_iter().find(|block| block.contains("apis/openai/policy.xml"));
    let directory = Directory::new(config.expect("a configuration"))
        .api("openai", policy.expect("a policy"))
        .env("TENANT_ID", "3f0c2b1e-6a55-4c0f-9d3e-8a7b6c5d4e3f")
        .env("AZURE_OPENAI_API_KEY", "0123456789abcdef");
    let checked = directory.check();
    let found = String::from_utf8_lossy(&checked.stderr);
    assert_eq!(found.trim(), "0 errors, 0 warnings");
    assert!(checked.status.success());
}

#[test]
fn the_products_load() {
    let text = readme();
    let toml = blocks(&text, "toml");
    let block = |start: &str| *toml.iter().find(|block| block.starts_with(start)).expect(start);
    let config = [block("# tollgate.toml\n"), block("# tollgate.toml, continued\n")].join("\n");
    let xml = blocks(&text, "xml");
    let document = |name: &str| *xml.iter().find(|block| block.contains(name)).expect(name);
    let directory = Directory::new(&config)
        .api("openai", document("apis/openai/policy.xml"))
        .file("products/starter.xml", document("products/starter.xml"))
        .env("TENANT_ID", "3f0c2b1e-6a55-4c0f-9d3e-8a7b6c5d4e3f")
        .env("AZURE_OPENAI_API_KEY", "0123456789abcdef")
        .env("JANE_KEY", "a-key-of-jane")
        .env("JANE_OTHER_KEY", "another-key-of-jane")
        .env("REDIS_URL", "redis://127.0.0.1:6379");
    let checked = directory.check();
    let found = String::from_utf8_lossy(&checked.stderr);
    assert_eq!(found.trim(), "0 errors, 0 warnings");
}

#[test]
fn the_commands_exist() {
    let text = readme();
    let help = tollgate(&BTreeMap::new(), &["--help"]);
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let mut n_commands = 0;
    for part in text
        .split("`tollgate ")
        .chain(text.split("\ntollgate "))
        .chain(text.split("&& tollgate "))
        .skip(1)
    {
        let name: String = part.chars().take_while(char::is_ascii_lowercase).collect();
        if !name.is_empty()
            && part.chars().nth(name.len()).is_some_and(|c| c == ' ' || c == '`' || c == '\n')
        {
            n_commands += 1;
            assert!(help.contains(&format!("\n  {name} ")), "`tollgate {name}`");
        }
    }
    assert!(n_commands > 3, "the README shows no commands");
}

#[test]
fn the_links_lead_somewhere() {
    let text = readme();
    for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        if !link.starts_with("http") {
            assert!(repository().join(link).exists(), "`{link}`");
        }
    }
}

#[test]
fn the_variables_are_the_shipped_ones() {
    let text = readme();
    let config = std::fs::read_to_string(repository().join("policies/tollgate.toml"))
        .expect("the shipped configuration");
    for rest in config.split("env = \"").skip(1) {
        let name = rest.split('"').next().expect("a name");
        let optional = rest.split('}').next().expect("a value").contains("default");
        assert!(optional || text.contains(name), "`{name}` is not in the README");
    }
}
