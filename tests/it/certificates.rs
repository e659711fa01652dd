//! Certificates of the configuration in expressions: they sign, they are verified, and their keys stay inside.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::harness::{Call, Directory, repository};

const POLICY: &str = r#"<policies>
    <inbound>
        <base />
        <return-response>
            <set-body>@{
                var certificate = context.Deployment.Certificates["signing"];
                var data = Encoding.UTF8.GetBytes(context.Request.Method + " signed");
                var signature = certificate.GetRSAPrivateKey()
                    .SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
                var verified = certificate.GetRSAPublicKey()
                    .VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
                var key = "";
                try { key = certificate.GetRSAPrivateKey().ToXmlString(true); } catch (Exception e) { key = e.Message; }
                return string.Join("|", certificate.Subject, signature.Length, verified, key,
                    context.Deployment.Certificates["root"].VerifyNoRevocation(), certificate.VerifyNoRevocation(),
                    context.Request.Certificate == null);
            }</set-body>
        </return-response>
    </inbound>
    <backend><base /></backend>
    <outbound><base /></outbound>
</policies>"#;

#[tokio::test(flavor = "multi_thread")]
async fn expressions_work_with_certificates_of_the_configuration() {
    let fixtures = repository().join("crates/tollgate-expr/src/types/crypto/tests");
    let root = std::fs::read(fixtures.join("root.der")).expect("a root");
    let root = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode(root)
    );
    let config = format!(
        "[certificates.signing]\nfile = '{}'\npassword = {{ env = 'PFX_PASSWORD' }}\n\
         [certificates.root]\nfile = 'root.pem'\n\
         [ca-certificates]\nroots = 'root.pem'\n\
         [apis.signs]\npath = \"signs\"\nsubscription = \"optional\"\n",
        fixtures.join("signing.pfx").display()
    );
    let gateway = Directory::new(&config)
        .file("root.pem", &root)
        .api("signs", POLICY)
        .env("PFX_PASSWORD", "secret")
        .start();
    let answer = gateway.send(Call::get("/signs/x")).await.expect(200);
    assert_eq!(
        answer.text(),
        "CN=signing|256|True|Key not valid for use in specified state.|True|False|True"
    );
}
