//! Logging in without a password: by a code, in the browser that asked, or by a link, in any.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is not as it should be is a failed test"
)]

use crate::common;
use std::time::Duration;

use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, STAPLE, failure, refusal, unlimited};
use phone_auth_core::accounts::{
    CodeRefusal, FailureKind, FlowError, InvalidLink, LinkForm, LogInLinkRefusal, LoggedIn,
    ResetRequestRefusal,
};
use phone_auth_core::address::{AddressKind, AddressRecord};
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::client::Client;
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::outbox::WorkerOptions;
use phone_auth_core::password::Password;
use phone_auth_core::settings::Settings;
use phone_auth_core::user::User;
use phone_auth_events::{
    Capture, LoginEmail, LoginPhone, Message, OneTimeCode, ResetPasswordEmail,
};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};

const MINUTE: Duration = Duration::from_mins(1);
const KINDS: [AddressKind; 2] = [AddressKind::Email, AddressKind::Phone];

const USED: LogInLinkRefusal = LogInLinkRefusal::Link(InvalidLink);

/// A code and the link beside it.
#[derive(Clone, Debug)]
struct Sent {
    code: String,
    id: String,
    token: String,
}

impl Sent {
    /// What another browser says of it than the one that asked.
    fn form(&self) -> LinkForm<'_> {
        LinkForm {
            code: &self.code,
            ..LinkForm::default()
        }
    }

    fn of(message: &dyn Message) -> Self {
        let link = message.link();
        Self {
            code: message.code().map(OneTimeCode::as_str).unwrap().to_owned(),
            id: link.id.to_owned(),
            token: link.token.to_owned(),
        }
    }
}

/// Ann, with addresses that are verified, on a site where one may log in by code.
struct Site {
    kit: Kit,
    ann: User,
    emails: Capture<LoginEmail>,
    phones: Capture<LoginPhone>,
}

impl Site {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let kit = Kit::with_settings(|settings| {
            settings.login_by_code = true;
            change(settings);
        });
        let ann = kit.sign_up_ann().await;
        let site = Self {
            emails: kit.signals.capture(),
            phones: kit.signals.capture(),
            ann,
            kit,
        };
        for kind in KINDS {
            site.set_verified(kind, true).await;
        }
        site
    }

    async fn set_verified(&self, kind: AddressKind, is_verified: bool) {
        let address = self.address(kind).await;
        if is_verified {
            return self.kit.prove(&address).await;
        }
        let change = ExternalChange::SetVerified(kind, address.id, false);
        self.kit.store.make(change).await;
    }

    async fn address(&self, kind: AddressKind) -> AddressRecord {
        use phone_auth_core::store::AddressStore;
        let all = self.kit.store.addresses_of(self.ann.id, 10).await.unwrap();
        all.into_iter().find(|it| it.kind == kind).unwrap()
    }

    async fn begin(&self, login: &str) -> ChallengeKey {
        self.kit.accounts.begin_log_in(login, None).await.unwrap()
    }

    /// What was sent since it was last asked.
    fn sent(&mut self) -> Vec<Sent> {
        let emails = self.emails.take();
        let phones = self.phones.take();
        let emails = emails.iter().map(|it| Sent::of(it));
        emails.chain(phones.iter().map(|it| Sent::of(it))).collect()
    }

    /// A code that Ann has asked for, and her key.
    async fn asked(&mut self, login: &str) -> (ChallengeKey, Sent) {
        let key = self.begin(login).await;
        (key, self.sent().remove(0))
    }

    async fn by_code(
        &self,
        key: &ChallengeKey,
        code: &str,
    ) -> Result<LoggedIn, FlowError<CodeRefusal>> {
        self.kit.accounts.log_in_by_code(key, code, None).await
    }

    /// As anyone who has the message, in another browser than the one that asked.
    async fn by_link(&self, sent: &Sent) -> Result<LoggedIn, FlowError<LogInLinkRefusal>> {
        let (accounts, form) = (&self.kit.accounts, sent.form());
        let flow = accounts.log_in_by_link(&sent.id, &sent.token, &form, None);
        flow.await
    }

    async fn opens(&self, sent: &Sent) -> bool {
        let accounts = &self.kit.accounts;
        let opened = accounts.open_log_in_link(&sent.id, &sent.token).await;
        let looked = accounts.check_log_in_link(&sent.id, &sent.token).await;
        assert_eq!(opened.is_ok(), looked.is_ok());
        opened.is_ok()
    }
}

/// Another code than this.
fn other(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

#[tokio::test]
async fn code_or_link_logs_in_once() {
    for login in [ANNS_EMAIL, ANNS_PHONE, "ann"] {
        for by_link in [false, true] {
            let mut site = Site::new().await;
            let key = site.begin(login).await;
            let sent = site.sent();
            assert_eq!(sent.len(), if login == "ann" { 2 } else { 1 }, "{login}");
            let sent = sent[0].clone();
            // To look at the link changes nothing.
            assert!(site.opens(&sent).await && site.opens(&sent).await);
            site.kit.record.forget();
            let logged_in = if by_link {
                site.by_link(&sent).await.unwrap()
            } else {
                site.by_code(&key, &sent.code).await.unwrap()
            };
            let how = if by_link {
                "log_in_by_link"
            } else {
                "log_in_by_code"
            };
            let told = site.kit.record.take_flows();
            assert_eq!(told, [format!("user_logged_in {how} ann")]);
            let accounts = &site.kit.accounts;
            let user = accounts
                .current_user(&logged_in.key)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(user.user().id, site.ann.id);
            assert!(site.kit.stored(&site.ann).await.last_login.is_some());
            // It is no proof for what changes who can get in: the password is.
            assert!(accounts.require_recent_proof(&user).is_err());
            assert!(
                accounts
                    .reauthenticate(&user, &Password::new(HORSE))
                    .await
                    .is_ok()
            );

            // Success of either ends both, and who tries the link again is told of.
            site.kit.record.forget();
            assert!(!site.opens(&sent).await);
            let told = site.kit.record.take();
            let is_told = told.iter().any(|line| line.starts_with("token_refused"));
            assert!(is_told, "{told:?}");
            assert_eq!(refusal(site.by_link(&sent).await), USED);
            let over = refusal(site.by_code(&key, &sent.code).await);
            let expected = if by_link {
                CodeRefusal::Wrong { left: 4 }
            } else {
                CodeRefusal::Over
            };
            assert_eq!(over, expected);
            // And the next one is another.
            site.kit.clock.advance(Duration::from_secs(1));
            let (key, next) = site.asked(login).await;
            assert_ne!(next.token, sent.token);
            site.by_code(&key, &next.code).await.unwrap();
        }
    }
}

#[tokio::test]
async fn log_in_at_once_has_one_winner() {
    for by_link in [false, true] {
        let mut site = Site::new().await;
        let (key, sent) = site.asked(ANNS_EMAIL).await;
        let tries: Vec<_> = (0..20)
            .map(|_| {
                let (accounts, key, sent) = (site.kit.accounts.clone(), key.clone(), sent.clone());
                tokio::spawn(async move {
                    if by_link {
                        let form = sent.form();
                        let flow = accounts.log_in_by_link(&sent.id, &sent.token, &form, None);
                        flow.await.is_ok()
                    } else {
                        accounts
                            .log_in_by_code(&key, &sent.code, None)
                            .await
                            .is_ok()
                    }
                })
            })
            .collect();
        let mut won = 0;
        for one in tries {
            won += u32::from(one.await.unwrap());
        }
        assert_eq!(won, 1);
    }
}

/// Nobody is sent anything who could not be known by it, and the one who asks is told the same.
#[tokio::test]
async fn only_verified_addresses_are_sent_codes() {
    let mut site = Site::new().await;
    let bob = site.kit.sign_up_bob().await;
    site.set_verified(AddressKind::Phone, false).await;
    for name in [
        "nobody@example.org",
        "+442079460099",
        "nobody",
        "bob@example.net",
        "bob",
        ANNS_PHONE,
    ] {
        let key = site.begin(name).await;
        assert_eq!(site.sent().len(), 0, "{name}");
        let told = refusal(site.by_code(&key, "123456").await);
        assert_eq!(told, CodeRefusal::Wrong { left: 4 }, "{name}");
    }
    site.begin(ANNS_EMAIL).await;
    assert_eq!(site.sent().len(), 1);
    site.kit.accounts.set_active("ann", false).await.unwrap();
    site.begin(ANNS_EMAIL).await;
    assert_eq!(site.sent().len(), 0, "disabled");
    assert!(site.kit.stored(&bob).await.last_login.is_none());
}

/// What was sent before it ends with what it relied on.
#[tokio::test]
async fn what_it_relied_on_ends_it() {
    type Change = fn(&Site) -> std::pin::Pin<Box<dyn Future<Output = ()> + '_>>;
    let changes: [(&str, Change); 5] = [
        ("disabled", |site| {
            Box::pin(async { drop(site.kit.accounts.set_active("ann", false).await.unwrap()) })
        }),
        ("unverified", |site| {
            Box::pin(site.set_verified(AddressKind::Email, false))
        }),
        ("reset", |site| {
            Box::pin(async {
                let (id, token) = site.kit.reset_link(ANNS_PHONE).await;
                let new = Password::new(STAPLE);
                let flow = site.kit.accounts.reset_password(&id, &token, &new, &new);
                flow.await.unwrap();
            })
        }),
        ("edited", |site| {
            Box::pin(async {
                let (kind, id) = (
                    AddressKind::Email,
                    site.address(AddressKind::Email).await.id,
                );
                let edit = ExternalChange::EditAddress(kind, id, "eve@example.org".to_owned());
                site.kit.store.make(edit).await;
            })
        }),
        ("ten minutes", |site| {
            // A link counts in whole seconds.
            Box::pin(async { site.kit.clock.advance(10 * MINUTE + Duration::from_secs(1)) })
        }),
    ];
    for (what, change) in changes {
        let mut site = Site::new().await;
        let (key, sent) = site.asked(ANNS_EMAIL).await;
        change(&site).await;
        assert!(!site.opens(&sent).await, "{what}");
        assert_eq!(refusal(site.by_link(&sent).await), USED, "{what}");
        assert!(site.by_code(&key, &sent.code).await.is_err(), "{what}");
    }
    // Until then it works, whatever log-ins there are meanwhile.
    let mut site = Site::new().await;
    let (key, sent) = site.asked(ANNS_EMAIL).await;
    site.kit.clock.advance(Duration::from_secs(10 * 60 - 2));
    site.kit.log_in("ann", HORSE).await;
    assert!(site.opens(&sent).await);
    site.by_code(&key, &sent.code).await.unwrap();
}

/// Who asks soon after another has the same link. The next request ends it.
#[tokio::test]
async fn newer_request_ends_the_older_link() {
    for (passed, opens) in [(4 * MINUTE, true), (6 * MINUTE, false)] {
        let mut site = Site::new().await;
        let (_, older) = site.asked(ANNS_EMAIL).await;
        site.kit.clock.advance(passed);
        let (_, newer) = site.asked(ANNS_EMAIL).await;
        assert_eq!(site.opens(&older).await, opens, "{passed:?}");
        assert!(site.opens(&newer).await, "{passed:?}");
    }
}

/// A code of one purpose is none of another, nor in another browser.
#[tokio::test]
async fn code_is_for_log_in_and_for_who_asked() {
    let mut site = Site::new().await;
    let user = site.kit.current_user("ann", HORSE).await;
    let (key, sent) = site.asked(ANNS_EMAIL).await;
    let accounts = &site.kit.accounts;
    let reset = accounts.begin_reset(ANNS_EMAIL, None).await.unwrap();
    for code in [&sent.code, &other(&sent.code)] {
        let as_reset = accounts.prove_reset(&key, code).await;
        assert_eq!(refusal(as_reset), CodeRefusal::Over);
        let as_verification = accounts.verify_by_code(&user, &key, code).await;
        assert_eq!(refusal(as_verification), CodeRefusal::Over);
        let of_reset = site.by_code(&reset, code).await;
        assert_eq!(refusal(of_reset), CodeRefusal::Over);
        let as_reset_code = accounts.prove_reset(&reset, code).await;
        assert!(matches!(refusal(as_reset_code), CodeRefusal::Wrong { .. }));
    }
    let elsewhere = site.begin("nobody@example.org").await;
    assert_eq!(
        refusal(site.by_code(&elsewhere, &sent.code).await),
        CodeRefusal::Wrong { left: 4 }
    );
    let verify = accounts.verify_address(&sent.id, &sent.token).await;
    assert_eq!(refusal(verify), InvalidLink);
    site.by_code(&key, &sent.code).await.unwrap();
}

#[tokio::test]
async fn wrong_code_is_a_failed_log_in() {
    let mut site = Site::new().await;
    let (key, sent) = site.asked(ANNS_EMAIL).await;
    site.kit.record.forget();
    let told = refusal(site.by_code(&key, &other(&sent.code)).await);
    assert_eq!(told, CodeRefusal::Wrong { left: 4 });
    let nobodys = site.begin("nobody@example.org").await;
    refusal(site.by_code(&nobodys, "123456").await);
    let told = site.kit.record.take_flows();
    let expected = [
        "user_login_failed log_in_by_code ann WrongCode",
        "user_login_failed log_in_by_code - WrongCode",
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn session_before_ends() {
    let mut site = Site::new().await;
    let bob = site.kit.sign_up_bob().await;
    let before = site.kit.log_in("bob", HORSE).await;
    let (key, sent) = site.asked(ANNS_EMAIL).await;
    let accounts = &site.kit.accounts;
    let flow = accounts.log_in_by_code(&key, &sent.code, Some(&before.key));
    let ann = flow.await.unwrap();
    assert_ne!(ann.user.id, bob.id);
    assert!(accounts.current_user(&before.key).await.unwrap().is_none());
    assert!(accounts.current_user(&ann.key).await.unwrap().is_some());
}

#[tokio::test]
async fn setting_off_sends_and_takes_nothing() {
    let mut site = Site::new().await;
    let (key, sent) = site.asked(ANNS_EMAIL).await;
    let off = site.kit.rekeyed(common::keyring(common::SECRET));
    assert!(!off.settings().login_by_code && !unlimited().login_by_code);
    for (name, kind) in [
        (ANNS_EMAIL, AddressKind::Email),
        (ANNS_PHONE, AddressKind::Phone),
        ("ann", AddressKind::Email),
    ] {
        let problem = FieldProblem::new(Field::Login, Problem::NoSender { kind });
        let told = refusal(off.begin_log_in(name, None).await);
        assert_eq!(told, ResetRequestRefusal::Invalid(vec![problem]));
    }
    assert_eq!(site.sent().len(), 0);
    let code = off.log_in_by_code(&key, &sent.code, None).await;
    assert_eq!(refusal(code), CodeRefusal::Over);
    let form = sent.form();
    let link = off.log_in_by_link(&sent.id, &sent.token, &form, None).await;
    assert_eq!(refusal(link), USED);
    // Nothing of it was used up.
    site.by_code(&key, &sent.code).await.unwrap();
}

/// Requests count among those for resets: anyone can have either sent to someone else.
#[tokio::test]
async fn requests_are_limited_as_resets() {
    let site = Site::with(|settings| settings.limits = LimitSettings::default()).await;
    let at = |last| Client::new().at(std::net::Ipv4Addr::new(203, 0, 113, last).into());
    for name in [ANNS_EMAIL, "nobody@example.org"] {
        // Half of five each, rounded up: what one uses up the other does not lack.
        let mut resets = site.kit.signals.capture::<ResetPasswordEmail>();
        let mut log_ins = site.kit.signals.capture::<LoginEmail>();
        for number in 0..8_u8 {
            let accounts = site.kit.accounts.for_client(at(number));
            accounts.request_password_reset(name).await.unwrap();
            drop(accounts.begin_log_in(name, None).await.unwrap());
        }
        let sent = [resets.take().len(), log_ins.take().len()];
        let expected = if name == ANNS_EMAIL { [3; 2] } else { [0; 2] };
        assert_eq!(sent, expected, "{name}");
        let stranger = site.kit.accounts.for_client(at(9));
        assert!(stranger.begin_log_in(name, None).await.is_ok());
        assert!(stranger.request_password_reset(name).await.is_ok());
        let kind = failure(stranger.begin_log_in(name, None).await).kind();
        assert!(matches!(kind, FailureKind::Limited { .. }), "half of all");
    }
}

/// By way of the outbox: the worker makes the same code, and a message whose link was used is none any more.
#[tokio::test]
async fn worker_sends_the_code() {
    let mut site = Site::new().await;
    let mut settings = unlimited();
    settings.login_by_code = true;
    let store = std::sync::Arc::new(site.kit.store.clone());
    let keyring = common::keyring(common::SECRET);
    let accounts = phone_auth_core::accounts::Accounts::builder(store.clone(), keyring)
        .outbox(store)
        .signals(site.kit.signals.clone())
        .settings(settings)
        .clock(site.kit.clock.clone())
        .build()
        .unwrap();
    let worker = accounts.outbox().unwrap().worker(WorkerOptions::default());
    let key = accounts.begin_log_in(ANNS_EMAIL, None).await.unwrap();
    assert_eq!(worker.deliver_due().await.unwrap(), 1);
    let sent = site.sent().remove(0);
    accounts
        .log_in_by_code(&key, &sent.code, None)
        .await
        .unwrap();

    // A message that is pending when another one, with the same link, is used.
    accounts.begin_log_in(ANNS_EMAIL, None).await.unwrap();
    let (key, sent) = site.asked(ANNS_EMAIL).await;
    site.by_code(&key, &sent.code).await.unwrap();
    assert_eq!(worker.deliver_due().await.unwrap(), 1);
    assert_eq!(site.sent().len(), 0, "obsolete");
    let rows = accounts.outbox().unwrap().rows_after(None, 10).await;
    assert_eq!(rows.unwrap().len(), 0, "and no dead letter");
}
