//! What gateways share: the Redis server, and the counters in it.

use tollgate_diagnostics::Code;
use tollgate_engine::TokenLimits;
use tollgate_engine::ports::Scores;

use super::toml_file::Table;
use super::{Reader, Shown, count, duration, text};
use crate::counters::{CounterSettings, WhenUnavailable};
use crate::redis::RedisSettings;
use crate::semantic_cache::SemanticCacheConfig;

impl Reader<'_> {
    /// `[redis]`.
    pub(super) fn redis(&mut self, table: Option<Table<'_>>) -> Option<RedisSettings> {
        let Some(item) = table?.get("url") else {
            let message = "`[redis]` needs a `url`".to_owned();
            self.report(Code::CONFIG_MISSING, message, table?.span(), "`url` is missing");
            return None;
        };
        let url = self.server_url(item)?;
        let mut settings = match RedisSettings::parse(url.expose()) {
            Ok(settings) => settings,
            Err(why) => {
                let message = "the value of `redis.url` does not fit".to_owned();
                self.report(Code::CONFIG_VALUE, message, item.span(), why);
                return None;
            }
        };
        if let Some(password) = settings.password.clone() {
            self.password_in_url("the Redis server", item, &password, ", or `redis.password`");
        }
        let password = table?.get("password").and_then(|item| self.secret(item, Shown::Never));
        settings.password = password.or(settings.password);
        settings.username = text(table, "username").or(settings.username);
        settings.connect_timeout = duration(table, "connect-timeout", settings.connect_timeout);
        settings.response_timeout = duration(table, "response-timeout", settings.response_timeout);
        settings.key_prefix = text(table, "key-prefix").unwrap_or(settings.key_prefix);
        Some(settings)
    }
}

/// `[token-limits]`.
pub(super) fn token_limits(table: Option<Table<'_>>) -> TokenLimits {
    match text(table, "mode").as_deref() {
        Some("strict") => TokenLimits::Strict { completion: count(table, "completion", 4096) },
        _ => TokenLimits::Standard,
    }
}

/// `[semantic-cache]`.
pub(super) fn semantic_cache(table: Option<Table<'_>>) -> SemanticCacheConfig {
    let default = SemanticCacheConfig::default();
    SemanticCacheConfig {
        size: count(table, "size", default.size),
        entries: count(table, "entries", default.entries),
        scores: match text(table, "scores").as_deref() {
            Some("similarity") => Scores::Similarity,
            _ => Scores::Distance,
        },
        timeout: duration(table, "timeout", default.timeout),
    }
}

/// `[counters]`, and how many there may be.
pub(super) fn counters(table: Option<Table<'_>>, limits: Option<Table<'_>>) -> CounterSettings {
    let default = CounterSettings::default();
    CounterSettings {
        when_unavailable: match text(table, "when-unavailable").as_deref() {
            Some("fail-open") => WhenUnavailable::FailOpen,
            Some("fail-closed") => WhenUnavailable::FailClosed,
            _ => WhenUnavailable::Local,
        },
        most: count(limits, "counters", default.most),
    }
}
