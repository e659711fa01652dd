//! Relative URIs: joined to a base, and made of two absolute ones.

use super::{Absolute, Fault, Shown, Uri, is_space};

/// `new Uri(base, relative)`.
pub(crate) fn combined(base: &Uri, whole: &Absolute, relative: &str) -> Result<Uri, Fault> {
    let relative = relative.trim_matches(is_space);
    // Beside a base this names a host, not a file of a server.
    if !relative.starts_with("//") {
        match Uri::absolute(relative) {
            Ok(uri) => return Ok(uri),
            Err(fault) if !fault.may_be_relative() => return Err(fault),
            Err(_) => {}
        }
    }
    let text = match scheme_of(relative) {
        // The base's own scheme counts for nothing in front of a relative path.
        Some(scheme) if scheme.eq_ignore_ascii_case(&whole.scheme) => {
            match relative.get(scheme.len() + 1..).unwrap_or_default() {
                "" => base.original.clone(),
                relative => joined(base, whole, relative),
            }
        }
        Some(_) => relative.to_owned(),
        None => replaced(whole, relative).unwrap_or_else(|| joined(base, whole, relative)),
    };
    Uri::absolute(&text)
}

/// The scheme that text begins with; drives are none.
fn scheme_of(text: &str) -> Option<&str> {
    let end = text.find(['/', '\\', '?', '#', ':'])?;
    let (scheme, rest) = text.split_at_checked(end)?;
    (rest.starts_with(':') && scheme.len() > 1 && super::is_scheme(scheme)).then_some(scheme)
}

/// The text of a base with another query or fragment.
fn replaced(whole: &Absolute, relative: &str) -> Option<String> {
    let shown = Shown::Escaped;
    match relative.chars().next() {
        None => Some(whole.whole(Shown::Safe)),
        Some('?') if whole.has_query() && !whole.implicit_file => {
            Some(format!("{}{}{relative}", whole.server(shown), whole.rooted_path(shown)))
        }
        Some('#') if !whole.implicit_file => {
            let (path, query) = (whole.rooted_path(shown), whole.query(shown));
            Some(format!("{}{path}{query}{relative}", whole.server(shown)))
        }
        Some(_) => None,
    }
}

/// The text of a base and a relative URI.
fn joined(base: &Uri, whole: &Absolute, relative: &str) -> String {
    let slash = |c: Option<char>| matches!(c, Some('/' | '\\'));
    let mut chars = relative.chars();
    let (first, second) = (chars.next(), chars.next());
    if slash(first) && (whole.is_dos_path() && !slash(second) || whole.is_file()) {
        return beside_file(base, whole, relative, slash(second));
    }
    let backslashes = whole.converts_backslashes();
    if first == Some('/') || first == Some('\\') && backslashes {
        if second == Some('/') {
            return format!("{}:{relative}", whole.scheme);
        }
        return format!("{}/{}", whole.server_with_zone(), relative.get(1..).unwrap_or_default());
    }
    let has_query = whole.has_query() && !whole.implicit_file;
    let (server, path) = if whole.implicit_file {
        let share = if whole.is_unc() { format!("\\\\{}", whole.host.name) } else { String::new() };
        (share, whole.path(Shown::Unescaped))
    } else {
        (whole.server_with_zone(), whole.rooted_path(Shown::Safe))
    };
    let folder = path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or_default();
    let ends = |c: char| c == '?' && has_query || c == '#' && !whole.implicit_file;
    let (name, rest) = match relative.find(ends) {
        Some(at) => relative.split_at_checked(at).unwrap_or((relative, "")),
        None => (relative, ""),
    };
    let mut path = format!("{folder}{name}");
    if backslashes {
        path = path.replace('\\', "/");
    }
    format!("{server}{}{rest}", super::without_dots(&path))
}

/// A rooted path beside one of a file: on the same drive, or on the same share.
fn beside_file(base: &Uri, whole: &Absolute, relative: &str, is_share: bool) -> String {
    let implicit = whole.implicit_file;
    if is_share {
        return if implicit { relative.to_owned() } else { format!("file:{relative}") };
    }
    if whole.is_dos_path() {
        let mut colons = base.original.match_indices(':');
        let drive = colons.nth(usize::from(!implicit)).map_or(0, |(at, _)| at + 1);
        return format!("{}{relative}", base.original.get(..drive).unwrap_or_default());
    }
    if whole.is_unc() {
        let path = whole.rooted_path(Shown::Unescaped);
        let end = path.get(1..).and_then(|rest| rest.find('/')).map_or(path.len(), |at| at + 1);
        let share = path.get(..end).unwrap_or_default();
        let start = if implicit { "\\\\" } else { "file://" };
        return format!("{start}{}{share}{relative}", whole.host.name);
    }
    format!("file://{relative}")
}

fn same_server(left: &Absolute, right: &Absolute) -> bool {
    left.scheme == right.scheme && left.host == right.host && left.port == right.port
}

/// `MakeRelative`: the way from the path of one URI to that of another; none between servers.
pub(crate) fn path_to(base: &Absolute, target: &Absolute) -> Option<String> {
    let exact = !(base.is_unc() || base.is_dos_path());
    let path = |uri: &Absolute| uri.path(Shown::Escaped);
    same_server(base, target).then(|| path_difference(&path(base), &path(target), exact))
}

/// `MakeRelativeUri`: the way from one URI to another.
pub(crate) fn relative_to(base: &Absolute, uri: &Uri, target: &Absolute) -> Uri {
    let Some(mut text) = path_to(base, target) else { return uri.clone() };
    // A colon in the first segment would make a scheme of it.
    let first = text.split('/').next().unwrap_or_default();
    let drive = target.is_dos_path() && target.path(Shown::Escaped) == text;
    if first.contains(':') && !drive {
        text = format!("./{text}");
    }
    let tail = format!("{}{}", target.query(Shown::Escaped), target.fragment(Shown::Escaped));
    Uri::relative_path(format!("{text}{tail}")).normalized()
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

/// `IsBaseOf`: whether one, up to its last slash, begins the other.
pub(crate) fn is_base_of(base: &Absolute, other: &Absolute) -> bool {
    if base.scheme != other.scheme {
        return false;
    }
    let local = |uri: &Absolute| uri.is_unc() || uri.is_dos_path();
    let exact = !(local(base) || local(other));
    let same = |a: char, b: char| a == b || !exact && a.to_lowercase().eq(b.to_lowercase());
    let (base, other) = (base.without_fragment(), other.without_fragment());
    let (mut rest, mut others) = (base.chars(), other.chars());
    let mut same_segment = true;
    loop {
        let before = rest.clone();
        let (Some(own), Some(other)) = (rest.next(), others.next()) else {
            rest = before;
            break;
        };
        match (own, other) {
            ('?' | '#', _) => return true,
            ('/', '/') if same_segment => {}
            ('/', _) => return false,
            (_, '?' | '#') => {
                rest = before;
                break;
            }
            (own, other) => same_segment &= same(own, other),
        }
    }
    // What is left of the base must hold no further folder.
    rest.find(|c| matches!(c, '/' | '?' | '#')) != Some('/')
}
