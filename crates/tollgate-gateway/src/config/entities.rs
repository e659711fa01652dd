//! Who calls, and by which right: groups, users, workspaces, products and subscriptions.

use std::collections::HashMap;

use tollgate_diagnostics::{Code, Diagnostic, Span};
use tollgate_engine::{Group, Secret, User, UserIdentity, Workspace};

use super::toml_file::{Item, Table};
use super::{Reader, Shown, count, flag, list, names, text};

/// Groups that every instance of API Management has.
const BUILT_IN_GROUPS: [(&str, &str); 3] =
    [("administrators", "Administrators"), ("developers", "Developers"), ("guests", "Guests")];

/// A product.
#[derive(Debug, Clone)]
pub struct ProductConfig {
    /// Identifier.
    pub id: String,
    /// Display name.
    pub name: String,
    /// APIs by identifier.
    pub apis: Vec<String>,
    /// Whether developers see it; the gateway serves it either way.
    pub published: bool,
    /// Whether its APIs need a key. Without need the product is open.
    pub subscription_required: bool,
    /// Whether subscriptions need approval.
    pub approval_required: bool,
    /// How many subscriptions a user may have.
    pub subscriptions_limit: Option<i32>,
    /// Groups that see it.
    pub groups: Vec<Group>,
    /// Where it was written.
    pub span: Span,
}

/// A subscription.
#[derive(Debug, Clone)]
pub struct SubscriptionConfig {
    /// Identifier.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Keys: the primary one, the secondary one, and more.
    pub keys: Vec<Secret<String>>,
    /// What it is for.
    pub scope: SubscriptionScope,
    /// Owner by identifier.
    pub user: Option<String>,
    /// Whether it grants access.
    pub active: bool,
    /// Ticks of its creation, UTC.
    pub created: i64,
    /// Ticks of its start.
    pub start: Option<i64>,
    /// Ticks of its end.
    pub end: Option<i64>,
    /// Where it was written.
    pub span: Span,
}

/// What a subscription is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionScope {
    /// Every API.
    All,
    /// These APIs.
    Apis(Vec<String>),
    /// The APIs of this product, in its context.
    Product(String),
}

/// Groups by identifier, the built-in ones included.
pub(super) fn groups(table: Option<Table<'_>>) -> Vec<Group> {
    let group = |id: &str, name: &str| Group { id: id.to_owned(), name: name.to_owned() };
    let mut all: Vec<Group> = Vec::new();
    for (id, _, item) in table.map(Table::entries).unwrap_or_default() {
        let name = text(item.table(), "name").unwrap_or_else(|| id.to_owned());
        all.push(group(id, &name));
    }
    for (id, name) in BUILT_IN_GROUPS {
        if !all.iter().any(|known| known.id == id) {
            all.push(group(id, name));
        }
    }
    all
}

impl Reader<'_> {
    /// The groups that a user or product names.
    fn groups_of(&mut self, table: Option<Table<'_>>, groups: &[Group]) -> Vec<Group> {
        let known: Vec<&str> = groups.iter().map(|group| group.id.as_str()).collect();
        let mut named = Vec::new();
        for (id, span) in list(table, "groups").unwrap_or_default() {
            self.reference("group", &id, span, &known);
            named.extend(groups.iter().find(|group| group.id == id).cloned());
        }
        named
    }

    pub(super) fn users(&mut self, table: Option<Table<'_>>, groups: &[Group]) -> Vec<User> {
        let mut all = Vec::new();
        for (id, _, item) in table.map(Table::entries).unwrap_or_default() {
            let table = item.table();
            let field = |key: &str| text(table, key).unwrap_or_default();
            let mut identities = Vec::new();
            let providers = table.and_then(|table| table.table("identities"));
            for (provider, _, ids) in providers.map(Table::entries).unwrap_or_default() {
                for id in ids.items().unwrap_or_default().into_iter().filter_map(Item::text) {
                    let (id, provider) = (id.to_owned(), provider.to_owned());
                    identities.push(UserIdentity { id, provider });
                }
            }
            all.push(User {
                id: id.to_owned(),
                email: field("email"),
                first_name: field("first-name"),
                last_name: field("last-name"),
                note: field("note"),
                groups: self.groups_of(table, groups),
                identities,
                registration_date: ticks(table, "registration-date").unwrap_or_default(),
            });
        }
        all
    }

    pub(super) fn workspaces(&mut self, table: Option<Table<'_>>) -> Vec<Workspace> {
        let mut all = Vec::new();
        for (id, span, item) in table.map(Table::entries).unwrap_or_default() {
            self.file_name("a workspace", id, span);
            let name = text(item.table(), "name").unwrap_or_else(|| id.to_owned());
            all.push(Workspace { id: id.to_owned(), name });
        }
        all
    }

    pub(super) fn products(
        &mut self,
        table: Option<Table<'_>>,
        apis: &[&str],
        groups: &[Group],
    ) -> Vec<ProductConfig> {
        let mut all = Vec::new();
        let mut open: HashMap<String, (String, Span)> = HashMap::new();
        for (id, span, item) in table.map(Table::entries).unwrap_or_default() {
            let table = item.table();
            self.file_name("a product", id, span);
            let listed = list(table, "apis").unwrap_or_default();
            for (api, span) in &listed {
                self.reference("API", api, *span, apis);
            }
            let subscription_required =
                text(table, "subscription").is_none_or(|word| word == "required");
            for (api, span) in listed.iter().filter(|_| !subscription_required) {
                if let Some((other, first)) = open.get(api) {
                    let message = format!("API `{api}` is in two open products");
                    self.diagnostics.push(
                        Diagnostic::new(Code::CONFIG_CONFLICT, message, *span)
                            .label("a request without a key could belong to either")
                            .also(*first, format!("also in product `{other}`")),
                    );
                }
                open.entry(api.clone()).or_insert_with(|| (id.to_owned(), *span));
            }
            let limit = table.and_then(|table| table.get("subscriptions-limit"));
            all.push(ProductConfig {
                id: id.to_owned(),
                name: text(table, "name").unwrap_or_else(|| id.to_owned()),
                apis: names(Some(listed)),
                published: text(table, "state").is_none_or(|state| state == "published"),
                subscription_required,
                approval_required: flag(table, "approval-required", false),
                subscriptions_limit: limit.map(|_| count(table, "subscriptions-limit", i32::MAX)),
                groups: self.groups_of(table, groups),
                span,
            });
        }
        all
    }

    pub(super) fn subscriptions(
        &mut self,
        table: Option<Table<'_>>,
        apis: &[&str],
        products: &[&str],
        users: &[&str],
    ) -> Vec<SubscriptionConfig> {
        let mut all = Vec::new();
        for (id, span, item) in table.map(Table::entries).unwrap_or_default() {
            let table = item.table();
            let keys =
                table.and_then(|table| table.get("keys")).and_then(Item::items).unwrap_or_default();
            let is_keyless = keys.is_empty();
            let keys: Vec<_> =
                keys.into_iter().filter_map(|item| self.secret(item, Shown::Never)).collect();
            if is_keyless {
                let message = format!("subscription `{id}` has no keys");
                self.report(Code::CONFIG_MISSING, message, span, "`keys` is missing or empty");
            }
            let user = table.and_then(|table| table.get("user"));
            if let Some((name, item)) = user.and_then(|item| Some((item.text()?, item))) {
                self.reference("user", name, item.span(), users);
            }
            all.push(SubscriptionConfig {
                id: id.to_owned(),
                name: text(table, "name").unwrap_or_else(|| id.to_owned()),
                keys,
                scope: self.subscription_scope(id, span, table, (apis, products)),
                user: text(table, "user"),
                active: text(table, "state").is_none_or(|state| state == "active"),
                created: ticks(table, "created-date").unwrap_or_default(),
                start: ticks(table, "start-date"),
                end: ticks(table, "end-date"),
                span,
            });
        }
        all
    }

    fn subscription_scope(
        &mut self,
        id: &str,
        span: Span,
        table: Option<Table<'_>>,
        (apis, products): (&[&str], &[&str]),
    ) -> SubscriptionScope {
        let for_all = flag(table, "all-apis", false);
        let listed = list(table, "apis");
        for (api, span) in listed.iter().flatten() {
            self.reference("API", api, *span, apis);
        }
        let product = table.and_then(|table| table.get("product"));
        let product = product.and_then(|item| Some((item.text()?, item.span())));
        if let Some((product, span)) = product {
            self.reference("product", product, span, products);
        }
        let n_scopes =
            [for_all, listed.is_some(), product.is_some()].into_iter().filter(|it| *it).count();
        if n_scopes != 1 {
            let message =
                format!("subscription `{id}` needs one of `product`, `apis` and `all-apis = true`");
            self.report(Code::CONFIG_MISSING, message, span, "what is it for?");
        }
        match product {
            Some((product, _)) => SubscriptionScope::Product(product.to_owned()),
            None if for_all => SubscriptionScope::All,
            None => SubscriptionScope::Apis(names(listed)),
        }
    }
}

/// A date as .NET ticks, UTC.
fn ticks(table: Option<Table<'_>>, key: &str) -> Option<i64> {
    table?.get(key)?.ticks()
}
