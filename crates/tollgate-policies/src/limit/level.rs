//! Limits of a product, of APIs inside it and of their operations, each with a counter of its own for every subscription.

use smallvec::SmallVec;
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::ports::CounterKey;
use tollgate_engine::read::Element;
use tollgate_engine::{AttributeDef, CompileCx, RouteInfo, Scope};

pub(crate) const NAME: AttributeDef = AttributeDef {
    name: "name",
    doc: "Display name of what the limit is for, in which the case of ASCII letters does not matter; looked at only without `id`.",
    ..AttributeDef::DEFAULT
};
pub(crate) const ID: AttributeDef = AttributeDef {
    name: "id",
    doc: "Identifier of what the limit is for, in which the case of ASCII letters does not matter.",
    ..AttributeDef::DEFAULT
};

/// A limit for one API or operation.
#[derive(Debug)]
pub(crate) struct Level<T> {
    id: Option<String>,
    name: Option<String>,
    limits: T,
    /// For an API.
    operations: Vec<Level<T>>,
}

/// Reads the limits of an element, given those of the element around it.
pub(crate) type Read<T> = fn(&Element, &mut CompileCx<'_>, Option<&T>) -> Option<T>;

/// The limits of an element's `api` children and theirs; `None` when one is wrong, which has been reported.
pub(crate) fn levels<T>(
    element: &Element,
    cx: &mut CompileCx<'_>,
    outer: Option<&T>,
    read: Read<T>,
) -> Option<Vec<Level<T>>> {
    let mut all = Some(Vec::new());
    for child in element.elements() {
        let level = level(child, cx, outer, read);
        all = all.zip(level).map(|(mut all, level)| {
            all.push(level);
            all
        });
    }
    all
}

fn level<T>(
    element: &Element,
    cx: &mut CompileCx<'_>,
    outer: Option<&T>,
    read: Read<T>,
) -> Option<Level<T>> {
    let text = |name| {
        let written = element.attribute(name).map(|attribute| attribute.value.as_str().to_owned());
        written.filter(|text| !text.trim().is_empty())
    };
    let (id, name) = (text(ID.name), text(NAME.name));
    let limits = read(element, cx, outer);
    let operations = levels(element, cx, limits.as_ref(), read);
    if id.is_none() && name.is_none() {
        let message = format!("`{}` needs the attribute `id` or `name`", element.name);
        cx.report(
            Diagnostic::new(Code::MISSING_ATTRIBUTE, message, element.name_span)
                .label("which one is it for?"),
        );
        return None;
    }
    Some(Level { id, name, limits: limits?, operations: operations? })
}

impl<T> Level<T> {
    /// Azure's names of resources compare without regard to case; a limit that is lost over a capital letter would let
    /// everything through.
    fn is_for(&self, id: &str, name: &str) -> bool {
        match (&self.id, &self.name) {
            (Some(own), _) => own.eq_ignore_ascii_case(id),
            (None, Some(own)) => own.eq_ignore_ascii_case(name),
            (None, None) => false,
        }
    }
}

/// The limits that hold for a request, each with the key of its counter: the policy's own, then those of the request's API
/// and operation.
pub(crate) fn holding<'a, T>(
    policy: &'a str,
    scope: Scope,
    subscription: &'a str,
    (own, apis): (&'a T, &'a [Level<T>]),
    info: &'a RouteInfo,
) -> SmallVec<[(&'a T, CounterKey); 3]> {
    let mut parts: SmallVec<[&str; 12]> =
        SmallVec::from_slice(&[policy, subscription, scope.name()]);
    let (api, operation) = (info.api.as_deref(), info.operation.as_deref());
    match scope {
        Scope::Product => parts.extend(info.product.as_ref().map(|product| product.id.as_str())),
        Scope::Api => parts.extend(api.map(|api| api.id.as_str())),
        Scope::Operation => {
            parts.extend(api.map(|api| api.id.as_str()));
            parts.extend(operation.map(|operation| operation.id.as_str()));
        }
        Scope::Global | Scope::Workspace => {}
    }
    let mut all = SmallVec::new();
    all.push((own, CounterKey::new(&parts)));
    let Some(api) = api else { return all };
    for level in apis.iter().filter(|level| level.is_for(&api.id, &api.name)) {
        let outer = parts.len();
        parts.extend(["api", &api.id]);
        all.push((&level.limits, CounterKey::new(&parts)));
        let Some(operation) = operation else { continue };
        let is_for = |level: &&Level<T>| level.is_for(&operation.id, &operation.name);
        for inner in level.operations.iter().filter(is_for) {
            let api_parts = parts.len();
            parts.extend(["operation", &operation.id]);
            all.push((&inner.limits, CounterKey::new(&parts)));
            parts.truncate(api_parts);
        }
        parts.truncate(outer);
    }
    all
}
