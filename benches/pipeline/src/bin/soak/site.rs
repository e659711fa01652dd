//! The policy directory, what stands around it, and how it changes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use tollgate_bench_pipeline::free_address;
use tollgate_emulator::{CONTOSO, Emulator, Fault, Options, Running, TokenSpec, TokenVersion};

use crate::backend;

/// What the identity endpoint hands out, and the backend wants.
const CREDENTIAL: &str = "the-gateway-s-own-token";
const AUDIENCE: &str = "0a5e7d0c-9a43-4f0b-8a57-2f1c9a55e002";

/// Tokens that are sent in turn where each is to be new to the gateway, which remembers 8,192.
const DISTINCT: usize = 12_000;

/// A directory in front of emulators and a backend.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    pub(crate) address: String,
    admin: String,
    backend: String,
    azure: Running,
    pub(crate) tokens: Vec<String>,
}

impl Site {
    pub(crate) async fn new() -> Result<Self> {
        let azure = Emulator::start(Options::default()).await?;
        let token = format!(
            r#"{{"access_token":"{CREDENTIAL}","expires_in":"86400","expires_on":"4000000000","token_type":"Bearer"}}"#
        );
        let answer = Fault::Answer {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: Bytes::from(token),
        };
        azure.imds.server().fail(azure.imds.token_path(), answer);
        let tokens = (0..DISTINCT).map(|n| {
            let spec = TokenSpec::v2(AUDIENCE).lifetime(Duration::from_hours(24));
            Ok(azure.entra.mint(&spec.claim("nonce", n))?)
        });
        let tokens = tokens.collect::<Result<_>>()?;
        let backend = backend::start(format!("Bearer {CREDENTIAL}")).await?;
        let site = Self {
            folder: tempfile::tempdir()?,
            address: free_address()?,
            admin: free_address()?,
            backend: format!("http://{backend}"),
            azure,
            tokens,
        };
        site.write("global.xml", GLOBAL)?;
        site.write("apis/tokens/policy.xml", &site.validated())?;
        site.write("apis/streams/policy.xml", METERED)?;
        site.change(0)?;
        Ok(site)
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("policies")
    }

    /// Makes the `n`th change: of a policy document and of the configuration, where APIs and subscriptions come and go. Every
    /// answer says `n` from then on.
    pub(crate) fn change(&self, n: usize) -> Result<()> {
        let condition = if n.is_multiple_of(2) { "GET" } else { "POST" };
        self.write("apis/plain/policy.xml", &plain(n, condition))?;
        let extra = format!("apis/extra-{}/policy.xml", n % 3);
        self.write(&extra, &plain(n, "PUT"))?;
        self.write("tollgate.toml", &self.config(n)?)?;
        let left = self.root().join(format!("apis/extra-{}", (n + 2) % 3));
        if left.exists() {
            std::fs::remove_dir_all(left)?;
        }
        Ok(())
    }

    /// Whole or not at all: what is half written would not load.
    fn write(&self, name: &str, text: &str) -> Result<()> {
        let file = self.root().join(name);
        std::fs::create_dir_all(file.parent().unwrap_or(Path::new("")))?;
        let beside = self.folder.path().join("written");
        std::fs::write(&beside, text)?;
        Ok(std::fs::rename(beside, file)?)
    }

    fn config(&self, n: usize) -> Result<String> {
        let Self { address, admin, backend, azure, .. } = self;
        let imds = azure.imds.server().url();
        let mut config = format!(
            r#"[listen]
http = "{address}"
admin = "{admin}"

[log]
level = "error"

[identity]
imds-endpoint = "{imds}"

[keys]
lifetime = "1m"

[named-values]
generation = "{n}"

[backends.model]
url = "{backend}"
headers = {{ x-generation = {{ value = "secret-{n}", development = true }} }}
"#
        );
        let extra = format!("extra-{}", n % 3);
        for api in ["tokens", "plain", "streams", &extra] {
            write!(
                config,
                "\n[apis.{api}]\npath = \"{api}\"\nbackend = \"model\"\nsubscription = \"optional\"\n"
            )?;
        }
        for key in n..n + 10 {
            write!(
                config,
                "\n[subscriptions.s-{key}]\nall-apis = true\nkeys = [{{ value = \"the-key-{key:020}\", development = true }}]\n"
            )?;
        }
        Ok(config)
    }

    fn validated(&self) -> String {
        let openid = self.azure.entra.metadata_url(CONTOSO, TokenVersion::V2);
        let issuer = self.azure.entra.issuer(CONTOSO, TokenVersion::V2);
        format!(
            r#"<policies>
    <inbound>
        <base />
        <validate-jwt header-name="Authorization" require-scheme="Bearer" output-token-variable-name="jwt">
            <openid-config url="{openid}" />
            <audiences><audience>{AUDIENCE}</audience></audiences>
            <issuers><issuer>{issuer}</issuer></issuers>
        </validate-jwt>
        <rate-limit-by-key calls="1000000000" renewal-period="60" counter-key="@(((Jwt)context.Variables["jwt"]).Claims["nonce"][0])" />
        <authentication-managed-identity resource="https://cognitiveservices.azure.com" />
    </inbound>
    <backend><base /></backend>
    <outbound><base /></outbound>
</policies>
"#
        )
    }
}

const GLOBAL: &str = r#"<policies>
    <inbound />
    <backend><forward-request /></backend>
    <outbound>
        <set-header name="x-generation" exists-action="override"><value>{{generation}}</value></set-header>
    </outbound>
    <on-error />
</policies>
"#;

const METERED: &str = r#"<policies>
    <inbound>
        <base />
        <authentication-managed-identity resource="https://cognitiveservices.azure.com" />
        <llm-token-limit counter-key="@(context.Api.Name)" tokens-per-minute="2000000000" estimate-prompt-tokens="true" />
        <llm-emit-token-metric namespace="soak"><dimension name="API ID" /></llm-emit-token-metric>
    </inbound>
    <backend><base /></backend>
    <outbound><base /></outbound>
</policies>
"#;

/// A document that is another one each time.
fn plain(n: usize, method: &str) -> String {
    format!(
        r#"<policies>
    <inbound>
        <base />
        <choose>
            <when condition="@(context.Request.Method == "{method}" && context.Request.Headers.GetValueOrDefault("x-team", "") != "{n}")">
                <set-variable name="document" value="@("{n}".Length)" />
            </when>
        </choose>
        <authentication-managed-identity resource="https://cognitiveservices.azure.com" />
    </inbound>
    <backend><base /></backend>
    <outbound>
        <base />
        <set-header name="x-document" exists-action="override"><value>{n}</value></set-header>
    </outbound>
</policies>
"#
    )
}
