//! Policy documents.

use std::path::Path;

use anyhow::Result;

use crate::Issuer;

/// `n` times fifteen policies: ten and an inclusion of three more in inbound, two in outbound. `scope` makes their names
/// differ from those of other documents.
pub fn fifteen(scope: &str, n: usize) -> String {
    let inbound = |n: usize| {
        format!(
            r#"<set-header name="x-{scope}-{n}" exists-action="override"><value>{scope}</value></set-header>
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
        <set-query-parameter name="{scope}-{n}" exists-action="skip"><value>1</value></set-query-parameter>
        <include-fragment fragment-id="shared" />
        "#
        )
    };
    let outbound = |n: usize| {
        format!(
            r#"<set-header name="x-out-{scope}-{n}" exists-action="override"><value>@((string)context.Variables["team-{scope}"])</value></set-header>
        <set-header name="x-powered-by" exists-action="delete" />
        "#
        )
    };
    let base = if scope == "global" { "" } else { "<base />" };
    let backend = if scope == "global" { "<forward-request />" } else { "<base />" };
    let (inbound, outbound): (String, String) =
        ((0..n).map(inbound).collect(), (0..n).map(outbound).collect());
    format!(
        "<policies>\n    <inbound>\n        {base}\n        {inbound}</inbound>\n    <backend>{backend}</backend>\n    \
         <outbound>\n        {base}\n        {outbound}</outbound>\n</policies>\n"
    )
}

/// The fragment `shared`.
pub const FRAGMENT: &str = r#"<fragment>
    <set-variable name="path" value="@(context.Request.Url.Path)" />
    <set-header name="x-path" exists-action="override"><value>@((string)context.Variables["path"])</value></set-header>
    <set-variable name="is-read" value="@(context.Request.Method == "GET" || context.Request.Method == "HEAD")" />
</fragment>
"#;

/// A document that validates tokens of an issuer.
pub fn jwt(issuer: &Issuer) -> String {
    let (n, e) = issuer.components();
    format!(
        r#"<policies>
    <inbound>
        <base />
        <validate-jwt header-name="Authorization" require-scheme="Bearer">
            <issuer-signing-keys><key id="{}" n="{n}" e="{e}" /></issuer-signing-keys>
            <audiences><audience>{}</audience></audiences>
            <issuers><issuer>{}</issuer></issuers>
        </validate-jwt>
    </inbound>
    <backend><base /></backend>
    <outbound><base /></outbound>
</policies>
"#,
        Issuer::KEY,
        Issuer::AUDIENCE,
        Issuer::NAME
    )
}

/// A document that limits tokens of a language model and estimates what a prompt has.
pub fn token_limit() -> &'static str {
    r#"<policies>
    <inbound>
        <base />
        <llm-token-limit counter-key="@(context.Request.Headers.GetValueOrDefault("x-team", "none"))" tokens-per-minute="2000000000" estimate-prompt-tokens="true" />
    </inbound>
    <backend><base /></backend>
    <outbound><base /></outbound>
</policies>
"#
}

/// A directory of `n` APIs, each with a document of fifteen policies.
pub fn write_directory(root: &Path, n: usize) -> Result<()> {
    let mut config = String::from("[backends.echo]\nurl = \"http://127.0.0.1:9\"\n");
    std::fs::create_dir_all(root.join("fragments"))?;
    std::fs::write(root.join("fragments/shared.xml"), FRAGMENT)?;
    for index in 0..n {
        config += &format!(
            "\n[apis.api-{index}]\npath = \"api-{index}\"\nbackend = \"echo\"\nsubscription = \"optional\"\n"
        );
        let folder = root.join(format!("apis/api-{index}"));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("policy.xml"), fifteen("api", 1))?;
    }
    Ok(std::fs::write(root.join("tollgate.toml"), config)?)
}
