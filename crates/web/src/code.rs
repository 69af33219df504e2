//! What the pages that take a code have in common: the key in the cookie, the words for a code that is refused, and when
//! another one can be sent.

use std::time::Duration;

use axum::response::Response;
use http::HeaderMap;
use phone_auth_core::accounts::{Accounts, CodeRefusal, Failure, FlowError, PendingCode};
use phone_auth_core::challenge::{ChallengeKey, REMEMBERED};
use phone_auth_core::outbox::{Channel, Purpose};
use serde::Serialize;

use crate::asked::{AskedCode, AskedCodes};
use crate::form::SubmittedForm;
use crate::request_context::RequestContext;
use crate::set_cookie::set_cookie_anew;
use crate::wait;

/// The field of the form that sends another code.
pub(crate) const RESEND: &str = "resend";

/// The field of the query and of the forms that says which code a page is about: a browser may wait for several, and another host
/// of the domain may have set the key of one.
pub(crate) const ASKED: &str = "asked";

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
            Err(error @ FlowError::Refused(CodeRefusal::Unreadable | CodeRefusal::NewPassword)) => {
                Some(Err(error))
            }
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
        // Which it was is told to nobody: only who has an account has a code or a link that can be used.
        CodeRefusal::Wrong { left } => {
            let again = again(left);
            format!("That code isn’t right, or was used or replaced by a newer one. {again}, or get a new code.")
        }
        CodeRefusal::Over => {
            "This code can’t be used any more, or you asked for it in another browser. Get a new one.".to_owned()
        }
        CodeRefusal::NewPassword => "That code is right. Choose a new password first.".to_owned(),
    }
}

/// How often a code can be typed still.
pub(crate) fn again(left: u32) -> String {
    match left {
        1 => "You can try once more".to_owned(),
        left => format!("You can try {left} more times"),
    }
}

/// What is said where a code is typed to who has sent no cookie at all: without one no browser is the one that asked.
pub(crate) const NO_COOKIES: &str = "Your browser sent no cookie, and the code needs one. Allow cookies for this site and get a new \
                                     code, or open the link in the message, if it has one, in another browser.";

/// What is said of a code that is refused to who has sent cookies, or has not.
pub(crate) fn sentence_to(context: &RequestContext, refusal: CodeRefusal) -> String {
    match refusal {
        CodeRefusal::Over if !context.sends_cookies => NO_COOKIES.to_owned(),
        refusal => sentence(refusal),
    }
}

/// What is said to the one who asks for another code too soon.
pub(crate) fn too_soon(wait: Duration) -> String {
    format!("You can get a new code in {}.", wait::in_words(wait))
}

/// The way to another code, as the template sees it.
#[derive(Default, Serialize)]
pub(crate) struct ResendView {
    /// When it can be sent, in words; none for now.
    wait: Option<String>,
    /// Whether the attempts of the one that was sent are used up.
    is_used_up: bool,
    /// Whether the one that was sent has expired.
    is_over: bool,
    /// By what it can be sent, each with a button; none where there is no choice.
    channels: Vec<ChannelView>,
    /// Which code that is, where it has to be said.
    asked: Option<String>,
}

impl ResendView {
    /// The way to another code of which this is known.
    pub(crate) fn of(pending: &PendingCode, asked: Option<String>) -> Self {
        let wait = pending.resend_in;
        Self {
            wait: (!wait.is_zero()).then(|| wait::in_words(wait)),
            is_used_up: pending.attempts_left == 0 && !pending.is_over,
            is_over: pending.is_over,
            channels: Vec::new(),
            asked,
        }
    }

    /// Whether the code that was sent may still be typed.
    pub(crate) const fn takes_code(&self) -> bool {
        !self.is_over
    }

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
pub(crate) const CHANNEL: &str = "channel";

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

/// The code that a page is about.
pub(crate) struct Pending {
    /// What its cookie says; none where the browser waits for several, and the page does not say for which.
    pub(crate) asked: Option<AskedCode>,
    pub(crate) view: ResendView,
}

/// The codes that a browser has asked for with this purpose.
pub(crate) fn sent(context: &RequestContext, headers: &HeaderMap, purpose: Purpose) -> AskedCodes {
    context.cookies().read_challenges(headers, purpose)
}

/// The code that a browser waits for with this purpose, if there is one: what was typed to ask for it, and when another can be
/// sent. Of several it is the one that the page names; where it names none, the only one that is not over.
pub(crate) async fn pending(
    context: &RequestContext,
    headers: &HeaderMap,
    purpose: Purpose,
    named: Option<&str>,
) -> Result<Option<Pending>, Failure> {
    let mut waits = Vec::new();
    for asked in sent(context, headers, purpose).about(named) {
        let kept = context.accounts().pending_code(&asked.key, purpose).await?;
        // One that is gone is as one that is over: only challenges of names that nobody has go before their time.
        let pending = kept.or_else(|| asked.login.is_some().then(PendingCode::over));
        waits.extend(pending.map(|pending| (asked, pending)));
    }
    // What is over is nothing to wait for: of several it is told of the newest, and only where no other is left.
    let mut alive = waits.iter().filter(|(_, it)| !it.is_over);
    let shown = alive.next().or(waits.first()).cloned();
    if alive.next().is_some() {
        return Ok(Some(Pending {
            asked: None,
            view: ResendView::default(),
        }));
    }
    let Some((asked, pending)) = shown else {
        return Ok(None);
    };
    let channels = match (purpose, asked.login.as_deref()) {
        (Purpose::Verify, _) | (_, None) => Vec::new(),
        (_, Some(login)) => context.accounts().channels(purpose, login),
    };
    let view = ResendView::of(&pending, Some(asked.name())).by(&channels);
    let asked = Some(asked);
    Ok(Some(Pending { asked, view }))
}

/// Keeps the key of a challenge in the browser that asked for as long as the challenge is remembered, with what was typed
/// there, beside those that it has.
pub(crate) fn keep(
    context: &RequestContext,
    (purpose, sent): (Purpose, &AskedCodes),
    asked: &AskedCode,
    response: &mut Response,
) {
    set(
        context,
        (purpose, &sent.with(asked)),
        waits(context),
        response,
    );
}

/// Keeps the key of a challenge whose code was right, without what was typed, and for a minute where it is the only one: a
/// second click is answered as the first.
pub(crate) fn used(
    context: &RequestContext,
    (purpose, sent): (Purpose, &AskedCodes),
    asked: &AskedCode,
    response: &mut Response,
) {
    let asked = AskedCode {
        login: None,
        ..asked.clone()
    };
    let others = sent.without(&asked.key);
    let lifetime = if others.as_slice().is_empty() {
        Accounts::CODE_IS_REPEATED_WITHIN
    } else {
        waits(context)
    };
    set(context, (purpose, &others.with(&asked)), lifetime, response);
}

/// For how long a browser waits for a code.
fn waits(context: &RequestContext) -> Duration {
    context.accounts().settings().code_lifetime + REMEMBERED
}

fn set(
    context: &RequestContext,
    asked: (Purpose, &AskedCodes),
    lifetime: Duration,
    response: &mut Response,
) {
    let path = context.accounts().routes().mount();
    let cookie = context.cookies().set_challenges(asked, path, lifetime);
    set_cookie_anew(response.headers_mut(), cookie);
}

/// Makes the browser forget one of its challenges.
pub(crate) fn forget(
    context: &RequestContext,
    (purpose, sent): (Purpose, &AskedCodes),
    key: &ChallengeKey,
    response: &mut Response,
) {
    let others = sent.without(key);
    if !others.as_slice().is_empty() {
        return set(context, (purpose, &others), waits(context), response);
    }
    let path = context.accounts().routes().mount();
    let cookie = context.cookies().clear_challenges(purpose, path);
    set_cookie_anew(response.headers_mut(), cookie);
}
