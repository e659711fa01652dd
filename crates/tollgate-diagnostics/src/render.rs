//! Renderers: rustc-style text for people, JSON for machines.

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use crate::{Diagnostic, Severity, Sources};

/// Findings of one load that are shown one by one: nobody reads more, and each takes as long as its line is.
const MOST_SHOWN: usize = 500;

/// The findings that people are shown, in their order, and a line about the rest when there are too many: then errors come
/// first.
pub fn for_people(all: &[Diagnostic]) -> (Vec<&Diagnostic>, Option<String>) {
    let mut shown: Vec<&Diagnostic> = all.iter().collect();
    let n_more = shown.len().saturating_sub(MOST_SHOWN);
    if n_more == 0 {
        return (shown, None);
    }
    shown.sort_by_key(|found| !found.is_error());
    shown.truncate(MOST_SHOWN);
    (shown, Some(format!("and {n_more} more, which are not shown")))
}

/// Text in the style of rustc, without colour, ending without a line break.
pub fn human(diagnostic: &Diagnostic, sources: &Sources) -> String {
    with(&Renderer::plain(), diagnostic, sources)
}

/// As [`human`], with terminal colours.
pub fn coloured(diagnostic: &Diagnostic, sources: &Sources) -> String {
    with(&Renderer::styled(), diagnostic, sources)
}

fn with(renderer: &Renderer, diagnostic: &Diagnostic, sources: &Sources) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.as_str());
    let mut group = annotate_snippets::Group::with_title(title);
    let file = sources.get(diagnostic.primary.span.file);
    if let Some(file) = file.filter(|_| diagnostic.hides_source) {
        let at = file.position(diagnostic.primary.span.start as usize);
        group = group.element(Origin::path(file.name()).line(at.line).char_column(at.column));
    } else if let Some(file) = file {
        let clamp = |span: crate::Span| {
            let range = span.range();
            let end = range.end.min(file.text().len());
            range.start.min(end)..end
        };
        let mut snippet = Snippet::source(file.text()).path(file.name()).annotation(
            AnnotationKind::Primary
                .span(clamp(diagnostic.primary.span))
                .label(diagnostic.primary.text.as_str()),
        );
        let same_file = |label: &&crate::Label| label.span.file == diagnostic.primary.span.file;
        for label in diagnostic.secondary.iter().filter(same_file) {
            snippet = snippet.annotation(
                AnnotationKind::Context.span(clamp(label.span)).label(label.text.as_str()),
            );
        }
        group = group.element(snippet);
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}

/// One finding in the machine form of `tollgate check --format json`.
#[derive(Debug, serde::Serialize)]
struct Json<'a> {
    code: &'a str,
    severity: Severity,
    message: &'a str,
    help: Option<String>,
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

/// One JSON array of `{code, severity, message, help, file, line, column, end_line, end_column}`.
pub fn json<'a>(
    diagnostics: impl IntoIterator<Item = &'a Diagnostic>,
    sources: &Sources,
) -> String {
    let all: Vec<Json<'_>> = diagnostics
        .into_iter()
        .map(|diagnostic| {
            let span = diagnostic.primary.span;
            let file = sources.get(span.file);
            let origin = crate::Position { line: 1, column: 1 };
            let start = file.map_or(origin, |file| file.position(span.start as usize));
            let end = file.map_or(origin, |file| file.position(span.end as usize));
            Json {
                code: diagnostic.code.as_str(),
                severity: diagnostic.severity,
                message: &diagnostic.message,
                help: (!diagnostic.help.is_empty()).then(|| diagnostic.help.join("\n")),
                file: file.map_or("", |file| file.name()),
                line: start.line,
                column: start.column,
                end_line: end.line,
                end_column: end.column,
            }
        })
        .collect();
    serde_json::to_string_pretty(&all).unwrap_or_else(|_| "[]".to_owned())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::Code;

    #[test]
    fn text_and_json_point_at_the_place() {
        let mut sources = Sources::default();
        let file = sources.add("policies/orders.xml", "<a>\n    <rate-limit cals=\"10\" />\n</a>");
        let diagnostic =
            Diagnostic::new(Code::UNKNOWN_ATTRIBUTE, "unknown attribute `cals`", file.span(20..24))
                .label("not an attribute of `rate-limit`")
                .suggest(Some("calls"));
        expect![[r#"
            error[E0203]: unknown attribute `cals`
             --> policies/orders.xml:2:17
              |
            2 |     <rate-limit cals="10" />
              |                 ^^^^ not an attribute of `rate-limit`
              |
              = help: did you mean `calls`?"#]]
        .assert_eq(&human(&diagnostic, &sources));
        expect![[r#"
            [
              {
                "code": "E0203",
                "severity": "error",
                "message": "unknown attribute `cals`",
                "help": "did you mean `calls`?",
                "file": "policies/orders.xml",
                "line": 2,
                "column": 17,
                "end_line": 2,
                "end_column": 21
              }
            ]"#]]
        .assert_eq(&json([&diagnostic], &sources));
    }

    #[test]
    fn too_many_findings_are_counted_and_errors_come_first() {
        let mut sources = Sources::default();
        let file = sources.add("a.xml", "<a/>");
        let warning = Diagnostic::new(Code::SUSPICIOUS, "odd", file.span(0..1));
        let error = Diagnostic::new(Code::INVALID_VALUE, "wrong", file.span(1..2));
        let mut all = vec![warning; MOST_SHOWN];
        all.push(error);
        let (shown, rest) = for_people(&all);
        assert_eq!((shown.len(), shown[0].is_error(), shown[1].is_error()), (500, true, false));
        assert_eq!(rest.as_deref(), Some("and 1 more, which are not shown"));
        all.pop();
        let (shown, rest) = for_people(&all);
        assert_eq!((shown.len(), rest), (500, None));
    }

    #[test]
    fn hidden_text_is_not_shown() {
        let mut sources = Sources::default();
        let file = sources.add("a.xml", "<key>\n  canary</key>");
        let hidden =
            Diagnostic::new(Code::INVALID_VALUE, "invalid key", file.span(8..14)).hide_source();
        expect![[r#"
            error[E0205]: invalid key
            --> a.xml:2:3"#]]
        .assert_eq(&human(&hidden, &sources));
    }
}
