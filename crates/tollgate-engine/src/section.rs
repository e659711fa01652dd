//! Sections and scopes of policy documents.

use std::fmt;

/// A section of a policy document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    /// On the request, before it is forwarded.
    Inbound,
    /// Around forwarding.
    Backend,
    /// On the response.
    Outbound,
    /// When something failed.
    OnError,
}

impl Section {
    /// All four, in the order they run.
    pub const ALL: [Section; 4] =
        [Section::Inbound, Section::Backend, Section::Outbound, Section::OnError];

    /// The element's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Backend => "backend",
            Self::Outbound => "outbound",
            Self::OnError => "on-error",
        }
    }

    /// The section of an element's name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.name() == name)
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a policy document applies to, from wide to narrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Every request.
    Global,
    /// The APIs of a workspace.
    Workspace,
    /// Requests made with a subscription of a product.
    Product,
    /// One API.
    Api,
    /// One operation.
    Operation,
}

impl Scope {
    /// All scopes, wide to narrow.
    pub const ALL: [Scope; 5] =
        [Scope::Global, Scope::Workspace, Scope::Product, Scope::Api, Scope::Operation];

    /// As `context.LastError.Scope` prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Workspace => "workspace",
            Self::Product => "product",
            Self::Api => "api",
            Self::Operation => "operation",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
