//! What the pages that take a code have in common: the key in the cookie, the words for a code that is refused, and when
//! another one can be sent.

use std::time::Duration;

use axum::response::Response;
use http::HeaderMap;
use phone_auth_core::accounts::{Accounts, CodeRefusal, Failure, FlowError};
use phone_auth_core::challenge::{ChallengeKey, REMEMBERED};
use phone_auth_core::outbox::{Channel, Purpose};
use serde::Serialize;

use crate::answer;
use crate::cookies::AskedCode;
use crate::form::SubmittedForm;
use crate::request_context::{RequestContext, add_cookie};

/// The field of the form that sends another code.
pub(crate) const RESEND: &str = "resend";

/// A code that is tried at each key that a browser sent. Another host of the domain may have set one of them: what is wrong
/// with the code there keeps it from no other.
pub(crate) struct Tries(FlowError<CodeRefusal>);

impl Tries {
    pub(crate) const fn none() -> Self {
        Self(FlowError::Refused(CodeRefusal::Over))
    }

    /// How it has ended, unless there is more to try. A code that is wrong somewhere, or must wait, is told rather than that a
    /// key is over.
    pub(crate) fn ended<T>(
        &mut self,
        tried: Result<T, FlowError<CodeRefusal>>,
    ) -> Option<Result<T, FlowError<CodeRefusal>>> {
        match tried {
            Err(FlowError::Refused(CodeRefusal::Over)) => None,
            Err(FlowError::Failed(failure)) if failure.limited_for().is_none() => {
                Some(Err(failure.into()))
            }
            Err(error @ FlowError::Refused(CodeRefusal::Unreadable)) => Some(Err(error)),
            Err(error) => {
                if matches!(self.0, FlowError::Refused(CodeRefusal::Over)) {
                    self.0 = error;
                }
                None
            }
            Ok(done) => Some(Ok(done)),
        }
    }

    /// What it is refused for at all of them.
    pub(crate) fn refused<T>(self) -> Result<T, FlowError<CodeRefusal>> {
        Err(self.0)
    }
}

/// What is said of a code that is refused.
pub(crate) fn sentence(refusal: CodeRefusal) -> String {
    match refusal {
        CodeRefusal::Unreadable => "Type the six digits of the code.".to_owned(),
        CodeRefusal::Wrong { left: 1 } => "That code isn’t right. You can try once more.".to_owned(),
        CodeRefusal::Wrong { left } => {
            format!("That code isn’t right. You can try {left} more times.")
        }
        CodeRefusal::Over => {
            "This code can’t be used any more, or you asked for it in another browser. Get a new one.".to_owned()
        }
    }
}

/// What is said to the one who asks for another code too soon.
pub(crate) fn too_soon(wait: Duration) -> String {
    format!("You can get a new code in {}.", answer::in_words(wait))
}

/// The way to another code, as the template sees it.
#[derive(Serialize)]
pub(crate) struct ResendView {
    /// When it can be sent, in words; none for now.
    wait: Option<String>,
    /// Whether the attempts of the one that was sent are used up.
    is_used_up: bool,
    /// By what it can be sent, each with a button; none where there is no choice.
    channels: Vec<ChannelView>,
}

impl ResendView {
    /// The same with these channels, the usual one first.
    #[must_use]
    pub(crate) fn by(mut self, channels: &[Channel]) -> Self {
        if channels.len() > 1 {
            self.channels = channels.iter().copied().map(ChannelView::of).collect();
        }
        self
    }
}

/// The field of the form that sends another code with its channel.
const CHANNEL: &str = "channel";

/// A channel, as the template sees it.
#[derive(Serialize)]
pub(crate) struct ChannelView {
    name: &'static str,
    button: &'static str,
}

impl ChannelView {
    fn of(channel: Channel) -> Self {
        Self {
            name: channel.as_str(),
            button: match channel {
                Channel::Email => "Send a new code by email",
                Channel::Voice => "Call me with a new code",
                Channel::Whatsapp => "Send a new code by WhatsApp",
                _ => "Send a new code by text message",
            },
        }
    }
}

/// The flows for the channel that a form asks for, if it does.
pub(crate) fn by_channel(form: &SubmittedForm) -> Accounts {
    let channel = Channel::parse(form.text(CHANNEL));
    form.accounts().with_channel(channel)
}

/// The code that a browser waits for with this purpose, if there is one: what was typed to ask for it, and when another can be
/// sent.
pub(crate) async fn pending(
    context: &RequestContext,
    headers: &HeaderMap,
    purpose: Purpose,
) -> Result<Option<(AskedCode, ResendView)>, Failure> {
    for asked in context.cookies().read_challenges(headers) {
        let pending = context.accounts().pending_code(&asked.key, purpose).await?;
        if let Some(pending) = pending {
            let wait = pending.resend_in;
            let view = ResendView {
                wait: (!wait.is_zero()).then(|| answer::in_words(wait)),
                is_used_up: pending.attempts_left == 0,
                channels: Vec::new(),
            };
            let channels = match (purpose, asked.login.as_deref()) {
                (Purpose::Verify, _) | (_, None) => Vec::new(),
                (_, Some(login)) => context.accounts().channels(purpose, login),
            };
            let view = view.by(&channels);
            return Ok(Some((asked, view)));
        }
    }
    Ok(None)
}

/// Keeps the key of a challenge in the browser that asked for as long as the challenge is remembered, with what was typed
/// there.
pub(crate) fn keep(
    context: &RequestContext,
    key: &ChallengeKey,
    login: Option<&str>,
    response: &mut Response,
) {
    let lifetime = context.accounts().settings().code_lifetime + REMEMBERED;
    set(context, key, login, lifetime, response);
}

/// Keeps the key of a challenge whose code was right, alone and for a minute: a second click is answered as the first.
pub(crate) fn used(context: &RequestContext, key: &ChallengeKey, response: &mut Response) {
    set(
        context,
        key,
        None,
        Accounts::CODE_IS_REPEATED_WITHIN,
        response,
    );
}

fn set(
    context: &RequestContext,
    key: &ChallengeKey,
    login: Option<&str>,
    lifetime: Duration,
    response: &mut Response,
) {
    let path = context.accounts().routes().mount();
    let cookie = context.cookies().set_challenge(key, login, path, lifetime);
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
