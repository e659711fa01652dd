//! Where the state of AI services lives: what the Responses and Assistants APIs keep (responses, conversations, threads, files, …)
//! is known only to the member of a pool that made it.
//!
//! What a member answers is looked through for identifiers of such state, and a request that names one, in its path or in its JSON,
//! goes to that member. Identifiers are told by their prefixes, wherever they stand, so that no shape of a message needs to be known;
//! to name one that is not one's own leads to a backend and gives no right there.
//!
//! Memory is bounded: the identifiers that were not used for longest are forgotten. What is not known is no state, and any member
//! will do. Homes belong to a process and stay over reloads; where a Redis server is configured, gateways tell each other by it, and
//! a request waits for the server only when it names what this process does not know.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Method};
use moka::sync::Cache;
use tollgate_engine::ports::{BodyEnd, BodyFilter, Passed};
use tollgate_engine::{BoxFuture, Request, Response};

use crate::redis::Redis;

/// Identifiers that are remembered; each takes about 200 bytes.
const MAX_HOMES: u64 = 200_000;

/// Azure OpenAI keeps responses for 30 days.
const LIFETIME: Duration = Duration::from_hours(24 * 30);

/// How much of a response is looked through: what it is called stands at its beginning.
const MAX_LOOKED: usize = 64 << 10;

/// How many identifiers of a response are remembered.
const MAX_FOUND: usize = 16;

/// How many identifiers of a request are looked up.
const MAX_ASKED: usize = 64;

/// Longer text is no identifier.
const MAX_ID: usize = 128;

/// What stands behind the prefix of an identifier is at least this long; of keys such as `thread_id` it is not.
const SHORTEST_TAIL: usize = 12;

/// How identifiers of state begin: of responses, conversations, threads, assistants, vector stores, files and batches.
const PREFIXES: [&str; 8] =
    ["resp_", "conv_", "thread_", "asst_", "vs_", "file-", "assistant-", "batch_"];

/// Segments of the paths that are about state.
const STATEFUL: [&str; 7] =
    ["responses", "conversations", "threads", "assistants", "vector_stores", "files", "batches"];

/// How many identifiers of a request the server is asked for.
const MAX_ASKED_OF_SERVER: usize = 8;

/// Names an identifier of a pool.
type Key = [u8; 16];

/// Which members of pools hold what.
pub(crate) struct StateHomes {
    homes: Cache<Key, Arc<str>>,
    redis: Option<Arc<Redis>>,
}

impl fmt::Debug for StateHomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateHomes").finish_non_exhaustive()
    }
}

impl Default for StateHomes {
    fn default() -> Self {
        let homes = Cache::builder().max_capacity(MAX_HOMES).time_to_live(LIFETIME).build();
        Self { homes, redis: None }
    }
}

/// Whether a path is about state.
pub(crate) fn is_stateful(path: &str) -> bool {
    path.split('/').any(|segment| STATEFUL.contains(&segment))
}

/// Whether the body of a request may name state.
pub(crate) fn may_name_state(request: &Request) -> bool {
    request.method == Method::POST && is_json(&request.headers) && is_stateful(&request.uri.path)
}

impl StateHomes {
    /// None known yet. Gateways that share this server share them, while it is configured.
    pub(crate) fn shared(redis: Arc<Redis>) -> Self {
        Self { redis: Some(redis), ..Self::default() }
    }

    /// The member of a pool that holds what a request is about: what its path names, or else its body, as far as it is at hand.
    pub(crate) async fn home(&self, pool: &str, request: &Request) -> Option<Arc<str>> {
        if !is_stateful(&request.uri.path) {
            return None;
        }
        let mut unknown = Vec::new();
        let mut home = None;
        let mut look = |id: &str| {
            let key = key(pool, id);
            home = self.homes.get(&key);
            unknown.push(key);
            home.is_none() && unknown.len() < MAX_ASKED
        };
        let mut ids = request.uri.path.split('/').filter(|segment| is_id(segment.as_bytes()));
        if ids.all(&mut look)
            && let Some(body) = request.body.bytes().filter(|_| may_name_state(request))
        {
            Strings::default().read(body, look);
        }
        match (home, self.server()) {
            (None, Some(redis)) if !unknown.is_empty() => self.ask(redis, &unknown).await,
            (home, _) => home,
        }
    }

    /// Asks the server for what is not known here. A server that is away knows nothing.
    async fn ask(&self, redis: &Redis, keys: &[Key]) -> Option<Arc<str>> {
        let keys = keys.get(..MAX_ASKED_OF_SERVER).unwrap_or(keys);
        let mut command = redis::cmd("MGET");
        for key in keys {
            command.arg(name(redis, key));
        }
        let found: Vec<Option<String>> = redis.query(&command).await.ok()?;
        let (key, home) = keys.iter().zip(found).find_map(|(key, home)| Some((key, home?)))?;
        let home = Arc::<str>::from(home);
        self.homes.insert(*key, Arc::clone(&home));
        Some(home)
    }

    /// Remembers a piece of state, and tells the others in a task of its own.
    fn remember(&self, pool: &str, id: &str, member: &Arc<str>) {
        let key = key(pool, id);
        self.homes.insert(key, Arc::clone(member));
        let Some(redis) = self.server() else { return };
        let (redis, member) = (Arc::clone(redis), Arc::clone(member));
        // Without a runtime the process is ending.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let mut command = redis::cmd("SET");
                let lifetime = u64::try_from(LIFETIME.as_millis()).unwrap_or(u64::MAX);
                command.arg(name(&redis, &key)).arg(&*member).arg("PX").arg(lifetime);
                // What went wrong has been counted and logged by the connection.
                redis.query::<redis::Value>(&command).await.ok();
            });
        }
    }

    fn server(&self) -> Option<&Arc<Redis>> {
        self.redis.as_ref().filter(|redis| redis.is_configured())
    }
}

/// What a key is called on the server.
fn name(redis: &Redis, key: &Key) -> String {
    redis.key(&format!("state:{:032x}", u128::from_be_bytes(*key)))
}

fn key(pool: &str, id: &str) -> Key {
    let hash = digest(&SHA256, format!("{pool}\0{id}").as_bytes());
    let mut key = [0; 16];
    key.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    key
}

/// Looks through a response of a member.
pub(crate) struct StateWatch {
    homes: Arc<StateHomes>,
    pool: Arc<str>,
    member: Arc<str>,
    strings: Strings,
    left: usize,
    /// How many identifiers may still be remembered.
    finds: usize,
}

impl StateWatch {
    /// Looks through what `member` answers for `pool`.
    pub(crate) fn new(homes: Arc<StateHomes>, pool: Arc<str>, member: Arc<str>) -> Self {
        let strings = Strings::default();
        Self { homes, pool, member, strings, left: MAX_LOOKED, finds: MAX_FOUND }
    }

    /// Whether there can be anything in a response.
    pub(crate) fn fits(response: &Response) -> bool {
        let is_plain = !response.headers.contains_key(CONTENT_ENCODING);
        response.status.is_success() && is_plain && is_json(&response.headers)
    }

    fn look(&mut self, piece: &[u8]) {
        let Self { homes, pool, member, strings, left, finds } = self;
        if *finds == 0 {
            return;
        }
        let looked = piece.get(..*left).unwrap_or(piece);
        *left -= looked.len();
        strings.read(looked, |id| {
            homes.remember(pool, id, member);
            *finds -= 1;
            *finds > 0
        });
    }
}

impl BodyFilter for StateWatch {
    fn piece(&mut self, piece: Bytes) -> Passed {
        self.look(&piece);
        Passed::On(piece)
    }

    fn keeps_length(&self) -> bool {
        true
    }

    fn end(self: Box<Self>, _how: BodyEnd) -> Option<BoxFuture<'static, ()>> {
        None
    }
}

/// JSON, or events whose data is.
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let essence = content_type.and_then(|it| it.split(';').next()).unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
        || essence.eq_ignore_ascii_case("text/event-stream")
}

fn is_id(text: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    let tail = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix.as_bytes()));
    text.len() <= MAX_ID
        && tail.is_some_and(|it| it.len() >= SHORTEST_TAIL)
        && text.iter().all(fits)
}

/// Finds the strings of JSON that are identifiers. The text may come in pieces.
#[derive(Debug, Default)]
struct Strings {
    /// The string so far, up to one byte more than an identifier has; a backslash stands for every escape.
    text: Vec<u8>,
    inside: bool,
    escaped: bool,
}

impl Strings {
    /// Reads on; `found` says whether to continue.
    fn read(&mut self, bytes: &[u8], mut found: impl FnMut(&str) -> bool) {
        for byte in bytes {
            if !self.inside {
                self.inside = *byte == b'"';
                self.text.clear();
            } else if *byte == b'"' && !self.escaped {
                self.inside = false;
                let id = std::str::from_utf8(&self.text).ok().filter(|it| is_id(it.as_bytes()));
                if id.is_some_and(|id| !found(id)) {
                    return;
                }
            } else {
                self.escaped = *byte == b'\\' && !self.escaped;
                if self.text.len() <= MAX_ID {
                    self.text.push(*byte);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(pieces: &[&str]) -> Vec<String> {
        let mut strings = Strings::default();
        let mut all = Vec::new();
        for piece in pieces {
            strings.read(piece.as_bytes(), |id| {
                all.push(id.to_owned());
                true
            });
        }
        all
    }

    #[test]
    fn identifiers_are_whole_strings() {
        let (one, two) = ("resp_0123456789ab", "thread_aB-9_56789ab");
        let both = format!(r#"{{"id": "{one}", "thread_id":"{two}"}}"#);
        assert_eq!(ids(&[&both]), [one, two]);
        let events = format!("event: a\ndata: {{\"id\":\"{one}\"}}\n\ndata: [DONE]\n\n");
        assert_eq!(ids(&[&events]), [one]);
        let text = format!(
            r#"{{"a":"say \"{one}\"","b":"\\","c":"{two}","d":"{one} 3","e":"x{one}","f":"{one}\u0031"}}"#
        );
        // Every split of a text finds the same.
        for at in 0..text.len() {
            let (before, after) = text.split_at(at);
            assert_eq!(ids(&[before, after]), [two]);
        }
        assert_eq!(ids(&[&format!("\"resp_{}\"", "x".repeat(MAX_ID))]), [""; 0]);
        assert_eq!(ids(&[r#"{"thread_id":1,"batch_size":2,"resp_":3}"#]), [""; 0]);
    }

    #[test]
    fn a_response_is_looked_through_at_its_beginning() {
        let homes = Arc::new(StateHomes::default());
        let watch = || StateWatch::new(Arc::clone(&homes), "p".into(), "m".into());
        let known = |id: &str| homes.homes.get(&key("p", id)).is_some();
        let (one, two) = ("resp_0123456789ab", "resp_0123456789cd");
        watch().look(format!("{{\"id\":\"{one}\"").as_bytes());
        assert!(known(one) && homes.homes.get(&key("q", one)).is_none());
        let mut late = watch();
        late.look(&vec![b' '; MAX_LOOKED + 1]);
        late.look(format!("\"{two}\"").as_bytes());
        assert!(!known(two));
        let nth = |n: usize| format!("file-0123456789-{n}");
        let many = format!("\"{}\"", (0..=MAX_FOUND).map(nth).collect::<Vec<_>>().join("\" \""));
        watch().look(many.as_bytes());
        assert!(known(&nth(MAX_FOUND - 1)) && !known(&nth(MAX_FOUND)));
    }

    #[test]
    fn paths_about_state() {
        for path in ["/responses", "/openai/v1/responses/resp_1/cancel", "/threads/thread_1/runs"] {
            assert!(is_stateful(path), "{path}");
        }
        for path in ["/chat/completions", "/my-responses", ""] {
            assert!(!is_stateful(path), "{path}");
        }
    }
}
