//! Pools of backends.

use tollgate_diagnostics::{Code, Diagnostic, Span};

use super::toml_file::Table;
use super::{BackendConfig, Reader, count, flag, text};
use crate::MAX_MEMBERS;

/// More than this is no part of anything.
const MAX_WEIGHT: u32 = 1_000;

/// A pool of backends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolConfig {
    /// Identifier.
    pub id: String,
    /// Members, in the order written.
    pub members: Vec<PoolMember>,
    /// Name of the cookie that keeps a client with a member.
    pub session_cookie: Option<String>,
    /// Whether requests go where the state is that they are about.
    pub state_affinity: bool,
}

/// A member of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolMember {
    /// Backend by identifier.
    pub backend: String,
    /// 1 is the best.
    pub priority: u32,
    /// Its part of the requests among those of its priority.
    pub weight: u32,
}

impl Reader<'_> {
    pub(super) fn pools(
        &mut self,
        table: Option<Table<'_>>,
        backends: &[BackendConfig],
    ) -> Vec<PoolConfig> {
        let entries = table.map(Table::entries).unwrap_or_default();
        let ids: Vec<&str> = entries.iter().map(|(id, ..)| *id).collect();
        let mut all = Vec::new();
        for (id, span, item) in entries {
            if backends.iter().any(|backend| backend.id == id) {
                let message = format!("`{id}` is a backend and a pool");
                self.report(Code::CONFIG_CONFLICT, message, span, "a backend has this name");
            }
            all.extend(item.table().map(|table| self.pool(id, span, table, backends, &ids)));
        }
        all
    }

    fn pool(
        &mut self,
        id: &str,
        span: Span,
        table: Table<'_>,
        backends: &[BackendConfig],
        pools: &[&str],
    ) -> PoolConfig {
        let known: Vec<&str> = backends.iter().map(|backend| backend.id.as_str()).collect();
        let mut members = Vec::new();
        let mut places = Vec::new();
        for (name, place, item) in table.table("members").map(Table::entries).unwrap_or_default() {
            if pools.contains(&name) && !known.contains(&name) {
                let message = format!("pool `{id}` has a pool as a member");
                self.report(Code::CONFIG_VALUE, message, place, "only backends can be members");
                continue;
            }
            self.reference("backend", name, place, &known);
            members.push(self.member(name, item.table()));
            places.push(place);
        }
        if members.is_empty() {
            let message = format!("pool `{id}` has no members");
            self.report(Code::CONFIG_MISSING, message, span, "`members` is missing");
        }
        if !members.is_empty() && members.iter().all(|member| member.weight == 0) {
            let message = format!("no member of pool `{id}` has a weight");
            self.report(Code::CONFIG_VALUE, message, span, "nobody gets a request");
        }
        if let Some(place) = places.get(MAX_MEMBERS) {
            let message = format!("pool `{id}` has more than {MAX_MEMBERS} members");
            self.report(Code::CONFIG_VALUE, message, *place, "one too many");
        }
        self.check_spill_over(id, &members, &places, backends);
        let session = table.table("session-affinity");
        let session_cookie = text(session, "cookie");
        if let (Some(session), None) = (session, &session_cookie) {
            let message = format!("the session affinity of pool `{id}` needs a `cookie`");
            self.report(Code::CONFIG_MISSING, message, session.span(), "`cookie` is missing");
        }
        if let (Some(cookie), Some(item)) =
            (&session_cookie, session.and_then(|session| session.get("cookie")))
            && !is_cookie_name(cookie)
        {
            let message = format!("`{cookie}` is not the name of a cookie");
            self.report(Code::CONFIG_VALUE, message, item.span(), "not a token");
        }
        let state_affinity = flag(Some(table), "state-affinity", false);
        PoolConfig { id: id.to_owned(), members, session_cookie, state_affinity }
    }

    fn member(&mut self, name: &str, table: Option<Table<'_>>) -> PoolMember {
        let (priority, weight) = (count(table, "priority", 1), count(table, "weight", 1));
        if let Some(item) = table.and_then(|table| table.get("weight"))
            && weight > MAX_WEIGHT
        {
            let message = format!("the weight of member `{name}` does not fit");
            let label = "expected 0 to 1000";
            self.report(Code::CONFIG_VALUE, message, item.span(), label);
        }
        PoolMember { backend: name.to_owned(), priority, weight }
    }

    /// Says that members are never used, if they are not: those behind one that is never left alone.
    fn check_spill_over(
        &mut self,
        id: &str,
        members: &[PoolMember],
        places: &[Span],
        backends: &[BackendConfig],
    ) {
        let never_left = |member: &&PoolMember| {
            let known = backends.iter().find(|backend| backend.id == member.backend);
            member.weight > 0 && known.is_some_and(|backend| backend.breaker.is_empty())
        };
        let Some(last) = members.iter().filter(never_left).min_by_key(|member| member.priority)
        else {
            return;
        };
        for (member, place) in members.iter().zip(places) {
            if member.priority > last.priority {
                let message =
                    format!("member `{}` of pool `{id}` gets no requests", member.backend);
                let label = format!("`{}` goes before it", last.backend);
                let help = format!("a `circuit-breaker` of `{}` lets others in", last.backend);
                self.diagnostics.push(
                    Diagnostic::new(Code::SUSPICIOUS, message, *place).label(label).help(help),
                );
            }
        }
    }
}

/// RFC 6265 §4.1.1: a token.
fn is_cookie_name(name: &str) -> bool {
    http::HeaderName::from_bytes(name.as_bytes()).is_ok()
}
