//! `tollgate.toml` as values with places.

use std::net::SocketAddr;
use std::time::Duration;

use tollgate_diagnostics::{Code, Diagnostic, FileId, Span, closest};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::{Datetime, Offset};

use super::keys::{KeyDef, KeyType, keys};

/// Longer durations are mistakes.
const LONGEST: Duration = Duration::from_hours(24 * 366);

/// A table of the file.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    file: FileId,
    keys: &'a DeTable<'a>,
    span: Span,
}

/// A value of the file.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    file: FileId,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub(super) fn root(file: FileId, table: &'a Spanned<DeTable<'a>>) -> Self {
        Self { file, keys: table.get_ref(), span: file.span(table.span()) }
    }

    /// The place of the table.
    pub(super) fn span(self) -> Span {
        self.span
    }

    /// A value.
    pub(super) fn get(self, key: &str) -> Option<Item<'a>> {
        self.keys.get(key).map(|value| Item { file: self.file, value })
    }

    /// A table inside.
    pub(super) fn table(self, key: &str) -> Option<Table<'a>> {
        self.get(key).and_then(Item::table)
    }

    /// All keys, each with its place and value, in the order written.
    pub(super) fn entries(self) -> Vec<(&'a str, Span, Item<'a>)> {
        let mut entries: Vec<_> = self
            .keys
            .iter()
            .map(|(key, value)| {
                (&**key.get_ref(), self.file.span(key.span()), Item { file: self.file, value })
            })
            .collect();
        entries.sort_by_key(|(_, span, _)| span.start);
        entries
    }
}

impl<'a> Item<'a> {
    /// The place of the value.
    pub(super) fn span(self) -> Span {
        self.file.span(self.value.span())
    }

    /// As a table.
    pub(super) fn table(self) -> Option<Table<'a>> {
        let table = self.value.get_ref().as_table()?;
        Some(Table { file: self.file, keys: table, span: self.span() })
    }

    /// As text.
    pub(super) fn text(self) -> Option<&'a str> {
        self.value.get_ref().as_str()
    }

    /// As a flag.
    pub(super) fn flag(self) -> Option<bool> {
        self.value.get_ref().as_bool()
    }

    /// As a whole number that is not negative.
    pub(super) fn count(self) -> Option<u64> {
        let integer = self.value.get_ref().as_integer()?;
        u64::from_str_radix(integer.as_str(), integer.radix()).ok()
    }

    /// As bytes.
    pub(super) fn size(self) -> Option<u64> {
        self.count().or_else(|| parse_size(self.text()?))
    }

    /// As a duration; `None` inside for `unlimited`.
    #[expect(clippy::option_option, reason = "the outer option is whether it is a duration at all")]
    pub(super) fn duration(self) -> Option<Option<Duration>> {
        match self.count() {
            Some(seconds) => Some(Some(Duration::from_secs(seconds))),
            None => parse_duration(self.text()?),
        }
    }

    /// A part of a whole: a number from 0 to 1.
    pub(super) fn ratio(self) -> Option<f64> {
        let value = self.value.get_ref();
        let text = match (value.as_float(), value.as_integer()) {
            (Some(float), _) => float.as_str(),
            (None, Some(integer)) => integer.as_str(),
            (None, None) => value.as_str()?.trim(),
        };
        text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio))
    }

    /// A date, with or without a time, in ticks (100 ns since 0001-01-01), UTC.
    pub(super) fn ticks(self) -> Option<i64> {
        let value = self.value.get_ref();
        let parsed = match value.as_datetime() {
            Some(datetime) => *datetime,
            None => self.text()?.parse().ok()?,
        };
        ticks(parsed)
    }

    /// As a list.
    pub(super) fn items(self) -> Option<Vec<Item<'a>>> {
        let array = self.value.get_ref().as_array()?;
        Some(array.iter().map(|value| Item { file: self.file, value }).collect())
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let factor = match unit.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[expect(clippy::option_option, reason = "the outer option is whether it is a duration at all")]
fn parse_duration(text: &str) -> Option<Option<Duration>> {
    let text = text.trim();
    if text == "unlimited" {
        return Some(None);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let seconds = |factor: u64| number.checked_mul(factor).map(Duration::from_secs);
    match unit.trim() {
        "ms" => Some(Some(Duration::from_millis(number))),
        "s" => seconds(1).map(Some),
        "m" => seconds(60).map(Some),
        "h" => seconds(3600).map(Some),
        "d" => seconds(86_400).map(Some),
        _ => None,
    }
}

fn ticks(moment: Datetime) -> Option<i64> {
    let date = moment.date?;
    let (mut year, month) = (i64::from(date.year), i64::from(date.month));
    // Years that begin in March put the leap day at their end, and months have 30.6 days.
    year -= i64::from(month <= 2);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(date.day) - 1;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 306;
    let mut seconds = days * 86_400;
    let mut ticks = 0;
    if let Some(time) = moment.time {
        seconds += i64::from(time.hour) * 3600 + i64::from(time.minute) * 60;
        seconds += i64::from(time.second.unwrap_or(0));
        ticks = i64::from(time.nanosecond.unwrap_or(0) / 100);
    }
    if let Some(Offset::Custom { minutes }) = moment.offset {
        seconds -= i64::from(minutes) * 60;
    }
    Some(seconds * 10_000_000 + ticks).filter(|ticks| *ticks >= 0)
}

/// Reports every key that does not exist and every value of the wrong type.
pub(super) fn check(table: Table<'_>, diagnostics: &mut Vec<Diagnostic>) {
    check_table(table, &mut Vec::new(), diagnostics);
}

fn check_table(table: Table<'_>, path: &mut Vec<String>, diagnostics: &mut Vec<Diagnostic>) {
    for (key, span, item) in table.entries() {
        path.push(key.to_owned());
        let exact = keys().find(|def| matches(def.path, path, true));
        if let Some(def) = exact {
            diagnostics.extend(mismatch(item, def, &path.join(".")));
        } else if keys().any(|def| matches(def.path, path, false)) {
            match item.table() {
                Some(table) => check_table(table, path, diagnostics),
                None => diagnostics.push(wrong(item, &path.join("."), "expected a table")),
            }
        } else {
            diagnostics.push(unknown_key(key, span, path));
        }
        path.pop();
    }
}

/// Whether a key's path begins with, or is, a path of the file.
pub(super) fn matches(def: &str, path: &[String], whole: bool) -> bool {
    let parts = def.split('.').count();
    if whole && parts != path.len() || !whole && parts <= path.len() {
        return false;
    }
    def.split('.').zip(path).all(|(part, name)| part == "*" || part == name)
}

fn unknown_key(key: &str, span: Span, path: &[String]) -> Diagnostic {
    let depth = path.len() - 1;
    let parent = path.get(..depth).unwrap_or_default();
    let siblings = keys()
        .filter(|def| depth == 0 || matches(def.path, parent, false))
        .filter_map(|def| def.path.split('.').nth(depth));
    let place = if parent.is_empty() {
        "at the top level".to_owned()
    } else {
        format!("in `{}`", parent.join("."))
    };
    Diagnostic::new(Code::CONFIG_UNKNOWN_KEY, format!("unknown key `{key}`"), span)
        .label(format!("no such key {place}"))
        .suggest(closest(key, siblings.filter(|name| *name != "*")))
}

fn wrong(item: Item<'_>, path: &str, expected: &str) -> Diagnostic {
    Diagnostic::new(Code::CONFIG_VALUE, format!("the value of `{path}` does not fit"), item.span())
        .label(expected)
}

fn mismatch(item: Item<'_>, def: &KeyDef, path: &str) -> Option<Diagnostic> {
    let ty = def.ty;
    // A variable without a value, which has been reported: all others were replaced by their values.
    if ty.may_be_variable() && item.table().is_some_and(|table| table.get("env").is_some()) {
        return None;
    }
    let (fits, expected) = match ty {
        KeyType::Text => (item.text().is_some(), "expected text".to_owned()),
        KeyType::Bool => (item.flag().is_some(), "expected `true` or `false`".to_owned()),
        KeyType::Count => {
            let fits = item.count().is_some_and(|count| i32::try_from(count).is_ok());
            (fits, format!("expected a whole number, 0 to {}", i32::MAX))
        }
        KeyType::Size => (item.size().is_some(), "expected bytes, such as `\"8 MiB\"`".to_owned()),
        KeyType::Duration => {
            let has_end = |duration: Option<Duration>| {
                duration.map_or(def.default == "unlimited", |duration| duration <= LONGEST)
            };
            let expected = "expected a duration of at most 366 days, such as `\"15s\"`";
            (item.duration().is_some_and(has_end), expected.to_owned())
        }
        KeyType::Ratio => {
            (item.ratio().is_some(), "expected a number from 0 to 1, such as `0.05`".to_owned())
        }
        KeyType::Date => {
            let expected = "expected a date, such as `2026-11-21` or `2026-11-21T08:00:00Z`";
            (item.ticks().is_some(), expected.to_owned())
        }
        KeyType::Address => {
            let fits = item.text().is_some_and(|text| text.parse::<SocketAddr>().is_ok());
            (fits, "expected an address and port, such as `\"127.0.0.1:8080\"`".to_owned())
        }
        KeyType::Url => {
            let fits = item.text().is_some_and(|text| super::parse_url(text).is_some());
            (fits, "expected an `https://` or `http://` URL".to_owned())
        }
        KeyType::Word(words) => (
            item.text().is_some_and(|text| words.contains(&text)),
            format!("expected one of {}", ty.describe()),
        ),
        KeyType::List => {
            let fits =
                item.items().is_some_and(|items| items.iter().all(|item| item.text().is_some()));
            (fits, "expected a list of text".to_owned())
        }
        KeyType::Secret => return secret_mismatch(item, path, Sourced::Only),
        KeyType::NamedValue => return secret_mismatch(item, path, Sourced::OrVault),
        KeyType::ServerUrl => return secret_mismatch(item, path, Sourced::OrPlain),
        KeyType::Secrets => match item.items() {
            Some(items) => {
                return items
                    .into_iter()
                    .find_map(|item| secret_mismatch(item, path, Sourced::Only));
            }
            None => (false, "expected a list of secrets".to_owned()),
        },
        KeyType::SecretTable => match item.table() {
            Some(table) => {
                return table
                    .entries()
                    .into_iter()
                    .find_map(|(_, _, item)| secret_mismatch(item, path, Sourced::OrPlain));
            }
            None => (false, "expected a table of secrets".to_owned()),
        },
    };
    let suggestion = match ty {
        KeyType::Word(words) => item.text().and_then(|text| closest(text, words.iter().copied())),
        _ => None,
    };
    (!fits).then(|| wrong(item, path, &expected).suggest(suggestion))
}

/// The places of values that stand in the file itself where a secret belongs.
pub(super) fn secret_spans(table: Table<'_>, spans: &mut Vec<Span>) {
    for (key, _, item) in table.entries() {
        if let Some(table) = item.table() {
            secret_spans(table, spans);
        }
        // Whatever is written as `value = …`, and bare text in a list of keys or a table of headers, may be a secret.
        if key == "value" {
            spans.push(item.span());
        }
        if matches!(key, "headers" | "query") {
            let texts = item.table().map(Table::entries).unwrap_or_default();
            spans.extend(
                texts
                    .into_iter()
                    .filter(|(_, _, item)| item.text().is_some())
                    .map(|(_, _, item)| item.span()),
            );
        }
        if key == "keys" {
            spans.extend(
                item.items()
                    .into_iter()
                    .flatten()
                    .filter(|item| item.text().is_some())
                    .map(Item::span),
            );
        }
        // A URL is no place for a password, but some put one there.
        let has_user = item.text().is_some_and(|text| text.contains("://") && text.contains('@'));
        if has_user || matches!(key, "parameter" | "pem" | "key") && item.text().is_some() {
            spans.push(item.span());
        }
    }
}

const SECRET_KEYS: [&str; 6] = ["env", "default", "file", "value", "secret", "development"];

/// What a named value may be besides.
const NAMED_VALUE_KEYS: [&str; 8] =
    ["env", "default", "file", "value", "secret", "development", "key-vault", "client-id"];

/// Where secrets come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sourced {
    /// The environment or a file.
    Only,
    /// Those, or plain text.
    OrPlain,
    /// Those, plain text or Key Vault.
    OrVault,
}

fn secret_mismatch(item: Item<'_>, path: &str, sourced: Sourced) -> Option<Diagnostic> {
    let plain = sourced != Sourced::Only;
    let Some(table) = item.table() else {
        if plain && item.text().is_some() {
            return None;
        }
        let diagnostic =
            wrong(item, path, "expected `{ env = \"NAME\" }` or `{ file = \"path\" }`");
        return Some(if item.text().is_some() {
            diagnostic.help("a secret in the file itself must be marked: `{ value = \"…\", development = true }`")
        } else {
            diagnostic
        });
    };
    let (keys, sources): (&[&str], &[&str]) = match sourced {
        Sourced::OrVault => (&NAMED_VALUE_KEYS, &["env", "file", "value", "key-vault"]),
        Sourced::Only | Sourced::OrPlain => (&SECRET_KEYS, &["env", "file", "value"]),
    };
    for (key, span, item) in table.entries() {
        if !keys.contains(&key) {
            return Some(
                Diagnostic::new(Code::CONFIG_UNKNOWN_KEY, format!("unknown key `{key}`"), span)
                    .label(format!("no such key in `{path}`"))
                    .suggest(closest(key, keys.iter().copied())),
            );
        }
        let fits = match key {
            "secret" | "development" => item.flag().is_some(),
            _ => item.text().is_some(),
        };
        if !fits {
            return Some(wrong(item, path, "wrong type"));
        }
    }
    let has = |key: &str| table.get(key).is_some();
    if sources.iter().filter(|key| has(key)).count() != 1 {
        let names: Vec<String> = sources.iter().map(|key| format!("`{key}`")).collect();
        let (last, others) = names.split_last()?;
        let expected = format!("expected exactly one of {} and {last}", others.join(", "));
        return Some(wrong(item, path, &expected));
    }
    if has("default") && !has("env") {
        return Some(wrong(item, path, "`default` stands in for a missing `env` only"));
    }
    if has("client-id") && !has("key-vault") {
        return Some(wrong(item, path, "`client-id` says who reads `key-vault` only"));
    }
    let flag = |key| table.get(key).and_then(Item::flag).unwrap_or(false);
    if table.get("value").is_some() && !flag("development") && (!plain || flag("secret")) {
        return Some(
            wrong(item, path, "a secret stands in the file itself")
                .help("use `env` or `file`, or mark it with `development = true`"),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations() {
        assert_eq!(parse_size("8 MiB"), Some(8 << 20));
        assert_eq!(parse_size("12"), Some(12));
        assert_eq!(parse_size("8 MB"), None);
        assert_eq!(parse_duration("500ms"), Some(Some(Duration::from_millis(500))));
        assert_eq!(parse_duration("2h"), Some(Some(Duration::from_hours(2))));
        assert_eq!(parse_duration("unlimited"), Some(None));
        assert_eq!(parse_duration("soon"), None);
    }

    #[test]
    fn dates() {
        let of = |text: &str| ticks(text.parse().unwrap());
        assert_eq!(of("0001-01-01"), Some(0));
        assert_eq!(of("1970-01-01T00:00:00Z"), Some(621_355_968_000_000_000));
        assert_eq!(of("2000-02-29"), Some(630_873_792_000_000_000));
        assert_eq!(of("2026-11-21T08:30:00.5+02:00"), of("2026-11-21 06:30:00.5"));
        assert_eq!(of("2026-11-21T06:30:00.5Z"), Some(639_308_394_005_000_000));
        assert_eq!((of("12:00:00"), of("0001-01-01T00:00:00+01:00")), (None, None));
    }
}
