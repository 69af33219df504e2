//! The application's gate: what it is told, and that a flow which it holds back has done nothing.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is not there is a failed test"
)]

use crate::common;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::limited::passes;
use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, STAPLE, ann, failure, keyring, refusal};
use phone_auth_core::accounts::{
    Accounts, ChangePasswordRefusal, CurrentUser, FailureKind, FlowError, SignUpForm,
};
use phone_auth_core::address::{AddressId, AddressKind};
use phone_auth_core::client::{Client, Devices};
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::gate::{
    Gate, GateChallenge, GateDecision, GateError, GateRefusal, GateRequest, GatedFlow, async_trait,
};
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::password::Password;
use phone_auth_core::settings::Settings;
use phone_auth_core::store::StoreErrorKind;
use phone_auth_core::user::{User, UserId};
use phone_auth_events::LoginEmail;
use phone_auth_store_testkit::{ExternalChange, ExternalWriter as _};

/// What a gate was asked.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    flow: GatedFlow,
    client: Option<String>,
    user: Option<UserId>,
    names: [Option<String>; 3],
    answer: Option<String>,
}

/// A gate that answers as it is told, and keeps what it was asked.
#[derive(Clone)]
struct Told {
    decide: fn(&GateRequest<'_>) -> Result<GateDecision, GateError>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Told {
    fn new(decide: fn(&GateRequest<'_>) -> Result<GateDecision, GateError>) -> Self {
        Self {
            decide,
            asked: Arc::default(),
        }
    }

    fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

#[async_trait]
impl Gate for Told {
    async fn ask(&self, request: &GateRequest<'_>) -> Result<GateDecision, GateError> {
        let names = [
            request.names.username,
            request.names.email,
            request.names.phone,
        ];
        self.asked.lock().unwrap().push(Asked {
            flow: request.flow,
            client: request.client.map(|it| it.to_string()),
            user: request.user,
            names: names.map(|name| name.map(str::to_owned)),
            answer: request.answer.map(str::to_owned),
        });
        (self.decide)(request)
    }
}

/// Flows over the same store, behind a gate, with the limits that ship.
fn gated(kit: &Kit, gate: &Told) -> Accounts {
    Accounts::builder(Arc::new(kit.store.clone()), keyring(common::SECRET))
        .limits(Arc::new(kit.store.clone()))
        .signals(kit.signals.clone())
        .settings(Settings::default())
        .clock(kit.clock.clone())
        .hasher(kit.hasher.clone())
        .gate(gate.clone())
        .build()
        .unwrap()
        .for_client(Client::new().at("203.0.113.7".parse().unwrap()))
}

/// The same of a site whose users may log in by a code.
fn gated_by_code(kit: &Kit, gate: &Told) -> Accounts {
    let mut settings = Settings::default();
    settings.login_by_code = true;
    Accounts::builder(Arc::new(kit.store.clone()), keyring(common::SECRET))
        .limits(Arc::new(kit.store.clone()))
        .signals(kit.signals.clone())
        .settings(settings)
        .clock(kit.clock.clone())
        .hasher(kit.hasher.clone())
        .gate(gate.clone())
        .build()
        .unwrap()
}

/// Begins a flow; how it failed, if it did.
async fn begin(
    accounts: &Accounts,
    flow: GatedFlow,
    user: &CurrentUser,
) -> Option<(FailureKind, Option<GateRefusal>)> {
    fn told<T, R>(ended: Result<T, FlowError<R>>) -> Option<(FailureKind, Option<GateRefusal>)> {
        match ended {
            Err(FlowError::Failed(failure)) => Some((failure.kind(), failure.gate().cloned())),
            _ => None,
        }
    }
    let (horse, staple) = (Password::new(HORSE), Password::new(STAPLE));
    match flow {
        GatedFlow::SignUp => told(accounts.sign_up(ann()).await),
        GatedFlow::LogIn => told(accounts.log_in("ann", &horse, None).await),
        GatedFlow::RequestPasswordReset => told(accounts.request_password_reset(ANNS_EMAIL).await),
        GatedFlow::RequestVerification => {
            let id = AddressId::new(1);
            told(
                accounts
                    .request_verification(user, AddressKind::Email, id)
                    .await,
            )
        }
        GatedFlow::AddAddress => {
            // One that the user does not have: the second time there is nothing left to do.
            let own = accounts.addresses(user).await.unwrap_or_default();
            let email = format!("Another{}@Example.org", own.len());
            told(accounts.add_address(user, AddressKind::Email, &email).await)
        }
        GatedFlow::ChangePassword => told(
            accounts
                .change_password(user, &horse, &staple, &staple)
                .await,
        ),
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn gate_comes_before_everything() {
    let kit = Kit::with_ann().await;
    let user = kit.current_user("ann", HORSE).await;
    let denying = Told::new(|_| Ok(GateDecision::deny("Not today.")));
    let asking = Told::new(|_| Ok(GateDecision::Challenge(GateChallenge::new("Why?"))));
    let denied = (
        FailureKind::Denied,
        Some(GateRefusal::Denied("Not today.".to_owned())),
    );
    let challenged = (
        FailureKind::Challenged,
        Some(GateRefusal::Challenged(GateChallenge::new("Why?"))),
    );
    for (gate, expected) in [(&denying, denied), (&asking, challenged)] {
        let accounts = gated(&kit, gate);
        for flow in GatedFlow::ALL {
            // Whatever it would read fails, so it has read nothing; but what the user has who is signed in.
            match flow {
                GatedFlow::AddAddress | GatedFlow::RequestVerification => kit.store.recover(),
                _ => kit.store.fail_with(StoreErrorKind::Unavailable),
            }
            // More often than any limit allows: what is held back is not counted.
            for _ in 0..40 {
                let ended = begin(&accounts, flow, &user).await;
                assert_eq!(ended.as_ref(), Some(&expected), "{flow:?}");
            }
            assert_eq!(gate.take().len(), 40, "{flow:?}");
        }
    }
    assert_eq!(kit.hasher.checked(), 0);
    assert!(kit.record.take().is_empty());
}

/// To ask it may cost money: who is over a limit is not asked about.
#[tokio::test]
async fn gate_is_not_asked_about_a_flood() {
    let kit = Kit::with_ann().await;
    let user = kit.current_user("ann", HORSE).await;
    let gate = Told::new(|_| Ok(GateDecision::Allow));
    for flow in GatedFlow::ALL {
        // What is counted of these is about an address, which is read after the gate.
        if matches!(
            flow,
            GatedFlow::RequestVerification | GatedFlow::RequestPasswordReset
        ) {
            continue;
        }
        let accounts = gated(&kit, &gate);
        let is_limited = |ended: Option<(FailureKind, Option<GateRefusal>)>| {
            matches!(ended, Some((FailureKind::Limited { .. }, _)))
        };
        let asked = passes(async |_| is_limited(begin(&accounts, flow, &user).await)).await;
        let asked = usize::try_from(asked).unwrap();
        // A change that was made is told to the second click, by a limit of its own.
        let unasked = match flow {
            GatedFlow::ChangePassword => 5,
            _ => 0,
        };
        assert!(gate.take().len() + unasked >= asked, "{flow:?}");
        for _ in 0..40 {
            assert!(is_limited(begin(&accounts, flow, &user).await), "{flow:?}");
        }
        assert_eq!(gate.take(), [], "{flow:?}");
    }
}

#[tokio::test]
async fn flows_that_are_let_through_begin() {
    let kit = Kit::with_ann().await;
    let user = kit.current_user("ann", HORSE).await;
    let allows = Told::new(|_| Ok(GateDecision::Allow));
    let accounts = gated(&kit, &allows);
    for flow in GatedFlow::ALL {
        assert_eq!(begin(&accounts, flow, &user).await, None, "{flow:?}");
        let asked = allows.take();
        assert_eq!(asked.len(), 1, "{flow:?}");
        assert_eq!(asked.first().map(|it| it.flow), Some(flow));
    }
}

#[tokio::test]
async fn gate_is_told_what_was_typed() {
    let kit = Kit::with_ann().await;
    let gate = Told::new(|_| Ok(GateDecision::Allow));
    let accounts = gated(&kit, &gate);
    let of = |asked: Vec<Asked>| asked.into_iter().map(|it| it.names).collect::<Vec<_>>();
    let names = |names: [&str; 3]| {
        vec![names.map(|name| Some(name.to_owned()).filter(|it| !it.is_empty()))]
    };
    let wrong = Password::new("wrong");
    for (login, expected) in [
        ("ann", ["ann", "", ""]),
        ("Ann@Example.ORG", ["Ann@Example.ORG", ANNS_EMAIL, ""]),
        ("+91 98765 43210", ["", "", ANNS_PHONE]),
        // Nobody's are told alike.
        ("nobody", ["nobody", "", ""]),
        (
            "Nobody@Example.ORG",
            ["Nobody@Example.ORG", "nobody@example.org", ""],
        ),
    ] {
        drop(accounts.log_in(login, &wrong, None).await);
        let mut expected = names(expected);
        let told = of(gate.take());
        if login.starts_with('+') {
            // It may be a username as well.
            expected[0][0] = told[0][0].clone();
        }
        assert_eq!(told, expected, "{login}");
    }
    drop(accounts.sign_up(ann()).await);
    assert_eq!(of(gate.take()), names(["ann", ANNS_EMAIL, ANNS_PHONE]));
    // What cannot be read is missing.
    let mut form = ann();
    (form.email, form.phone) = ("@", "12");
    drop(accounts.sign_up(form).await);
    assert_eq!(of(gate.take()), names(["ann", "", ""]));

    let user = kit.current_user("ann", HORSE).await;
    let signed_in = accounts.for_client(Client::new().signed_in(&user));
    drop(
        signed_in
            .add_address(&user, AddressKind::Phone, "+44 20 7946 0018")
            .await,
    );
    let asked = gate.take();
    assert_eq!(asked[0].user, Some(user.user().id));
    assert_eq!(asked[0].client, None);
    assert_eq!(of(asked), names(["", "", "+442079460018"]));
}

#[tokio::test]
async fn answer_reaches_the_gate() {
    let kit = Kit::with_ann().await;
    let gate = Told::new(|request| {
        Ok(match request.answer {
            Some("42") => GateDecision::Allow,
            _ => GateDecision::Challenge(GateChallenge::new("6 × 7")),
        })
    });
    let accounts = gated(&kit, &gate);
    let long = "4".repeat(GateRequest::MAX_ANSWER + 1);
    for (answer, told, passes) in [
        (None, None, false),
        (Some(""), None, false),
        (Some("41"), Some("41"), false),
        (Some(long.as_str()), None, false),
        (Some("42"), Some("42"), true),
    ] {
        let answered = accounts.with_gate_answer(answer);
        let ended = answered.request_password_reset(ANNS_EMAIL).await;
        assert_eq!(ended.is_ok(), passes, "{answer:.9?}");
        assert_eq!(gate.take()[0].answer.as_deref(), told);
    }
    let longest = "4".repeat(GateRequest::MAX_ANSWER);
    let answered = accounts.with_gate_answer(Some(&longest));
    drop(answered.request_password_reset(ANNS_EMAIL).await);
    assert_eq!(gate.take()[0].answer.as_deref(), Some(longest.as_str()));
}

#[tokio::test]
async fn gate_that_cannot_decide_lets_nobody_through() {
    let kit = Kit::with_ann().await;
    let gate = Told::new(|_| Err("its server does not answer".into()));
    let accounts = gated(&kit, &gate);
    let failure = failure(accounts.log_in("ann", &Password::new(HORSE), None).await);
    assert_eq!(failure.kind(), FailureKind::Unavailable);
    assert!(failure.is_retryable());
    assert!(failure.gate().is_none());
    let source = std::error::Error::source(&failure).unwrap();
    assert_eq!(source.to_string(), "its server does not answer");
    assert_eq!(kit.hasher.checked(), 0);
}

/// Limits that this process knows of come first, so that a flood does not reach the gate.
#[tokio::test]
async fn flood_does_not_reach_the_gate() {
    let kit = Kit::with_settings(|settings| settings.limits = LimitSettings::default());
    let gate = Told::new(|_| Ok(GateDecision::Allow));
    let accounts = gated(&kit, &gate);
    for number in 0..40 {
        let login = format!("nobody{number}");
        drop(accounts.log_in(&login, &Password::new("wrong"), None).await);
    }
    let asked = gate.take().len();
    // Ten that failed, and the one that was refused for it.
    assert_eq!(asked, 11);
}

/// A gate that takes each answer once, after a while.
#[derive(Clone, Default)]
struct Once(Arc<Mutex<Vec<String>>>);

impl Once {
    fn asked(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

#[async_trait]
impl Gate for Once {
    async fn ask(&self, request: &GateRequest<'_>) -> Result<GateDecision, GateError> {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let answer = request.answer.unwrap_or_default().to_owned();
        let mut seen = self.0.lock().unwrap();
        let is_new = answer.starts_with("good") && !seen.contains(&answer);
        seen.push(answer);
        Ok(if is_new {
            GateDecision::Allow
        } else {
            GateDecision::Challenge(GateChallenge::new("Are you a robot?"))
        })
    }
}

fn behind(kit: &Kit, gate: &Once) -> Accounts {
    Accounts::builder(Arc::new(kit.store.clone()), keyring(common::SECRET))
        .limits(Arc::new(kit.store.clone()))
        .signals(kit.signals.clone())
        .settings(Settings::default())
        .clock(kit.clock.clone())
        .hasher(kit.hasher.clone())
        .gate(gate.clone())
        .build()
        .unwrap()
}

fn is_challenged(ended: Option<&(FailureKind, Option<GateRefusal>)>) -> bool {
    matches!(ended, Some((FailureKind::Challenged, _)))
}

/// The second of two clicks has the answer of the first, whether it comes after it or at the same time.
#[tokio::test]
async fn answer_is_good_for_a_second_click() {
    for flow in GatedFlow::ALL {
        for at_once in [false, true] {
            let kit = Kit::with_ann().await;
            let user = kit.current_user("ann", HORSE).await;
            let gate = Once::default();
            let client = Client::new().at("203.0.113.7".parse().unwrap());
            let accounts = behind(&kit, &gate).for_client(client);
            let answered = accounts.with_gate_answer(Some("good 1"));
            let click = async || match flow {
                GatedFlow::AddAddress => {
                    let added = answered.add_address(&user, AddressKind::Email, "new@example.org");
                    match added.await {
                        Err(FlowError::Failed(failure)) => Some((failure.kind(), None)),
                        _ => None,
                    }
                }
                _ => begin(&answered, flow, &user).await,
            };
            let ended = if at_once {
                let (one, two, three) = tokio::join!(click(), click(), click());
                [one, two, three]
            } else {
                [click().await, click().await, click().await]
            };
            for ended in ended {
                assert!(!is_challenged(ended.as_ref()), "{flow:?} {at_once}");
            }
            assert_eq!(gate.asked(), 1, "{flow:?} {at_once}");
        }
    }
}

/// It is good for nothing else, from nobody else, not for longer, and not for guesses.
#[tokio::test]
async fn answer_is_good_for_one_question() {
    let kit = Kit::with_ann().await;
    let gate = Once::default();
    let from = |address: &str| {
        let client = Client::new().at(address.parse().unwrap());
        behind(&kit, &gate)
            .for_client(client)
            .with_gate_answer(Some("good 1"))
    };
    let accounts = from("203.0.113.7");
    let log_in = async |accounts: &Accounts, name: &str| {
        let password = Password::new("a guess");
        match accounts.log_in(name, &password, None).await {
            Err(FlowError::Failed(failure)) => failure.kind() == FailureKind::Challenged,
            _ => false,
        }
    };
    assert!(!log_in(&accounts, "ann").await);
    assert!(log_in(&accounts, "bob").await, "another name");
    let reset = accounts.request_password_reset("ann").await;
    assert_eq!(failure(reset).kind(), FailureKind::Challenged);
    let elsewhere = Client::new().at("203.0.113.8".parse().unwrap());
    let elsewhere = accounts.for_client(elsewhere);
    let elsewhere = elsewhere.with_gate_answer(Some("good 1"));
    assert!(log_in(&elsewhere, "ann").await, "another client");
    assert!(log_in(&from("203.0.113.7"), "ann").await, "another process");
    for _ in 0..3 {
        assert!(!log_in(&accounts, "ann").await);
    }
    assert!(log_in(&accounts, "ann").await, "the fifth is a guess");

    let accounts = accounts.with_gate_answer(Some("good 2"));
    assert!(!log_in(&accounts, "ann").await);
    kit.clock.advance(Duration::from_secs(10));
    assert!(log_in(&accounts, "ann").await, "later");
    let accounts = accounts.with_gate_answer(Some("bad"));
    assert!(log_in(&accounts, "ann").await);
    assert!(log_in(&accounts, "ann").await, "a refusal is not kept");
}

/// Nothing is tried where no old password was typed, and nothing can be changed.
#[tokio::test]
async fn gate_is_not_asked_about_an_empty_password() {
    let kit = Kit::with_ann().await;
    let user = kit.current_user("ann", HORSE).await;
    let gate = Told::new(|_| Ok(GateDecision::Allow));
    let accounts = gated(&kit, &gate);
    let (nothing, new) = (Password::new(""), Password::new(STAPLE));
    for _ in 0..20 {
        let refused = accounts.change_password(&user, &nothing, &new, &new).await;
        let problem = FieldProblem::new(Field::OldPassword, Problem::Required);
        let expected = ChangePasswordRefusal::Invalid(vec![problem]);
        assert_eq!(refusal(refused), expected);
    }
    assert!(gate.take().is_empty());
    kit.log_in("ann", HORSE).await;
}

/// A session of an account of one's own spares no sign-up.
#[tokio::test]
async fn full_network_does_not_reach_the_gate_by_a_session() {
    let kit = Kit::limited();
    kit.sign_up_bob().await;
    let bob = kit.current_user("bob", HORSE).await;
    let gate = Told::new(|_| Ok(GateDecision::Allow));
    let at = "203.0.113.7".parse().unwrap();
    let client = Client::new().at(at).signed_in(&bob);
    let accounts = gated(&kit, &gate).for_client(client);
    for number in 0..100 {
        let (name, email) = (format!("new{number}"), format!("new{number}@example.org"));
        let phone = format!("+447911123{number:03}");
        let form = SignUpForm {
            username: &name,
            email: &email,
            phone: &phone,
            ..ann()
        };
        let made = accounts.sign_up(form).await;
        assert!(made.is_ok() || number >= 20, "{number}");
    }
    assert!(
        gate.take().len() <= 21,
        "asked about those that are refused"
    );
}

/// The form that changes an address adds one and has it verified, with one answer.
#[tokio::test]
async fn change_of_an_address_asks_once() {
    let kit = Kit::with_ann().await;
    let user = kit.current_user("ann", HORSE).await;
    let gate = Once::default();
    let accounts = behind(&kit, &gate).for_client(Client::new().signed_in(&user));
    let accounts = accounts.with_gate_answer(Some("good 1"));
    let kind = AddressKind::Email;
    let added = accounts.add_address(&user, kind, "new@example.org").await;
    let added = added.unwrap();
    let begun = accounts.begin_verification(&user, kind, added.id).await;
    assert!(begun.unwrap().is_some());
    assert_eq!(gate.asked(), 1);
}

/// A code by which a user who has no password confirms who they are is a message as well, and costs what one costs.
#[tokio::test]
async fn code_that_confirms_is_held_back() {
    let kit = Kit::with_ann().await;
    let ann = kit.current_user("ann", HORSE).await;
    let email = kit.address(&ann, AddressKind::Email).await;
    kit.prove(&email).await;
    let id = ann.user().id;
    let unusable = ExternalChange::SetPassword(id, "!".to_owned());
    kit.store.make(unusable).await;
    let key = kit.accounts.begin_session(id, None).await.unwrap().key;
    let ann = kit.accounts.current_user(&key).await.unwrap().unwrap();
    let mut sent = kit.signals.capture::<LoginEmail>();
    let denies = Told::new(|_| Ok(GateDecision::deny("Not today.")));
    let allows = Told::new(|_| Ok(GateDecision::Allow));
    for (gate, is_held_back) in [(&denies, true), (&allows, false)] {
        let accounts = gated(&kit, gate);
        let begun = accounts.begin_reauthentication(&ann, email.kind, email.id);
        match begun.await {
            Err(FlowError::Failed(failure)) => assert_eq!(failure.kind(), FailureKind::Denied),
            begun => begun.unwrap(),
        }
        let flows: Vec<_> = gate.take().iter().map(|it| it.flow).collect();
        assert_eq!(flows, [GatedFlow::RequestVerification]);
        assert_eq!(sent.take().is_empty(), is_held_back);
    }
}

/// Who has to wait, or clicks twice, costs the gate nothing.
#[tokio::test]
async fn gate_is_not_asked_about_who_waits() {
    let kit = Kit::with_ann().await;
    let user = kit.current_user("ann", HORSE).await;
    let phone = kit.address(&user, AddressKind::Phone).await;
    let email = kit.address(&user, AddressKind::Email).await;
    let gate = Told::new(|_| Ok(GateDecision::Allow));
    let accounts = gated(&kit, &gate);
    let key = accounts.begin_reset(ANNS_EMAIL, None).await.unwrap();
    assert_eq!(gate.take().len(), 1);
    let verify = |kind, id| accounts.begin_verification(&user, kind, id);
    drop(verify(phone.kind, phone.id).await.unwrap());
    let link = || accounts.request_verification(&user, email.kind, email.id);
    let _ = link().await.unwrap();
    // By what is remembered of the first that was refused.
    let _ = link().await.unwrap();
    gate.take();
    for seconds in [0, 12] {
        kit.clock.advance(Duration::from_secs(seconds));
        for _ in 0..20 {
            drop(accounts.begin_reset(ANNS_EMAIL, Some(&key)).await);
            drop(verify(phone.kind, phone.id).await);
        }
        assert_eq!(gate.take(), [], "{seconds}");
    }
    let unknown = AddressId::new(99);
    drop(
        accounts
            .request_verification(&user, email.kind, unknown)
            .await,
    );
    drop(accounts.add_address(&user, email.kind, ANNS_EMAIL).await);
    assert_eq!(gate.take(), [], "nothing is left to do");
}

/// A client that goes on at one name is soon stopped by its network, before the gate is asked about it.
#[tokio::test]
async fn client_past_its_share_does_not_reach_the_gate() {
    for name in [ANNS_EMAIL, "nobody@example.org"] {
        let kit = Kit::with_ann().await;
        let gate = Told::new(|_| Ok(GateDecision::Allow));
        let accounts = gated(&kit, &gate);
        for _ in 0..100 {
            drop(accounts.request_password_reset(name).await);
        }
        let asked = gate.take().len();
        assert!(asked <= 21, "{name}: {asked} of 100 resets");
        for _ in 0..100 {
            let guess = Password::new("a guess");
            drop(accounts.log_in(name, &guess, None).await);
        }
        let asked = gate.take().len();
        assert!(asked <= 31, "{name}: {asked} of 100 log-ins");
    }
}

/// Anyone has an account of their own: its device and its session do not have the gate asked without end, and its owner
/// gets in all the same.
#[tokio::test]
async fn known_client_past_its_share_does_not_reach_the_gate() {
    for marked_by in ["device", "session"] {
        for flow in [
            "log_in",
            "log_in at one name",
            "reset",
            "reset of one",
            "begin_log_in",
        ] {
            let case = format!("{flow}, {marked_by}");
            let kit = Kit::with_settings(|settings| settings.login_by_code = true);
            kit.sign_up_ann().await;
            let ann = kit.current_user("ann", HORSE).await;
            let gate = Told::new(|_| Ok(GateDecision::Allow));
            let accounts = gated_by_code(&kit, &gate);
            let client = Client::new().at("203.0.113.7".parse().unwrap());
            let client = match marked_by {
                "device" => {
                    let devices = accounts.remember_device(ann.user()).unwrap();
                    client.with_devices(Devices::parse(&devices.text()))
                }
                _ => client.signed_in(&ann),
            };
            let accounts = accounts.for_client(client);
            for number in 0..200 {
                let name = match flow {
                    "log_in at one name" | "reset of one" => "nobody@example.org".to_owned(),
                    _ => format!("nobody{number}@example.org"),
                };
                match flow {
                    "log_in" | "log_in at one name" => {
                        let guess = Password::new("a guess");
                        drop(accounts.log_in(&name, &guess, None).await);
                    }
                    "begin_log_in" => drop(accounts.begin_log_in(&name, None).await),
                    _ => drop(accounts.request_password_reset(&name).await),
                }
            }
            let asked = gate.take().len();
            assert!(asked <= 40, "{case}: {asked} of 200");
            assert!(asked >= 10, "{case}: {asked} of 200");
            // After five seconds at most, whatever its network has left.
            kit.clock.advance(Duration::from_secs(5));
            let horse = Password::new(HORSE);
            match flow {
                "log_in" | "log_in at one name" => {
                    assert!(accounts.log_in("ann", &horse, None).await.is_ok(), "{case}");
                }
                _ => {
                    let asked = accounts.request_password_reset(ANNS_EMAIL).await;
                    assert!(asked.is_ok(), "{case}");
                }
            }
        }
    }
}

/// The same where each request comes from another network of a wide one, which anyone has by a contract at home.
#[tokio::test]
async fn known_client_of_many_networks_does_not_reach_the_gate() {
    for (flow, most) in [("log_in", 320), ("reset", 220), ("begin_log_in", 220)] {
        let kit = Kit::with_settings(|settings| settings.login_by_code = true);
        kit.sign_up_ann().await;
        let ann = kit.current_user("ann", HORSE).await;
        let gate = Told::new(|_| Ok(GateDecision::Allow));
        let accounts = gated_by_code(&kit, &gate);
        let devices = accounts.remember_device(ann.user()).unwrap().text();
        for number in 0..1_000 {
            let client = Client::new().at(format!("2001:db8:7:{number:x}::1").parse().unwrap());
            let client = client.with_devices(Devices::parse(&devices));
            ask_about(&accounts.for_client(client), flow, number).await;
        }
        let asked = gate.take().len();
        assert!(asked <= most, "{flow}: {asked} of 1000");
        assert!(asked >= 90, "{flow}: {asked} of 1000");
    }
}

/// Many accounts of one stranger have no owner refused at their network: neither in a browser that is known nor in a session.
#[tokio::test]
async fn many_accounts_keep_no_owner_out_of_their_network() {
    for (flow, is_in_session) in [("log_in", false), ("log_in", true), ("reset", false)] {
        let kit = Kit::limited();
        kit.sign_up_ann().await;
        let ann = kit.current_user("ann", HORSE).await;
        let office = Client::new().at("203.0.113.7".parse().unwrap());
        let known = |user: &User| {
            let devices = kit.accounts.remember_device(user).unwrap().text();
            office.clone().with_devices(Devices::parse(&devices))
        };
        let mut stranger = ann.user().clone();
        for number in 0..1_000 {
            stranger.id = UserId::new(1_000 + i64::from(number));
            let accounts = kit.accounts.for_client(known(&stranger));
            ask_about(&accounts, flow, number).await;
        }
        let owner = if is_in_session {
            office.clone().signed_in(&ann)
        } else {
            known(ann.user())
        };
        let owner = kit.accounts.for_client(owner);
        let horse = Password::new(HORSE);
        assert!(owner.log_in("ann", &horse, None).await.is_ok(), "{flow}");
        let asked = owner.request_password_reset(ANNS_EMAIL).await;
        assert!(asked.is_ok(), "{flow}");
    }
}

/// Begins a flow about a name that nobody has.
async fn ask_about(accounts: &Accounts, flow: &str, number: u32) {
    let name = format!("nobody{number}@example.org");
    match flow {
        "log_in" => {
            let guess = Password::new("a guess");
            drop(accounts.log_in(&name, &guess, None).await);
        }
        "begin_log_in" => drop(accounts.begin_log_in(&name, None).await),
        _ => drop(accounts.request_password_reset(&name).await),
    }
}

/// A gate that refuses after a second.
#[derive(Clone, Default)]
struct Slow;

#[async_trait]
impl Gate for Slow {
    async fn ask(&self, _: &GateRequest<'_>) -> Result<GateDecision, GateError> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(GateDecision::deny("Not today."))
    }
}

/// Anyone may send the same request many times: who has to wait for them waits for one answer of the gate, not for all.
#[tokio::test(start_paused = true)]
async fn turn_at_the_gate_is_held_for_one_answer() {
    let kit = Kit::with_ann().await;
    let accounts = Accounts::builder(Arc::new(kit.store.clone()), keyring(common::SECRET))
        .clock(kit.clock.clone())
        .hasher(kit.hasher.clone())
        .gate(Slow)
        .build()
        .unwrap()
        .with_gate_answer(Some("good 1"));
    let begun = tokio::time::Instant::now();
    let all = (0..50).map(|_| {
        let accounts = accounts.clone();
        tokio::spawn(async move { accounts.request_password_reset(ANNS_EMAIL).await })
    });
    let all: Vec<_> = all.collect();
    for asked in all {
        assert_eq!(failure(asked.await.unwrap()).kind(), FailureKind::Denied);
    }
    assert_eq!(begun.elapsed().as_secs(), 2);
}
