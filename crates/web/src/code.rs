//! What the pages that take a code have in common: the key in the cookie, and the words for a code that is refused.

use axum::response::Response;
use phone_auth_core::accounts::CodeRefusal;
use phone_auth_core::challenge::ChallengeKey;

use crate::request_context::{RequestContext, add_cookie};

/// What is said of a code that is refused.
pub(crate) fn sentence(refusal: CodeRefusal) -> String {
    match refusal {
        CodeRefusal::Unreadable => "Type the six digits of the code.".to_owned(),
        CodeRefusal::Wrong { left: 1 } => "That code isn't right. You can try once more.".to_owned(),
        CodeRefusal::Wrong { left } => {
            format!("That code isn't right. You can try {left} more times.")
        }
        CodeRefusal::Over => {
            "This code can't be used any more, or you asked for it in another browser. Get a new one.".to_owned()
        }
    }
}

/// Keeps the key of a challenge in the browser that asked.
pub(crate) fn keep(context: &RequestContext, key: &ChallengeKey, response: &mut Response) {
    let accounts = context.accounts();
    let (path, lifetime) = (accounts.routes().mount(), accounts.settings().code_lifetime);
    let cookie = context.cookies().set_challenge(key, path, lifetime);
    add_cookie(response.headers_mut(), cookie);
}

/// Makes the browser forget its challenge.
pub(crate) fn forget(context: &RequestContext, response: &mut Response) {
    let path = context.accounts().routes().mount();
    add_cookie(
        response.headers_mut(),
        context.cookies().clear_challenge(path),
    );
}
