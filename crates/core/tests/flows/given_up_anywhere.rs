//! Forms whose browser goes away, by a second click, at any step of the first: between any two calls of the store. The second is
//! answered, and what has happened is told of once.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is not as it should be is a failed test"
)]

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, STAPLE};
use phone_auth_core::accounts::{CodeRefusal, CurrentUser, FlowError, LinkForm, SignUpForm};
use phone_auth_core::address::{AddressKind, AddressRecord};
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::limits::{LimitSettings, RateLimit};
use phone_auth_core::password::Password;
use phone_auth_core::session::SessionKey;
use phone_auth_core::settings::{Methods, Settings};
use phone_auth_core::store::{AddressStore as _, StoreErrorKind};
use phone_auth_events::{
    AwaitedEvent, Connection, EmailVerified, LoginEmail, LoginPhone, Message, OneTimeCode,
    PasswordWasReset, PhoneLost, ResetPasswordEmail, UserLoggedIn,
};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter as _};

/// Longer than a receiver is waited for.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// More steps than any form has.
pub(crate) const MANY: usize = 1_000;

/// What uses up a code or a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    LogInByCode,
    SignUpByCode,
    /// Into an account with a password whose setter need not have had the number, where codes sign up.
    LogInFromUnshown,
    /// In another browser than the one that asked, with the code beside it.
    LogInByLink,
    VerifyByCode,
    VerifyByLink,
    ResetByCode,
    SetPassword,
    FreeAddress,
    /// In a session of a user who has no password.
    Confirm,
}

/// A site, and what was sent to someone.
pub(crate) struct Site {
    pub(crate) kit: Kit,
    pub(crate) asked: Option<ChallengeKey>,
    pub(crate) code: String,
    pub(crate) link: (String, String),
    /// What the page gave its form.
    pub(crate) page: String,
    pub(crate) current_user: Option<CurrentUser>,
    /// Where the code goes that confirms.
    pub(crate) address: Option<AddressRecord>,
    /// How often what the forms lead to was told.
    heard: Arc<AtomicUsize>,
    _receivers: [Connection; 4],
    /// A site without anyone who sends such codes offers none.
    _sender: Connection,
}

/// Counts an event at a receiver that does not answer at once.
fn hear<E: AwaitedEvent + Clone>(kit: &Kit, heard: &Arc<AtomicUsize>) -> Connection {
    let heard = Arc::clone(heard);
    kit.signals.connect_async::<E>(move |_| {
        let heard = Arc::clone(&heard);
        async move {
            tokio::task::yield_now().await;
            heard.fetch_add(1, Ordering::SeqCst);
        }
    })
}

pub(crate) fn sent<M: Message>(messages: &[M]) -> (String, (String, String)) {
    let sent = messages.first().unwrap();
    let code = sent.code().map(OneTimeCode::as_str);
    let link = (sent.link().id.to_owned(), sent.link().token.to_owned());
    (code.unwrap_or_default().to_owned(), link)
}

/// Codes under the limits that ship, at a site of numbers alone where one signs up by a code.
pub(crate) fn by_code(settings: &mut Settings, signs_up: bool) {
    settings.limits = LimitSettings::default();
    settings.login_by_code = true;
    if signs_up {
        settings.sign_up_by_code = true;
        settings.authentication_methods = Methods {
            phone: true,
            email: false,
            username: false,
        };
    }
}

impl Site {
    pub(crate) async fn of(form: Form) -> Self {
        let kit = Kit::with_settings(|it| {
            by_code(
                it,
                form == Form::SignUpByCode || form == Form::LogInFromUnshown,
            );
            if form == Form::Confirm {
                // Two sessions ask at once.
                it.limits.email_verifications = RateLimit::Off;
            }
        });
        let heard = Arc::new(AtomicUsize::new(0));
        let receivers = [
            hear::<UserLoggedIn>(&kit, &heard),
            hear::<EmailVerified>(&kit, &heard),
            hear::<PasswordWasReset>(&kit, &heard),
            hear::<PhoneLost>(&kit, &heard),
        ];
        let _sender = kit.signals.connect::<LoginEmail>(|_| {});
        let mut site = Self {
            _sender,
            kit,
            heard,
            _receivers: receivers,
            asked: None,
            code: String::new(),
            link: <_>::default(),
            page: String::new(),
            current_user: None,
            address: None,
        };
        if form == Form::SignUpByCode {
            site.signs_up().await;
        } else if form == Form::LogInFromUnshown {
            site.asks_at_unshown().await;
        } else {
            site.kit.sign_up_ann().await;
            site.asks(form).await;
        }
        site.heard.store(0, Ordering::SeqCst);
        site
    }

    async fn signs_up(&mut self) {
        let form = SignUpForm {
            first_name: "Ann",
            last_name: "Smith",
            username: "",
            email: "",
            phone: ANNS_PHONE,
            password: Password::new(""),
            confirm_password: None,
        };
        let mut texts = self.kit.signals.capture::<LoginPhone>();
        let key = self.kit.accounts.begin_sign_up(form, None).await.unwrap();
        self.asked = Some(key);
        (self.code, self.link) = sent(&texts.take());
    }

    async fn asks_at_unshown(&mut self) {
        let ann = self.kit.sign_up_ann().await;
        let addresses = self.kit.store.addresses_of(ann.id, 10).await.unwrap();
        let phone = addresses.iter().find(|it| it.kind == AddressKind::Phone);
        let change = ExternalChange::SetVerified(AddressKind::Phone, phone.unwrap().id, true);
        self.kit.store.make(change).await;
        let mut texts = self.kit.signals.capture::<LoginPhone>();
        let key = self.kit.accounts.begin_log_in(ANNS_PHONE, None).await;
        self.asked = Some(key.unwrap());
        (self.code, self.link) = sent(&texts.take());
    }

    async fn asks(&mut self, form: Form) {
        let accounts = self.kit.accounts.clone();
        let ann = accounts.find("ann").await.unwrap().unwrap();
        let addresses = self.kit.store.addresses_of(ann.id, 10).await.unwrap();
        let of_kind = |kind| {
            let is_it = |it: &&AddressRecord| it.kind == kind;
            addresses.iter().find(is_it).unwrap()
        };
        let email = of_kind(AddressKind::Email);
        match form {
            Form::LogInByCode | Form::SignUpByCode | Form::LogInFromUnshown | Form::LogInByLink => {
                self.kit.prove(email).await;
                let mut emails = self.kit.signals.capture::<LoginEmail>();
                let key = accounts.begin_log_in(ANNS_EMAIL, None).await.unwrap();
                self.asked = Some(key);
                (self.code, self.link) = sent(&emails.take());
                let (id, token) = &self.link;
                self.page = accounts.log_in_form_token(id, token).unwrap();
            }
            Form::VerifyByCode => {
                let current_user = self.kit.current_user("ann", HORSE).await;
                let (key, code) = self.kit.verification_code(&current_user, email).await;
                (self.asked, self.code) = (Some(key), code);
                self.current_user = Some(current_user);
            }
            Form::VerifyByLink => {
                let current_user = self.kit.current_user("ann", HORSE).await;
                self.link = self.kit.verification_link(&current_user, email).await;
            }
            Form::ResetByCode | Form::SetPassword => {
                let mut emails = self.kit.signals.capture::<ResetPasswordEmail>();
                let key = accounts.begin_reset(ANNS_EMAIL, None).await.unwrap();
                self.asked = Some(key);
                (self.code, self.link) = sent(&emails.take());
                self.page = accounts.password_form_token(&ann);
            }
            Form::Confirm => {
                self.kit.prove(email).await;
                let unusable = ExternalChange::SetPassword(ann.id, "!".to_owned());
                self.kit.store.make(unusable).await;
                self.address = Some(AddressRecord {
                    is_verified: true,
                    ..email.clone()
                });
                let user = self.session().await;
                self.code = self.confirming(&user).await;
                self.current_user = Some(user);
            }
            Form::FreeAddress => {
                self.kit.prove(email).await;
                self.link = self.kit.reset_link(ANNS_PHONE).await;
                self.page = accounts.free_form_token(&ann, ANNS_PHONE);
            }
        }
    }

    /// Another session of Ann's, as a single sign-on begins it.
    pub(crate) async fn session(&self) -> CurrentUser {
        let accounts = &self.kit.accounts;
        let ann = accounts.find("ann").await.unwrap().unwrap();
        let begun = accounts.begin_session(ann.id, None).await.unwrap();
        accounts.current_user(&begun.key).await.unwrap().unwrap()
    }

    /// Has a code sent that confirms who is logged in there.
    pub(crate) async fn confirming(&self, user: &CurrentUser) -> String {
        let address = self.address.as_ref().unwrap();
        let mut emails = self.kit.signals.capture::<LoginEmail>();
        let accounts = &self.kit.accounts;
        let begun = accounts.begin_reauthentication(user, address.kind, address.id);
        begun.await.unwrap();
        sent(&emails.take()).0
    }

    /// Types a code there.
    pub(crate) async fn confirms(
        &self,
        user: &CurrentUser,
        code: &str,
    ) -> Result<SessionKey, FlowError<CodeRefusal>> {
        let address = self.address.as_ref().unwrap();
        let accounts = &self.kit.accounts;
        accounts
            .reauthenticate_by_code(user, address.kind, address.id, code)
            .await
    }

    /// A click at a form; whether it is answered as one that has done it.
    pub(crate) async fn click(&self, form: Form) -> bool {
        let accounts = &self.kit.accounts;
        let (code, (id, token)) = (self.code.as_str(), &self.link);
        let staple = Password::new(STAPLE);
        match (form, &self.asked) {
            (Form::LogInByCode | Form::SignUpByCode | Form::LogInFromUnshown, Some(key)) => {
                accounts.log_in_by_code(key, code, None).await.is_ok()
                    || matches!(accounts.repeated_log_in(key, code).await, Ok(Some(_)))
            }
            (Form::LogInByLink, _) => {
                let form = LinkForm {
                    asked: &[],
                    code,
                    token: &self.page,
                };
                let flow = accounts.log_in_by_link(id, token, &form, None);
                flow.await.is_ok()
            }
            (Form::VerifyByCode, Some(key)) => {
                let current_user = self.current_user.as_ref().unwrap();
                let flow = accounts.verify_by_code(current_user, key, code);
                flow.await.is_ok()
            }
            (Form::VerifyByLink, _) => accounts.verify_address(id, token).await.is_ok(),
            (Form::ResetByCode, Some(key)) => {
                accounts.prove_reset(key, code).await.is_ok()
                    || matches!(accounts.repeated_code(key, code).await, Ok(Some(_)))
            }
            (Form::SetPassword, _) => {
                let first = accounts.reset_password(id, token, &staple, &staple);
                let is_first = first.await.is_ok();
                let second = accounts.repeated_reset(&self.page, &staple, &staple);
                is_first || matches!(second.await, Ok(Some(_)))
            }
            (Form::FreeAddress, _) => {
                accounts.free_address(id, token).await.is_ok()
                    || matches!(
                        accounts.was_freed(id, ANNS_PHONE, &self.page).await,
                        Ok(true)
                    )
            }
            (Form::Confirm, _) => {
                let user = self.current_user.as_ref().unwrap();
                self.confirms(user, code).await.is_ok()
            }
            (_, None) => false,
        }
    }
}

/// Lets a flow go so many steps, each to where it waits, and gives it up; what it came to, if it was at its end before.
pub(crate) async fn give_up_after<T>(steps: usize, flow: impl Future<Output = T>) -> Option<T> {
    let mut flow = pin!(flow);
    let mut gone = 0;
    poll_fn(|context| match flow.as_mut().poll(context) {
        Poll::Ready(end) => Poll::Ready(Some(end)),
        Poll::Pending if gone == steps => Poll::Ready(None),
        Poll::Pending => {
            gone += 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn form_that_is_given_up_at_any_step_is_answered() {
    let mut wrong = Vec::new();
    for (form, told) in [
        (Form::LogInByCode, 1),
        (Form::SignUpByCode, 1),
        (Form::LogInByLink, 1),
        (Form::VerifyByCode, 1),
        (Form::VerifyByLink, 1),
        (Form::ResetByCode, 0),
        (Form::SetPassword, 1),
        (Form::FreeAddress, 1),
        (Form::Confirm, 0),
    ] {
        let mut is_through = false;
        for steps in 0..MANY {
            let site = Site::of(form).await;
            if Box::pin(give_up_after(steps, site.click(form)))
                .await
                .is_some()
            {
                is_through = true;
                break;
            }
            assert!(site.kit.accounts.drain(LONG).await, "{form:?} {steps}");
            let is_answered = site.click(form).await;
            let heard = site.heard.load(Ordering::SeqCst);
            if !is_answered || heard != told {
                wrong.push((form, steps, is_answered, heard));
            }
        }
        assert!(is_through, "{form:?}");
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// A store that fails at any step of a form, and for a while, uses up no code and no link for nothing: once it is back the form is
/// answered, also when it is too late to be a second click.
#[tokio::test(start_paused = true)]
async fn form_whose_store_fails_at_any_step_is_answered_later() {
    let mut wrong = Vec::new();
    for (form, later) in [
        (Form::LogInByCode, 2),
        (Form::LogInByLink, 2),
        (Form::VerifyByCode, 2),
        (Form::VerifyByLink, 2),
        (Form::ResetByCode, 2),
        (Form::SetPassword, 0),
        (Form::FreeAddress, 0),
        (Form::Confirm, 2),
    ] {
        let mut is_through = false;
        for calls in 0..50 {
            let site = Site::of(form).await;
            let store = &site.kit.store;
            store.fail_after(calls, StoreErrorKind::Unavailable);
            if site.click(form).await {
                is_through = true;
                break;
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
            store.recover();
            assert!(site.kit.accounts.drain(LONG).await, "{form:?} {calls}");
            site.kit.clock.advance(Duration::from_mins(later));
            if !site.click(form).await {
                wrong.push((form, calls));
            }
        }
        assert!(is_through, "{form:?}");
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// The store may have begun a session and its answer be lost, with what follows at any step: it is the only one that begins, and who
/// tries again within a minute has it.
#[tokio::test(start_paused = true)]
async fn session_whose_answer_is_lost_is_the_only_one() {
    let mut wrong = Vec::new();
    for (form, later) in [
        (Form::LogInByCode, 0),
        (Form::LogInByCode, 2),
        (Form::LogInByLink, 0),
        (Form::LogInByLink, 2),
    ] {
        let (mut is_through, mut unheard) = (false, 0);
        for calls in 0..50 {
            let site = Site::of(form).await;
            let store = &site.kit.store;
            let before = store.session_count();
            store.lose_answer_to_log_in();
            store.fail_after(calls, StoreErrorKind::Unavailable);
            is_through = site.click(form).await;
            tokio::time::sleep(Duration::from_secs(5)).await;
            store.recover();
            assert!(site.kit.accounts.drain(LONG).await, "{form:?} {calls}");
            site.kit.clock.advance(Duration::from_mins(later));
            let had_begun = store.session_count() > before;
            // One that has not begun by then loses its answer now.
            let is_answered = is_through || site.click(form).await;
            let begun = store.session_count() - before;
            // Later what has begun it is over: given back, it would be good for another elsewhere.
            let is_told = is_answered || later > 0 && had_begun;
            // Receivers hear of it once, however often it was answered; but where the store could not say at once what has begun.
            let heard = site.heard.load(Ordering::SeqCst);
            let is_unheard = had_begun && !is_through && heard == 0;
            unheard += u32::from(is_unheard);
            if !is_told || begun != 1 || heard != 1 && !is_unheard {
                wrong.push((form, later, calls, is_answered, begun, heard));
            }
            if is_through {
                // What was given has used up its code.
                site.kit.clock.advance(Duration::from_mins(2));
                assert!(!site.click(form).await, "{form:?}");
                break;
            }
        }
        assert!(is_through, "{form:?}");
        assert_eq!(unheard, 1, "{form:?}: where the look fails as well");
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Where the account had another password by then the right code is over, and not a wrong one: it is derived from the one before.
/// Another code logs in. Before that it is given back.
#[tokio::test(start_paused = true)]
async fn code_of_an_account_that_was_changed_is_over() {
    for form in [Form::SignUpByCode, Form::LogInFromUnshown] {
        let (mut given_back, mut over) = (0, 0);
        for calls in 0..50 {
            let site = Site::of(form).await;
            let (store, accounts) = (&site.kit.store, &site.kit.accounts);
            store.fail_after(calls, StoreErrorKind::Unavailable);
            if site.click(form).await {
                break;
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
            store.recover();
            assert!(accounts.drain(LONG).await, "{form:?} {calls}");
            site.kit.clock.advance(Duration::from_mins(2));
            let key = site.asked.as_ref().unwrap();
            match accounts.log_in_by_code(key, &site.code, None).await {
                Ok(_) => given_back += 1,
                Err(FlowError::Refused(CodeRefusal::Over)) => over += 1,
                Err(error) => panic!("{form:?} {calls}: {error}"),
            }
            let mut texts = site.kit.signals.capture::<LoginPhone>();
            let again = accounts.begin_log_in(ANNS_PHONE, Some(key)).await.unwrap();
            let (code, _) = sent(&texts.take());
            let logged_in = accounts.log_in_by_code(&again, &code, None).await;
            assert!(logged_in.is_ok(), "{form:?} {calls}: {logged_in:?}");
        }
        assert!(given_back > 0 && over > 0, "{form:?} {given_back} {over}");
    }
}

/// A link is given back in the first seconds alone: later another may have been asked for and used. The code beside it is over then.
#[tokio::test(start_paused = true)]
async fn link_is_given_back_in_the_first_seconds() {
    for (outage, are_all_back) in [(5, true), (20, false)] {
        let (mut is_given_back, mut given_up) = (0, 0);
        for calls in 0..50 {
            let site = Site::of(Form::LogInByCode).await;
            let (store, accounts) = (&site.kit.store, &site.kit.accounts);
            store.fail_after(calls, StoreErrorKind::Unavailable);
            if site.click(Form::LogInByCode).await {
                break;
            }
            tokio::time::sleep(Duration::from_secs(outage)).await;
            store.recover();
            assert!(accounts.drain(LONG).await, "{calls}");
            site.kit.clock.advance(Duration::from_mins(2));
            let key = site.asked.as_ref().unwrap();
            match accounts.log_in_by_code(key, &site.code, None).await {
                Ok(_) => is_given_back += 1,
                Err(FlowError::Refused(CodeRefusal::Over)) => given_up += 1,
                Err(error) => panic!("{outage} {calls}: {error}"),
            }
        }
        assert!(is_given_back > 0, "{outage}");
        assert_eq!(given_up == 0, are_all_back, "{outage} {given_up}");
    }
}
