//! `[redis]`.

use std::fmt;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tollgate_engine::Secret;
use url::Url;

use crate::fetch::Protection;

/// Where the server is, and how long to wait for it.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisSettings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) protection: Protection,
    pub(super) database: i64,
    /// The user to be; none is the server's default one.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret<String>>,
    /// How long connecting may take, TLS and authentication included.
    pub connect_timeout: Duration,
    /// How long a command may take.
    pub response_timeout: Duration,
    /// What all keys begin with.
    pub key_prefix: String,
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettings").field("server", &self.server()).finish_non_exhaustive()
    }
}

impl RedisSettings {
    /// The time-outs that hold unless the configuration says otherwise.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
    /// See [`RedisSettings::CONNECT_TIMEOUT`].
    pub const RESPONSE_TIMEOUT: Duration = Duration::from_millis(250);
    /// What keys begin with unless the configuration says otherwise.
    pub const KEY_PREFIX: &str = "tollgate:";

    /// From `redis[s]://[user[:password]@]host[:port][/database]`; the error does not repeat the text.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        let url = Url::parse(url.trim()).map_err(|_| "expected `redis://host:port`")?;
        let protection = match url.scheme() {
            "redis" | "valkey" => Protection::None,
            "rediss" | "valkeys" => Protection::Tls,
            _ => return Err("expected `redis://` or, with TLS, `rediss://`"),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("the host is missing")?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err("expected nothing after the number of the database");
        }
        let database = match url.path().trim_matches('/') {
            "" => 0,
            number => number.parse::<u16>().map_err(|_| "the database is not a number")?,
        };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Ok(Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(6379),
            protection,
            database: i64::from(database),
            username: Some(decoded(url.username())).filter(|name| !name.is_empty()),
            password: url.password().map(decoded).map(Secret::new),
            connect_timeout: Self::CONNECT_TIMEOUT,
            response_timeout: Self::RESPONSE_TIMEOUT,
            key_prefix: Self::KEY_PREFIX.to_owned(),
        })
    }

    /// `host:port`.
    pub(super) fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}
