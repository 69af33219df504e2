//! Someone signs up with an address that is another's, whose mail program opens the link that verifies it, or a click does.
//! Then its owner signs in by what is sent there, and the stranger is out.

#![expect(
    clippy::unwrap_used,
    reason = "what is not as it should be is a failed test"
)]

use std::sync::Arc;

use phone_auth_core::accounts::{
    Accounts, CodeRefusal, LinkForm, LogInLinkRefusal, LoggedIn, ProvenReset, SignUpForm,
};
use phone_auth_core::address::AddressKind;
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::client::Client;
use phone_auth_core::password::Password;
use phone_auth_core::session::SessionKey;
use phone_auth_core::settings::Settings;
use phone_auth_events::{Capture, LoginEmail, LoginPhone, Message, OneTimeCode};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};

use crate::common::{
    ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, SECRET, STAPLE, keyring, refusal, unlimited,
};

const KINDS: [AddressKind; 2] = [AddressKind::Email, AddressKind::Phone];

/// How the address came to be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// By its link, by someone who is not signed in.
    Elsewhere,
    /// By another program.
    Outside,
    /// By its link, by someone who is signed in to the account.
    InSession,
    /// First elsewhere, by a mail program, and then in the session.
    Twice,
    /// By its code.
    Code,
    /// By an operator.
    Hand,
    /// By a reset.
    Reset,
}

/// An account whose password a stranger has set, with their session.
struct Site {
    kit: Kit,
    session: SessionKey,
    emails: Capture<LoginEmail>,
    phones: Capture<LoginPhone>,
}

/// What was sent to log in by, and the key of the browser that asked.
struct Asked {
    key: [ChallengeKey; 1],
    code: String,
    id: String,
    token: String,
}

impl Asked {
    fn of(key: ChallengeKey, message: &dyn Message) -> Self {
        let link = message.link();
        Self {
            key: [key],
            code: message.code().map(OneTimeCode::as_str).unwrap().to_owned(),
            id: link.id.to_owned(),
            token: link.token.to_owned(),
        }
    }

    /// In the browser that asked, or in another with the code.
    fn form(&self, is_elsewhere: bool) -> LinkForm<'_> {
        if is_elsewhere {
            LinkForm {
                code: &self.code,
                ..LinkForm::default()
            }
        } else {
            LinkForm {
                asked: &self.key,
                ..LinkForm::default()
            }
        }
    }
}

/// By what the owner signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Code,
    Link,
    LinkElsewhere,
}

const BY: [By; 3] = [By::Code, By::Link, By::LinkElsewhere];

impl Site {
    async fn new(kind: AddressKind, way: Way) -> Self {
        let kit = Kit::with_settings(|settings| settings.login_by_code = true);
        kit.sign_up_ann().await;
        let stranger = kit.log_in("ann", HORSE).await;
        let site = Self {
            emails: kit.signals.capture(),
            phones: kit.signals.capture(),
            session: stranger.key,
            kit,
        };
        site.verify(kind, way).await;
        site
    }

    async fn verify(&self, kind: AddressKind, way: Way) {
        let accounts = &self.kit.accounts;
        let current = accounts.current_user(&self.session).await.unwrap().unwrap();
        let address = self.kit.address(&current, kind).await;
        match way {
            Way::Outside => {
                let change = ExternalChange::SetVerified(kind, address.id, true);
                self.kit.store.make(change).await;
            }
            Way::Hand => self.kit.prove(&address).await,
            Way::Code => {
                let codes = self.kit.verification_code(&current, &address).await;
                let (key, code) = codes;
                let verified = accounts.verify_by_code(&current, &key, &code).await;
                let _ = verified.unwrap();
            }
            Way::Reset => {
                let (id, token) = self.kit.reset_link(&address.value).await;
                let new = Password::new(HORSE);
                let reset = accounts.reset_password(&id, &token, &new, &new).await;
                reset.unwrap();
            }
            Way::Elsewhere | Way::InSession | Way::Twice => {
                let (id, token) = self.kit.verification_link(&current, &address).await;
                let client = Client::new().signed_in(&current);
                let signed_in = accounts.for_client(client);
                let opened: &[&Accounts] = match way {
                    Way::Elsewhere => &[accounts],
                    Way::InSession => &[&signed_in],
                    _ => &[accounts, &signed_in],
                };
                for accounts in opened {
                    let _ = accounts.verify_address(&id, &token).await.unwrap();
                }
            }
        }
    }

    async fn asked(&mut self, accounts: &Accounts, kind: AddressKind) -> Asked {
        let login = match kind {
            AddressKind::Email => ANNS_EMAIL,
            AddressKind::Phone => ANNS_PHONE,
        };
        let key = accounts.begin_log_in(login, None).await.unwrap();
        match kind {
            AddressKind::Email => Asked::of(key, &self.emails.take().remove(0)),
            AddressKind::Phone => Asked::of(key, &self.phones.take().remove(0)),
        }
    }

    async fn has_session(&self) -> bool {
        let found = self.kit.accounts.current_user(&self.session).await;
        found.unwrap().is_some()
    }

    async fn takes(&self, password: &str) -> bool {
        let password = Password::new(password);
        self.kit
            .accounts
            .log_in("ann", &password, None)
            .await
            .is_ok()
    }
}

/// The same site with other settings, and without senders of these.
fn other(kit: &Kit, unsent: &[&'static str], settings: Settings) -> Accounts {
    Accounts::builder(Arc::new(kit.store.clone()), keyring(SECRET))
        .signals(kit.signals.clone())
        .settings(settings)
        .clock(kit.clock.clone())
        .hasher(kit.hasher.clone())
        .allow_unreceived(unsent.iter().copied())
        .build()
        .unwrap()
}

/// Signs in; none where a new password comes first.
async fn signed_in(accounts: &Accounts, asked: &Asked, by: By) -> Option<LoggedIn> {
    if by == By::Code {
        let flow = accounts.log_in_by_code(&asked.key[0], &asked.code, None);
        let begun = flow.await;
        if begun.is_ok() {
            return begun.ok();
        }
        assert_eq!(refusal(begun), CodeRefusal::NewPassword);
        return None;
    }
    let form = asked.form(by == By::LinkElsewhere);
    let flow = accounts.log_in_by_link(&asked.id, &asked.token, &form, None);
    let begun = flow.await;
    if begun.is_ok() {
        return begun.ok();
    }
    assert_eq!(refusal(begun), LogInLinkRefusal::NewPassword);
    None
}

/// What leads to the new password.
async fn new_password(accounts: &Accounts, asked: &Asked, by: By) -> Option<ProvenReset> {
    if by == By::Code {
        let proven = accounts.new_password_by_code(&asked.key[0], &asked.code);
        return proven.await.unwrap();
    }
    let form = asked.form(by == By::LinkElsewhere);
    let proven = accounts.new_password_by_link(&asked.id, &asked.token, &form);
    proven.await.unwrap()
}

#[tokio::test]
async fn password_of_a_stranger_ends_with_the_first_log_in() {
    let ways = [Way::Elsewhere, Way::Outside];
    for (kind, way) in KINDS
        .into_iter()
        .flat_map(|kind| ways.map(|way| (kind, way)))
    {
        for by in BY {
            let mut site = Site::new(kind, way).await;
            let accounts = site.kit.accounts.clone();
            let asked = site.asked(&accounts, kind).await;
            assert!(
                new_password(&accounts, &asked, By::Code).await.is_none(),
                "not proven yet"
            );
            let begun = signed_in(&accounts, &asked, by).await;
            assert!(begun.is_none(), "{kind:?} {way:?} {by:?}");
            // Twice, as a browser sends it that is clicked twice.
            for _ in 0..2 {
                assert!(new_password(&accounts, &asked, by).await.is_some());
            }
            assert!(site.has_session().await, "nothing is over before the form");
            let proven = new_password(&accounts, &asked, by).await.unwrap();
            let new = Password::new(STAPLE);
            let reset = accounts.reset_password(&proven.id, proven.token.reveal(), &new, &new);
            reset.await.unwrap();
            assert!(!site.has_session().await, "{kind:?} {way:?} {by:?}");
            assert!(!site.takes(HORSE).await);
            assert!(site.takes(STAPLE).await);
            assert!(new_password(&accounts, &asked, by).await.is_none(), "used");
            // They are asked once.
            let asked = site.asked(&accounts, kind).await;
            let begun = signed_in(&accounts, &asked, by).await;
            assert!(begun.is_some(), "{kind:?} {way:?} {by:?}");
            assert!(new_password(&accounts, &asked, by).await.is_none());
        }
    }
}

/// A stranger may have asked as well, and see the code on a screen: it leads one browser to the new password, and in the others it
/// is wrong from then on. The browser that has used it sends its form as often as it likes.
#[tokio::test]
async fn code_to_a_new_password_is_used_in_one_browser() {
    for kind in KINDS {
        let mut site = Site::new(kind, Way::Elsewhere).await;
        let accounts = site.kit.accounts.clone();
        let owners = site.asked(&accounts, kind).await;
        let strangers = site.asked(&accounts, kind).await;
        assert_eq!(owners.code, strangers.code);
        assert!(signed_in(&accounts, &owners, By::Code).await.is_none());

        let late = accounts.log_in_by_code(&strangers.key[0], &strangers.code, None);
        let late = refusal(late.await);
        assert_eq!(late, CodeRefusal::Wrong { left: 4 }, "{kind:?}");
        let none = new_password(&accounts, &strangers, By::Code).await;
        assert!(none.is_none(), "{kind:?}");
        let form = strangers.form(true);
        let late = accounts.log_in_by_link(&strangers.id, &strangers.token, &form, None);
        let wrong = LogInLinkRefusal::Code(CodeRefusal::Wrong { left: 4 });
        assert_eq!(refusal(late.await), wrong, "{kind:?}");
        for _ in 0..2 {
            let again = accounts.log_in_by_code(&owners.key[0], &owners.code, None);
            assert_eq!(refusal(again.await), CodeRefusal::Over);
            let proven = new_password(&accounts, &owners, By::Code).await;
            assert!(proven.is_some(), "{kind:?}");
        }

        // Another code of the same link, after which nothing was set.
        let next = site.asked(&accounts, kind).await;
        assert_ne!(next.code, owners.code);
        for _ in 0..2 {
            let begun = signed_in(&accounts, &next, By::LinkElsewhere).await;
            assert!(begun.is_none(), "{kind:?}");
            let proven = new_password(&accounts, &next, By::LinkElsewhere).await;
            assert!(proven.is_some(), "{kind:?}");
        }
        let late = accounts.log_in_by_code(&next.key[0], &next.code, None);
        let late = refusal(late.await);
        assert_eq!(late, CodeRefusal::Wrong { left: 4 }, "{kind:?}");
    }
}

/// Of many browsers that type it at once it leads one on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_to_a_new_password_is_used_once_at_once() {
    let mut site = Site::new(AddressKind::Email, Way::Elsewhere).await;
    let accounts = site.kit.accounts.clone();
    let mut tries = Vec::new();
    for _ in 0..20 {
        let asked = site.asked(&accounts, AddressKind::Email).await;
        let accounts = accounts.clone();
        tries.push(async move {
            let first = accounts.log_in_by_code(&asked.key[0], &asked.code, None);
            let led = refusal(first.await) == CodeRefusal::NewPassword;
            let proven = new_password(&accounts, &asked, By::Code).await;
            (led, proven.is_some())
        });
    }
    let tries: Vec<_> = tries.into_iter().map(tokio::spawn).collect();
    let mut led = Vec::new();
    for one in tries {
        led.push(one.await.unwrap());
    }
    led.retain(|it| *it != (false, false));
    assert_eq!(led, [(true, true)]);
}

#[tokio::test]
async fn proof_of_a_user_logs_in_at_once() {
    let ways = [Way::InSession, Way::Twice, Way::Code, Way::Hand, Way::Reset];
    for (kind, way) in KINDS
        .into_iter()
        .flat_map(|kind| ways.map(|way| (kind, way)))
    {
        for by in BY {
            let mut site = Site::new(kind, way).await;
            let accounts = site.kit.accounts.clone();
            let asked = site.asked(&accounts, kind).await;
            let begun = signed_in(&accounts, &asked, by).await;
            assert!(begun.is_some(), "{kind:?} {way:?} {by:?}");
            assert!(new_password(&accounts, &asked, by).await.is_none());
            assert!(site.takes(HORSE).await);
        }
    }
}

/// Who has signed in there with the password is the one who has set it: nobody can know of a browser of theirs.
#[tokio::test]
async fn known_browser_keeps_its_password() {
    for kind in KINDS {
        for by in BY {
            let mut site = Site::new(kind, Way::Elsewhere).await;
            let accounts = site.kit.accounts.clone();
            let ann = accounts.log_in("ann", &Password::new(HORSE), None).await;
            let devices = accounts.remember_device(&ann.unwrap().user).unwrap();
            let known = accounts.for_client(Client::new().with_devices(devices));
            let asked = site.asked(&known, kind).await;
            assert!(signed_in(&known, &asked, by).await.is_some(), "{by:?}");
            assert!(site.has_session().await);
            assert!(site.takes(HORSE).await);
        }
    }
}

/// The form for a new password needs no message.
#[tokio::test]
async fn new_password_comes_first_where_no_resets_are_sent() {
    for by in BY {
        let kind = AddressKind::Email;
        let mut site = Site::new(kind, Way::Elsewhere).await;
        let mut settings = unlimited();
        settings.login_by_code = true;
        let unsent = ["reset_password_email", "reset_password_phone"];
        let accounts = other(&site.kit, &unsent, settings);
        let asked = site.asked(&accounts, kind).await;
        assert!(signed_in(&accounts, &asked, by).await.is_none(), "{by:?}");
        assert!(new_password(&accounts, &asked, by).await.is_some());
    }
}

/// Where no page takes a password, one from before lets nobody in, nor do its sessions.
#[tokio::test]
async fn password_ends_at_once_where_codes_sign_up() {
    for by in BY {
        let kind = AddressKind::Phone;
        let mut site = Site::new(kind, Way::Elsewhere).await;
        let mut settings = unlimited();
        settings.login_by_code = true;
        settings.sign_up_by_code = true;
        settings.authentication_methods.email = false;
        settings.authentication_methods.username = false;
        let accounts = other(&site.kit, &[], settings);
        let asked = site.asked(&accounts, kind).await;
        let begun = signed_in(&accounts, &asked, by).await.unwrap();
        assert!(!begun.user.password.is_usable(), "{by:?}");
        assert!(!site.has_session().await);
        assert!(!site.takes(HORSE).await);
    }
}

/// Where there never was a password, nobody who had set one is to lose the account: the sessions go on, as does the proof of what was
/// proven later, and nobody is told of a reset.
#[tokio::test]
async fn account_without_a_password_loses_nothing() {
    for by in BY {
        let kit = Kit::new();
        let mut settings = unlimited();
        settings.login_by_code = true;
        settings.sign_up_by_code = true;
        settings.authentication_methods.email = false;
        settings.authentication_methods.username = false;
        let accounts = other(&kit, &[], settings);
        let mut phones: Capture<LoginPhone> = kit.signals.capture();
        let form = SignUpForm {
            phone: "+442079460018",
            first_name: "Ann",
            last_name: "Lee",
            username: "",
            email: "",
            password: Password::new(""),
            confirm_password: None,
        };
        let key = accounts.begin_sign_up(form, None).await.unwrap();
        let asked = Asked::of(key, &phones.take().remove(0));
        let first = signed_in(&accounts, &asked, By::Code).await.unwrap();
        let current = accounts.current_user(&first.key).await.unwrap().unwrap();
        for number in [ANNS_PHONE, "+442079460019"] {
            let phone = AddressKind::Phone;
            let added = accounts.add_address(&current, phone, number).await;
            let (id, token) = kit.verification_link(&current, &added.unwrap()).await;
            // A mail program, or anyone who is not signed in.
            let _ = accounts.verify_address(&id, &token).await.unwrap();
            kit.clock.advance(std::time::Duration::from_secs(2));
        }
        for _ in 0..2 {
            let key = accounts.begin_log_in(ANNS_PHONE, None).await.unwrap();
            let asked = Asked::of(key, &phones.take().remove(0));
            assert!(signed_in(&accounts, &asked, by).await.is_some(), "{by:?}");
            kit.clock.advance(std::time::Duration::from_secs(1));
        }
        let still = accounts.current_user(&first.key).await.unwrap();
        assert!(still.is_some(), "{by:?}");
        let addresses = accounts.addresses(&current).await.unwrap();
        let verified = addresses.iter().filter(|it| it.is_verified);
        assert_eq!((verified.count(), addresses.len()), (3, 3), "{by:?}");
        let told = kit.record.take().join("\n");
        assert!(!told.contains("password_was_reset"), "{told}");
    }
}
