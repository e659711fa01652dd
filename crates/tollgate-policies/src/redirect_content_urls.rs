//! `redirect-content-urls`: puts the gateway's address in the place of the backend's in a body, and back.

use bytes::Bytes;
use tollgate_engine::read::Element;
use tollgate_engine::{
    CompileCx, Content, Facts, Limit, Message, PolicyDef, PolicyError, RequestCx, Scope, Section,
    Step, Target, Url,
};

use crate::message_body::{LONGEST, Rewrite, Rewriting, content_type, in_utf8, too_large};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "redirect-content-urls",
    sections: &[Section::Inbound, Section::Outbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::OncePerSection,
    attributes: &[],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"In `outbound`, links in the body of the response that begin with the backend's base URL become links to the API at the
gateway; in `inbound`, links in the body of the request that begin with the API's URL become links to the backend.

```xml
<redirect-content-urls />
```

Headers such as `Location` are left alone.

Differences from Azure:

- A link is the base URL with either scheme, with or without its port when that is the default one, plain or with the
  slashes escaped as JSON allows, and only where the URL ends there or goes on with a path, query or fragment. Case
  matters.
- The gateway's URL is the scheme and host that the client used, and the path of the API, with its version where that
  is a segment.
- A body in a character set other than UTF-8, as `Content-Type` names it, is decoded, and written in the same one.
- The backend is the one chosen when the policy runs; without one, nothing is changed.
- A body that would grow past 32 MiB is an error of the request (500, `BodyTooLarge`).
"#;

#[derive(Debug)]
struct RedirectContentUrls {
    message: Message,
}

/// The bases of two sides without a slash at their end.
#[derive(Debug)]
struct Links {
    /// How the base that is replaced may be written.
    from: Vec<String>,
    /// What takes its place, plain and with escaped slashes.
    to: [String; 2],
}

#[expect(clippy::unnecessary_wraps, reason = "as every policy compiles")]
fn compile(_element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    Some(Box::new(Rewriting(RedirectContentUrls { message: cx.message() })))
}

impl Rewrite for RedirectContentUrls {
    type Settings = Links;

    fn message(&self) -> Message {
        self.message
    }

    fn facts(&self) -> Facts {
        Facts::default()
    }

    fn settings(&self, cx: &mut RequestCx) -> Result<Option<Links>, PolicyError> {
        let backend = match &cx.request.target {
            Some(Target::Url(url)) => Some((**url).clone()),
            Some(Target::Backend(id)) => cx.route.names.backend(id),
            None => None,
        };
        let Some(backend) = backend else { return Ok(None) };
        let path = &cx.route.info.api_path;
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        let gateway = Url { path, query: String::new(), ..(*cx.request.original_url).clone() };
        Ok(Some(match self.message {
            Message::Request | Message::Call => Links::new(&gateway, &backend),
            Message::Response | Message::Reply => Links::new(&backend, &gateway),
        }))
    }

    fn rewrite(&self, cx: &mut RequestCx, body: Bytes, links: Links) -> Result<(), PolicyError> {
        let content_type = content_type(cx.headers(self.message));
        if let Some(replaced) = in_utf8(&body, content_type, |text| links.replace(text))? {
            cx.set_body(self.message, replaced);
        }
        Ok(())
    }
}

impl Links {
    fn new(from: &Url, to: &Url) -> Self {
        let mut written = Vec::new();
        for scheme in ["https", "http"] {
            for port in ports(from, scheme) {
                let path = from.path.trim_end_matches('/');
                let plain = format!("{scheme}://{}{port}{path}", from.host);
                written.push(escaped(&plain));
                written.push(plain);
            }
        }
        let port = if is_default_port(&to.scheme, to.port) {
            String::new()
        } else {
            format!(":{}", to.port)
        };
        let to = format!("{}://{}{port}{}", to.scheme, to.host, to.path.trim_end_matches('/'));
        Self { from: written, to: [escaped(&to), to] }
    }

    fn replace(&self, body: &[u8]) -> Result<Option<Vec<u8>>, PolicyError> {
        let mut out: Vec<u8> = Vec::new();
        let mut copied = 0;
        let mut at = 0;
        while let Some(found) = body.get(at..).and_then(|rest| rest.iter().position(|b| *b == b'h'))
        {
            at += found;
            let rest = body.get(at..).unwrap_or_default();
            let fits = |(_, base): &(usize, &String)| {
                rest.strip_prefix(base.as_bytes()).is_some_and(ends_base)
            };
            let Some((index, base)) = self.from.iter().enumerate().find(fits) else {
                at += 1;
                continue;
            };
            out.extend_from_slice(body.get(copied..at).unwrap_or_default());
            let [escaped, plain] = &self.to;
            out.extend_from_slice(if index % 2 == 0 { escaped } else { plain }.as_bytes());
            if out.len() > LONGEST {
                return Err(too_large());
            }
            at += base.len();
            copied = at;
        }
        if copied == 0 {
            return Ok(None);
        }
        out.extend_from_slice(body.get(copied..).unwrap_or_default());
        Ok(Some(out))
    }
}

/// How the port may be written behind the host, in a link with this scheme.
fn ports(url: &Url, scheme: &str) -> Vec<String> {
    let written = format!(":{}", url.port);
    // The other scheme stands for the same server: a default port changes with it.
    if is_default_port(&url.scheme, url.port) {
        let own = if scheme == "https" { ":443" } else { ":80" };
        vec![own.to_owned(), String::new()]
    } else {
        vec![written]
    }
}

fn is_default_port(scheme: &str, port: u16) -> bool {
    matches!((scheme, port), ("https", 443) | ("http", 80))
}

fn escaped(url: &str) -> String {
    url.replace('/', r"\/")
}

/// Whether what follows leaves the base as it is, and does not make it another host or path segment.
fn ends_base(rest: &[u8]) -> bool {
    match rest {
        [b':' | b'.', next, ..] => !next.is_ascii_alphanumeric(),
        [b'-' | b'_' | b'~' | b'%' | b'@', ..] => false,
        [next, ..] => !next.is_ascii_alphanumeric() && next.is_ascii(),
        [] => true,
    }
}

#[cfg(test)]
mod tests {
    use super::Links;
    use tollgate_engine::Url;

    use crate::testing::Case;

    fn url(scheme: &str, host: &str, port: u16, path: &str) -> Url {
        Url {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            port,
            path: path.to_owned(),
            query: String::new(),
        }
    }

    #[test]
    fn links_are_found_however_they_are_written() {
        let backend = url("https", "b.example", 443, "/base/");
        let gateway = url("http", "g.example", 8080, "/api");
        let links = Links::new(&backend, &gateway);
        let check = |body: &str, expected: &str| {
            let found = links.replace(body.as_bytes()).unwrap();
            let found =
                found.map_or_else(|| body.to_owned(), |out| String::from_utf8(out).unwrap());
            assert_eq!(found, expected);
        };
        check("https://b.example/base/x?y", "http://g.example:8080/api/x?y");
        check("\"http://b.example/base\"", "\"http://g.example:8080/api\"");
        check("https://b.example:443/base#f", "http://g.example:8080/api#f");
        check(r"https:\/\/b.example\/base\/x", r"http:\/\/g.example:8080\/api\/x");
        check("see http://b.example:80/base.", "see http://g.example:8080/api.");
        for other in [
            "https://b.example/based",
            "https://b.example/base.json",
            "https://b.example:8443/base",
            "https://b.example.com/base",
            "https://b.example",
            "hhttp",
        ] {
            check(other, other);
        }
        let port = Links::new(&url("http", "b", 81, "/"), &gateway);
        let found = port.replace(b"http://b:81, https://b:81/x http://b").unwrap().unwrap();
        assert_eq!(found, b"http://g.example:8080/api, http://g.example:8080/api/x http://b");
    }

    #[test]
    fn requests_are_redirected_the_other_way() {
        let policy =
            r#"<set-backend-service base-url="http://b.example/v1" /><redirect-content-urls />"#;
        let run = Case::inbound(policy).body("[https://gateway.example/x]").run();
        assert_eq!(run.cx.request.body.bytes().unwrap(), "[http://b.example/v1/x]");
        let run =
            Case::inbound("<redirect-content-urls />").body("https://gateway.example/x").run();
        assert!(matches!(run.cx.request.body, tollgate_engine::Body::Buffered(_)));
    }

    #[test]
    fn other_character_sets_are_kept() {
        let policy =
            r#"<set-backend-service base-url="http://b.example" /><redirect-content-urls />"#;
        let utf16 = |text: &str| text.chars().flat_map(|c| [c, '\0']).collect::<String>();
        let wide = http::HeaderValue::from_static("text/plain; charset=utf-16");
        let case = Case::inbound(policy).header("content-type", wide);
        let run = case.body(&utf16("see https://gateway.example/x")).run();
        assert_eq!(run.cx.request.body.bytes().unwrap(), &utf16("see http://b.example/x"));
    }

    #[test]
    fn it_has_its_sections() {
        Case::backend("<redirect-content-urls />").refused("not allowed in `backend`");
        Case::inbound("<redirect-content-urls x=\"1\" />").refused("unknown attribute `x`");
    }
}
