//! Codes that no stranger could use any more are not sent alone, and nobody can tell.

#![expect(
    clippy::unwrap_used,
    reason = "what is not as it should be is a failed test"
)]

use std::time::Duration;

use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, failure};
use phone_auth_core::accounts::{Accounts, CodeRefusal, FlowError};
use phone_auth_core::address::AddressKind;
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::client::{Client, Devices};
use phone_auth_core::limits::{LimitSettings, RateLimit, TextGuard};
use phone_auth_core::outbox::Purpose;
use phone_auth_core::store::AddressStore as _;
use phone_auth_core::user::User;
use phone_auth_events::{
    Capture, Carries, CarriesTo, LoginEmail, LoginPhone, OneTimeCode, ResetPasswordEmail,
    ResetPasswordPhone, VerifyPhone,
};

const NOBODYS_PHONE: &str = "+919876543299";
const DAY: Duration = Duration::from_hours(24);
const PURPOSES: [Purpose; 2] = [Purpose::ResetPassword, Purpose::LogIn];

/// A site that takes three wrong codes of an address, and no more.
struct Site {
    kit: Kit,
    ann: User,
    emails: (Capture<ResetPasswordEmail>, Capture<LoginEmail>),
    texts: (Capture<ResetPasswordPhone>, Capture<LoginPhone>),
}

impl Site {
    async fn where_texts_say(carries: CarriesTo) -> Self {
        let kit = Kit::with_settings(|settings| {
            settings.login_by_code = true;
            settings.phone_carries = carries;
            settings.limits = LimitSettings::default();
            settings.limits.resets_of_address = RateLimit::Off;
            settings.limits.wrong_codes_in_a_row = 3;
            settings.limits.text_guard = TextGuard::Enforce;
        });
        let ann = kit.sign_up_ann().await;
        for address in kit.store.addresses_of(ann.id, 10).await.unwrap() {
            kit.prove(&address).await;
        }
        Self {
            emails: (kit.signals.capture(), kit.signals.capture()),
            texts: (kit.signals.capture(), kit.signals.capture()),
            ann,
            kit,
        }
    }

    fn accounts(&self) -> &Accounts {
        &self.kit.accounts
    }

    /// The codes that went to the telephone since it was last asked, and how many mails went out.
    fn sent(&mut self) -> (Vec<String>, usize) {
        let code = |code: Option<&OneTimeCode>| code.unwrap().as_str().to_owned();
        let resets = self.texts.0.take().into_iter();
        let log_ins = self.texts.1.take().into_iter();
        let texts = resets
            .map(|it| code(it.envelope.code.as_ref()))
            .chain(log_ins.map(|it| code(it.envelope.code.as_ref())));
        let mails = self.emails.0.take().len() + self.emails.1.take().len();
        (texts.collect(), mails)
    }

    /// Types three wrong codes, after which no stranger's is taken.
    async fn stop(&mut self, name: &str, purpose: Purpose) {
        let key = begin(self.accounts(), name, purpose).await;
        let (codes, _) = self.sent();
        let mut wrong = (0..).map(|number| format!("{number:06}"));
        for _ in 0..3 {
            let typed = wrong.by_ref().find(|it| !codes.contains(it)).unwrap();
            let told = prove(self.accounts(), &key, &typed, purpose).await;
            let is_wrong = matches!(told, Err(FlowError::Refused(CodeRefusal::Wrong { .. })));
            assert!(is_wrong, "{told:?}");
        }
        let told = failure(prove(self.accounts(), &key, "000000", purpose).await);
        assert!(told.limited_for().unwrap() > 29 * DAY, "{told:?}");
        self.kit.clock.advance(Duration::from_mins(1));
    }
}

async fn begin(accounts: &Accounts, name: &str, purpose: Purpose) -> ChallengeKey {
    if purpose == Purpose::LogIn {
        accounts.begin_log_in(name, None).await.unwrap()
    } else {
        accounts.begin_reset(name, None).await.unwrap()
    }
}

async fn prove(
    accounts: &Accounts,
    key: &ChallengeKey,
    code: &str,
    purpose: Purpose,
) -> Result<(), FlowError<CodeRefusal>> {
    if purpose == Purpose::LogIn {
        let typed = accounts.log_in_by_code(key, code, None).await;
        typed.map(drop)
    } else {
        accounts.prove_reset(key, code).await.map(drop)
    }
}

/// Where a text would say a code alone that is not taken, none is sent; by a name that nobody has all is the same.
#[tokio::test]
async fn code_that_is_not_taken_is_not_sent_alone() {
    for purpose in PURPOSES {
        let all = CarriesTo::all;
        for (carries, is_alone) in [
            (all(Carries::Code), true),
            (all(Carries::Both), false),
            (all(Carries::Link), false),
            (all(Carries::Both).by_prefix("+91", Carries::Code), true),
            (all(Carries::Code).by_prefix("+91", Carries::Both), false),
        ] {
            let mut site = Site::where_texts_say(carries.clone()).await;
            site.stop(ANNS_PHONE, purpose).await;
            let unused = |uses: Vec<phone_auth_core::accounts::TextUse>| {
                uses.iter().map(|it| it.unused_day).max().unwrap()
            };
            let before = unused(site.accounts().text_use().await.unwrap());
            for _ in 0..3 {
                let key = begin(site.accounts(), ANNS_PHONE, purpose).await;
                let pending = site.accounts().pending_code(&key, purpose).await;
                assert_eq!(pending.unwrap().unwrap().attempts_left, 5);
            }
            let (texts, mails) = site.sent();
            assert_eq!((texts.len(), mails), (if is_alone { 0 } else { 3 }, 0));
            let after = unused(site.accounts().text_use().await.unwrap());
            assert_eq!(after - before, i64::from(!is_alone) * 3, "{carries:?}");

            // The other purpose is counted by itself.
            let [one, other] = PURPOSES;
            let other = if purpose == one { other } else { one };
            begin(site.accounts(), ANNS_PHONE, other).await;
            assert_eq!(site.sent().0.len(), 1);
            // By the username the mail goes out, whose address is not stopped. By then a number may be sent texts again.
            site.kit.clock.advance(2 * DAY);
            begin(site.accounts(), "ann", purpose).await;
            let (texts, mails) = site.sent();
            assert_eq!((texts.len(), mails), (usize::from(!is_alone), 1));
            begin(site.accounts(), ANNS_EMAIL, purpose).await;
            assert_eq!(site.sent().1, 1);
        }
    }
}

/// The owner's own ways stay: a browser that is known, and whatever ends what was counted.
#[tokio::test]
async fn owner_is_sent_what_their_browser_can_use() {
    for purpose in PURPOSES {
        let mut site = Site::where_texts_say(CarriesTo::all(Carries::Code)).await;
        site.stop(ANNS_PHONE, purpose).await;
        let devices = site.accounts().remember_device(&site.ann).unwrap();
        let client = Client::new().with_devices(Devices::parse(&devices.text()));
        let owner = site.accounts().for_client(client);
        let key = begin(&owner, ANNS_PHONE, purpose).await;
        let (texts, _) = site.sent();
        let [code] = &texts[..] else {
            unreachable!("one was sent: {texts:?}")
        };
        prove(&owner, &key, code, purpose).await.unwrap();

        // What strangers did is not forgotten by it.
        begin(site.accounts(), ANNS_PHONE, purpose).await;
        assert_eq!(site.sent().0.len(), 0);
        let cleared = site.accounts().clear_limits_of_login(ANNS_PHONE).await;
        assert!(cleared.unwrap() > 0);
        site.kit.clock.advance(Duration::from_secs(5));
        let key = begin(site.accounts(), ANNS_PHONE, purpose).await;
        let (texts, _) = site.sent();
        let [code] = &texts[..] else {
            unreachable!("one was sent: {texts:?}")
        };
        prove(site.accounts(), &key, code, purpose).await.unwrap();
    }
}

/// A name that nobody has is answered and counted the same.
#[tokio::test]
async fn useless_code_tells_nobody_who_is_there() {
    for purpose in PURPOSES {
        let mut walks = Vec::new();
        for name in [ANNS_PHONE, NOBODYS_PHONE] {
            let mut site = Site::where_texts_say(CarriesTo::all(Carries::Code)).await;
            site.stop(name, purpose).await;
            let mut walk = Vec::new();
            let first = begin(site.accounts(), name, purpose).await;
            for minutes in [0, 1, 11] {
                site.kit.clock.advance(Duration::from_mins(minutes));
                let again = if purpose == Purpose::LogIn {
                    site.accounts().begin_log_in(name, Some(&first)).await
                } else {
                    site.accounts().begin_reset(name, Some(&first)).await
                };
                let pending = site.accounts().pending_code(&first, purpose).await;
                let told = failure(prove(site.accounts(), &first, "123456", purpose).await);
                let wait = told.limited_for().map(|it| it.as_secs());
                walk.push(format!(
                    "{:?} {:?} {wait:?}",
                    again.map(|key| key.reveal() == first.reveal()),
                    pending.unwrap()
                ));
            }
            assert_eq!(site.sent().0.len(), 0, "{name}");
            walks.push(walk);
        }
        assert_eq!(walks.first(), walks.get(1));
    }
}

/// Who verifies a number and has typed too many wrong ones is told so, and sent nothing.
#[tokio::test]
async fn useless_code_of_a_verification_is_told() {
    for carries in [Carries::Code, Carries::Both] {
        let mut site = Site::where_texts_say(CarriesTo::all(carries)).await;
        let added = {
            let user = site.kit.current_user("ann", HORSE).await;
            let proven = phone_auth_core::password::Password::new(HORSE);
            let key = site
                .accounts()
                .reauthenticate(&user, &proven)
                .await
                .unwrap();
            let user = site.accounts().current_user(&key).await.unwrap().unwrap();
            let phone = AddressKind::Phone;
            let added = site.accounts().add_address(&user, phone, NOBODYS_PHONE);
            (added.await.unwrap(), user)
        };
        let (address, user) = added;
        let accounts = site.accounts().for_client(Client::new().signed_in(&user));
        let mut sent: Capture<VerifyPhone> = site.kit.signals.capture();
        let begun = accounts.begin_verification(&user, address.kind, address.id);
        let key = begun.await.unwrap().unwrap();
        let code = sent.take().pop().unwrap().envelope.code.unwrap();
        let mut wrong = (0..).map(|number| format!("{number:06}"));
        for _ in 0..3 {
            let typed = wrong.by_ref().find(|it| it != code.as_str()).unwrap();
            let told = accounts.verify_by_code(&user, &key, &typed).await;
            assert!(matches!(told, Err(FlowError::Refused(_))), "{told:?}");
        }
        site.kit.clock.advance(Duration::from_mins(2));
        let again = accounts.begin_verification(&user, address.kind, address.id);
        let again = again.await;
        if carries == Carries::Code {
            let told = failure(again);
            assert!(told.limited_for().unwrap() > 29 * DAY, "{told:?}");
            assert_eq!(sent.take().len(), 0);
        } else {
            assert!(again.is_ok());
            assert_eq!(sent.take().len(), 1);
        }
        let _ = site.sent();
    }
}
