//! Reference text.

pub(super) const DOCS: &str = r#"Refuses requests without a valid token of Microsoft Entra ID. The token stands in `Authorization` after `Bearer` unless
the policy says otherwise. Tokens of version 1 and 2 are accepted; each must bear the issuer that the metadata of the
tenant gives for its version. The token must be signed and say when it ends.

```xml
<validate-azure-ad-token tenant-id="{{tenant-id}}">
    <client-application-ids>
        <application-id>{{client-app-id}}</application-id>
    </client-application-ids>
    <audiences>
        <audience>api://orders</audience>
    </audiences>
    <required-claims>
        <claim name="roles" match="any">
            <value>Orders.Read</value>
        </claim>
    </required-claims>
</validate-azure-ad-token>
```

A refusal has the status of `failed-validation-httpcode`; the client reads `failed-validation-error-message`, else
`Azure AD JWT not present` or `Invalid Azure AD JWT`. `context.LastError` has the reason and message that `validate-jwt`
has for it.

Differences from Azure:

- The claim `ver` chooses between the metadata of v1 and v2; a token without it is refused.
- The issuer must equal the metadata's exactly. `tid` must be a GUID and stand in the issuer; with a tenant by GUID it
  must be that one. With `common`, `organizations` and `consumers`, `{tenantid}` of the metadata stands for `tid`;
  `organizations` refuses personal accounts.
- A key that Entra publishes for one issuer signs for that issuer, or for another name of the same tenant.
- `client-application-ids` is compared with `azp` of a v2 token and `appid` of a v1 token, without regard to case.
- `backend-application-ids` is compared with `aud`, as the id or as `api://` and the id. When `audiences` is there too,
  both must fit.
- A tenant from an expression must be a GUID, a domain, one of the three words, or an `https` URL of the endpoint with
  one of them; anything else is an evaluation error.
- Without `audiences` and `backend-application-ids`, and for `common` and `organizations` without
  `client-application-ids`, there is a warning at load.
- Claims and times are as strict as in `validate-jwt`; clocks may not differ.
"#;
