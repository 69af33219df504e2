//! Protection against requests that another site makes a user's browser send (CSRF).
//!
//! A browser says where a request comes from, and [`origin`] believes it. A client that says nothing
//! must know the token of a page that it was given: [`CsrfKeys`] signs it, and binds it to the cookie
//! beside it and to the session. The token also says whom its form was shown to: see [`shown_to`].

mod field;
mod layer;
mod origin;
mod shown_to;

use std::fmt;
use std::sync::Arc;
use std::sync::OnceLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use minijinja::value::{Enumerator, Object, ObjectRepr};
use phone_auth_core::user::UserId;
use phone_auth_tokens::{Keyring, Subkey};

pub use field::CsrfField;
pub use layer::{SameOrigin, SameOriginLayer};
pub(crate) use origin::{Origins, Provenance};
pub(crate) use shown_to::ShownTo;

/// The name of the hidden field, as django-phone-auth has it.
pub(crate) const FIELD: &str = "csrfmiddlewaretoken";

/// How many random bytes the cookie holds.
const NONCE_BYTES: usize = 16;

/// Signs tokens, and knows those that any accepted key has signed.
#[derive(Clone)]
pub(crate) struct CsrfKeys {
    tokens: Arc<[Subkey]>,
    shown_to: Arc<[Subkey]>,
}

impl CsrfKeys {
    pub(crate) fn new(keyring: &Keyring) -> Self {
        Self {
            tokens: keyring.derive_all("csrf").into(),
            shown_to: keyring.derive_all("form-shown-to").into(),
        }
    }

    /// A token for this cookie and this session, with what it says of whom its form is shown to.
    fn sign(&self, nonce: &str, session: &[u8], shown_to: Option<&str>) -> Option<String> {
        let fields = fields(nonce, session, shown_to);
        let tag = self.tokens.first()?.sign(&fields);
        let mut token = Base64UrlUnpadded::encode_string(&tag);
        if let Some(shown_to) = shown_to {
            token.push(shown_to::SEPARATOR);
            token.push_str(shown_to);
        }
        Some(token)
    }

    /// Whether `token` was made for this cookie and this session.
    pub(crate) fn verify(&self, nonce: &str, session: &[u8], token: &str) -> bool {
        let (tag, shown_to) = match token.split_once(shown_to::SEPARATOR) {
            Some((tag, shown_to)) => (tag, Some(shown_to)),
            None => (token, None),
        };
        let mut buffer = [0_u8; 32];
        let Ok(tag) = Base64UrlUnpadded::decode(tag, &mut buffer) else {
            return false;
        };
        let fields = fields(nonce, session, shown_to);
        self.tokens.iter().any(|key| key.verify(&fields, tag))
    }
}

/// What a token is bound to. Without the last one it is as the version before made it.
fn fields<'a>(nonce: &'a str, session: &'a [u8], shown_to: Option<&'a str>) -> Vec<&'a [u8]> {
    let shown_to = shown_to.map(str::as_bytes);
    [nonce.as_bytes(), session]
        .into_iter()
        .chain(shown_to)
        .collect()
}

impl fmt::Debug for CsrfKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfKeys(…)")
    }
}

/// The token of one request. It is made when a page first asks for it, so that pages without a form
/// set no cookie.
pub(crate) struct CsrfToken {
    keys: CsrfKeys,
    /// What the browser sent and has the form of ours: of several, nothing tells which is.
    sent: Vec<String>,
    session: Vec<u8>,
    sender: Sender,
    made: OnceLock<Option<Made>>,
}

/// Who has sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// The store was not asked, so a page says nothing of it.
    NotAsked,
    /// This user, or nobody who is signed in.
    Known(Option<UserId>),
}

struct Made {
    nonce: String,
    token: String,
}

impl CsrfToken {
    /// A token for the first of the cookies that came with the request and has the form of ours, or for a new one.
    pub(crate) fn new(
        keys: CsrfKeys,
        cookies: Vec<String>,
        session: Vec<u8>,
        sender: Sender,
    ) -> Self {
        Self {
            keys,
            sent: cookies,
            session,
            sender,
            made: OnceLock::new(),
        }
    }

    /// The token for the hidden field; `None` when the system has no randomness to give.
    pub(crate) fn text(&self) -> Option<&str> {
        self.made().map(|made| made.token.as_str())
    }

    /// The cookie to set: there is one when a page asked for the token and the browser has none.
    pub(crate) fn cookie_to_set(&self) -> Option<&str> {
        let made = self.made.get()?.as_ref()?;
        (!self.sent.contains(&made.nonce)).then_some(made.nonce.as_str())
    }

    /// Whether a form brought the token that belongs to a cookie that came with it.
    pub(crate) fn matches(&self, token: &str) -> bool {
        self.sent
            .iter()
            .any(|nonce| self.keys.verify(nonce, &self.session, token))
    }

    /// The first of the cookies that came with the request: what a browser keeps to itself, no matter who is signed in there.
    pub(crate) fn of_browser(&self) -> Option<&str> {
        self.sent.first().map(String::as_str)
    }

    /// Whom the form was shown to that brought this token.
    pub(crate) fn shown_to(&self, token: &str) -> ShownTo {
        match self.sender {
            Sender::NotAsked => ShownTo::Unsaid,
            Sender::Known(user) => shown_to::read(&self.keys.shown_to, token, user),
        }
    }

    fn made(&self) -> Option<&Made> {
        self.made
            .get_or_init(|| {
                let nonce = self.sent.first().cloned().or_else(new_nonce)?;
                let shown_to = match self.sender {
                    Sender::NotAsked => None,
                    Sender::Known(user) => Some(shown_to::sign(&self.keys.shown_to, user)?),
                };
                let token = self.keys.sign(&nonce, &self.session, shown_to.as_deref())?;
                Some(Made { nonce, token })
            })
            .as_ref()
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken(…)")
    }
}

/// `{{ csrf_token }}` in a template.
impl Object for CsrfToken {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().unwrap_or_default())
    }
}

/// What tells one page from all others, for a hidden field of its form; `None` when the system has no randomness to give.
pub(crate) fn new_page() -> Option<String> {
    new_nonce()
}

fn new_nonce() -> Option<String> {
    let mut bytes = [0_u8; NONCE_BYTES];
    getrandom::fill(&mut bytes).ok()?;
    Some(Base64UrlUnpadded::encode_string(&bytes))
}

/// Whether a text has the form of the cookie.
pub(crate) fn is_nonce(text: &str) -> bool {
    let mut buffer = [0_u8; NONCE_BYTES];
    Base64UrlUnpadded::decode(text, &mut buffer).is_ok_and(|bytes| bytes.len() == NONCE_BYTES)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use phone_auth_tokens::SecretKey;

    const NOBODY: Sender = Sender::Known(None);

    fn keys() -> CsrfKeys {
        CsrfKeys::new(&Keyring::new(SecretKey::generate().unwrap()))
    }

    #[test]
    fn token_matches_its_cookie() {
        let keys = keys();
        let first = CsrfToken::new(keys.clone(), Vec::new(), b"session".to_vec(), NOBODY);
        let token = first.text().unwrap();
        let cookie = first.cookie_to_set().unwrap().to_owned();

        let second = CsrfToken::new(
            keys.clone(),
            vec![cookie.clone()],
            b"session".to_vec(),
            NOBODY,
        );
        assert!(second.matches(token));
        assert_eq!(
            second.text(),
            Some(token),
            "the same cookie, the same token"
        );
        assert_eq!(second.cookie_to_set(), None);

        let elsewhere = CsrfToken::new(
            keys.clone(),
            vec![cookie.clone()],
            b"another".to_vec(),
            NOBODY,
        );
        assert!(!elsewhere.matches(token), "another session, another token");

        let tossed = new_nonce().unwrap();
        for cookies in [[tossed.clone(), cookie.clone()], [cookie, tossed]] {
            let third = CsrfToken::new(keys.clone(), cookies.to_vec(), b"session".to_vec(), NOBODY);
            assert!(third.matches(token), "a cookie of another host hides none");
            assert!(third.matches(third.text().unwrap()));
            assert_eq!(third.cookie_to_set(), None);
        }
    }

    #[test]
    fn token_says_whom_its_form_was_shown_to() {
        let [keys, others] = [keys(), keys()];
        let ann = Sender::Known(Some(UserId::new(1)));
        let bob = Sender::Known(Some(UserId::new(2)));
        let token = |keys: &CsrfKeys, sender, session: &[u8]| {
            CsrfToken::new(keys.clone(), Vec::new(), session.to_vec(), sender)
        };
        for (shown, sent, said) in [
            (ann, ann, ShownTo::Sender),
            (ann, bob, ShownTo::Another),
            (ann, NOBODY, ShownTo::Another),
            (NOBODY, NOBODY, ShownTo::Sender),
            (NOBODY, bob, ShownTo::Nobody),
            (Sender::NotAsked, bob, ShownTo::Unsaid),
        ] {
            let shown = token(&keys, shown, b"before");
            let sent = token(&keys, sent, b"after");
            let text = shown.text().unwrap();
            assert_eq!(
                sent.shown_to(text),
                said,
                "{:?} {:?}",
                shown.sender,
                sent.sender
            );
            let elsewhere = token(&others, Sender::Known(None), b"after");
            let unknown = if said == ShownTo::Unsaid {
                said
            } else {
                ShownTo::Another
            };
            assert_eq!(elsewhere.shown_to(text), unknown, "made with another key");
        }
        for (text, said) in [
            ("", ShownTo::Unsaid),
            ("x", ShownTo::Unsaid),
            ("x.", ShownTo::Another),
            ("x.y.z", ShownTo::Another),
        ] {
            assert_eq!(token(&keys, ann, b"").shown_to(text), said, "{text}");
        }
    }

    #[test]
    fn unused_token_sets_no_cookie() {
        let token = CsrfToken::new(keys(), Vec::new(), Vec::new(), NOBODY);
        assert_eq!(token.cookie_to_set(), None);
    }

    #[test]
    fn nothing_matches_without_cookie() {
        let keys = keys();
        let token = CsrfToken::new(keys.clone(), Vec::new(), Vec::new(), NOBODY);
        let text = token.text().unwrap().to_owned();
        for cookies in [vec![], vec![String::new()], vec!["x".repeat(22)]] {
            let context = CsrfToken::new(keys.clone(), cookies, Vec::new(), NOBODY);
            assert!(!context.matches(&text));
            assert!(!context.matches(""));
        }
    }

    #[test]
    fn older_key_is_still_accepted() {
        let (old, new) = (
            SecretKey::generate().unwrap(),
            SecretKey::generate().unwrap(),
        );
        let text = old.reveal().to_owned();
        let before = CsrfKeys::new(&Keyring::new(old));
        let again = SecretKey::new(text).unwrap();
        let after = CsrfKeys::new(&Keyring::new(new).with_fallback(again));
        let token = before.sign("nonce", b"", Some("user")).unwrap();
        assert!(after.verify("nonce", b"", &token));
        for altered in [
            token.repeat(2),
            format!("{token}x"),
            token.replace("user", "another"),
            token.replace(".user", ""),
        ] {
            assert!(!after.verify("nonce", b"", &altered), "{altered}");
        }
        let older = before.sign("nonce", b"", None).unwrap();
        assert!(after.verify("nonce", b"", &older), "of the version before");
    }
}
