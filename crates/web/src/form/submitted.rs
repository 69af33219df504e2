//! A form that a browser sent: checked for where it comes from, bounded, and read.

use std::fmt;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRef, FromRequest, Request};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::BodyExt;
use phone_auth_core::accounts::{Accounts, CurrentUser};
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::password::Password;
use zeroize::Zeroizing;

use super::parse::{Fields, NotAForm, Text};
use crate::answer::{self, RequestError};
use crate::csrf::{self, Provenance, ShownTo};
use crate::gate;
use crate::guard::Refusal;
use crate::request_context::RequestContext;
use crate::time_limit::BodyIsTimed;
use crate::web::Web;

/// The largest body of a form, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// How long a body may take to come, where no [`TimeLimitLayer`](crate::TimeLimitLayer) says otherwise.
const MAX_TIME: Duration = Duration::from_secs(30);

/// How much of a body that is too large is read and thrown away, so that a client that sends it all
/// before it listens still hears the answer.
const MAX_DISCARDED: usize = 8 * 1024 * 1024;

/// How long that may take.
const MAX_DISCARD_TIME: Duration = Duration::from_secs(5);

/// A form that came from a page of this site.
///
/// An extractor for the handlers of posted forms, ours and the application's. The template puts
/// `<input type="hidden" name="csrfmiddlewaretoken" value="{{ csrf_token }}">` into its form.
///
/// # Security
/// A form is accepted when the browser says that a page of this site sent it, by `Sec-Fetch-Site`,
/// without it by `Origin`, without both by `Referer`. A client that sends none of them must bring the
/// token of a page and the cookie that came with it. Everything else is refused before it is read.
///
/// The token also says whom the page was shown to. A form that waited in a tab while another user signed in in the next
/// one is refused with 409 and a page that says who is signed in: what one user typed is not done to another. A form
/// without a token, and one that was shown to nobody, says no user, and is taken.
///
/// # Errors
/// [`Refusal`]: 409 for a form that was shown to another user than the one who is signed in now, 403 for another origin or none, 413 for more than 64 KiB or 100 fields, 415 for
/// another content type than `application/x-www-form-urlencoded` or a body that is compressed, 400 for a repeated field, 408 for a
/// body that takes longer than 30 seconds, or than the [time limit](crate::Web::time_limit); 503 and 500 as for [`RequestContext`].
///
/// # Examples
/// ```
/// use axum::response::{IntoResponse, Redirect, Response};
/// use phone_auth_web::{Page, SubmittedForm};
///
/// async fn add_note(form: SubmittedForm) -> Response {
///     if form.text("note").is_empty() {
///         return form.context().render(Page::new("note.html", "Add a note"));
///     }
///     Redirect::to("/notes/").into_response()
/// }
/// ```
pub struct SubmittedForm {
    context: RequestContext,
    fields: Fields,
}

impl SubmittedForm {
    /// Who sent it.
    pub const fn context(&self) -> &RequestContext {
        &self.context
    }

    /// The flows for what the form asks: their messages are in the language of the browser, and they know the answer to a
    /// challenge of the application's [gate](phone_auth_core::gate), from the field `gate_answer`.
    ///
    /// # Examples
    /// ```
    /// use axum::response::{IntoResponse, Redirect, Response};
    /// use phone_auth_core::accounts::FlowError;
    /// use phone_auth_web::SubmittedForm;
    ///
    /// async fn forgotten(form: SubmittedForm) -> Response {
    ///     match form.accounts().request_password_reset(form.text("email")).await {
    ///         Ok(_) => Redirect::to("/look-into-your-mail/").into_response(),
    ///         Err(FlowError::Refused(_)) => Redirect::to("/forgotten/").into_response(),
    ///         Err(FlowError::Failed(failure)) => form.context().failed("ask for a reset", &failure),
    ///     }
    /// }
    /// ```
    pub fn accounts(&self) -> Accounts {
        let answer = self.readable(gate::ANSWER);
        // Where a browser says where its form comes from, nobody has checked the token.
        let secret = self.readable(csrf::FIELD);
        let secret = secret.filter(|it| self.context.csrf().matches(it));
        let accounts = self.context.accounts_in_language();
        accounts.with_gate_answer(answer).for_browser(secret)
    }

    /// The same for a form that gives its browser the key of a session: the second of two clicks is known by the page that both
    /// come from, which its hidden field tells. The token is that of no session any more where the session has got another key;
    /// and where nobody is signed in it is the same on all pages of a browser, also for anyone who has planted its cookie. A form
    /// without the field has no second click.
    pub(crate) fn accounts_by_page(&self, page: &str) -> Accounts {
        let browser = self.context.csrf().of_browser();
        let browser = browser.filter(|_| !page.is_empty());
        let secret = browser.map(|browser| format!("{browser} {page}"));
        self.accounts().for_browser(secret.as_deref())
    }

    /// What tells the page on which a form that says its own is shown again: anyone who sent it may know the text that it brought.
    pub(crate) fn another_page(&self, field: &str) -> Option<String> {
        let says = !self.text(field).is_empty();
        says.then(csrf::new_page).flatten()
    }

    /// What tells the page that the form comes from; empty where it does not say, and for what no page of ours has said, such as
    /// a text that is the same on all pages of a template.
    pub(crate) fn page(&self, field: &str) -> &str {
        let page = self.text(field);
        if csrf::is_nonce(page) { page } else { "" }
    }

    /// What was typed into a field; empty when the form does not have it. Bytes that are not UTF-8
    /// are replaced by `U+FFFD`.
    pub fn text(&self, field: &str) -> &str {
        match self.fields.find(field) {
            None => "",
            Some(Text::Good(text)) => text,
            Some(Text::Bad(shown)) => shown,
        }
    }

    /// Whether the form has this field, with something in it or not.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.fields.find(field).is_some()
    }

    /// What a field holds, for a flow to judge together with all others: bytes that are not text come
    /// as a NUL, which no field takes.
    pub(crate) fn judged(&self, field: Field) -> &str {
        self.readable(field.name()).unwrap_or("\0")
    }

    /// What a field holds, empty when the form does not have it; `None` for bytes that are not text.
    pub(crate) fn readable(&self, field: &str) -> Option<&str> {
        match self.fields.find(field) {
            None => Some(""),
            Some(Text::Good(text)) => Some(text),
            Some(Text::Bad(_)) => None,
        }
    }

    /// A password, exactly as it was typed.
    pub fn password(&self, field: &str) -> Password {
        Password::new(self.text(field).to_owned())
    }

    /// Those of these fields that hold bytes which are not text.
    pub(crate) fn unreadable(&self, fields: &[Field]) -> Vec<FieldProblem> {
        fields
            .iter()
            .filter(|field| matches!(self.fields.find(field.name()), Some(Text::Bad(_))))
            .map(|field| FieldProblem::new(*field, Problem::InvalidCharacters))
            .collect()
    }

    /// The user whose account the form acts on: the one who is signed in, to whom it was shown.
    ///
    /// # Errors
    /// [`Refusal`]: the way to the log-in page when nobody is signed in any more, 409 when nobody was.
    pub(crate) fn sender(&self) -> Result<&CurrentUser, Refusal> {
        let Some(current_user) = self.context.current_user() else {
            return Err(Refusal::new(self.context.to_login_again()));
        };
        if self.shown_to() == ShownTo::Nobody {
            return Err(self.of_another());
        }
        Ok(current_user)
    }

    /// Whom the page of the form was shown to.
    fn shown_to(&self) -> ShownTo {
        self.context.csrf().shown_to(self.text(csrf::FIELD))
    }

    /// The answer to a form that was shown to another than the one who is signed in.
    fn of_another(&self) -> Refusal {
        Refusal::new(answer::form_of_another(&self.context))
    }

    async fn read(web: &Web, request: Request) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let refuse = |context: &RequestContext, what| {
            Err(Refusal::new(answer::request_error(context, what)))
        };
        let provenance = web.origins().provenance(&parts);
        if provenance == Provenance::Foreign {
            return refuse(&RequestContext::unasked(web, &parts), RequestError::Origin);
        }
        if let Err(what) = check_head(&parts.headers) {
            discard(body);
            return refuse(&RequestContext::unasked(web, &parts), what);
        }
        let limit = parts.extensions.get::<BodyIsTimed>();
        let limit = limit.is_none().then_some(MAX_TIME);
        let fields = match read_body(body, limit).await {
            Ok(fields) => fields,
            Err(what) => return refuse(&RequestContext::unasked(web, &parts), what),
        };
        let context = RequestContext::read(web, &mut parts).await?;
        let form = Self { context, fields };
        if provenance == Provenance::Unsaid && !form.context.csrf().matches(form.text(csrf::FIELD))
        {
            return refuse(&form.context, RequestError::Origin);
        }
        Ok(form)
    }
}

impl fmt::Debug for SubmittedForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmittedForm").finish_non_exhaustive()
    }
}

impl<S> FromRequest<S> for SubmittedForm
where
    Web: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let form = Self::read(&Web::from_ref(state), request).await?;
        let is_of_another =
            form.context.current_user().is_some() && form.shown_to() == ShownTo::Another;
        if is_of_another {
            return Err(form.of_another());
        }
        Ok(form)
    }
}

/// A form that names the account it acts on, by what is typed or by a link: it does the same no matter who is signed in, and
/// whomever its page was shown to.
pub(crate) struct AnyonesForm(pub(crate) SubmittedForm);

impl<S> FromRequest<S> for AnyonesForm
where
    Web: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let form = SubmittedForm::read(&Web::from_ref(state), request).await;
        form.map(Self)
    }
}

/// What the headers tell of a body before it is read.
fn check_head(headers: &HeaderMap) -> Result<(), RequestError> {
    let length = headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(RequestError::Size);
    }
    // Its bytes are no form until they are decoded, which nobody here does (RFC 9110, 8.4).
    let codings = headers.get_all(CONTENT_ENCODING).iter();
    let mut codings = codings.flat_map(|codings| codings.as_bytes().split(|byte| *byte == b','));
    let is_bare = |coding: &[u8]| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity");
    if !codings.all(|coding| is_bare(coding.trim_ascii())) {
        return Err(RequestError::Kind);
    }
    let kind = headers.get(CONTENT_TYPE).map_or("", |kind| {
        let kind = kind.to_str().unwrap_or_default();
        kind.split(';').next().unwrap_or_default().trim()
    });
    // An empty form without a content type is one that a program sent: a log-out, say.
    if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        || (kind.is_empty() && length.unwrap_or(0) == 0)
    {
        return Ok(());
    }
    Err(RequestError::Kind)
}

async fn read_body(mut body: Body, limit: Option<Duration>) -> Result<Fields, RequestError> {
    let collecting = collect(&mut body);
    let collected = match limit {
        Some(limit) => tokio::time::timeout(limit, collecting).await,
        None => Ok(collecting.await),
    };
    let bytes = match collected {
        Err(_elapsed) => return Err(RequestError::Slow),
        Ok(Err(what)) => {
            discard(body);
            return Err(what);
        }
        Ok(Ok(bytes)) => bytes,
    };
    Fields::parse(&bytes).map_err(|reason| match reason {
        NotAForm::TooManyFields => RequestError::Size,
        NotAForm::Repeated | NotAForm::BadName => RequestError::Fields,
    })
}

/// Reads a body to its end, or to where it is too large.
async fn collect(body: &mut Body) -> Result<Zeroizing<Vec<u8>>, RequestError> {
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(data) = next_data(body).await {
        let data = data.map_err(|_broken_off| RequestError::Fields)?;
        if bytes.len() + data.len() > MAX_BODY {
            return Err(RequestError::Size);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// The next piece of a body. Trailers are passed over.
async fn next_data(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    loop {
        match body.frame().await? {
            Err(error) => return Some(Err(error)),
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Some(Ok(data));
                }
            }
        }
    }
}

/// Throws away what still comes of a body, within bounds, while the answer is on its way.
fn discard(mut body: Body) {
    tokio::spawn(async move {
        let discarding = async {
            let mut left = MAX_DISCARDED;
            while let Some(Ok(data)) = next_data(&mut body).await {
                match left.checked_sub(data.len()) {
                    Some(less) => left = less,
                    None => break,
                }
            }
        };
        // Whether it ended or time ran out: the body is dropped, and with it the connection.
        let _ = tokio::time::timeout(MAX_DISCARD_TIME, discarding).await;
    });
}
