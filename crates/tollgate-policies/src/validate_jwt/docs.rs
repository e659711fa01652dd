//! Reference text.

pub(super) const DOCS: &str = r#"Refuses requests without a valid JSON Web Token. The token stands in a header, a query parameter, or is given by an
expression. Its signature must be made by a key of `issuer-signing-keys` or one that an `openid-config` publishes; then
times, issuer, audience and claims must be right. The token stays in the request.

```xml
<validate-jwt header-name="Authorization" require-scheme="Bearer" failed-validation-error-message="Unauthorized">
    <openid-config url="https://login.example.com/.well-known/openid-configuration" />
    <audiences>
        <audience>api://orders</audience>
    </audiences>
    <required-claims>
        <claim name="scp" match="any" separator=" ">
            <value>orders.read</value>
            <value>orders.write</value>
        </claim>
    </required-claims>
</validate-jwt>
```

Signatures: RS256, RS384, RS512, PS256, PS384, PS512 (RSA keys of 2048 to 8192 bits), ES256, ES384, ES512, EdDSA
(Ed25519), and HS256, HS384, HS512 with keys written in the policy. Encryption: `dir`, A128KW, A256KW, RSA-OAEP and
RSA-OAEP-256 with A128CBC-HS256, A192CBC-HS384, A256CBC-HS512, A128GCM, A192GCM and A256GCM.

A refusal has the status of `failed-validation-httpcode`; the client reads `failed-validation-error-message`, or the
reason. `context.LastError.Reason` is `TokenNotPresent`, `TokenSignatureInvalid`, `TokenSignatureKeyNotFound`,
`TokenExpired`, `TokenIssuerNotAllowed`, `TokenAudienceNotAllowed`, `TokenClaimNotFound`, `TokenClaimValueMismatch` or
`JwtInvalid`.

Keys of an OpenID configuration are fetched when they are first needed, renewed in the background, and asked for again
when a token bears an unknown `kid`, though not more often than the cool-down allows. While the issuer cannot be reached
the last keys serve for a bounded time. That a signature held is remembered; times, issuer, audience and claims are
judged anew by each policy on each request.

Differences from Azure:

- The algorithm belongs to the key. An RSA or EC key never verifies an HMAC, a key with an `alg` serves only that, and a
  symmetric key serves the HMACs it is long enough for (32, 48, 64 bytes). A shorter key is an error at load.
- Symmetric keys in a published key set are ignored.
- A key of one `openid-config` does not sign for the issuer of another one of the same policy. Issuers listed in
  `issuers` are accepted with any of the keys.
- A key published with an `issuer` of its own, as Entra does, signs for that issuer only, or for another name of the same
  tenant. `{tenantid}` in an issuer stands for the token's `tid`, which must be a GUID.
- Without `issuers` and `openid-config` the issuer is not looked at, and without `audiences` the audience; the latter is
  a warning at load.
- A header with `crit` or `b64`, a repeated JSON member anywhere in header or claims, a time that is not a number and an
  audience that is neither text nor a list of texts make a token malformed. `jku`, `jwk`, `x5u` and `x5c` are ignored.
- Encrypted tokens must hold a signed one. RSA1_5, PBES2, ECDH-ES and compressed content are refused.
- A header or query parameter that is repeated holds no token. Without `require-scheme`, `Bearer ` before the token in `Authorization` is
  skipped; in other headers it is not.
- Keys that cannot be fetched are a refusal with `TokenSignatureKeyNotFound`, not an error of the gateway.
- A claim with the value null or an empty list counts as missing. `separator` splits a claim that is one string, without
  trimming. With `match="any"` the message lists all expected values.
- A token whose `nbf` is after its `exp` is refused. `exp` itself is the last second a token is good.
- `url` of `openid-config` may be an expression; `validate-connectivity` has no effect.
- No `WWW-Authenticate` header is added.
"#;
