//! `[egress]`, and other servers whose URL may hold a password.

use tollgate_diagnostics::Code;
use tollgate_engine::Secret;

use super::toml_file::{Item, Table};
use super::{EgressConfig, Reader, Shown, list, names};
use crate::fetch::EgressProxy;

impl Reader<'_> {
    /// `[egress]`.
    pub(super) fn egress(&mut self, table: Option<Table<'_>>) -> EgressConfig {
        let no_proxy = names(list(table, "no-proxy"));
        let proxy = table.and_then(|table| table.get("proxy"));
        EgressConfig {
            ca_file: self.path(table, "ca-file"),
            proxy: proxy.and_then(|item| self.egress_proxy(item, no_proxy)),
            allow_link_local: names(list(table, "allow-link-local")),
        }
    }

    fn egress_proxy(&mut self, item: Item<'_>, no_proxy: Vec<String>) -> Option<EgressProxy> {
        let url = self.server_url(item)?;
        match EgressProxy::new(url.expose(), no_proxy) {
            Ok(proxy) => {
                if let Some(password) = proxy.password() {
                    self.password_in_url("the egress proxy", item, &password, "");
                }
                Some(proxy)
            }
            Err(why) => {
                let message = "the value of `egress.proxy` does not fit".to_owned();
                self.report(Code::CONFIG_VALUE, message, item.span(), &why);
                None
            }
        }
    }

    /// The URL of a server, which may come from the environment or a file; an empty one is none.
    pub(super) fn server_url(&mut self, item: Item<'_>) -> Option<Secret<String>> {
        let shown = if item.table().is_none() { Shown::Freely } else { Shown::Never };
        self.secret(item, shown).filter(|url| !url.expose().is_empty())
    }

    /// Masks a password that a URL holds, and says that it must not stand in the file itself, if it does.
    pub(super) fn password_in_url(
        &mut self,
        whose: &str,
        item: Item<'_>,
        password: &Secret<String>,
        instead: &str,
    ) {
        self.mask(password);
        if item.table().is_none() {
            let message = format!("the URL of {whose} holds a password");
            let label = format!("use `{{ env = \"NAME\" }}` for the URL{instead}");
            self.report(Code::CONFIG_VALUE, message, item.span(), &label);
        }
    }
}
