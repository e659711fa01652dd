//! The policy directories that are measured.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

/// Key of the subscription whose product policies run.
pub const KEY: &str = "0123456789abcdef0123456789abcdef";

const PASS_THROUGH: &str = "<policies><inbound><base /></inbound><backend><base /></backend><outbound><base /></outbound></policies>";

/// Ten policies and an inclusion of three more in inbound, two in outbound: fifteen for each scope.
pub fn fifteen(scope: &str) -> String {
    let base = if scope == "global" { "" } else { "<base />" };
    let backend = if scope == "global" { "<forward-request />" } else { "<base />" };
    format!(
        r#"<policies>
    <inbound>
        {base}
        <set-header name="x-{scope}" exists-action="override"><value>{scope}</value></set-header>
        <set-header name="x-trail" exists-action="append"><value>@(context.RequestId.ToString())</value></set-header>
        <set-header name="x-secret-{scope}" exists-action="delete" />
        <set-variable name="team-{scope}" value="@(context.Request.Headers.GetValueOrDefault("x-team", "none"))" />
        <set-variable name="limit-{scope}" value="100" />
        <choose>
            <when condition="@(context.Variables.GetValueOrDefault<string>("team-{scope}") == "blue")">
                <set-variable name="is-blue-{scope}" value="@(true)" />
            </when>
            <otherwise>
                <set-variable name="is-blue-{scope}" value="@(false)" />
            </otherwise>
        </choose>
        <set-query-parameter name="{scope}" exists-action="skip"><value>1</value></set-query-parameter>
        <include-fragment fragment-id="shared" />
    </inbound>
    <backend>{backend}</backend>
    <outbound>
        {base}
        <set-header name="x-out-{scope}" exists-action="override"><value>@((string)context.Variables["team-{scope}"])</value></set-header>
        <set-header name="x-powered-by" exists-action="delete" />
    </outbound>
</policies>
"#
    )
}

/// The fragment that they include, `shared`.
pub const FRAGMENT: &str = r#"<fragment>
    <set-variable name="path" value="@(context.Request.Url.Path)" />
    <set-header name="x-path" exists-action="override"><value>@((string)context.Variables["path"])</value></set-header>
    <set-variable name="is-read" value="@(context.Request.Method == "GET" || context.Request.Method == "HEAD")" />
</fragment>
"#;

/// One API that passes everything through, and one with sixty policies over global, product, API and operation scope.
/// Each stands in a directory of its own, because global policies would run for both.
pub fn write(root: &Path, gateway: &str, admin: &str, backend: &str, policies: bool) -> Result<()> {
    let mut config = format!(
        "[listen]\nhttp = \"{gateway}\"\nadmin = \"{admin}\"\n\n[log]\nlevel = \"warn\"\n\n[limits]\nrequests-per-connection = 1000000\n\n[backends.echo]\nurl = \"{backend}\"\n\n\
         [apis.measured]\npath = \"measured\"\nbackend = \"echo\"\nsubscription = \"optional\"\n"
    );
    let file = |path: &str, text: &str| -> Result<()> {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(root))?;
        Ok(std::fs::write(path, text)?)
    };
    if policies {
        write!(
            config,
            "\n[apis.measured.operations.chat]\nmethod = \"POST\"\nurl-template = \"/chat/completions\"\n\n\
             [products.starter]\napis = [\"measured\"]\n\n\
             [subscriptions.team]\nkeys = [{{ value = \"{KEY}\", development = true }}]\nproduct = \"starter\"\n"
        )?;
        file("global.xml", &fifteen("global"))?;
        file("products/starter.xml", &fifteen("product"))?;
        file("apis/measured/policy.xml", &fifteen("api"))?;
        file("apis/measured/operations/chat.xml", &fifteen("operation"))?;
        file("fragments/shared.xml", FRAGMENT)?;
    } else {
        file("apis/measured/policy.xml", PASS_THROUGH)?;
    }
    file("tollgate.toml", &config)
}

/// A directory of `n` APIs, each with a document of fifteen policies.
pub fn write_many(root: &Path, n: usize) -> Result<()> {
    let mut config = String::from("[backends.echo]\nurl = \"http://127.0.0.1:9\"\n");
    std::fs::create_dir_all(root.join("fragments"))?;
    std::fs::write(root.join("fragments/shared.xml"), FRAGMENT)?;
    for index in 0..n {
        write!(
            config,
            "\n[apis.api-{index}]\npath = \"api-{index}\"\nbackend = \"echo\"\nsubscription = \"optional\"\n"
        )?;
        let folder = root.join(format!("apis/api-{index}"));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("policy.xml"), fifteen("api"))?;
    }
    Ok(std::fs::write(root.join("tollgate.toml"), config)?)
}
