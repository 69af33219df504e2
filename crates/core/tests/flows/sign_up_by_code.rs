//! Signing up with a name and a number, without a password.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is not as it should be is a failed test"
)]

use std::sync::Arc;
use std::time::Duration;

use crate::common::{ANNS_PHONE, HORSE, Kit, SECRET, STAPLE, keyring, refusal, unlimited};
use phone_auth_core::accounts::{
    Accounts, CodeRefusal, FlowError, InvalidLink, LinkForm, LogInLinkRefusal, LogInRefusal,
    LoggedIn, ReauthenticationRefusal, SignUpForm, SignUpRefusal,
};
use phone_auth_core::address::{Address, AddressCaps, AddressKind, PhoneNumber};
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::client::Client;
use phone_auth_core::clock::Clock;
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::{EncodedPassword, Password};
use phone_auth_core::settings::{Methods, Settings};
use phone_auth_core::store::{AddressStore, UserStore};
use phone_auth_core::user::{NewUser, User};
use phone_auth_events::{AccountChange, Capture, LoginPhone, SecurityNoticePhone};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};

/// A form with a name and a number.
fn form<'a>(name: &'a str, phone: &'a str) -> SignUpForm<'a> {
    SignUpForm {
        first_name: name,
        last_name: "Smith",
        username: "",
        email: "",
        phone,
        password: Password::new(""),
        confirm_password: None,
    }
}

fn by_code(settings: &mut Settings) {
    settings.authentication_methods = Methods {
        phone: true,
        email: false,
        username: false,
    };
    settings.login_by_code = true;
    settings.sign_up_by_code = true;
}

/// What was sent: the code, and what the link has in its path.
const ANNS_OTHER: &str = "+919876512345";
const USED: LogInLinkRefusal = LogInLinkRefusal::Link(InvalidLink);

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
}

/// A site for phones and codes only.
struct Site {
    kit: Kit,
    texts: Capture<LoginPhone>,
}

impl Site {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let kit = Kit::with_settings(|settings| {
            by_code(settings);
            change(settings);
        });
        let texts = kit.signals.capture();
        Self { kit, texts }
    }

    fn sent(&mut self) -> Vec<Sent> {
        let sent = |text: &LoginPhone| {
            let link = text.link();
            Sent {
                code: text.envelope.code.as_ref().unwrap().as_str().to_owned(),
                id: link.id.to_owned(),
                token: link.token.to_owned(),
            }
        };
        self.texts.take().iter().map(sent).collect()
    }

    /// Someone signs up; the code that the owner of the number gets.
    async fn asked(&mut self, name: &str, phone: &str) -> (ChallengeKey, Sent) {
        let flow = self.kit.accounts.begin_sign_up(form(name, phone), None);
        let key = flow.await.unwrap();
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

    async fn all_users(&self) -> Vec<User> {
        self.kit.store.users_after(None, 10).await.unwrap()
    }

    /// A user with a password and numbers, none of them verified, as another program makes them.
    async fn with_password(&self, numbers: &[&str]) -> (User, Accounts) {
        let passwords = Accounts::builder(Arc::new(self.kit.store.clone()), keyring(SECRET))
            .signals(self.kit.signals.clone())
            .settings(unlimited())
            .clock(self.kit.clock.clone())
            .hasher(self.kit.hasher.clone())
            .build()
            .unwrap();
        let user = passwords
            .create_user(SignUpForm {
                username: "thief",
                phone: numbers[0],
                password: Password::new(HORSE),
                ..form("Thief", "")
            })
            .await
            .unwrap();
        let session = passwords.log_in("thief", &Password::new(HORSE), None).await;
        let current_user = passwords.current_user(&session.unwrap().key).await;
        let current_user = current_user.unwrap().unwrap();
        for number in &numbers[1..] {
            let add = passwords.add_address(&current_user, AddressKind::Phone, number);
            add.await.unwrap();
        }
        (user, passwords)
    }

    async fn set_verified(&self, user: &User, number: &str) {
        let all = self.kit.store.addresses_of(user.id, 10).await.unwrap();
        let address = all.into_iter().find(|it| it.value == number).unwrap();
        self.kit.prove(&address).await;
    }
}

#[tokio::test]
async fn name_number_and_code_sign_up() {
    for by_link in [false, true] {
        let mut site = Site::new();
        let (key, sent) = site.asked("Ann", "+91 98765 43210").await;
        let made = site.all_users().await.remove(0);
        let made = made.username.as_str();
        let told = site.kit.record.take_flows();
        assert_eq!(told, [format!("user_signed_up begin_sign_up {made}")]);
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
        let expected = [
            format!("phone_verified {how} {made} {ANNS_PHONE}"),
            format!("user_logged_in {how} {made}"),
        ];
        assert_eq!(told, expected);
        let user = site.kit.stored(&logged_in.user).await;
        assert_eq!((&*user.first_name, &*user.last_name), ("Ann", "Smith"));
        assert!(user.password.reveal().starts_with('!') && user.last_login.is_some());
        let addresses = site.kit.store.addresses_of(user.id, 10).await.unwrap();
        assert_eq!(addresses.len(), 1);
        assert!(addresses[0].is_verified && addresses[0].value == ANNS_PHONE);
        // Once; either ends both.
        assert!(site.by_link(&sent).await.is_err());
        assert!(site.by_code(&key, &sent.code).await.is_err());

        // To log in by a code is no proof of who one is, also where they are signed in already: that has codes of its own.
        let accounts = site.kit.accounts.clone();
        let bob = site.kit.store_user("bob", HORSE).await;
        let bobs = accounts.begin_session(bob.id, None).await.unwrap().key;
        for previous in [None, Some(bobs), Some(logged_in.key.clone())] {
            site.kit.clock.advance(Duration::from_mins(1));
            let key = accounts.begin_log_in(ANNS_PHONE, None).await.unwrap();
            let code = site.sent().remove(0).code;
            let again = accounts.log_in_by_code(&key, &code, previous.as_ref());
            let again = again.await.unwrap();
            let again = accounts.current_user(&again.key).await.unwrap();
            let again = again.unwrap();
            let proof = accounts.require_recent_proof(&again);
            assert!(proof.is_err(), "{}", previous.is_some());
            assert_eq!(again.user().id, user.id);
        }
    }
}

/// To who has an account it is a log-in, and those who ask are told the same.
#[tokio::test]
async fn number_with_an_account_signs_in() {
    let mut site = Site::new();
    let (key, sent) = site.asked("Ann", ANNS_PHONE).await;
    let first = site.by_code(&key, &sent.code).await.unwrap();
    let (key, sent) = site.asked("Anna", ANNS_PHONE).await;
    let second = site.by_code(&key, &sent.code).await.unwrap();
    assert_eq!(first.user.id, second.user.id);
    assert_eq!(second.user.first_name, "Ann");
    assert_eq!(site.all_users().await.len(), 1);

    // Nobody is sent anything who is disabled, and that is not told either.
    site.kit
        .accounts
        .set_active(&first.user.username, false)
        .await
        .unwrap();
    let flow = site
        .kit
        .accounts
        .begin_sign_up(form("Ann", ANNS_PHONE), None);
    let key = flow.await.unwrap();
    assert_eq!(site.sent().len(), 0);
    let told = refusal(site.by_code(&key, "123456").await);
    assert_eq!(told, CodeRefusal::Wrong { left: 4 });
}

/// Anyone who signs up with the number of another has made an account that nobody gets into. It stands in no one's way.
#[tokio::test]
async fn account_of_a_stranger_blocks_nobody() {
    for by_sign_up in [true, false] {
        let mut site = Site::new();
        let (strangers, _) = site.asked("Stranger", ANNS_PHONE).await;
        let wrong = refusal(site.by_code(&strangers, "123456").await);
        assert!(matches!(wrong, CodeRefusal::Wrong { .. }));
        let (key, sent) = if by_sign_up {
            site.asked("Ann", ANNS_PHONE).await
        } else {
            let flow = site.kit.accounts.begin_log_in(ANNS_PHONE, None);
            let key = flow.await.unwrap();
            (key, site.sent().remove(0))
        };
        let ann = site.by_code(&key, &sent.code).await.unwrap().user;
        // Who gives no name has none of their own: the account was made with one.
        let own = if by_sign_up { "Ann" } else { "Stranger" };
        assert_eq!(ann.first_name, own);
        assert_eq!(site.all_users().await.len(), 1);
        let told = refusal(site.by_code(&strangers, &sent.code).await);
        assert!(matches!(told, CodeRefusal::Wrong { .. }));
    }
}

/// What someone else has typed with the number is not found in the account of the one who has it: it gets the names that were
/// typed in the browser that proves it, by the code as by the link. There is one account, however many forms there are.
#[tokio::test]
async fn typed_name_is_ones_own() {
    for (case, forms) in [
        ("alone", vec!["Ann"]),
        ("before", vec!["Eve", "Ann"]),
        ("before and after", vec!["Eve", "Ann", "Eve"]),
        ("after", vec!["Ann", "Eve"]),
        ("corrected", vec!["Anne", "Eve", "Ann"]),
        (
            "seven times",
            vec!["Eve"; 7].into_iter().chain(["Ann"]).collect(),
        ),
    ] {
        for by_link in [false, true] {
            let mut site = Site::new();
            let (mut anns, mut sent) = (None, None);
            for name in &forms {
                let (key, newest) = site.asked(name, ANNS_PHONE).await;
                sent = Some(newest);
                if *name == "Ann" {
                    anns = Some(key);
                }
            }
            assert_eq!(site.all_users().await.len(), 1, "{case}");
            // The code of the last message is good for everyone who waits for one.
            let (key, sent) = (anns.unwrap(), sent.unwrap());
            let ann = if by_link {
                let asked = [key];
                let form = LinkForm {
                    asked: &asked,
                    ..LinkForm::default()
                };
                let accounts = &site.kit.accounts;
                let pressed = accounts.log_in_by_link(&sent.id, &sent.token, &form, None);
                pressed.await.unwrap().user
            } else {
                site.by_code(&key, &sent.code).await.unwrap().user
            };
            assert_eq!(ann.first_name, "Ann", "{case}");
            assert_eq!(site.kit.stored(&ann).await.first_name, "Ann", "{case}");
            // From now on the number is hers, and the name.
            let (key, sent) = site.asked("Eve", ANNS_PHONE).await;
            let again = site.by_code(&key, &sent.code).await.unwrap().user;
            let again = (again.id, again.first_name.as_str());
            assert_eq!(again, (ann.id, "Ann"), "{case}");
        }
    }
}

/// Names are set by the one who proves an account, and by nobody who is refused: it may be another's by then.
#[tokio::test]
async fn refused_name_changes_none() {
    for case in ["verified by hand", "set by hand", "disabled", "let in"] {
        let mut site = Site::new();
        site.asked("Ann", ANNS_PHONE).await;
        let accounts = site.kit.accounts.clone();
        let ann = site.all_users().await.pop().unwrap();
        let added = accounts.add_address_for(&ann, ANNS_OTHER);
        added.await.unwrap();
        let (key, sent) = site.asked("Eve", ANNS_PHONE).await;
        match case {
            "verified by hand" => site.set_verified(&ann, ANNS_OTHER).await,
            "set by hand" => {
                let password = Password::new(HORSE);
                let changed = accounts.set_password(&ann.username, &password);
                changed.await.unwrap();
            }
            "disabled" => {
                accounts.set_active(&ann.username, false).await.unwrap();
            }
            _ => {}
        }
        let let_in = site.by_code(&key, &sent.code).await;
        assert_eq!(let_in.is_ok(), case == "let in", "{case}");
        let name = if case == "let in" { "Eve" } else { "Ann" };
        assert_eq!(site.kit.stored(&ann).await.first_name, name, "{case}");
    }
}

/// A name that is corrected before another message may be sent is the one that counts, and costs no message.
#[tokio::test]
async fn corrected_name_counts() {
    let mut site = Site::with(|settings| settings.limits = LimitSettings::default());
    let (key, sent) = site.asked("Anm", ANNS_PHONE).await;
    for (after, name) in [(1, "Anm"), (11, "Ann"), (1, "Ann")] {
        site.kit.clock.advance(Duration::from_secs(after));
        let again = site
            .kit
            .accounts
            .begin_sign_up(form(name, ANNS_PHONE), Some(&key));
        assert_eq!(again.await.unwrap().reveal(), key.reveal());
    }
    assert_eq!(site.sent().len(), 0);
    let ann = site.by_code(&key, &sent.code).await.unwrap().user;
    assert_eq!(ann.first_name, "Ann");
}

/// Where an address was sent enough, the newest code is good for who asked last, and their name counts.
#[tokio::test]
async fn name_counts_where_enough_was_sent() {
    let mut site = Site::with(|settings| settings.limits = LimitSettings::default());
    let accounts = site.kit.accounts.clone();
    let from = |last| accounts.for_client(Client::new().at([192, 0, 2, last].into()));
    let mut newest = None;
    for number in 1..=8 {
        let eve = from(number);
        let begun = eve.begin_sign_up(form("Eve", ANNS_PHONE), None);
        begun.await.unwrap();
        newest = site.sent().pop().or(newest);
    }
    let anns = from(9);
    let key = anns.begin_sign_up(form("Ann", ANNS_PHONE), None);
    let key = key.await.unwrap();
    assert_eq!(site.sent().len(), 0, "enough was sent");
    let code = newest.unwrap().code;
    let ann = anns.log_in_by_code(&key, &code, None);
    assert_eq!(ann.await.unwrap().user.first_name, "Ann");
}

/// What nobody proves is gone after two days, and nobody hears of a closing. What someone has seen to stays, and whatever wrote
/// when it was made.
#[tokio::test]
async fn account_that_nobody_proves_is_closed() {
    let grace = Some(Duration::from_hours(24 * 30));
    for (case, stays) in [
        ("nobody", false),
        ("disabled", true),
        ("logged in", true),
        ("logged in elsewhere", true),
        ("verified by hand", true),
        ("password by hand", true),
    ] {
        for closing_grace in [None, grace] {
            let mut site = Site::with(|settings| settings.closing_grace = closing_grace);
            let (key, sent) = site.asked("Ann", ANNS_PHONE).await;
            let accounts = site.kit.accounts.clone();
            let ann = site.all_users().await.remove(0);
            match case {
                "logged in" => {
                    site.by_code(&key, &sent.code).await.unwrap();
                }
                // As Django does.
                "logged in elsewhere" => {
                    let now = Some(site.kit.clock.now());
                    let change = ExternalChange::SetLastLogin(ann.id, now);
                    site.kit.store.make(change).await;
                }
                "verified by hand" => site.set_verified(&ann, ANNS_PHONE).await,
                "password by hand" => {
                    let password = Password::new(HORSE);
                    let changed = accounts.set_password(&ann.username, &password);
                    changed.await.unwrap();
                }
                "disabled" => {
                    accounts.set_active(&ann.username, false).await.unwrap();
                }
                _ => {}
            }
            let two_days = Duration::from_hours(48);
            site.kit
                .clock
                .advance(two_days.saturating_sub(Duration::from_secs(61)));
            assert_eq!(accounts.close_due().await.unwrap(), 0, "{case}");
            assert_eq!(site.all_users().await.len(), 1, "{case}");
            site.kit.clock.advance(Duration::from_secs(62));
            let closed = accounts.close_due().await.unwrap();
            assert_eq!(closed, u64::from(!stays), "{case}");
            assert_eq!(site.all_users().await.len(), usize::from(stays), "{case}");
            let told = site.kit.record.take().join("\n");
            assert!(!told.contains("closing_"), "{case}: {told}");
            assert_eq!(told.contains("account_closed"), !stays, "{case}: {told}");
            // Nothing waits any more.
            if let Some(ann) = site.all_users().await.first() {
                assert_eq!(accounts.unproven_until(ann).await.unwrap(), None, "{case}");
            }
        }
    }
}

/// A password that was set before someone has shown that the number is theirs (GHSA-qq9h-g4jm-xgf3).
#[tokio::test]
async fn password_set_before_the_proof_is_over() {
    for by_link in [false, true] {
        let mut site = Site::new();
        let (thief, passwords) = site.with_password(&[ANNS_PHONE]).await;
        let session = passwords.log_in("thief", &Password::new(HORSE), None).await;
        let session = session.unwrap().key;
        let reset = site
            .kit
            .accounts
            .begin_log_in(ANNS_PHONE, None)
            .await
            .unwrap();
        let sent = site.sent().remove(0);
        let ann = if by_link {
            site.by_link(&sent).await.unwrap()
        } else {
            site.by_code(&reset, &sent.code).await.unwrap()
        };
        assert_eq!(ann.user.id, thief.id);
        assert!(passwords.current_user(&session).await.unwrap().is_none());
        for password in [HORSE, STAPLE, ""] {
            let password = Password::new(password);
            let tried = passwords.log_in("thief", &password, None);
            assert!(tried.await.is_err());
        }
        assert!(!site.kit.stored(&thief).await.password.is_usable());
    }
}

/// A password from the time before codes, which no page takes.
#[tokio::test]
async fn password_from_before_counts_nowhere() {
    let mut site = Site::new();
    let (user, passwords) = site.with_password(&[ANNS_PHONE]).await;
    site.set_verified(&user, ANNS_PHONE).await;
    let (accounts, password) = (site.kit.accounts.clone(), Password::new(HORSE));
    let key = accounts.begin_log_in(ANNS_PHONE, None).await.unwrap();
    let sent = site.sent().remove(0);
    let logged_in = site.by_code(&key, &sent.code).await.unwrap();
    assert!(logged_in.user.password.is_usable());
    let current = accounts.current_user(&logged_in.key).await.unwrap();
    let current = current.unwrap();
    let form = accounts.password_form_token(current.user());
    let refused = refusal(accounts.reauthenticate(&current, &password).await);
    assert_eq!(refused, ReauthenticationRefusal::NoPassword);
    let again = accounts.repeated_proof(&form, &password).await;
    assert!(again.unwrap().is_none());
    let refused = refusal(accounts.log_in(ANNS_PHONE, &password, None).await);
    assert_eq!(refused, LogInRefusal::InvalidCredentials);
    // Where passwords count it is the right one.
    assert!(passwords.log_in("thief", &password, None).await.is_ok());
}

/// Who has shown that one address is theirs keeps their account, no matter who has another that they claim.
#[tokio::test]
async fn account_with_a_proven_number_is_not_for_the_taking() {
    const OTHER: &str = "+41446681800";
    let mut site = Site::new();
    let (owner, passwords) = site.with_password(&[ANNS_PHONE, OTHER]).await;
    // It was sent while nothing was proven.
    let key = site.kit.accounts.begin_log_in(OTHER, None).await.unwrap();
    let sent = site.sent().remove(0);
    site.set_verified(&owner, ANNS_PHONE).await;
    assert_eq!(refusal(site.by_link(&sent).await), USED);
    // The code was used with the link.
    assert_eq!(
        refusal(site.by_code(&key, &sent.code).await),
        CodeRefusal::Wrong { left: 4 }
    );
    for accounts in [&site.kit.accounts.clone(), &passwords] {
        drop(accounts.begin_log_in(OTHER, None).await);
        assert_eq!(site.sent().len(), 0);
    }
    assert!(site.kit.stored(&owner).await.password.is_usable());
}

/// An account that waits for a code, and in which an operator has proven another address meanwhile, is no dead end: the number
/// signs up in another one.
#[tokio::test]
async fn account_that_proved_another_address_keeps_no_number() {
    const OTHER: &str = "+41446681800";
    let mut site = Site::new();
    let (squatter, _) = site.with_password(&[OTHER, ANNS_PHONE]).await;
    site.set_verified(&squatter, OTHER).await;
    let (first, sent) = site.asked("Ann", ANNS_PHONE).await;
    let all = site.all_users().await;
    let waits = all.iter().find(|it| it.id != squatter.id).unwrap().clone();
    let third = Address::Phone(PhoneNumber::parse("+442079460018").unwrap());
    let caps = AddressCaps {
        all: 10,
        unverified: 10,
        replaces: None,
    };
    let none = Notices::default();
    let added = site.kit.store.add_address(waits.id, &third, caps, &none);
    added.await.unwrap();
    site.set_verified(&waits, "+442079460018").await;
    let told = refusal(site.by_code(&first, &sent.code).await);
    assert_eq!(told, CodeRefusal::Over);
    let (again, sent) = site.asked("Ann", ANNS_PHONE).await;
    let ann = site.by_code(&again, &sent.code).await.unwrap();
    assert!(![squatter.id, waits.id].contains(&ann.user.id));
}

/// Someone who has proven another number has this one in their account, without proof. Its owner signs up all the same.
#[tokio::test]
async fn squatted_number_signs_up_by_code() {
    const OTHER: &str = "+41446681800";
    for (by_sign_up, by_link) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut site = Site::new();
        let (squatter, _) = site.with_password(&[OTHER, ANNS_PHONE]).await;
        site.set_verified(&squatter, OTHER).await;
        let mut notices = site.kit.signals.capture::<SecurityNoticePhone>();
        // Who is no squatter yet is sent nothing, as before.
        let flow = site.kit.accounts.begin_log_in(ANNS_PHONE, None);
        flow.await.unwrap();
        assert_eq!(site.sent().len(), 0);
        let (first, _) = site.asked("Ann", ANNS_PHONE).await;
        // Another message goes to the same account, by either flow.
        let (key, sent) = if by_sign_up {
            site.asked("Ann", ANNS_PHONE).await
        } else {
            let flow = site.kit.accounts.begin_log_in(ANNS_PHONE, Some(&first));
            (flow.await.unwrap(), site.sent().remove(0))
        };
        assert_eq!(site.all_users().await.len(), 2);
        site.kit.record.forget();
        assert_eq!(notices.take().len(), 0);
        let ann = if by_link {
            site.by_link(&sent).await.unwrap()
        } else {
            site.by_code(&key, &sent.code).await.unwrap()
        };
        assert_ne!(ann.user.id, squatter.id);
        let how = if by_link {
            "log_in_by_link"
        } else {
            "log_in_by_code"
        };
        let name = &ann.user.username;
        let told = site.kit.record.take_flows();
        let expected = [
            format!("phone_verified {how} {name} {ANNS_PHONE}"),
            format!("phone_lost {how} thief {ANNS_PHONE}"),
            format!("user_logged_in {how} {name}"),
        ];
        assert_eq!(told, expected);
        let notice = notices.take().remove(0);
        let lost = AccountChange::AddressLost(ANNS_PHONE.to_owned());
        assert_eq!((notice.phone.as_str(), &notice.change), (OTHER, &lost));
        let store = &site.kit.store;
        let addresses = store.addresses_of(ann.user.id, 10).await.unwrap();
        assert!(addresses.len() == 1 && addresses[0].is_verified && !addresses[0].id.is_claim());
        let left = store.addresses_of(squatter.id, 10).await.unwrap();
        assert!(left.len() == 1 && left[0].value == OTHER);
        assert!(!site.kit.stored(&ann.user).await.password.is_usable());
        // Once; either ends both. The next time it is a log-in.
        assert!(site.by_link(&sent).await.is_err());
        assert!(site.by_code(&key, &sent.code).await.is_err());
        let (key, sent) = site.asked("Ann", ANNS_PHONE).await;
        let again = site.by_code(&key, &sent.code).await.unwrap();
        assert_eq!(again.user.id, ann.user.id);
    }
}

/// However many have claimed the number before.
#[tokio::test]
async fn claims_of_others_keep_no_owner_out() {
    const OTHER: &str = "+41446681800";
    let mut site = Site::new();
    let (squatter, _) = site.with_password(&[OTHER, ANNS_PHONE]).await;
    site.set_verified(&squatter, OTHER).await;
    let number = Address::Phone(PhoneNumber::parse(ANNS_PHONE).unwrap());
    for others in 0..150 {
        let new = NewUser {
            username: format!("other{others}"),
            first_name: String::new(),
            last_name: String::new(),
            password: EncodedPassword::new("argon2$hash"),
            email: None,
            phone: None,
            date_joined: chrono::Utc::now(),
            notices: Notices::default(),
            closes_at: None,
        };
        let other = site.kit.store.create_user(&new).await.unwrap();
        let caps = AddressCaps {
            all: 10,
            unverified: 10,
            replaces: None,
        };
        let nothing = Notices::default();
        let claim = (site.kit.store).claim_address(other.id, &number, caps, &nothing);
        claim.await.unwrap();
    }
    let (key, sent) = site.asked("Ann", ANNS_PHONE).await;
    let ann = site.by_code(&key, &sent.code).await.unwrap();
    let holders = site.kit.store.holders_of(&number, 500).await.unwrap();
    assert_eq!(holders.len(), 1);
    assert_eq!(holders[0].1.id, ann.user.id);
}

/// Of many who use one link to a claim, one is let in.
#[tokio::test]
async fn squatted_number_has_one_winner() {
    const OTHER: &str = "+41446681800";
    let mut site = Site::new();
    let (squatter, _) = site.with_password(&[OTHER, ANNS_PHONE]).await;
    site.set_verified(&squatter, OTHER).await;
    let (_, sent) = site.asked("Ann", ANNS_PHONE).await;
    let tries: Vec<_> = (0..20)
        .map(|_| {
            let (accounts, sent) = (site.kit.accounts.clone(), sent.clone());
            tokio::spawn(async move {
                let form = sent.form();
                let flow = accounts.log_in_by_link(&sent.id, &sent.token, &form, None);
                flow.await.is_ok()
            })
        })
        .collect();
    let mut won = 0;
    for one in tries {
        won += u32::from(one.await.unwrap());
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn claims_at_once_have_one_winner() {
    let mut site = Site::new();
    let (_, sent) = site.asked("Ann", ANNS_PHONE).await;
    let tries: Vec<_> = (0..20)
        .map(|_| {
            let (accounts, sent) = (site.kit.accounts.clone(), sent.clone());
            tokio::spawn(async move {
                let form = sent.form();
                let flow = accounts.log_in_by_link(&sent.id, &sent.token, &form, None);
                flow.await.is_ok()
            })
        })
        .collect();
    let mut won = 0;
    for one in tries {
        won += u32::from(one.await.unwrap());
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn bad_forms_make_nothing() {
    let site = Site::new();
    for (name, phone, field, problem) in [
        ("", ANNS_PHONE, Field::FirstName, Problem::Required),
        ("Ann", "", Field::Phone, Problem::Required),
        ("Ann", "98765", Field::Phone, Problem::InvalidPhone),
    ] {
        let told = site
            .kit
            .accounts
            .begin_sign_up(form(name, phone), None)
            .await;
        let expected = vec![FieldProblem::new(field, problem)];
        assert_eq!(refusal(told), SignUpRefusal::Invalid(expected));
    }
    // Nothing else is read.
    let hidden = SignUpForm {
        username: "not a username!",
        email: "no address",
        password: Password::new("a"),
        ..form("Ann", ANNS_PHONE)
    };
    site.kit.accounts.begin_sign_up(hidden, None).await.unwrap();
    let users = site.all_users().await;
    assert_eq!(users.len(), 1);
    assert!(users[0].email.is_empty() && users[0].username.len() == 32);
}

#[tokio::test]
async fn sign_ups_by_code_are_limited() {
    let site = Site::with(|settings| settings.limits = LimitSettings::default());
    let mut sent = site.kit.signals.capture::<LoginPhone>();
    let accounts = &site.kit.accounts;
    let mut key = None;
    for _ in 0..8 {
        let flow = accounts.begin_sign_up(form("Ann", ANNS_PHONE), None);
        key = Some(flow.await.unwrap());
    }
    // The number was sent enough, and the code of the last message is good for who asked last.
    let mut sent = sent.take();
    assert_eq!(sent.len(), 5);
    let code = sent.pop().unwrap().envelope.code.clone().unwrap();
    let key = key.unwrap();
    let logged_in = accounts.log_in_by_code(&key, code.as_str(), None);
    assert!(logged_in.await.is_ok());
}

#[tokio::test]
async fn without_the_setting_none_signs_up_by_code() {
    let kit = Kit::with_settings(|settings| settings.login_by_code = true);
    let told = kit
        .accounts
        .begin_sign_up(form("Ann", ANNS_PHONE), None)
        .await;
    let kind = AddressKind::Phone;
    let expected = vec![FieldProblem::new(Field::Phone, Problem::NoSender { kind })];
    assert_eq!(refusal(told), SignUpRefusal::Invalid(expected));
    // An account that nobody has proven is sent no code, and none that was sent takes it.
    let mut site = Site::new();
    let (key, sent) = site.asked("Ann", ANNS_PHONE).await;
    let mut settings = unlimited();
    settings.login_by_code = true;
    let off = Accounts::builder(Arc::new(site.kit.store.clone()), keyring(SECRET))
        .signals(site.kit.signals.clone())
        .settings(settings)
        .clock(site.kit.clock.clone())
        .build()
        .unwrap();
    off.begin_log_in(ANNS_PHONE, None).await.unwrap();
    assert_eq!(site.sent().len(), 0);
    let form = sent.form();
    let link = off.log_in_by_link(&sent.id, &sent.token, &form, None).await;
    assert_eq!(refusal(link), USED);
    let code = off.log_in_by_code(&key, &sent.code, None).await;
    assert_eq!(refusal(code), CodeRefusal::Over);
    assert!(!site.all_users().await[0].password.is_usable());
}

/// A name that means several users, as Django lets come about, is nobody's.
#[tokio::test]
async fn name_of_another_kind_sends_nothing() {
    let mut site = Site::new();
    let phone = PhoneNumber::parse(ANNS_PHONE).unwrap();
    let new = NewUser {
        username: phone.as_str().to_owned(),
        first_name: String::new(),
        last_name: String::new(),
        password: EncodedPassword::new("!"),
        email: None,
        phone: None,
        date_joined: chrono::Utc::now(),
        notices: Notices::default(),
        closes_at: None,
    };
    site.kit.store.create_user(&new).await.unwrap();
    let flow = site
        .kit
        .accounts
        .begin_sign_up(form("Ann", ANNS_PHONE), None);
    flow.await.unwrap();
    assert_eq!(site.sent().len(), 0);
    assert_eq!(site.all_users().await.len(), 1);
}
