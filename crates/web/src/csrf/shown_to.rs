//! Whom a form was shown to.
//!
//! A page may wait in a tab while another user signs in in the next one. Where a form comes from says nothing of that,
//! so its token does. It names the user by a keyed digest, and not the session: the same user may have signed in anew,
//! or changed their password, since.

use base64ct::{Base64UrlUnpadded, Encoding};
use phone_auth_core::user::UserId;
use phone_auth_tokens::Subkey;

/// What stands between the two parts of a token.
pub(super) const SEPARATOR: char = '.';

/// Whom the page that a form stands on was shown to, compared with who has sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShownTo {
    /// The form does not say so: a program has sent it, or a page that carries no token.
    Unsaid,
    /// Nobody was signed in, as nobody is now, or it was the user who is signed in now.
    Sender,
    /// Nobody was signed in, and a user is now.
    Nobody,
    /// It was another user than the one who is signed in now, or it cannot be told any more.
    Another,
}

/// The part of a token that says whom the form is shown to.
pub(super) fn sign(keys: &[Subkey], user: Option<UserId>) -> Option<String> {
    let id = id_bytes(user);
    let tag = keys.first()?.sign(&[&id]);
    Some(Base64UrlUnpadded::encode_string(&tag))
}

/// Reads that part of a token which a form brought.
pub(super) fn read(keys: &[Subkey], token: &str, sender: Option<UserId>) -> ShownTo {
    let Some((_, part)) = token.split_once(SEPARATOR) else {
        return ShownTo::Unsaid;
    };
    let mut buffer = [0_u8; 32];
    let tag = Base64UrlUnpadded::decode(part, &mut buffer).unwrap_or_default();
    let is_for = |user| {
        let id = id_bytes(user);
        keys.iter().any(|key| key.verify(&[&id], tag))
    };
    if is_for(sender) {
        ShownTo::Sender
    } else if is_for(None) {
        ShownTo::Nobody
    } else {
        ShownTo::Another
    }
}

/// An id, or nothing for nobody.
fn id_bytes(user: Option<UserId>) -> Vec<u8> {
    user.map_or_else(Vec::new, |user| user.get().to_be_bytes().to_vec())
}
