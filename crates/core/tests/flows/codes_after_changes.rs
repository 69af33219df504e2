//! A code that was sent before something changed on which it relied: refused, as the link beside it is.

#![expect(
    clippy::unwrap_used,
    reason = "what is not as it should be is a failed test"
)]

use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, SECRET, keyring, unlimited};
use phone_auth_core::accounts::{Accounts, LinkForm, Removal, SignUpForm};
use phone_auth_core::address::{AddressKind, AddressRecord};
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::password::Password;
use phone_auth_core::settings::{Methods, Settings};
use phone_auth_core::store::{AddressStore, UserStore};
use phone_auth_core::user::User;
use phone_auth_events::{LoginPhone, Message, OneTimeCode, ResetPasswordPhone, VerifyPhone};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};

/// What the code of Ann's number is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Reset,
    LogIn,
    /// The number is not verified, as is no other address of the account.
    Verify,
    /// The same, where one signs up by code: it signs in.
    SignUp,
    /// Where one signs up by code: of an account that is hers.
    Return,
}

/// What happens before it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// An operator marks the number as not verified.
    Unverified,
    /// It is not verified any more, and another address of the account is.
    OtherIsProven,
    Removed,
    /// Removed, and added again, so it is the same text in another row.
    AddedAnew,
    Disabled,
    /// Another user has shown that the number is theirs.
    AnothersProof,
    /// The row has another number by now: another program has changed it.
    Edited,
    /// The username is another: nothing that a code relies on.
    Renamed,
    Nothing,
}

struct Site {
    kit: Kit,
    ann: User,
    key: ChallengeKey,
    code: String,
    id: String,
    token: String,
    what: For,
}

fn by_code(settings: &mut Settings) {
    settings.authentication_methods = Methods {
        phone: true,
        email: false,
        username: false,
    };
    settings.sign_up_by_code = true;
}

impl Site {
    async fn new(what: For) -> Self {
        let is_by_code = matches!(what, For::SignUp | For::Return);
        let kit = Kit::with_settings(|settings| {
            settings.login_by_code = true;
            if is_by_code {
                by_code(settings);
            }
        });
        let ann = if is_by_code {
            sign_up_by_code(&kit).await
        } else {
            kit.sign_up_ann().await
        };
        let phone = phone_of(&kit, &ann).await;
        if !matches!(what, For::Verify | For::SignUp) {
            let verified = kit.accounts.set_verified(&ann, &phone, true).await;
            assert!(verified.unwrap().is_changed());
        }
        let (key, sent) = ask(&kit, what, &ann, &phone).await;
        Self {
            kit,
            ann,
            key,
            code: sent.0,
            id: sent.1,
            token: sent.2,
            what,
        }
    }

    async fn change(&self, change: Change) {
        let (kit, ann) = (&self.kit, &self.ann);
        let phone = phone_of(kit, ann).await;
        match change {
            Change::Nothing => {}
            Change::Unverified => {
                kit.accounts.set_verified(ann, &phone, false).await.unwrap();
            }
            Change::OtherIsProven => {
                kit.accounts.set_verified(ann, &phone, false).await.unwrap();
                let other = kit.accounts.add_address_for(ann, "+442079460018").await;
                let other = other.unwrap();
                kit.accounts.set_verified(ann, &other, true).await.unwrap();
            }
            Change::Removed => self.remove(&phone).await,
            Change::AddedAnew => {
                self.remove(&phone).await;
                let anew = kit.accounts.add_address_for(ann, ANNS_PHONE).await.unwrap();
                if phone.is_verified {
                    kit.accounts.set_verified(ann, &anew, true).await.unwrap();
                }
            }
            Change::Disabled => {
                kit.store.set_active(ann.id, false).await.unwrap();
            }
            Change::AnothersProof => {
                kit.accounts.set_verified(ann, &phone, false).await.unwrap();
                let bob = kit.sign_up_bob().await;
                let claim = kit.accounts.add_address_for(&bob, ANNS_PHONE).await;
                kit.accounts
                    .set_verified(&bob, &claim.unwrap(), true)
                    .await
                    .unwrap();
            }
            Change::Edited => {
                let edit =
                    ExternalChange::EditAddress(phone.kind, phone.id, "+442079460018".to_owned());
                kit.store.make(edit).await;
            }
            Change::Renamed => {
                kit.accounts.rename(ann, "annette").await.unwrap();
            }
        }
    }

    async fn remove(&self, phone: &AddressRecord) {
        let removal = self.kit.accounts.remove_address_of(&self.ann, phone).await;
        assert!(matches!(removal.unwrap(), Removal::Removed(_)));
    }

    /// Whether the code does anything.
    async fn code_works(&self) -> bool {
        let (accounts, key, code) = (&self.kit.accounts, &self.key, self.code.as_str());
        match self.what {
            For::Reset => match accounts.prove_reset(key, code).await {
                Ok(proven) => {
                    let new = Password::new("battery staple");
                    let token = proven.token.reveal();
                    let set = accounts.reset_password(&proven.id, token, &new, &new);
                    set.await.is_ok()
                }
                Err(_) => false,
            },
            For::LogIn | For::SignUp | For::Return => {
                accounts.log_in_by_code(key, code, None).await.is_ok()
            }
            For::Verify => {
                let session = accounts.begin_session(self.ann.id, None).await;
                let Ok(session) = session else { return false };
                let user = accounts.current_user(&session.key).await.unwrap().unwrap();
                accounts.verify_by_code(&user, key, code).await.is_ok()
            }
        }
    }

    /// Whether the link does anything.
    async fn link_works(&self) -> bool {
        let (accounts, id, token) = (&self.kit.accounts, &self.id, &self.token);
        match self.what {
            For::Reset => {
                let new = Password::new("battery staple");
                let set = accounts.reset_password(id, token, &new, &new);
                set.await.is_ok()
            }
            For::LogIn | For::SignUp | For::Return => {
                let asked = [self.key.clone()];
                let form = LinkForm {
                    asked: &asked,
                    ..LinkForm::default()
                };
                accounts
                    .log_in_by_link(id, token, &form, None)
                    .await
                    .is_ok()
            }
            For::Verify => accounts.verify_address(id, token).await.is_ok(),
        }
    }
}

async fn sign_up_by_code(kit: &Kit) -> User {
    let form = SignUpForm {
        first_name: "Ann",
        last_name: "Smith",
        username: "",
        email: "",
        phone: ANNS_PHONE,
        password: Password::new(""),
        confirm_password: None,
    };
    kit.accounts.begin_sign_up(form, None).await.unwrap();
    kit.clock.advance(std::time::Duration::from_mins(11));
    kit.store.users_after(None, 1).await.unwrap().remove(0)
}

async fn phone_of(kit: &Kit, ann: &User) -> AddressRecord {
    let all = kit.store.addresses_of(ann.id, 10).await.unwrap();
    let is_it = |it: &AddressRecord| it.kind == AddressKind::Phone;
    all.into_iter().find(is_it).unwrap()
}

/// The key, and the code, the id and the token that were sent.
async fn ask(
    kit: &Kit,
    what: For,
    ann: &User,
    phone: &AddressRecord,
) -> (ChallengeKey, (String, String, String)) {
    fn parts(message: &dyn Message) -> (String, String, String) {
        let (link, code) = (message.link(), message.code().map(OneTimeCode::as_str));
        let texts = [code.unwrap(), link.id, link.token].map(str::to_owned);
        texts.into()
    }
    let accounts = &kit.accounts;
    match what {
        For::Reset => {
            let mut sent = kit.signals.capture::<ResetPasswordPhone>();
            let key = accounts.begin_reset(ANNS_PHONE, None).await.unwrap();
            (key, parts(&sent.take().remove(0)))
        }
        For::LogIn | For::SignUp | For::Return => {
            let mut sent = kit.signals.capture::<LoginPhone>();
            let key = accounts.begin_log_in(ANNS_PHONE, None).await.unwrap();
            (key, parts(&sent.take().remove(0)))
        }
        For::Verify => {
            let session = accounts.begin_session(ann.id, None).await.unwrap();
            let user = accounts.current_user(&session.key).await.unwrap().unwrap();
            let mut sent = kit.signals.capture::<VerifyPhone>();
            let key = accounts.begin_verification(&user, phone.kind, phone.id);
            (key.await.unwrap().unwrap(), parts(&sent.take().remove(0)))
        }
    }
}

#[tokio::test]
async fn change_ends_code_and_link_alike() {
    use Change as C;
    let all = [
        C::Unverified,
        C::OtherIsProven,
        C::Removed,
        C::AddedAnew,
        C::Disabled,
        C::AnothersProof,
        C::Edited,
        C::Renamed,
        C::Nothing,
    ];
    for what in [
        For::Reset,
        For::LogIn,
        For::Verify,
        For::SignUp,
        For::Return,
    ] {
        for change in all {
            // A number that nobody has shown to be theirs is as before when it is marked so, and its owner may prove it
            // beside another that is proven; but no account is theirs by that.
            let works = match change {
                C::Renamed | C::Nothing => true,
                C::Unverified => matches!(what, For::Verify | For::SignUp),
                C::OtherIsProven => what == For::Verify,
                _ => false,
            };
            // `Bob` has an email address, which such a site has not.
            if change == C::AnothersProof && matches!(what, For::SignUp | For::Return) {
                continue;
            }
            for by_link in [true, false] {
                let site = Site::new(what).await;
                site.change(change).await;
                let worked = if by_link {
                    site.link_works().await
                } else {
                    site.code_works().await
                };
                assert_eq!(worked, works, "{what:?} {change:?} by link: {by_link}");
            }
        }
    }
}

/// Where one signs up by code, an operator's word that a number is no longer theirs ends no password and no session: the code that
/// was sent before takes nothing over.
#[tokio::test]
async fn unverified_account_is_taken_by_no_older_code() {
    let site = Site::new(For::Return).await;
    let passwords = Accounts::builder(std::sync::Arc::new(site.kit.store.clone()), keyring(SECRET))
        .signals(site.kit.signals.clone())
        .settings(unlimited())
        .clock(site.kit.clock.clone())
        .hasher(site.kit.hasher.clone())
        .build()
        .unwrap();
    let name = site.ann.username.as_str();
    passwords
        .set_password(name, &Password::new(HORSE))
        .await
        .unwrap();
    let (key, sent) = {
        let phone = phone_of(&site.kit, &site.ann).await;
        ask(&site.kit, For::Return, &site.ann, &phone).await
    };
    site.change(Change::Unverified).await;
    let accounts = &site.kit.accounts;
    assert!(accounts.log_in_by_code(&key, &sent.0, None).await.is_err());
    let form = LinkForm {
        asked: &[key],
        ..LinkForm::default()
    };
    let pressed = accounts.log_in_by_link(&sent.1, &sent.2, &form, None);
    assert!(pressed.await.is_err());
    let kept = passwords.log_in(name, &Password::new(HORSE), None).await;
    assert!(kept.is_ok(), "{kept:?} {ANNS_EMAIL}");
}
