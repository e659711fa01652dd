//! `[llm-logs]` and `[apis.*.llm-logs]`.

use regex::{Regex, RegexBuilder};
use tollgate_diagnostics::Code;

use super::toml_file::{Item, Table};
use super::{Reader, count, list, ratio, text};
use crate::llm_log::{LlmLogSettings, MAX_LOGGED};

/// Bytes of a compiled rule.
const MAX_RULE: usize = 1 << 20;

impl Reader<'_> {
    /// What is logged of the models' calls of an API, which says some of it and leaves the rest to what holds for all. `None`
    /// when nothing is.
    pub(super) fn llm_logs(
        &mut self,
        all: Option<Table<'_>>,
        own: Option<Table<'_>>,
        loggers: &[&str],
    ) -> Option<LlmLogSettings> {
        let of = |key: &str| [own, all].into_iter().flatten().find(|it| it.get(key).is_some());
        let is_all = |key: &str| text(of(key), key).is_some_and(|word| word == "all");
        let (requests, responses) = (is_all("requests"), is_all("responses"));
        let logger = of("logger").and_then(|table| table.get("logger"));
        if let Some((item, name)) = logger.and_then(|item| Some((item, item.text()?))) {
            self.reference("logger", name, item.span(), loggers);
        }
        let redact = self.rules(of("redact"));
        if !requests && !responses {
            return None;
        }
        let replacement = text(of("replacement"), "replacement");
        Some(LlmLogSettings {
            requests,
            responses,
            logger: logger.and_then(Item::text).map(str::to_owned),
            max_bytes: count(of("max-bytes"), "max-bytes", 32 << 10).min(MAX_LOGGED),
            sampling_ratio: ratio(of("sampling-ratio"), "sampling-ratio", 1.0),
            redact,
            replacement: replacement.unwrap_or_else(|| "[redacted]".to_owned()),
        })
    }

    fn rules(&mut self, table: Option<Table<'_>>) -> Vec<Regex> {
        let mut rules = Vec::new();
        for (rule, span) in list(table, "redact").unwrap_or_default() {
            if let Ok(rule) = RegexBuilder::new(&rule).size_limit(MAX_RULE).build() {
                rules.push(rule);
            } else {
                let message = format!("`{rule}` is no regular expression that can be used");
                let expected =
                    "expected the syntax of the `regex` crate: no look-around, no references back";
                self.report(Code::CONFIG_VALUE, message, span, expected);
            }
        }
        rules
    }
}
