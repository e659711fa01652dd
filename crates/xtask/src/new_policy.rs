//! `cargo xtask new-policy <name>`: a policy that compiles, does nothing yet, and is registered.

use anyhow::{Context, ensure};

use crate::repository::Repository;

const FOLDER: &str = "crates/tollgate-policies/src";

const TEMPLATE: &str = r##"//! `{name}`: say in one line what it does.

use tollgate_engine::read::Element;
use tollgate_engine::{
    CompileCx, Content, Flow, Limit, PolicyDef, PolicyError, RequestCx, Scope, Section, Step,
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "{name}",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Say what it does and when to use it.

```xml
<{name} />
```

Differences from Azure:

- None known.
"#;

#[derive(Debug)]
struct {type};

fn compile(_element: &Element, _cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    Some(Box::new({type}))
}

impl Step for {type} {
    fn run(&self, _cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Case;

    #[test]
    fn the_request_goes_on() {
        assert_eq!(Case::inbound("<{name} />").run().status(), 200);
    }

    #[test]
    fn where_it_may_stand() {
        Case::backend("<{name} />").refused("is not allowed in `backend`");
    }
}
"##;

const CASE: &str = r"# {name}

Say what this shows.

```xml policy
<policies>
    <inbound>
        <base />
        <{name} />
    </inbound>
</policies>
```

```http request
GET /
```

```http backend
GET /echo
```
";

pub(crate) fn run(repository: &Repository, name: &str) -> anyhow::Result<()> {
    let valid = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    ensure!(
        valid,
        "`{name}` is not the name of a policy: write it as in a document, such as `set-header`"
    );
    let module = name.replace('-', "_");
    let file = format!("{FOLDER}/{module}.rs");
    let taken = repository
        .files()?
        .iter()
        .any(|known| *known == file || known.starts_with(&format!("{FOLDER}/{module}/")));
    ensure!(!taken, "there is a policy `{name}` already");

    let lib = format!("{FOLDER}/lib.rs");
    let registry = repository.read(&lib)?;
    let registry = with_line(&registry, "mod ", &format!("mod {module};"))
        .and_then(|text| with_line(&text, "    ", &format!("    {module}::POLICY,")))
        .context("the registry in `lib.rs` does not look as expected")?;
    repository.write(&file, &policy(name))?;
    repository.write(&lib, &registry)?;

    let unsupported = format!("{FOLDER}/unsupported.rs");
    let list = repository.read(&unsupported)?;
    repository.write(&unsupported, &without_entry(&list, name))?;
    let case = format!("tests/cases/{name}.md");
    repository.write(&case, &CASE.replace("{name}", name))?;
    println!("{file}\n{case}\n\nFill them in, then run `cargo xtask docs`.");
    Ok(())
}

/// The scaffold of a policy.
fn policy(name: &str) -> String {
    let capitalised = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
    };
    let type_name: String = name.split('-').map(capitalised).collect();
    TEMPLATE.replace("{name}", name).replace("{type}", &type_name)
}

/// `text` with `line` in its place among the first run of sorted lines that begin and end as it does.
fn with_line(text: &str, begin: &str, line: &str) -> Option<String> {
    let end = line.rsplit("::").next().filter(|_| line.contains("::")).unwrap_or(";");
    let like = |other: &&str| other.starts_with(begin) && other.ends_with(end);
    let mut lines: Vec<&str> = text.lines().collect();
    let first = lines.iter().position(like)?;
    let n_like = lines.iter().skip(first).take_while(|other| like(other)).count();
    let n_before = lines.iter().skip(first).take(n_like).take_while(|other| **other < line).count();
    lines.insert(first + n_before, line);
    Some(lines.join("\n") + "\n")
}

/// The list of policies that only Azure has, without one of them.
fn without_entry(list: &str, name: &str) -> String {
    let Some(at) = list.find(&format!("\"{name}\",")) else { return list.to_owned() };
    let (before, rest) = list.split_at_checked(at).unwrap_or((list, ""));
    let (Some((before, _)), Some((_, after))) = (before.rsplit_once('('), rest.split_once("),\n"))
    else {
        return list.to_owned();
    };
    format!("{}{after}", before.trim_end_matches(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scaffold_declares_its_name() {
        let text = policy("set-thing");
        assert!(text.contains("name: \"set-thing\",\n    sections:"), "{text}");
        assert!(text.contains("struct SetThing;"), "{text}");
        assert!(!text.contains("{name}") && !text.contains("{type}"), "{text}");
    }

    #[test]
    fn lines_go_to_their_place() {
        let check = |line: &str, expected: &str| {
            let begin = if line.contains("::") { "    " } else { "mod " };
            let text = "//! Doc.\n\nmod a;\nmod c;\n\nx![\n    a::POLICY,\n    c::POLICY,\n];\n";
            assert_eq!(with_line(text, begin, line).unwrap(), expected);
        };
        let tail = "x![\n    a::POLICY,\n    c::POLICY,\n];\n";
        check("mod b;", &format!("//! Doc.\n\nmod a;\nmod b;\nmod c;\n\n{tail}"));
        check("mod d;", &format!("//! Doc.\n\nmod a;\nmod c;\nmod d;\n\n{tail}"));
        let head = "//! Doc.\n\nmod a;\nmod c;\n\nx![\n";
        check(
            "    b::POLICY,",
            &format!("{head}    a::POLICY,\n    b::POLICY,\n    c::POLICY,\n];\n"),
        );
    }

    #[test]
    fn what_is_supported_is_no_longer_listed() {
        let list = "&[\n    (\"a\", \"x\"),\n    (\n        \"b\",\n        \"y\",\n    ),\n    (\"c\", \"z\"),\n];\n";
        assert_eq!(without_entry(list, "c"), list.replace("    (\"c\", \"z\"),\n", ""));
        assert_eq!(without_entry(list, "b"), "&[\n    (\"a\", \"x\"),\n    (\"c\", \"z\"),\n];\n");
        assert_eq!(without_entry(list, "d"), list);
    }
}
