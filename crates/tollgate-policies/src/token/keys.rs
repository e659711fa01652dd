//! Which keys may have signed a token, and finding the one that did.

use std::fmt;
use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::jose::{
    Algorithm, Claims, DecryptionKey, JoseError, Jwe, Jws, KeySet, SignedBy, TokenHash,
    VerificationKey, Verified, parse_strict_json, symmetric_key_text,
};
use tollgate_engine::ports::{KeyError, KeySource, Refresh};
use tollgate_engine::read::Element;
use tollgate_engine::{CompileCx, RequestCx};

use super::location::TokenText;
use super::{Failure, Location, Rejection, resolve};

/// A token and what may have signed it, for one request.
pub(crate) struct Prepared {
    token: TokenText,
    hash: TokenHash,
    /// Keys the author wrote down.
    pub(crate) inline: Option<Arc<KeySet>>,
    /// Keys that issuers publish.
    pub(crate) sources: Vec<Result<Arc<dyn KeySource>, KeyError>>,
    /// Whether the author accepts unsigned tokens.
    pub(crate) allow_unsigned: bool,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").finish_non_exhaustive()
    }
}

/// Finds the token and, when it is encrypted, opens it.
pub(crate) fn prepare(
    location: &Location,
    decryption: &[DecryptionKey],
    cx: &mut RequestCx,
) -> Result<Prepared, Failure> {
    let mut token = location.find(cx)?;
    if Jwe::looks_like(token.as_str()) {
        let content = Jwe::parse(token.as_str()).and_then(|jwe| jwe.decrypt(decryption));
        let content = content.map_err(Rejection::from)?;
        // The content must be a signed token: one encrypted to the gateway alone could come from anybody.
        let inner = String::from_utf8(content)
            .map_err(|_| Rejection::NotWellFormed("the content is not text"))?;
        token = TokenText::from(inner);
    }
    let hash = TokenHash::of(token.as_str());
    Ok(Prepared { token, hash, inline: None, sources: Vec::new(), allow_unsigned: false })
}

/// A token whose signature holds, and the keys it holds with.
#[derive(Debug)]
pub(crate) struct Trusted {
    token: Arc<Verified<Claims>>,
    keys: Option<Arc<KeySet>>,
}

impl Trusted {
    pub(crate) fn token(&self) -> &Verified<Claims> {
        &self.token
    }

    pub(crate) fn claims(&self) -> &Claims {
        self.token.get()
    }

    /// The issuer that published the keys.
    pub(crate) fn published_by(&self) -> Option<&str> {
        self.keys.as_ref()?.issuer()
    }

    /// Whether the author vouches for the key, having written it down.
    pub(crate) fn by_own_key(&self) -> bool {
        self.keys.as_ref().is_none_or(|keys| keys.issuer().is_none())
    }

    /// Whether nobody signed.
    pub(crate) fn is_unsigned(&self) -> bool {
        *self.token.signed_by() == SignedBy::Nobody
    }
}

/// Why no key was found.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// The token is refused, whatever keys there are.
    Refused(Rejection),
    /// Keys that are not at hand could change that; the refusal if they do not.
    NeedsKeys(Rejection),
}

impl Prepared {
    pub(crate) fn token(&self) -> &str {
        self.token.as_str()
    }

    /// The token as remembered by these keys.
    pub(crate) fn recall(&self, keys: &Arc<KeySet>) -> Option<Trusted> {
        let token = keys.recall(self.hash)?;
        Some(Trusted { token, keys: Some(Arc::clone(keys)) })
    }

    /// Checks the signature with the keys at hand; never waits.
    pub(crate) fn attempt(&self) -> Result<Trusted, Attempt> {
        let published = self.sources.iter().filter_map(|source| source.as_ref().ok()?.current());
        let sets: Vec<_> = self.inline.iter().cloned().chain(published).collect();
        let known = sets.iter().find_map(|keys| self.recall(keys));
        if let (Some(_), [_]) = (&known, sets.as_slice()) {
            return known.ok_or(Attempt::Refused(Rejection::Signature));
        }
        let jws = Jws::parse(self.token()).map_err(|error| Attempt::Refused(error.into()))?;
        if jws.is_unsigned() {
            let token =
                if self.allow_unsigned { jws.accept_unsigned() } else { Err(JoseError::Unsigned) };
            let token = Arc::new(token.map_err(|error| Attempt::Refused(error.into()))?);
            return Ok(Trusted { token, keys: None });
        }
        let mut refusal = Rejection::KeyNotFound;
        for keys in by_issuer(&sets, known.as_ref(), &jws) {
            let token = keys.recall(self.hash).map_or_else(|| keys.verify(&jws, self.hash), Ok);
            match token {
                Ok(token) => return Ok(Trusted { token, keys: Some(Arc::clone(keys)) }),
                Err(JoseError::NoKey) => {}
                Err(JoseError::Signature) => refusal = Rejection::Signature,
                Err(other) => return Err(Attempt::Refused(other.into())),
            }
        }
        Err(self.missing(&jws, refusal))
    }

    /// Whether keys that are not at hand could have made the signature.
    fn missing(&self, jws: &Jws<'_>, refusal: Rejection) -> Attempt {
        if Algorithm::from_name(jws.header().alg()).is_none() {
            return Attempt::Refused(JoseError::Algorithm.into());
        }
        let wanted = self.sources.iter().any(|source| match source {
            Err(_) => false,
            Ok(source) => {
                refresh_reason(&**source, jws, refusal == Rejection::KeyNotFound).is_some()
            }
        });
        if wanted {
            return Attempt::NeedsKeys(refusal);
        }
        // A source that may not be fetched explains more than an unknown key.
        match self.sources.iter().find_map(|source| source.as_ref().err()) {
            Some(error) if refusal == Rejection::KeyNotFound => {
                Attempt::Refused(Rejection::KeysUnavailable(error.to_string()))
            }
            _ => Attempt::Refused(refusal),
        }
    }

    /// Waits for keys that could have made the signature. The sources share one fetch among requests and keep their
    /// cool-down, so a spray of made-up `kid`s causes none.
    pub(crate) async fn attempt_with_fresh_keys(&self) -> Result<Trusted, Rejection> {
        let mut refusal = match self.attempt() {
            Ok(trusted) => return Ok(trusted),
            Err(Attempt::Refused(rejection)) => return Err(rejection),
            Err(Attempt::NeedsKeys(rejection)) => rejection,
        };
        let mut unavailable = None;
        // Sources without any keys first: asking the others about an unknown `kid` may then be needless.
        let known = self.sources.iter().filter_map(|source| source.as_ref().ok());
        let (without, with): (Vec<_>, Vec<_>) =
            known.partition(|source| source.current().is_none());
        for source in without.into_iter().chain(with) {
            let jws = Jws::parse(self.token())?;
            let Some(why) = refresh_reason(&**source, &jws, refusal == Rejection::KeyNotFound)
            else {
                continue;
            };
            match source.refresh(why).await {
                Ok(_) => match self.attempt() {
                    Ok(trusted) => return Ok(trusted),
                    Err(Attempt::Refused(rejection) | Attempt::NeedsKeys(rejection)) => {
                        refusal = rejection;
                    }
                },
                Err(error) => unavailable = Some(error),
            }
        }
        Err(match unavailable {
            Some(error) if refusal == Rejection::KeyNotFound => {
                Rejection::KeysUnavailable(error.to_string())
            }
            _ => refusal,
        })
    }
}

impl Prepared {
    /// Whether an issuer's metadata is not at hand: it says what issuers are accepted also of tokens that a key of the
    /// policy signed.
    pub(crate) fn lacks_metadata(&self) -> bool {
        self.sources.iter().flatten().any(|source| source.current().is_none())
    }

    /// Waits for metadata that is not at hand. What cannot be had is left out.
    pub(crate) async fn fetch_metadata(&self) {
        for source in self.sources.iter().flatten().filter(|source| source.current().is_none()) {
            // The token is judged by what there is then.
            drop(source.refresh(Refresh::Missing).await);
        }
    }
}

/// Why a source should be asked for keys, if it should: it has none, or none of this `kid` while none was found anywhere.
fn refresh_reason<'a>(
    source: &dyn KeySource,
    jws: &'a Jws<'_>,
    unknown: bool,
) -> Option<Refresh<'a>> {
    let Some(keys) = source.current() else { return Some(Refresh::Missing) };
    let kid = jws.header().kid()?;
    (unknown && !keys.has_key(kid)).then_some(Refresh::UnknownKid(kid))
}

/// The key sets, those first whose issuer is the token's: two issuers may publish the same key (Entra's v1 and v2 do),
/// and the one that the token names is the one to answer for it. The order decides nothing else.
fn by_issuer<'s>(
    sets: &'s [Arc<KeySet>],
    known: Option<&Trusted>,
    jws: &Jws<'_>,
) -> Vec<&'s Arc<KeySet>> {
    if sets.len() < 2 {
        return sets.iter().collect();
    }
    let unverified;
    let claims = if let Some(known) = known {
        Some(known.claims())
    } else {
        unverified = Claims::read(Arc::clone(jws.header()), jws.unverified_payload()).ok();
        unverified.as_ref()
    };
    let named = |keys: &&Arc<KeySet>| {
        let claims = claims?;
        let issuer = resolve(keys.issuer()?, claims)?;
        (claims.text("iss") == Some(&*issuer)).then_some(())
    };
    let (first, rest): (Vec<_>, Vec<_>) = sets.iter().partition(|keys| named(keys).is_some());
    first.into_iter().chain(rest).collect()
}

/// A claim of a token before anything is known about it: for choosing whose keys to look at, never for a decision.
pub(crate) fn unverified_text(token: &str, name: &str) -> Result<Option<String>, Rejection> {
    let jws = Jws::parse(token)?;
    let members = parse_strict_json(jws.unverified_payload()).ok_or(Rejection::NotWellFormed(
        "the payload is not a JSON object with distinct members",
    ))?;
    Ok(members.get(name).and_then(|value| value.as_str()).map(str::to_owned))
}

/// Keys in the children of an element, one reader for each `key`. Nothing when one of them is wrong; what is not known
/// when a document is checked alone is left out.
fn each_key<T>(
    container: Option<&Element>,
    cx: &mut CompileCx<'_>,
    read: fn(&Element, &mut CompileCx<'_>) -> Result<Option<T>, ()>,
) -> Option<Vec<T>> {
    let mut keys = Vec::new();
    let mut complete = true;
    for element in container.into_iter().flat_map(Element::elements) {
        match read(element, cx) {
            Ok(key) => keys.extend(key),
            Err(()) => complete = false,
        }
    }
    complete.then_some(keys)
}

/// The keys of `issuer-signing-keys`.
pub(crate) fn signing_keys(
    element: &Element,
    cx: &mut CompileCx<'_>,
) -> Option<Vec<VerificationKey>> {
    each_key(element.elements_named("issuer-signing-keys").next(), cx, signing_key)
}

/// The keys of `decryption-keys`.
pub(crate) fn decryption_keys(
    element: &Element,
    cx: &mut CompileCx<'_>,
) -> Option<Vec<DecryptionKey>> {
    each_key(element.elements_named("decryption-keys").next(), cx, decryption_key)
}

/// How a key is written down.
enum Written {
    Symmetric(Vec<u8>),
    Certificate(String),
    Modulus {
        n: String,
        e: String,
    },
    /// With a named value that is not known.
    Unknown,
}

fn signing_key(element: &Element, cx: &mut CompileCx<'_>) -> Result<Option<VerificationKey>, ()> {
    let id = identifier(element);
    let key = match written(element, cx)? {
        Written::Unknown => return Ok(None),
        Written::Symmetric(bytes) => VerificationKey::from_symmetric(id, &bytes),
        Written::Modulus { n, e } => VerificationKey::from_modulus(id, &n, &e),
        Written::Certificate(name) => match certificate(element, cx, &name)? {
            Some(certificate) => certificate.verification_key(id),
            None => return Ok(None),
        },
    };
    key.map(Some).map_err(|why| invalid(element, cx, &why))
}

fn decryption_key(element: &Element, cx: &mut CompileCx<'_>) -> Result<Option<DecryptionKey>, ()> {
    let id = identifier(element);
    let key = match written(element, cx)? {
        Written::Unknown => return Ok(None),
        Written::Symmetric(bytes) => DecryptionKey::from_symmetric(id, &bytes),
        Written::Modulus { .. } => Err("a public key decrypts nothing".to_owned()),
        Written::Certificate(name) => match certificate(element, cx, &name)? {
            Some(certificate) => certificate.decryption_key(id),
            None => return Ok(None),
        },
    };
    key.map(Some).map_err(|why| invalid(element, cx, &why))
}

fn identifier(element: &Element) -> Option<String> {
    let id = element.attribute("id")?.value.as_str().trim();
    (!id.is_empty()).then(|| id.to_owned())
}

fn certificate(
    element: &Element,
    cx: &mut CompileCx<'_>,
    name: &str,
) -> Result<Option<Arc<tollgate_engine::jose::Certificate>>, ()> {
    let span = element
        .attribute("certificate-id")
        .map_or(element.name_span, |attribute| attribute.value.span());
    if cx.check_certificate(name, span) { Ok(cx.names().certificate(name)) } else { Err(()) }
}

fn written(element: &Element, cx: &mut CompileCx<'_>) -> Result<Written, ()> {
    let text = element.text();
    let attribute = |name: &str| element.attribute(name).map(|attribute| &attribute.value);
    let (certificate, n, e) = (attribute("certificate-id"), attribute("n"), attribute("e"));
    if [text.as_ref(), certificate, n, e].into_iter().flatten().any(|value| value.is_opaque) {
        return Ok(Written::Unknown);
    }
    match (text, certificate, n, e) {
        (Some(text), None, None, None) => match symmetric_key_text(text.as_str()) {
            Ok(bytes) => Ok(Written::Symmetric(bytes)),
            Err(why) => {
                invalid(element, cx, &why);
                Err(())
            }
        },
        (None, Some(name), None, None) => Ok(Written::Certificate(name.as_str().trim().to_owned())),
        (None, None, Some(n), Some(e)) => {
            Ok(Written::Modulus { n: n.as_str().to_owned(), e: e.as_str().to_owned() })
        }
        _ => {
            let message = "a `key` is Base64 text, a `certificate-id`, or `n` and `e`";
            cx.report(
                Diagnostic::new(Code::CONFLICTING_ATTRIBUTES, message, element.name_span)
                    .label("expected one of the three forms"),
            );
            Err(())
        }
    }
}

/// Reports a key that cannot be used. The key itself is never shown.
fn invalid(element: &Element, cx: &mut CompileCx<'_>, why: &str) {
    let mut diagnostic =
        Diagnostic::new(Code::INVALID_VALUE, format!("invalid key: {why}"), element.span)
            .hide_source();
    if element.text().is_some_and(|text| text.as_str().contains("BEGIN ")) {
        diagnostic = diagnostic
            .help("text is always a symmetric key; configure a certificate and refer to it by `certificate-id`");
    }
    cx.report(diagnostic);
}
