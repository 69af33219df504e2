//! The application's gate at the pages: denied in words, asked in a field, and let through.

use std::fmt::Write as _;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::StatusCode;
use phone_auth_core::accounts::{FlowError, SignUpForm};
use phone_auth_core::gate::{
    Gate, GateChallenge, GateDecision, GateError, GateRequest, GatedFlow, async_trait,
};
use phone_auth_core::settings::Settings;
use phone_auth_core::store::StoreErrorKind;
use phone_auth_events::{Channel, VerifyPhone};
use phone_auth_web::SubmittedForm;
use sha2::{Digest, Sha256};

use crate::support::{PASSWORD, Site, sign_up_form};

/// Takes addresses of one domain.
struct Domain;

#[async_trait]
impl Gate for Domain {
    async fn ask(&self, request: &GateRequest<'_>) -> Result<GateDecision, GateError> {
        let email = request.names.email.unwrap_or_default();
        let is_meant = matches!(request.flow, GatedFlow::SignUp | GatedFlow::AddAddress);
        if is_meant && !email.ends_with("@example.org") {
            return Ok(GateDecision::deny("Use your address at <example.org>."));
        }
        Ok(GateDecision::Allow)
    }
}

#[tokio::test]
async fn what_is_denied_is_said_at_the_form() {
    let site = Site::gated(Domain);
    let mut browser = site.browser();
    let form = sign_up_form("eve", "eve@example.net", "+12125552370");
    let answer = browser.post("/accounts/signup/", &form).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        answer
            .body
            .contains("Use your address at &lt;example.org&gt;."),
        "{}",
        answer.body
    );
    assert!(
        answer.body.contains("value=\"eve@example.net\""),
        "{}",
        answer.body
    );
    assert!(!answer.body.contains(PASSWORD));
    let answer = browser.log_in("eve", PASSWORD).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);

    let mut ann = site.ann().await;
    let answer = ann
        .post("/accounts/email/add/", &[("email", "ann@example.net")])
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let answer = ann
        .post("/accounts/email/add/", &[("email", "ann2@example.org")])
        .await;
    assert_eq!(answer.status, StatusCode::FOUND);
}

/// Wants a number whose digest, with the puzzle before it, begins with a zero byte.
struct Work;

impl Work {
    const PUZZLE: &str = "tea \"& cake\"";

    fn challenge() -> GateChallenge {
        GateChallenge::new("Proof of work")
            .with("puzzle", Self::PUZZLE)
            .with("No Name=", "dropped")
    }

    fn is_done(answer: &str) -> bool {
        let digest = Sha256::digest(format!("{}{answer}", Self::PUZZLE));
        digest.first() == Some(&0)
    }

    /// What a script of the page does.
    fn solve(page: &str) -> String {
        assert!(
            page.contains("data-puzzle=\"tea &quot;&amp; cake&quot;\""),
            "{page}"
        );
        assert!(!page.contains("dropped"), "{page}");
        Self::solution()
    }

    fn solution() -> String {
        let numbers = (0..100_000_u32).map(|number| number.to_string());
        numbers.into_iter().find(|it| Self::is_done(it)).unwrap()
    }
}

#[async_trait]
impl Gate for Work {
    async fn ask(&self, request: &GateRequest<'_>) -> Result<GateDecision, GateError> {
        Ok(if request.answer.is_some_and(Self::is_done) {
            GateDecision::Allow
        } else {
            GateDecision::Challenge(Self::challenge())
        })
    }

    async fn offer(&self, request: &GateRequest<'_>) -> Result<Option<GateChallenge>, GateError> {
        Ok((request.flow != GatedFlow::LogIn).then(Self::challenge))
    }
}

#[tokio::test]
async fn challenge_is_asked_with_the_form() {
    let site = Site::gated(Work);
    let mut browser = site.browser();
    let page = browser.get("/accounts/signup/").await;
    let answer = Work::solve(&page.body);
    assert!(
        page.body
            .contains("<label for=\"id_gate_answer\">Proof of work</label>")
    );

    let form = sign_up_form("ann", "ann@example.org", "+12125552368");
    let without = browser.post("/accounts/signup/", &form).await;
    assert_eq!(without.status, StatusCode::FORBIDDEN);
    assert!(without.body.contains("One more step"), "{}", without.body);
    Work::solve(&without.body);

    // A form with another mistake is shown with the question again.
    let mut mistaken = form.clone();
    mistaken.retain(|(name, _)| *name != "confirm_password");
    mistaken.push(("gate_answer", &answer));
    let again = browser.post("/accounts/signup/", &mistaken).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    Work::solve(&again.body);

    let mut answered = form;
    answered.push(("gate_answer", &answer));
    let answer = browser.post("/accounts/signup/", &answered).await;
    assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
}

/// Each form that a gate is asked about: without an answer it is held back and asks, with one it is taken.
#[tokio::test]
async fn every_form_asks_and_takes_the_answer() {
    let site = Site::gated(Work);
    let answer = Work::solution();
    let mut form = sign_up_form("ann", "ann@example.org", "+12125552368");
    form.push(("gate_answer", &answer));
    let mut browser = site.browser();
    let signed_up = browser.post("/accounts/signup/", &form).await;
    assert_eq!(signed_up.status, StatusCode::FOUND, "{}", signed_up.body);
    for (path, is_offered, fields) in [
        (
            "/accounts/login/",
            false,
            &[("login", "ann"), ("password", PASSWORD)][..],
        ),
        (
            "/accounts/password_reset/",
            true,
            &[("login", "ann@example.org")],
        ),
        (
            "/accounts/email/add/",
            true,
            &[("email", "ann2@example.org")],
        ),
        ("/accounts/phone/add/", true, &[("phone", "+12125552371")]),
        (
            "/accounts/address/?method=email&pk=1",
            true,
            &[("action", "change"), ("email", "ann3@example.org")],
        ),
        (
            "/accounts/user_verification/",
            false,
            &[("method", "email"), ("pk", "1")],
        ),
        (
            "/accounts/change_password/",
            true,
            &[
                ("old_password", PASSWORD),
                ("new_password1", "battery staple"),
                ("new_password2", "battery staple"),
            ],
        ),
    ] {
        let mut shown = String::new();
        if path == "/accounts/email/add/" {
            browser.confirm(PASSWORD).await;
        }
        let page = browser.get(path).await;
        let _ = write!(shown, "{path}: {}", page.body);
        assert_eq!(page.body.contains("Proof of work"), is_offered, "{shown}");
        let held_back = browser.post(path, fields).await;
        assert_eq!(
            held_back.status,
            StatusCode::FORBIDDEN,
            "{path}: {}",
            held_back.body
        );
        Work::solve(&held_back.body);
        for (name, value) in fields.iter().filter(|(name, _)| !name.contains("password")) {
            let kept = format!("name=\"{name}\" value=\"{value}\"");
            assert!(
                held_back.body.contains(&kept),
                "{path} {kept}: {}",
                held_back.body
            );
        }
        let mut fields = fields.to_vec();
        fields.push(("gate_answer", &answer));
        let taken = browser.post(path, &fields).await;
        assert_eq!(taken.status, StatusCode::FOUND, "{path}: {}", taken.body);
    }
}

/// A form with another mistake is shown with the question again: corrected and answered, it is taken.
#[tokio::test]
async fn mistaken_address_is_asked_again() {
    let site = Site::gated_with(Work, |settings| settings.max_unverified_addresses = 10);
    let answer = Work::solution();
    let mut form = sign_up_form("ann", "ann@example.org", "+12125552368");
    form.push(("gate_answer", &answer));
    let mut ann = site.browser();
    ann.post("/accounts/signup/", &form).await;
    let log_in = [
        ("login", "ann"),
        ("password", PASSWORD),
        ("gate_answer", &answer),
    ];
    ann.post("/accounts/login/", &log_in).await;
    ann.confirm(PASSWORD).await;
    for (path, field, new) in [
        ("/accounts/email/add/", "email", "ann2@example.org"),
        ("/accounts/phone/add/", "phone", "+12125552371"),
        (
            "/accounts/address/?method=email&pk=1",
            "email",
            "ann3@example.org",
        ),
        (
            "/accounts/address/?method=phone&pk=1",
            "phone",
            "+12125552372",
        ),
    ] {
        let form = |typed| {
            [
                ("action", "change"),
                (field, typed),
                ("gate_answer", answer.as_str()),
            ]
        };
        for typed in ["", "neither", "a\u{0}b"] {
            let again = ann.post(path, &form(typed)).await;
            assert_eq!(again.status, StatusCode::BAD_REQUEST, "{path} {typed:?}");
            Work::solve(&again.body);
        }
        let taken = ann.post(path, &form(new)).await;
        assert_eq!(taken.status, StatusCode::FOUND, "{path}: {}", taken.body);
    }
}

/// Cannot decide.
struct Gone;

#[async_trait]
impl Gate for Gone {
    async fn ask(&self, _: &GateRequest<'_>) -> Result<GateDecision, GateError> {
        Err("its server does not answer".into())
    }

    async fn offer(&self, _: &GateRequest<'_>) -> Result<Option<GateChallenge>, GateError> {
        Err("its server does not answer".into())
    }
}

#[tokio::test]
async fn gate_that_cannot_decide_is_503() {
    let site = Site::gated(Gone);
    let mut browser = site.browser();
    assert_eq!(browser.get("/accounts/login/").await.status, StatusCode::OK);
    let answer = browser.log_in("ann", PASSWORD).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        !answer.body.contains("server does not answer"),
        "{}",
        answer.body
    );
}

/// Who asks to be called and is asked something first is called: by the page of the addresses, and by that of a code.
#[tokio::test]
async fn challenge_keeps_the_channel() {
    let site = Site::gated_with(Work, |settings| {
        settings.phone_channels = vec![Channel::Sms, Channel::Voice];
        settings.login_by_code = true;
    });
    let answer = Work::solution();
    let mut form = sign_up_form("ann", "ann@example.org", "+12125552368");
    form.push(("gate_answer", &answer));
    let mut ann = site.browser();
    ann.post("/accounts/signup/", &form).await;
    let log_in = [
        ("login", "ann"),
        ("password", PASSWORD),
        ("gate_answer", &answer),
    ];
    ann.post("/accounts/login/", &log_in).await;
    let mut verifications = site.signals.capture::<VerifyPhone>();
    let path = "/accounts/user_verification/";
    let fields = [("method", "phone"), ("pk", "1"), ("channel", "voice")];
    let asked = ann.post(path, &fields).await;
    assert_eq!(asked.status, StatusCode::FORBIDDEN, "{}", asked.body);
    for (name, value) in fields {
        let kept = format!("name=\"{name}\" value=\"{value}\"");
        assert!(asked.body.contains(&kept), "{kept}: {}", asked.body);
    }
    let sent = asked.hidden("channel").to_owned();
    let fields = [
        ("method", asked.hidden("method")),
        ("pk", asked.hidden("pk")),
        ("channel", &sent),
        ("gate_answer", &answer),
    ];
    let done = ann.post(path, &fields).await;
    assert_eq!(done.status, StatusCode::FOUND, "{}", done.body);
    // The page that asks is clicked on twice as well.
    let again = ann.post(path, &fields).await;
    assert_eq!(again.location(), done.location());
    let called: Vec<_> = verifications
        .take()
        .iter()
        .map(VerifyPhone::channel)
        .collect();
    assert_eq!(called, [Channel::Voice]);

    // The page of a code shows its buttons again, and what else it had.
    for (ask, done) in [
        (
            "/accounts/password_reset/",
            "/accounts/password_reset_done/",
        ),
        ("/accounts/login_code/", "/accounts/login_code_done/"),
    ] {
        let mut browser = site.browser();
        browser
            .post(ask, &[("login", "+12125552368"), ("gate_answer", &answer)])
            .await;
        let held_back = browser
            .post(done, &[("resend", "1"), ("channel", "voice")])
            .await;
        assert_eq!(
            held_back.status,
            StatusCode::FORBIDDEN,
            "{}",
            held_back.body
        );
        for button in [
            "value=\"sms\"",
            "value=\"voice\"",
            "name=\"resend\"",
            "name=\"code\"",
        ] {
            assert!(
                held_back.body.contains(button),
                "{button}: {}",
                held_back.body
            );
        }
    }
}

/// A form of the application's own: it is shown again with what was typed, whatever held it back.
async fn own_form(form: SubmittedForm) -> Response {
    let (context, email) = (form.context(), form.text("email"));
    let typed = SignUpForm {
        first_name: "Ann",
        last_name: "Smith",
        username: email.split('@').next().unwrap_or_default(),
        email,
        phone: "",
        password: form.password("password"),
        confirm_password: None,
    };
    match form.accounts().sign_up(typed).await {
        Ok(_) => "welcome".into_response(),
        Err(FlowError::Refused(_)) => StatusCode::BAD_REQUEST.into_response(),
        Err(FlowError::Failed(failure)) => match context.held_back("join", &failure) {
            Some(held) => {
                let prompt = held.challenge().map_or("", |it| &it.prompt);
                let page = format!("{} {prompt} value={email}", held.words());
                (held.status(), held, page).into_response()
            }
            None => context.failed("join", &failure),
        },
    }
}

#[tokio::test]
async fn own_form_keeps_what_was_typed() {
    let fields = |email| [("email", email), ("password", PASSWORD)];
    let settings = |settings: &mut Settings| {
        settings.register_phone_required = false;
        settings.register_confirm_password_required = false;
    };
    let serve = |site: Site| {
        site.serving(|web| {
            let routes = Router::new().route("/join/", post(own_form));
            routes.with_state(web.clone())
        })
    };
    let denies = serve(Site::gated_with(Domain, settings));
    let asks = serve(Site::gated_with(Work, settings));
    for (site, email, status, words) in [
        (&denies, "eve@example.net", 403, "Use your address"),
        (&asks, "ann@example.org", 403, "Proof of work"),
    ] {
        let answer = site.browser().post("/join/", &fields(email)).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        let typed = format!("value={email}");
        for part in [words, &typed] {
            assert!(answer.body.contains(part), "{part}: {}", answer.body);
        }
        assert!(answer.retry_after().is_empty(), "{words}");
    }
    // What the store has begun may be done: that is no form to send again.
    denies.store.fail_with(StoreErrorKind::Unavailable);
    let form = fields("ann@example.org");
    let answer = denies.browser().post("/join/", &form).await;
    assert_eq!(answer.heading(), "Too busy just now");
}
