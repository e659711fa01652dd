//! Relative URIs: joined to a base, and made of two absolute ones.

use super::{Absolute, Fault, Shown, Uri};

/// `new Uri(base, relative)`.
pub(crate) fn combined(base: &Absolute, relative: &str) -> Result<Uri, Fault> {
    let relative = relative.trim();
    // Beside a base this names a host, not a file of a server.
    if !relative.starts_with("//") {
        match Uri::absolute(relative) {
            Ok(uri) => return Ok(uri),
            Err(fault) if !fault.may_be_relative() => return Err(fault),
            Err(_) => {}
        }
    }
    let shown = Shown::Safe;
    let path = base.rooted_path(shown);
    let server = base.server(shown);
    let text = match relative.chars().next() {
        None => base.whole(shown),
        Some('#') => format!("{server}{path}{}{relative}", base.query(shown)),
        Some('?') => format!("{server}{path}{relative}"),
        Some('/' | '\\') if relative.starts_with("//") || relative.starts_with("\\\\") => {
            format!("{}:{relative}", base.scheme)
        }
        Some('/' | '\\') => format!("{server}{relative}"),
        Some(_) => {
            // A scheme that is the base's own counts for nothing in front of a relative path.
            let own = format!("{}:", base.scheme);
            let relative = relative.strip_prefix(own.as_str()).unwrap_or(relative);
            let folder = path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or_default();
            let (name, rest) = match relative.find(['?', '#']) {
                Some(at) => relative.split_at_checked(at).unwrap_or((relative, "")),
                None => (relative, ""),
            };
            let joined = super::without_dots(&format!("{folder}{name}"));
            format!("{server}{joined}{rest}")
        }
    };
    Uri::absolute(&text)
}

fn same_server(left: &Absolute, right: &Absolute) -> bool {
    left.scheme == right.scheme && left.host == right.host && left.port == right.port
}

/// `MakeRelativeUri`: the way from one URI to another.
pub(crate) fn relative_to(base: &Absolute, uri: &Uri, target: &Absolute) -> Uri {
    if !same_server(base, target) {
        return uri.clone();
    }
    let (from, to) = (base.rooted_path(Shown::Escaped), target.rooted_path(Shown::Escaped));
    let mut text = path_difference(&from, &to, !target.is_file());
    // A colon in the first segment would make a scheme of it.
    let first = text.split('/').next().unwrap_or_default();
    if first.contains(':') && target.delimiter() == "://" {
        text = format!("./{text}");
    }
    let tail = format!("{}{}", target.query(Shown::Escaped), target.fragment(Shown::Escaped));
    Uri { original: format!("{text}{tail}"), absolute: None }
}

fn path_difference(from: &str, to: &str, exact: bool) -> String {
    let equal = |a: char, b: char| a == b || !exact && a.eq_ignore_ascii_case(&b);
    let mut common = 0;
    let mut slash = None;
    for (a, b) in from.chars().zip(to.chars()) {
        if !equal(a, b) {
            break;
        }
        if a == '/' {
            slash = Some(common);
        }
        common += a.len_utf8();
    }
    if common == 0 {
        return to.to_owned();
    }
    if common == from.len() && common == to.len() {
        return String::new();
    }
    let keep = slash.map_or(0, |at| at + 1);
    let up = from.get(common..).unwrap_or_default().matches('/').count();
    let rest = to.get(keep..).unwrap_or_default();
    if up == 0 && rest.is_empty() {
        return "./".to_owned();
    }
    format!("{}{rest}", "../".repeat(up))
}

/// `IsBaseOf`: whether the path of one, up to its last slash, begins the other's.
pub(crate) fn is_base_of(base: &Absolute, other: &Absolute) -> bool {
    let path = base.rooted_path(Shown::Safe);
    let folder = path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or_default();
    same_server(base, other) && other.rooted_path(Shown::Safe).starts_with(folder)
}
