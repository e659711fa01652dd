//! `System.Uri` as .NET parses, shows and combines it. Paths of Windows are known, those of Unix are relative, as they
//! are in Azure's gateway.

mod combine;
mod escape;
mod host;

pub(crate) use combine::{combined, is_base_of, path_to, relative_to};
pub(crate) use escape::{
    escape_data, escape_uri, is_hex_encoding, push_escaped, push_hex, unescape_all,
};
pub(crate) use host::{Host, HostKind, ipv6_text, parse_ipv4, parse_ipv6};

/// Why text is not an absolute URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Format,
    Scheme,
    Authority,
    Empty,
    TooLong,
    DosPath,
    HostName,
    Port,
}

impl Fault {
    pub(crate) fn message(self) -> &'static str {
        match self {
            Fault::Format => "Invalid URI: The format of the URI could not be determined.",
            Fault::Scheme => "Invalid URI: The URI scheme is not valid.",
            Fault::Authority => "Invalid URI: The Authority/Host could not be parsed.",
            Fault::Empty => "Invalid URI: The URI is empty.",
            Fault::TooLong => "Invalid URI: The Uri string is too long.",
            Fault::DosPath => "Invalid URI: A Dos path must be rooted, for example, 'c:\\\\'.",
            Fault::HostName => "Invalid URI: The hostname could not be parsed.",
            Fault::Port => "Invalid URI: Invalid port specified.",
        }
    }

    /// Whether the text may be a relative URI.
    pub(crate) fn may_be_relative(self) -> bool {
        matches!(self, Fault::Format | Fault::Scheme | Fault::Authority | Fault::Empty)
    }
}

/// The parts of an absolute URI. User, path, query and fragment are kept as IRIs: what need not be escaped is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Absolute {
    pub(crate) scheme: String,
    /// What stands between the scheme and the rest.
    delimiter: &'static str,
    user: String,
    /// Whether there was an `@`: with nothing in front of it, too.
    pub(crate) has_user: bool,
    pub(crate) host: Host,
    /// -1 when there is none.
    pub(crate) port: i32,
    pub(crate) is_default_port: bool,
    path: String,
    query: String,
    fragment: String,
    /// Whether the text named a file without the scheme.
    implicit_file: bool,
}

/// A URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uri {
    pub(crate) original: String,
    pub(crate) absolute: Option<Absolute>,
    /// The text of a relative one that was made an IRI.
    iri: Option<String>,
}

/// Where a part stands: queries and fragments may hold more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Query,
}

/// How a part is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Escaped,
    Unescaped,
    Safe,
}

impl Shown {
    fn part(self, text: &str, part: Part) -> String {
        match self {
            Shown::Escaped => escape::escape(text),
            Shown::Unescaped => unescape_all(text),
            Shown::Safe => escape::safe(text, part),
        }
    }
}

/// The usual port of a scheme, and whether it must name a host.
fn known_scheme(scheme: &str) -> Option<(i32, bool)> {
    Some(match scheme {
        "http" | "ws" => (80, true),
        "https" | "wss" => (443, true),
        "ftp" => (21, true),
        "gopher" => (70, true),
        "nntp" => (119, true),
        "telnet" => (23, true),
        "ldap" => (389, false),
        "net.tcp" => (808, true),
        "net.pipe" => (-1, true),
        "mailto" => (25, false),
        "file" | "news" | "uuid" | "vsmacros" => (-1, false),
        _ => return None,
    })
}

/// White space that stands around URIs.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// `Uri.CheckSchemeName`.
pub(crate) fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

const LONGEST: usize = 65_519;

impl Uri {
    /// An absolute URI.
    pub(crate) fn absolute(original: &str) -> Result<Uri, Fault> {
        let absolute = Some(Absolute::read(original)?);
        Ok(Uri { original: original.to_owned(), absolute, iri: None })
    }

    /// A relative URI; why it is none, unless it is absolute. Paths of files may be relative.
    pub(crate) fn relative(original: &str) -> Result<Uri, Option<Fault>> {
        match Absolute::read(original) {
            Err(fault) if !fault.may_be_relative() => Err(Some(fault)),
            Ok(uri) if !uri.implicit_file => Err(None),
            _ => Ok(Uri::relative_path(original.to_owned())),
        }
    }

    /// Text that is known to be no absolute URI.
    pub(crate) fn relative_path(original: String) -> Uri {
        Uri { original, absolute: None, iri: None }
    }

    /// As constructors leave a relative URI, and `TryCreate` does not: shown as an IRI.
    pub(crate) fn normalized(mut self) -> Uri {
        if self.absolute.is_none() {
            self.iri = escape::relative_iri(&self.original);
        }
        self
    }

    /// The text of a relative URI.
    fn relative_text(&self) -> &str {
        self.iri.as_deref().unwrap_or(&self.original)
    }

    /// The text of a relative URI in a format.
    pub(crate) fn relative_part(&self, shown: Shown) -> String {
        shown.part(self.relative_text(), Part::Path)
    }

    /// `ToString()`.
    pub(crate) fn text(&self) -> String {
        match &self.absolute {
            Some(uri) => uri.whole(Shown::Safe),
            None => self.relative_text().to_owned(),
        }
    }

    /// `IsWellFormedOriginalString()`.
    pub(crate) fn is_well_formed(&self) -> bool {
        let Some(uri) = &self.absolute else {
            let text = self.relative_text();
            let first = text.split(['/', '?']).next().unwrap_or_default();
            let plain = text.is_ascii() && !text.contains(['\\', '#']);
            return plain && !first.contains(':') && escape::is_escaped(text);
        };
        let text = self.original.trim_matches(is_space);
        let rest = text.get(uri.scheme.len()..).unwrap_or_default();
        // Brackets only belong to the host, and there is one fragment.
        let behind = rest.trim_start_matches("://").split_once(['/', '?', '#']);
        let behind = behind.map_or("", |(_, rest)| rest);
        let checked = if uri.host.kind == HostKind::Ipv6 { behind } else { text };
        let start = if uri.is_dos_path() { ":///" } else { uri.delimiter };
        escape::is_escaped(checked)
            && !text.contains('\\')
            && !uri.implicit_file
            && (uri.has_query() || !rest.contains('?'))
            && rest.starts_with(start)
            && !behind.contains(['[', ']'])
            && rest.matches('#').count() < 2
            && !uri.host.name.chars().any(|c| c > '\u{ffff}')
            && [&uri.user, &uri.path, &uri.query, &uri.fragment]
                .iter()
                .all(|part| escape::is_canonical(part))
    }
}

impl Absolute {
    fn read(original: &str) -> Result<Absolute, Fault> {
        if original.len() > LONGEST {
            return Err(Fault::TooLong);
        }
        if original.is_empty() {
            return Err(Fault::Empty);
        }
        let text = original.trim_matches(is_space);
        if let Some(share) = text.strip_prefix("\\\\").or_else(|| text.strip_prefix("//")) {
            return Self::file(&format!("//{share}"), true);
        }
        match drive(text) {
            Some("") => return Err(Fault::Format),
            Some(rest) if rest.starts_with(['/', '\\']) => {
                return Self::file(&format!("///{text}"), true);
            }
            Some(_) => return Err(Fault::DosPath),
            None => {}
        }
        let Some((scheme, rest)) = text.split_once(':').filter(|(scheme, _)| !scheme.is_empty())
        else {
            return Err(Fault::Format);
        };
        if !is_scheme(scheme) {
            return Err(Fault::Scheme);
        }
        let scheme = scheme.to_ascii_lowercase();
        match scheme.as_str() {
            "file" => Self::file(rest, false),
            "mailto" => Self::mail(rest),
            "news" | "uuid" => Ok(Self::opaque(scheme, rest)),
            _ => Self::hierarchical(scheme, rest),
        }
    }

    fn hierarchical<'r>(scheme: String, rest: &'r str) -> Result<Absolute, Fault> {
        let known = known_scheme(&scheme);
        let any = |rest: &'r str| rest.strip_prefix(['/', '\\']);
        let after = match known {
            Some(_) => any(rest).and_then(any),
            None => rest.strip_prefix("//"),
        };
        let Some(after) = after else {
            return match known {
                Some((_, true)) => Err(Fault::Authority),
                _ => Ok(Self::opaque(scheme, rest)),
            };
        };
        // Only in files does a backslash end the host.
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        let (authority, rest) = after.split_at_checked(end).unwrap_or((after, ""));
        let must = known.is_some_and(|(_, must)| must);
        let (user, host, port) = Self::authority(authority, must)?;
        let usual = known.map_or(-1, |(port, _)| port);
        let mut uri = Self::opaque(scheme, rest);
        uri.delimiter = "://";
        uri.has_user = user.is_some();
        uri.user = escape::iri(user.unwrap_or_default(), Part::Path);
        uri.host = host;
        uri.port = port.unwrap_or(usual);
        uri.is_default_port = uri.port == usual;
        uri.path = without_dots(&uri.path.replace('\\', "/"));
        if !uri.path.starts_with('/') {
            uri.path.insert(0, '/');
        }
        Ok(uri)
    }

    /// User, host and port.
    fn authority(text: &str, must: bool) -> Result<(Option<&str>, Host, Option<i32>), Fault> {
        let (user, place) = match text.split_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, text),
        };
        let inside = place.find(']').unwrap_or_default();
        let colon = place.get(inside..).and_then(|rest| rest.find(':')).map(|at| inside + at);
        let (name, port) = match colon.and_then(|at| place.split_at_checked(at)) {
            Some((name, port)) => (name, port.get(1..).unwrap_or_default()),
            None => (place, ""),
        };
        if name.is_empty() {
            let bad = must || !port.is_empty() || user.is_some_and(|user| !user.is_empty());
            return if bad {
                Err(Fault::HostName)
            } else {
                Ok((user, Host::none(HostKind::Basic), None))
            };
        }
        let host = Host::read(name).ok_or(Fault::HostName)?;
        if port.is_empty() {
            return Ok((user, host, None));
        }
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let number = port.parse::<u16>().ok().filter(|_| digits).ok_or(Fault::Port)?;
        Ok((user, host, Some(i32::from(number))))
    }

    /// `file:` and paths of Windows.
    fn file(rest: &str, implicit_file: bool) -> Result<Absolute, Fault> {
        let rest = rest.replace('\\', "/");
        let bare = rest.trim_start_matches('/');
        if let Some(behind) = drive(bare) {
            if !behind.starts_with('/') {
                return Err(Fault::DosPath);
            }
            let bare = if implicit_file { literal(bare) } else { bare.to_owned() };
            let mut uri = Self::opaque("file".to_owned(), &format!("/{bare}"));
            uri.delimiter = "://";
            uri.host = Host::none(HostKind::Basic);
            uri.path = without_dots(&uri.path.replacen('|', ":", 1));
            uri.implicit_file = implicit_file;
            return Ok(uri);
        }
        let Some(after) = rest.strip_prefix("//") else { return Err(Fault::Authority) };
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        let (name, rest) = after.split_at_checked(end).unwrap_or((after, ""));
        let rest = if implicit_file { literal(rest) } else { rest.to_owned() };
        let host = match name {
            "" if implicit_file => return Err(Fault::HostName),
            "" => Host::none(HostKind::Basic),
            name => Host::read(name).ok_or(Fault::HostName)?,
        };
        let mut uri = Self::opaque("file".to_owned(), &rest);
        uri.delimiter = "://";
        uri.host = host;
        uri.path = without_dots(&uri.path);
        if uri.path.is_empty() {
            uri.path.push('/');
        }
        uri.implicit_file = implicit_file;
        Ok(uri)
    }

    fn mail(rest: &str) -> Result<Absolute, Fault> {
        let end = rest.find(['?', '#']).unwrap_or(rest.len());
        let (address, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (user, place) = match address.split_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, address),
        };
        let (host, path) =
            place.split_at_checked(place.find('/').unwrap_or(place.len())).unwrap_or((place, ""));
        let mut uri = Self::opaque("mailto".to_owned(), rest);
        uri.has_user = user.is_some();
        uri.user = escape::iri(user.unwrap_or_default(), Part::Path);
        uri.path = escape::iri(path, Part::Path);
        uri.host = if place.is_empty() && user.is_none() {
            Host::none(HostKind::Basic)
        } else {
            Host::read(host).ok_or(Fault::HostName)?
        };
        uri.port = 25;
        Ok(uri)
    }

    /// Path, query and fragment, without an authority.
    fn opaque(scheme: String, rest: &str) -> Absolute {
        let (rest, fragment) = match rest.find('#') {
            Some(at) => rest.split_at_checked(at).unwrap_or((rest, "")),
            None => (rest, ""),
        };
        let (path, query) = match rest.find('?').filter(|_| has_query(&scheme)) {
            Some(at) => rest.split_at_checked(at).unwrap_or((rest, "")),
            None => (rest, ""),
        };
        let port = known_scheme(&scheme).map_or(-1, |(port, _)| port);
        Absolute {
            scheme,
            delimiter: ":",
            user: String::new(),
            has_user: false,
            host: Host::none(HostKind::Unknown),
            port,
            is_default_port: true,
            path: escape::iri(&path.replace('?', "%3F"), Part::Path),
            query: escape::iri(query, Part::Query),
            fragment: escape::iri(fragment, Part::Query),
            implicit_file: false,
        }
    }

    pub(crate) fn user(&self, shown: Shown) -> String {
        shown.part(&self.user, Part::Path)
    }

    pub(crate) fn query(&self, shown: Shown) -> String {
        shown.part(&self.query, Part::Query)
    }

    pub(crate) fn fragment(&self, shown: Shown) -> String {
        shown.part(&self.fragment, Part::Query)
    }

    /// Whether the path begins with a drive.
    pub(crate) fn is_dos_path(&self) -> bool {
        self.is_file() && self.host.name.is_empty() && self.path.get(2..3) == Some(":")
    }

    /// The path with its slash in front.
    pub(crate) fn rooted_path(&self, shown: Shown) -> String {
        shown.part(&self.path, Part::Path)
    }

    /// `AbsolutePath`: that of a drive has no slash in front.
    pub(crate) fn path(&self, shown: Shown) -> String {
        let path = self.rooted_path(shown);
        match path.strip_prefix('/') {
            Some(rest) if self.is_dos_path() => rest.to_owned(),
            _ => path,
        }
    }

    pub(crate) fn is_file(&self) -> bool {
        self.scheme == "file"
    }

    pub(crate) fn is_unc(&self) -> bool {
        self.is_file() && !self.host.name.is_empty()
    }

    /// `LocalPath`: of files as Windows writes it.
    pub(crate) fn local_path(&self) -> String {
        let path = self.path(Shown::Unescaped);
        if self.is_unc() {
            return format!("\\\\{}{}", self.host.name, path.replace('/', "\\"));
        }
        if self.is_dos_path() { path.replace('/', "\\") } else { path }
    }

    /// Host and port unless it is the default.
    pub(crate) fn authority_text(&self) -> String {
        if self.is_default_port {
            self.host.name.clone()
        } else {
            format!("{}:{}", self.host.name, self.port)
        }
    }

    /// Scheme, user, host and port.
    pub(crate) fn server(&self, shown: Shown) -> String {
        self.server_at(shown, &self.authority_text())
    }

    /// The server as a base for others: with the zone of its address.
    fn server_with_zone(&self) -> String {
        let host = self.authority_text();
        let host = if self.host.zone.is_empty() {
            host
        } else {
            host.replacen(']', &format!("{}]", self.host.zone), 1)
        };
        self.server_at(Shown::Safe, &host)
    }

    fn server_at(&self, shown: Shown, host: &str) -> String {
        let at = if self.has_user { "@" } else { "" };
        format!("{}{}{}{at}{host}", self.scheme, self.delimiter, self.user(shown))
    }

    fn has_query(&self) -> bool {
        has_query(&self.scheme)
    }

    /// Whether `\\` is a slash in its paths.
    fn converts_backslashes(&self) -> bool {
        const NOT: [&str; 7] = ["news", "mailto", "uuid", "telnet", "gopher", "nntp", "ldap"];
        !NOT.contains(&self.scheme.as_str())
    }

    fn without_fragment(&self) -> String {
        let shown = Shown::Safe;
        format!("{}{}{}", self.server(shown), self.rooted_path(shown), self.query(shown))
    }

    /// What stands between the scheme and the rest.
    pub(crate) fn delimiter(&self) -> &'static str {
        self.delimiter
    }

    pub(crate) fn whole(&self, shown: Shown) -> String {
        let (path, query) = (self.rooted_path(shown), self.query(shown));
        format!("{}{path}{query}{}", self.server(shown), self.fragment(shown))
    }

    /// The parts of the path, each with its slash.
    pub(crate) fn segments(&self) -> Vec<String> {
        let path = self.rooted_path(Shown::Escaped);
        path.split_inclusive('/').map(str::to_owned).collect()
    }

    /// What two URIs are compared by: without user and fragment.
    pub(crate) fn comparable(&self) -> String {
        let (path, query) = (self.rooted_path(Shown::Safe), self.query(Shown::Safe));
        format!("{}{}{}:{}{path}{query}", self.scheme, self.delimiter, self.host.name, self.port)
    }
}

/// Whether URIs of a scheme have queries.
fn has_query(scheme: &str) -> bool {
    !matches!(scheme, "ftp" | "gopher" | "nntp" | "telnet" | "news" | "uuid")
}

/// What stands behind a drive.
fn drive(path: &str) -> Option<&str> {
    path.strip_prefix(|c: char| c.is_ascii_alphabetic())?.strip_prefix([':', '|'])
}

/// A path of Windows, in which `?` and `#` mean nothing, nor do escapes when there is anything to escape.
fn literal(path: &str) -> String {
    let path = if escape::is_escaped(path) && !path.contains(['?', '#']) {
        path.to_owned()
    } else {
        path.replace('%', "%25")
    };
    path.replace('?', "%3F").replace('#', "%23")
}

/// Resolves `.` and `..`.
fn without_dots(path: &str) -> String {
    if !path.contains("/.") {
        return path.to_owned();
    }
    let mut out: Vec<&str> = Vec::new();
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." && out.len() > 1 {
                    out.pop();
                }
                if last {
                    out.push("");
                }
            }
            part => out.push(part),
        }
    }
    out.join("/")
}
