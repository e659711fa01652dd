//! `System.Uri` as .NET parses, shows and combines it. Paths of Windows are known, those of Unix are relative, as they
//! are in Azure's gateway.

mod combine;
mod escape;
mod host;

pub(crate) use combine::{combined, is_base_of, relative_to};
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
}

/// How a part is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Escaped,
    Unescaped,
    Safe,
}

impl Shown {
    fn part(self, part: &str) -> String {
        match self {
            Shown::Escaped => escape::escape(part),
            Shown::Unescaped => unescape_all(part),
            Shown::Safe => escape::safe(part),
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
        Ok(Uri { original: original.to_owned(), absolute })
    }

    /// A relative URI; why it is none, unless it is absolute. Paths of files may be relative.
    pub(crate) fn relative(original: &str) -> Result<Uri, Option<Fault>> {
        match Absolute::read(original) {
            Err(fault) if !fault.may_be_relative() => Err(Some(fault)),
            Ok(uri) if !uri.implicit_file => Err(None),
            _ => Ok(Uri { original: original.to_owned(), absolute: None }),
        }
    }

    /// `ToString()`.
    pub(crate) fn text(&self) -> String {
        self.absolute.as_ref().map_or_else(|| self.original.clone(), |uri| uri.whole(Shown::Safe))
    }

    /// `IsWellFormedOriginalString()`.
    pub(crate) fn is_well_formed(&self) -> bool {
        let text = match self.absolute {
            Some(_) => self.original.trim(),
            None => &self.original,
        };
        if !escape::is_escaped(text) || text.contains('\\') {
            return false;
        }
        let Some(uri) = &self.absolute else {
            let first = text.split(['/', '?']).next().unwrap_or_default();
            return !first.contains(':') && !text.contains('#');
        };
        let rest = text.get(uri.scheme.len()..).unwrap_or_default();
        // Brackets only belong to the host, and there is one fragment.
        let behind = rest.trim_start_matches("://").split_once(['/', '?', '#']);
        !uri.implicit_file
            && rest.starts_with(uri.delimiter)
            && !behind.is_some_and(|(_, rest)| rest.contains(['[', ']']))
            && rest.matches('#').count() < 2
    }
}

impl Absolute {
    fn read(original: &str) -> Result<Absolute, Fault> {
        if original.len() > LONGEST {
            return Err(Fault::TooLong);
        }
        let text = original.trim_matches(|c: char| matches!(c, ' ' | '\t' | '\r' | '\n'));
        if text.is_empty() {
            return Err(Fault::Empty);
        }
        if let Some(share) = text.strip_prefix("\\\\").or_else(|| text.strip_prefix("//")) {
            return Self::file(&format!("//{share}"), true);
        }
        let Some((scheme, rest)) = text.split_once(':').filter(|(scheme, _)| !scheme.is_empty())
        else {
            return Err(Fault::Format);
        };
        if scheme.len() == 1 && scheme.starts_with(|c: char| c.is_ascii_alphabetic()) {
            if rest.starts_with(['/', '\\']) {
                return Self::file(&format!("///{text}"), true);
            }
            return Err(Fault::DosPath);
        }
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

    fn hierarchical(scheme: String, rest: &str) -> Result<Absolute, Fault> {
        let known = known_scheme(&scheme);
        let after = rest
            .strip_prefix("//")
            .or_else(|| rest.strip_prefix("\\\\").filter(|_| known.is_some()));
        let Some(after) = after else {
            return match known {
                Some((_, true)) => Err(Fault::Authority),
                _ => Ok(Self::opaque(scheme, rest)),
            };
        };
        let end = after.find(['/', '\\', '?', '#']).unwrap_or(after.len());
        let (authority, rest) = after.split_at_checked(end).unwrap_or((after, ""));
        let must = known.is_some_and(|(_, must)| must);
        let (user, host, port) = Self::authority(authority, must)?;
        let usual = known.map_or(-1, |(port, _)| port);
        let mut uri = Self::opaque(scheme, rest);
        uri.delimiter = "://";
        uri.user = escape::iri(user);
        uri.host = host;
        uri.port = port.unwrap_or(usual);
        uri.is_default_port = uri.port == usual;
        uri.path = without_dots(&uri.path.replace('\\', "/"));
        if uri.path.is_empty() {
            uri.path.push('/');
        }
        Ok(uri)
    }

    /// User, host and port.
    fn authority(text: &str, must: bool) -> Result<(&str, Host, Option<i32>), Fault> {
        let (user, place) = text.split_once('@').unwrap_or(("", text));
        let colon =
            place.rfind(':').filter(|at| !place.get(*at..).unwrap_or_default().contains(']'));
        let (name, port) = match colon.and_then(|at| place.split_at_checked(at)) {
            Some((name, port)) => (name, port.get(1..).unwrap_or_default()),
            None => (place, ""),
        };
        if name.is_empty() {
            let bad = must || !port.is_empty() || !user.is_empty();
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
        let drive = |path: &str| {
            let mut chars = path.chars();
            chars.next().is_some_and(|c| c.is_ascii_alphabetic())
                && matches!(chars.next(), Some(':' | '|'))
                && matches!(chars.next(), Some('/'))
        };
        let bare = rest.trim_start_matches('/');
        if drive(bare) {
            let mut uri = Self::opaque("file".to_owned(), &format!("/{bare}"));
            uri.delimiter = "://";
            uri.host = Host::none(HostKind::Basic);
            uri.path = without_dots(&uri.path.replacen('|', ":", 1));
            uri.implicit_file = implicit_file;
            return Ok(uri);
        }
        let Some(after) = rest.strip_prefix("//") else { return Err(Fault::HostName) };
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        let (name, rest) = after.split_at_checked(end).unwrap_or((after, ""));
        let host = match name {
            "" if implicit_file => return Err(Fault::HostName),
            "" => Host::none(HostKind::Basic),
            name => Host::read(name).ok_or(Fault::HostName)?,
        };
        let mut uri = Self::opaque("file".to_owned(), rest);
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
        let mut uri = Self::opaque("mailto".to_owned(), rest);
        if let Some((user, host)) = address.split_once('@') {
            uri.user = escape::iri(user);
            uri.host = Host::read(host).ok_or(Fault::HostName)?;
        } else {
            uri.path = escape::iri(address);
        }
        uri.port = 25;
        Ok(uri)
    }

    /// Path, query and fragment, without an authority.
    fn opaque(scheme: String, rest: &str) -> Absolute {
        let (rest, fragment) = match rest.find('#') {
            Some(at) => rest.split_at_checked(at).unwrap_or((rest, "")),
            None => (rest, ""),
        };
        let (path, query) = match rest.find('?') {
            Some(at) => rest.split_at_checked(at).unwrap_or((rest, "")),
            None => (rest, ""),
        };
        let port = known_scheme(&scheme).map_or(-1, |(port, _)| port);
        Absolute {
            scheme,
            delimiter: ":",
            user: String::new(),
            host: Host::none(HostKind::Unknown),
            port,
            is_default_port: true,
            path: escape::iri(path),
            query: escape::iri(query),
            fragment: escape::iri(fragment),
            implicit_file: false,
        }
    }

    pub(crate) fn user(&self, shown: Shown) -> String {
        shown.part(&self.user)
    }

    pub(crate) fn query(&self, shown: Shown) -> String {
        shown.part(&self.query)
    }

    pub(crate) fn fragment(&self, shown: Shown) -> String {
        shown.part(&self.fragment)
    }

    /// Whether the path begins with a drive.
    fn is_dos_path(&self) -> bool {
        self.is_file() && self.host.name.is_empty() && self.path.get(2..3) == Some(":")
    }

    /// The path with its slash in front.
    pub(crate) fn rooted_path(&self, shown: Shown) -> String {
        shown.part(&self.path)
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
        let user = self.user(shown);
        let at = if user.is_empty() { "" } else { "@" };
        format!("{}{}{user}{at}{}", self.scheme, self.delimiter, self.authority_text())
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
