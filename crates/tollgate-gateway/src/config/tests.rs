use std::collections::HashMap;

use expect_test::{Expect, expect};
use tollgate_diagnostics::{Sources, render};

use super::*;

mod backends;

struct Vars(HashMap<&'static str, &'static str>);

impl Environment for Vars {
    fn var(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|value| (*value).to_owned())
    }
}

fn load(text: &str) -> (Config, String) {
    let mut sources = Sources::default();
    let file = sources.add("tollgate.toml", text);
    let mut diagnostics = Vec::new();
    let env = Vars(HashMap::from([
        ("KEY", "canary-key"),
        ("BROKEN", "a\nb"),
        ("URL", "https://backend.example/"),
        ("SITE", "here"),
        ("FLAG", "true"),
        ("PASSWORD", "secret"),
    ]));
    let config = read(file, text, Path::new("."), &env, &mut diagnostics);
    for span in &config.secret_spans {
        sources.mask(*span);
    }
    let shown: Vec<String> =
        diagnostics.iter().map(|found| render::human(found, &sources)).collect();
    (config, shown.join("\n\n"))
}

fn check(text: &str, expected: &Expect) {
    let (_, shown) = load(text);
    assert!(!shown.contains("canary"), "{shown}");
    expected.assert_eq(&shown);
}

#[test]
fn a_whole_file_is_read() {
    let text = r#"
[listen]
http = "127.0.0.1:0"
trusted-proxies = ["10.0.0.0/8", "::1"]

[timeouts]
backend-first-byte = "2s"
backend-body = "unlimited"

[limits]
buffered-body = "1 MiB"

[named-values]
tenant-id = "0f1e"
key = { env = "KEY" }
region = { env = "KEY", secret = false }

[backends.openai]
url = "https://Contoso.openai.azure.com/openai"
managed-identity = { resource = "https://cognitiveservices.azure.com" }
headers = { x-key = { env = "KEY" } }
http-version = "2or1"

[apis.openai]
path = "/openai/"
backend = "openai"
[apis.openai.operations.chat]
method = "post"
url-template = "/deployments/{id}/chat/completions"

[subscriptions.team-a]
keys = [{ env = "KEY" }]
apis = ["openai"]
"#;
    let (config, shown) = load(text);
    assert_eq!(shown, "");
    assert_eq!(config.listen.trusted_proxies.len(), 2);
    assert_eq!(config.timeouts.backend_first_byte, Duration::from_secs(2));
    assert_eq!(config.limits.buffered_body, 1 << 20);
    let secret = |name: &str| config.named_values.get(name).map(|value| value.secret);
    assert_eq!(
        (secret("tenant-id"), secret("key"), secret("region")),
        (Some(false), Some(true), Some(false))
    );
    let backend = config.backends.first().unwrap();
    assert_eq!((backend.url.host.as_str(), backend.url.port), ("contoso.openai.azure.com", 443));
    assert!(backend.headers.first().unwrap().1.is_sensitive());
    assert_eq!(config.apis.first().unwrap().path, "openai");
    assert_eq!(config.apis.first().unwrap().operations.first().unwrap().method, "POST");
    assert!(!format!("{config:?}").contains("canary"));
}

#[test]
fn mistakes_are_all_reported_where_they_are() {
    check(
        r#"
[listn]
http = "x"
[backends.a]
url = "ftp://x"
[backends.b]
url = "https://b"
managed-identity = { recource = "r" }
[apis.c]
path = "c"
backend = "bb"
[subscriptions.s]
keys = ["canary"]
apis = ["d"]
"#,
        &expect![[r#"
            error[E0402]: unknown key `listn`
             --> tollgate.toml:2:2
              |
            2 | [listn]
              |  ^^^^^ no such key at the top level
              |
              = help: did you mean `listen`?

            error[E0403]: the value of `backends.a.url` does not fit
             --> tollgate.toml:5:7
              |
            5 | url = "ftp://x"
              |       ^^^^^^^^^ expected an `https://` or `http://` URL

            error[E0402]: unknown key `recource`
             --> tollgate.toml:8:22
              |
            8 | managed-identity = { recource = "r" }
              |                      ^^^^^^^^ no such key in `backends.b.managed-identity`
              |
              = help: did you mean `resource`?

            error[E0403]: the value of `subscriptions.s.keys` does not fit
              --> tollgate.toml:13:9
               |
            13 | keys = [********]
               |         ^^^^^^^^ expected `{ env = "NAME" }` or `{ file = "path" }`
               |
               = help: a secret in the file itself must be marked: `{ value = "…", development = true }`

            error[E0404]: the managed identity of backend `b` needs a `resource`
             --> tollgate.toml:8:20
              |
            8 | managed-identity = { recource = "r" }
              |                    ^^^^^^^^^^^^^^^^^^ `resource` is missing

            error[E0405]: there is no backend `bb`
              --> tollgate.toml:11:11
               |
            11 | backend = "bb"
               |           ^^^^ not in the configuration
               |
               = help: did you mean `b`?

            error[E0405]: there is no API `d`
              --> tollgate.toml:14:9
               |
            14 | apis = ["d"]
               |         ^^^ not in the configuration
               |
               = help: did you mean `c`?"#]],
    );
}

#[test]
fn secrets_in_the_file_must_be_marked() {
    check(
        r#"
[named-values]
a = { value = "canary", secret = true }
b = { value = "canary", secret = true, development = true }
c = { env = "MISSING" }
d = { env = "KEY", file = "x" }
[backends.x]
url = "https://x"
headers = { h = { env = "BROKEN" } }
"#,
        &expect![[r#"
            error[E0403]: the value of `named-values.a` does not fit
             --> tollgate.toml:3:5
              |
            3 | a = { value = ********, secret = true }
              |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ a secret stands in the file itself
              |
              = help: use `env` or `file`, or mark it with `development = true`

            error[E0403]: the value of `named-values.d` does not fit
             --> tollgate.toml:6:5
              |
            6 | d = { env = "KEY", file = "x" }
              |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^ expected exactly one of `env`, `file`, `value` and `key-vault`

            error[E0403]: the value cannot stand in a header
             --> tollgate.toml:9:13
              |
            9 | headers = { h = { env = "BROKEN" } }
              |             ^ holds a line break or control character

            error[E0107]: the environment variable `MISSING` is not set
             --> tollgate.toml:5:5
              |
            5 | c = { env = "MISSING" }
              |     ^^^^^^^^^^^^^^^^^^^ no value"#]],
    );
}

#[test]
fn plain_values_may_come_from_the_environment() {
    let (config, shown) = load(
        r#"
[listen]
http = { env = "UNSET", default = "127.0.0.1:0" }
[identity]
client-id = { env = "UNSET", default = "" }
development = { env = "FLAG", default = "false" }
[named-values]
plain = { env = "SITE", default = "y", secret = false }
other = { env = "UNSET", default = "y", secret = false }
[backends.x]
url = { env = "URL" }
path = "/openai"
"#,
    );
    assert_eq!(shown, "");
    assert_eq!(config.listen.http.map(|address| address.port()), Some(0));
    assert_eq!((config.identity.client_id, config.identity.development), (None, true));
    let url = &config.backends.first().unwrap().url;
    assert_eq!((url.host.as_str(), url.path.as_str()), ("backend.example", "/openai"));
    let value = |name: &str| {
        config.named_values.get(name).map(|value| match &value.text {
            NamedValueText::Known(text) => (text.expose().as_str(), value.secret),
            NamedValueText::Vault(..) => ("in a vault", value.secret),
        })
    };
    assert_eq!((value("plain"), value("other")), (Some(("here", false)), Some(("y", false))));
    check(
        r#"
[backends.x]
url = { env = "UNSET" }
[backends.y]
url = { env = "SITE", fallback = "z" }
"#,
        &expect![[r#"
            error[E0404]: the environment variable `UNSET` is not set
             --> tollgate.toml:3:7
              |
            3 | url = { env = "UNSET" }
              |       ^^^^^^^^^^^^^^^^^ no value
              |
              = help: set the variable, or write what holds without it as `default = "…"`

            error[E0402]: unknown key `fallback`
             --> tollgate.toml:5:23
              |
            5 | url = { env = "SITE", fallback = "z" }
              |                       ^^^^^^^^ no such key in `backends.y.url`

            error[E0403]: the value of `backends.y.url` does not fit
             --> tollgate.toml:5:7
              |
            5 | url = { env = "SITE", fallback = "z" }
              |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ expected an `https://` or `http://` URL"#]],
    );
}

#[test]
fn a_foundry_project_on_the_wrong_domain_is_told() {
    check(
        r#"
[backends.agents]
url = "https://contoso.cognitiveservices.azure.com/api/projects/p"
"#,
        &expect![[r#"
            error[E0409]: a Foundry project is not served on `cognitiveservices.azure.com`
             --> tollgate.toml:3:7
              |
            3 | url = "https://contoso.cognitiveservices.azure.com/api/projects/p"
              |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ wrong domain for `/api/projects`
              |
              = help: write `https://contoso.services.ai.azure.com/api/projects/p`"#]],
    );
}

#[test]
fn urls_are_split_strictly() {
    let split = |text: &str| {
        parse_url(text).map(|url| format!("{}|{}|{}|{}", url.scheme, url.host, url.port, url.path))
    };
    assert_eq!(split("wss://a.b/c").as_deref(), Some("https|a.b|443|/c"));
    assert_eq!(split("http://[::1]:8080").as_deref(), Some("http|[::1]|8080|"));
    for wrong in [
        "https://",
        "https://a@b",
        "https://a#b",
        "https://a b",
        "https://a:0",
        "https://a:x",
        "file:///a",
        "//a",
    ] {
        assert_eq!(split(wrong), None, "{wrong}");
    }
}

/// A certificate with its key under a password.
const PKCS12: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../tollgate-expr/src/types/crypto/tests/signing.pfx");

#[test]
fn certificates_come_from_pkcs12_files() {
    let written = |password: &str| {
        format!("[certificates.signing]\nfile = '{PKCS12}'\npassword = {{ env = '{password}' }}\n")
    };
    let (config, shown) = load(&written("PASSWORD"));
    assert_eq!(shown, "");
    let pem = config.certificates[0].pem.expose().as_bytes();
    let certificate = crate::certificates::read_certificate(pem, None).unwrap();
    assert!(certificate.private_key().is_some());
    assert!(certificate.for_expressions().is_some());
    let (config, shown) = load(&written("KEY"));
    assert!(config.certificates.is_empty());
    assert!(shown.contains("cannot be read: the password does not fit"), "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn a_redis_server_has_a_url_and_no_password_in_the_open() {
    check(
        r#"
[redis]
url = "redis://:canary@localhost"
"#,
        &expect![[r#"
            error[E0403]: the URL of the Redis server holds a password
             --> tollgate.toml:3:7
              |
            3 | url = ***************************
              |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^ use `{ env = "NAME" }` for the URL, or `redis.password`"#]],
    );
    check(
        r#"
[redis]
url = "http://localhost"
"#,
        &expect![[r#"
            error[E0403]: the value of `redis.url` does not fit
             --> tollgate.toml:3:7
              |
            3 | url = "http://localhost"
              |       ^^^^^^^^^^^^^^^^^^ expected `redis://` or, with TLS, `rediss://`"#]],
    );
    check(
        r#"
[redis]
key-prefix = "x:"
"#,
        &expect![[r#"
            error[E0404]: `[redis]` needs a `url`
             --> tollgate.toml:2:1
              |
            2 | [redis]
              | ^^^^^^^ `url` is missing"#]],
    );
}

#[test]
fn the_password_of_a_redis_server_is_masked_wherever_it_comes_from() {
    let (config, shown) = load(
        r#"
[redis]
url = { value = "redis://me:in-url@localhost:7000/1", development = true }
password = { env = "KEY" }
response-timeout = "20ms"
"#,
    );
    assert_eq!(shown, "");
    let redis = config.redis.unwrap();
    assert_eq!(redis.username.as_deref(), Some("me"));
    assert_eq!(redis.response_timeout, Duration::from_millis(20));
    let secrets: Vec<_> = config.secrets.iter().map(|secret| secret.expose().as_str()).collect();
    assert!(secrets.contains(&"in-url"), "{secrets:?}");
    assert_eq!(redis.password.unwrap().expose(), secrets.last().unwrap());
}

#[test]
fn servers_are_not_named_in_key_vault() {
    check(
        r#"
[redis]
url = { key-vault = "https://contoso.vault.azure.net/secrets/redis" }
"#,
        &expect![[r#"
            error[E0402]: unknown key `key-vault`
             --> tollgate.toml:3:9
              |
            3 | url = { key-vault = "https://contoso.vault.azure.net/secrets/redis" }
              |         ^^^^^^^^^ no such key in `redis.url`"#]],
    );
}

#[test]
fn the_egress_proxy_may_want_a_password() {
    let (config, shown) = load(
        r#"
[egress]
proxy = { value = "http://me:p%40ss-word@proxy.test:3128", development = true }
no-proxy = ["internal.test"]
"#,
    );
    assert_eq!(shown, "");
    let proxy = config.egress.proxy.unwrap();
    assert_eq!(proxy.password().unwrap().expose(), "p@ss-word");
    assert!(config.secrets.iter().any(|secret| secret.expose() == "p@ss-word"));
    let (config, shown) = load("[egress]\nproxy = { env = \"UNSET\", default = \"\" }\n");
    assert_eq!((config.egress.proxy, shown.as_str()), (None, ""));
    check(
        r#"
[egress]
proxy = "http://me:canary@proxy.test"
"#,
        &expect![[r#"
            error[E0403]: the URL of the egress proxy holds a password
             --> tollgate.toml:3:9
              |
            3 | proxy = *****************************
              |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ use `{ env = "NAME" }` for the URL"#]],
    );
    check(
        r#"
[egress]
proxy = "socks5://proxy.test"
"#,
        &expect![[r#"
            error[E0403]: the value of `egress.proxy` does not fit
             --> tollgate.toml:3:9
              |
            3 | proxy = "socks5://proxy.test"
              |         ^^^^^^^^^^^^^^^^^^^^^ the egress proxy is not an `http` URL"#]],
    );
}

/// Someone's name and password in front of a host, wherever a URL stands.
#[test]
fn users_in_urls_are_not_shown() {
    check(
        r#"
[backends.a]
url = "https://me:canary@contoso.example"
"#,
        &expect![[r#"
            error[E0403]: the value of `backends.a.url` does not fit
             --> tollgate.toml:3:7
              |
            3 | url = ***********************************
              |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ expected an `https://` or `http://` URL"#]],
    );
}

#[test]
fn bounds_that_cannot_hold_are_told() {
    check(
        r#"
[log]
level = "loud=very"
[limits]
connections = 99999999999
[timeouts]
request-header = "unlimited"
backend-body = "unlimited"
keep-alive = 99999999999999
"#,
        &expect![[r#"
            error[E0403]: the value of `limits.connections` does not fit
             --> tollgate.toml:5:15
              |
            5 | connections = 99999999999
              |               ^^^^^^^^^^^ expected a whole number, 0 to 2147483647

            error[E0403]: the value of `timeouts.request-header` does not fit
             --> tollgate.toml:7:18
              |
            7 | request-header = "unlimited"
              |                  ^^^^^^^^^^^ expected a duration of at most 366 days, such as `"15s"`

            error[E0403]: the value of `timeouts.keep-alive` does not fit
             --> tollgate.toml:9:14
              |
            9 | keep-alive = 99999999999999
              |              ^^^^^^^^^^^^^^ expected a duration of at most 366 days, such as `"15s"`

            error[E0403]: the log level `loud=very` cannot be read: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5
             --> tollgate.toml:3:9
              |
            3 | level = "loud=very"
              |         ^^^^^^^^^^^ expected `error`, `warn`, `info`, `debug`, `trace` or a filter such as `info,tollgate_gateway=debug`"#]],
    );
}

#[test]
fn a_subscription_needs_keys_and_its_keys_need_values() {
    check(
        r#"
[subscriptions.one]
all-apis = true
[subscriptions.two]
all-apis = true
keys = [{ env = "UNSET" }]
"#,
        &expect![[r#"
            error[E0404]: subscription `one` has no keys
             --> tollgate.toml:2:16
              |
            2 | [subscriptions.one]
              |                ^^^ `keys` is missing or empty

            error[E0107]: the environment variable `UNSET` is not set
             --> tollgate.toml:6:9
              |
            6 | keys = [{ env = "UNSET" }]
              |         ^^^^^^^^^^^^^^^^^ no value"#]],
    );
}

#[test]
fn a_file_that_cannot_be_used_is_told_where_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("tollgate.toml"),
        "[egress]\nca-file = \"a.pem\"\n[ca-certificates]\nroots = \"b.pem\"\n\
         [backends.x]\nurl = \"https://x.example\"\ntls = { ca-file = \"c.pem\" }\n",
    )
    .unwrap();
    let cx = crate::LoadCx {
        registry: crate::Registry {
            policies: &[],
            unsupported: &[],
            default_global: "<policies/>",
        },
        env: &Vars(HashMap::new()),
        ports: &crate::ports_of_check,
        vault: &crate::NoVault,
        calls: None,
        breakers: &crate::breaker::Breakers::default(),
        own_listeners: &crate::fetch::OwnListeners::default(),
    };
    let loaded = crate::load(folder.path(), &cx);
    let shown: Vec<String> = loaded
        .diagnostics
        .iter()
        .map(|found| render::human(found, &loaded.sources))
        .filter(|found| found.contains(".pem"))
        .collect();
    expect![[r#"
        error[E0403]: the file of `egress.ca-file` cannot be used: entity not found
         --> tollgate.toml:2:11
          |
        2 | ca-file = "a.pem"
          |           ^^^^^^^ not usable

        error[E0403]: the roots of `ca-certificates` cannot be used: entity not found
         --> tollgate.toml:4:9
          |
        4 | roots = "b.pem"
          |         ^^^^^^^ not usable

        error[E0403]: the roots of backend `x` cannot be used: entity not found
         --> tollgate.toml:7:19
          |
        7 | tls = { ca-file = "c.pem" }
          |                   ^^^^^^^ not usable"#]]
    .assert_eq(&shown.join("\n\n"));
}
