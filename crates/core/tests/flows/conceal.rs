//! Signing up and adding addresses where nothing tells whether someone has them.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::common::mailing::options;
use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, STAPLE, ann, refusal};
use phone_auth_core::accounts::{Dispatch, LogInRefusal, SignUpForm, SignUpRefusal};
use phone_auth_core::address::{AddressKind, AddressRecord};
use phone_auth_core::client::Client;
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::password::Password;
use phone_auth_core::settings::{NoticesBy, Settings};
use phone_auth_core::user::User;
use phone_auth_events::{
    AccountChange, Capture, SecurityNoticeEmail, SecurityNoticePhone, VerifyEmail, VerifyPhone,
};

/// What was sent: the links, and what owners were told.
struct Sent {
    emails: Capture<VerifyEmail>,
    phones: Capture<VerifyPhone>,
    told_by_email: Capture<SecurityNoticeEmail>,
    told_by_phone: Capture<SecurityNoticePhone>,
}

impl Sent {
    fn of(kit: &Kit) -> Self {
        Self {
            emails: kit.signals.capture(),
            phones: kit.signals.capture(),
            told_by_email: kit.signals.capture(),
            told_by_phone: kit.signals.capture(),
        }
    }

    /// To which addresses links went.
    fn links(&mut self) -> Vec<String> {
        let emails = self.emails.take().into_iter().map(|it| it.email.clone());
        let phones = self.phones.take().into_iter().map(|it| it.phone.clone());
        emails.chain(phones).collect()
    }

    /// Which owners were told of what.
    fn told(&mut self) -> Vec<(String, AccountChange)> {
        let emails = self.told_by_email.take().into_iter();
        let emails = emails.map(|it| (it.email.clone(), it.change.clone()));
        let phones = self.told_by_phone.take().into_iter();
        let phones = phones.map(|it| (it.phone.clone(), it.change.clone()));
        emails.chain(phones).collect()
    }
}

fn conceal(settings: &mut Settings) {
    settings.conceal_accounts = true;
    settings.verify_at_sign_up = true;
    settings.register_username_required = false;
}

/// A site that conceals, and Ann, who has proven both of her addresses.
async fn with_ann(change: impl FnOnce(&mut Settings)) -> (Kit, User) {
    with_ann_by(Dispatch::InRequest, change).await
}

async fn with_ann_by(dispatch: Dispatch, change: impl FnOnce(&mut Settings)) -> (Kit, User) {
    let settings = |settings: &mut Settings| {
        conceal(settings);
        change(settings);
    };
    let kit = Kit::build(settings, dispatch);
    let ann = kit.accounts.sign_up(ann()).await.unwrap();
    for address in addresses(&kit, &ann).await {
        assert!(
            kit.accounts
                .set_verified(&ann, &address, true)
                .await
                .unwrap()
                .is_changed()
        );
    }
    assert!(kit.accounts.drain(Duration::from_secs(10)).await);
    // The limits of her own sign-up are over.
    kit.clock.advance(Duration::from_mins(10));
    kit.record.forget();
    kit.hasher.forget();
    (kit, ann)
}

async fn addresses(kit: &Kit, user: &User) -> Vec<AddressRecord> {
    let session = kit.accounts.begin_session(user.id, None).await.unwrap();
    let current_user = kit.accounts.current_user(&session.key).await.unwrap();
    kit.accounts
        .addresses(&current_user.unwrap())
        .await
        .unwrap()
}

fn form(email: &'static str, phone: &'static str) -> SignUpForm<'static> {
    SignUpForm {
        first_name: "Eve",
        last_name: "Doe",
        username: "",
        email,
        phone,
        password: Password::new(STAPLE),
        confirm_password: Some(Password::new(STAPLE)),
    }
}

/// Who stops waits for what an owner is told beside the answer.
#[tokio::test]
async fn owner_is_told_before_the_end() {
    let (kit, _) = with_ann_by(Dispatch::Background, |_| {}).await;
    let mut sent = Sent::of(&kit);
    // There are receivers to wait for, which end at once.
    kit.accounts
        .sign_up(form(ANNS_EMAIL, ANNS_PHONE))
        .await
        .unwrap();
    assert!(kit.accounts.drain(Duration::from_secs(10)).await);
    let told = sent.told().into_iter().map(|(to, _)| to);
    assert_eq!(told.collect::<Vec<_>>(), [ANNS_EMAIL, ANNS_PHONE]);
}

const FREE_EMAIL: &str = "eve@example.net";
const FREE_PHONE: &str = "+442079460018";

#[tokio::test]
async fn taken_address_signs_up_like_a_free_one() {
    for (email, phone, links, told) in [
        (
            FREE_EMAIL,
            FREE_PHONE,
            &[FREE_EMAIL, FREE_PHONE][..],
            &[][..],
        ),
        (ANNS_EMAIL, FREE_PHONE, &[FREE_PHONE], &[ANNS_EMAIL]),
        (FREE_EMAIL, ANNS_PHONE, &[FREE_EMAIL], &[ANNS_PHONE]),
        (ANNS_EMAIL, ANNS_PHONE, &[], &[ANNS_EMAIL, ANNS_PHONE]),
    ] {
        let (kit, ann) = with_ann(|_| {}).await;
        let mut sent = Sent::of(&kit);
        let eve = kit.accounts.sign_up(form(email, phone)).await.unwrap();
        let hashes = (kit.hasher.made(), kit.hasher.checked());
        assert_eq!(hashes, (1, 0), "the same work for everybody");
        assert_ne!(eve.id, ann.id);
        assert_eq!(eve.email, "", "no name before the proof");
        let has = addresses(&kit, &eve).await;
        assert_eq!(has.len(), 2);
        for (address, value) in has.iter().zip([email, phone]) {
            assert_eq!(address.value, value);
            assert!(address.id.is_claim() && !address.is_verified);
        }
        assert_eq!(sent.links(), links);
        let told: Vec<_> = (told.iter())
            .map(|to| {
                let to = (*to).to_owned();
                (to.clone(), AccountChange::SignUpTried(to))
            })
            .collect();
        assert_eq!(sent.told(), told);
        // The page for the code is there for everybody.
        let (coded, _key) = kit.accounts.sign_up_code(eve.id).await.unwrap().unwrap();
        assert_eq!(coded.value, phone);
        // The password that was chosen opens nothing before the proof.
        for login in [email, phone] {
            let chosen = Password::new(STAPLE);
            let tried = kit.accounts.log_in(login, &chosen, None);
            assert_eq!(refusal(tried.await), LogInRefusal::InvalidCredentials);
            assert_eq!(kit.hasher.checked(), 1);
            kit.hasher.forget();
        }
        kit.log_in(ANNS_EMAIL, HORSE).await;
    }
}

/// Anyone who wanted to sign up and has an account is led to where one logs in, also where nobody sends resets.
#[tokio::test]
async fn tried_sign_up_leads_to_the_log_in() {
    let (email, phone) = ("reset_password_email", "reset_password_phone");
    for lacking in [
        None,
        Some(&[][..]),
        Some(&[email][..]),
        Some(&[email, phone]),
    ] {
        let (kit, _ann) = with_ann(|_| {}).await;
        let mut sent = Sent::of(&kit);
        let form = form(ANNS_EMAIL, FREE_PHONE);
        if let Some(lacking) = lacking {
            let accounts = kit.lacking_where(lacking, conceal);
            accounts.sign_up(form).await.unwrap();
            let worker = accounts.outbox().unwrap().worker(options());
            assert_eq!(worker.deliver_due().await.unwrap(), 2, "{lacking:?}");
        } else {
            kit.accounts.sign_up(form).await.unwrap();
        }
        let told = sent.told_by_email.take().remove(0);
        assert_eq!(told.email, ANNS_EMAIL);
        assert_eq!(told.url.as_str(), "/accounts/login/", "{lacking:?}");
    }
}

#[tokio::test]
async fn free_address_names_its_account_once_proven() {
    let (kit, _ann) = with_ann(|_| {}).await;
    let mut emails = kit.signals.capture::<VerifyEmail>();
    let eve = kit
        .accounts
        .sign_up(form(FREE_EMAIL, ANNS_PHONE))
        .await
        .unwrap();
    let link = emails.take().remove(0);
    let link = link.link();
    assert!(kit.accounts.asks_for_click(link.id));
    let _ = kit
        .accounts
        .verify_address(link.id, link.token)
        .await
        .unwrap();
    let logged_in = kit.log_in(FREE_EMAIL, STAPLE).await;
    assert_eq!(logged_in.user.id, eve.id);
    assert_eq!(logged_in.user.email, FREE_EMAIL);
}

#[tokio::test]
async fn taken_address_is_added_like_a_free_one() {
    for (value, links, told) in [
        ("work@example.net", &["work@example.net"][..], &[][..]),
        (ANNS_EMAIL, &[], &[ANNS_EMAIL]),
        (ANNS_PHONE, &[], &[ANNS_PHONE]),
        (FREE_PHONE, &[FREE_PHONE], &[]),
    ] {
        let (kit, _ann) = with_ann(|_| {}).await;
        let mut sent = Sent::of(&kit);
        let form = SignUpForm {
            username: "eve",
            ..form(FREE_EMAIL, "+442079460019")
        };
        kit.accounts.sign_up(form).await.unwrap();
        let eve = kit.current_user("eve", STAPLE).await;
        sent.links();
        let kind = if value.contains('@') {
            AddressKind::Email
        } else {
            AddressKind::Phone
        };
        let added = kit.accounts.add_address(&eve, kind, value).await.unwrap();
        assert!(added.id.is_claim() && !added.is_verified);
        let again = kit.accounts.add_address(&eve, kind, value).await.unwrap();
        assert_eq!(again, added, "the second of two clicks");
        let listed = kit.accounts.addresses(&eve).await.unwrap();
        assert!(listed.contains(&added));
        assert_eq!(sent.told(), [], "nothing was sent yet");
        let key = kit.accounts.begin_verification(&eve, kind, added.id);
        let key = key.await.unwrap().unwrap();
        assert_eq!(sent.links(), links);
        let told: Vec<_> = (told.iter())
            .map(|to| {
                let to = (*to).to_owned();
                (to.clone(), AccountChange::AddingTried(to))
            })
            .collect();
        assert_eq!(sent.told(), told);
        let wrong = kit.accounts.verify_by_code(&eve, &key, "000000").await;
        assert_eq!(refusal(wrong).to_string(), "the code is wrong");
    }
}

#[tokio::test]
async fn username_asks_for_no_number() {
    let (kit, _ann) = with_ann(|_| {}).await;
    let [anns, free] = [ANNS_PHONE, FREE_PHONE].map(|number| number.trim_start_matches('+'));
    for username in [anns, free, "00919876543210"] {
        let form = SignUpForm {
            username,
            ..form(FREE_EMAIL, FREE_PHONE)
        };
        let SignUpRefusal::Invalid(problems) = refusal(kit.accounts.sign_up(form).await);
        let problem = FieldProblem::new(Field::Username, Problem::UsernameIsNumber);
        assert_eq!(problems, [problem], "{username}");
    }
    let form = SignUpForm {
        username: "ANN",
        ..form(FREE_EMAIL, FREE_PHONE)
    };
    // A username is public.
    let SignUpRefusal::Invalid(problems) = refusal(kit.accounts.sign_up(form).await);
    assert_eq!(
        problems,
        [FieldProblem::new(Field::Username, Problem::Taken)]
    );
}

/// A username is taken afterwards whether or not an address was: else it would tell.
#[tokio::test]
async fn account_is_there_in_any_case() {
    for email in [FREE_EMAIL, ANNS_EMAIL] {
        let (kit, _ann) = with_ann(|_| {}).await;
        let form = |email| SignUpForm {
            username: "eve",
            ..form(email, FREE_PHONE)
        };
        kit.accounts.sign_up(form(email)).await.unwrap();
        let again = kit.accounts.sign_up(form("other@example.net")).await;
        let SignUpRefusal::Invalid(problems) = refusal(again);
        assert_eq!(
            problems,
            [FieldProblem::new(Field::Username, Problem::Taken)]
        );
        let eve = kit.log_in("eve", STAPLE).await;
        assert_eq!(eve.user.email, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_forms_make_one_account() {
    for (email, phone) in [(FREE_EMAIL, FREE_PHONE), (ANNS_EMAIL, ANNS_PHONE)] {
        let (kit, _ann) = with_ann(|_| {}).await;
        let mut tasks = Vec::new();
        for _ in 0..20 {
            let accounts = kit.accounts.clone();
            let sign_up = async move { accounts.sign_up(form(email, phone)).await };
            tasks.push(tokio::spawn(sign_up));
        }
        let mut made = Vec::new();
        for task in tasks {
            made.push(task.await.unwrap().unwrap().id);
        }
        made.dedup();
        assert_eq!(made.len(), 1);
        assert_eq!(kit.store.user_count(), 2);
        // A minute has begun since: it is the same form all the same.
        kit.clock.advance(Duration::from_secs(45));
        let again = kit.accounts.sign_up(form(email, phone)).await.unwrap();
        assert_eq!(Some(&again.id), made.first());
        // With another password, or later, it is someone else.
        let other = SignUpForm {
            password: Password::new(HORSE),
            confirm_password: Some(Password::new(HORSE)),
            ..form(email, phone)
        };
        let other = kit.accounts.sign_up(other).await.unwrap();
        assert_ne!(Some(&other.id), made.first());
        kit.clock.advance(Duration::from_mins(5));
        let later = kit.accounts.sign_up(form(email, phone)).await.unwrap();
        assert!(later.id != other.id && Some(&later.id) != made.first());
    }
}

/// A stranger has as few messages sent to someone as by resets, and is told no more by it.
#[tokio::test]
async fn owner_is_not_flooded() {
    for email in [FREE_EMAIL, ANNS_EMAIL] {
        let (kit, _ann) = with_ann(|settings| settings.limits = LimitSettings::default()).await;
        let mut sent = Sent::of(&kit);
        for number in 0..7 {
            let phone = format!("+4420794600{number:02}");
            let first_name = format!("Eve{number}");
            let form = SignUpForm {
                first_name: &first_name,
                email,
                phone: &phone,
                ..form("", "")
            };
            // The account is there in any case, and its number is sent what the email address is not.
            kit.accounts.sign_up(form).await.unwrap();
        }
        // Resets have counters of their own: what is left of them must not tell.
        kit.accounts.request_password_reset(email).await.unwrap();
        let links = sent.links();
        assert_eq!(links.iter().filter(|to| to.starts_with('+')).count(), 7);
        let links = links.iter().filter(|to| *to == email).count();
        // Nothing but the owner's mailbox tells the two apart, and there one word is enough.
        let told = sent.told().len();
        let is_free = email == FREE_EMAIL;
        assert_eq!((links, told), if is_free { (5, 0) } else { (0, 1) });
        kit.clock.advance(Duration::from_mins(3));
        kit.accounts
            .sign_up(form(email, "+442079460099"))
            .await
            .unwrap();
        let links = sent.links().iter().filter(|to| *to == email).count();
        assert_eq!(
            (links, sent.told().len()),
            if is_free { (1, 0) } else { (0, 1) }
        );
    }
}

/// Strangers who sign up with an address again and again stop the links to it, and nobody who has it.
#[tokio::test]
async fn newcomer_gets_a_link_among_many_sign_ups() {
    const BETWEEN: Duration = Duration::from_secs(12);
    let kit = Kit::with_settings(|settings| {
        conceal(settings);
        settings.register_phone_required = false;
        settings.limits = LimitSettings::default();
    });
    let mut sent = Sent::of(&kit);
    let at = |network: u8| {
        let address = Ipv4Addr::new(203, network, 1, 7);
        kit.accounts.for_client(Client::new().at(address.into()))
    };
    let sign_up = async |network: u8| {
        let first_name = format!("Eve {network}");
        let form = SignUpForm {
            first_name: &first_name,
            ..form(FREE_EMAIL, "")
        };
        at(network).sign_up(form).await.unwrap()
    };
    // What there is is used up, and each share that comes with the time.
    for network in 0..5 {
        sign_up(network).await;
    }
    for network in 5..100 {
        kit.clock.advance(BETWEEN);
        sign_up(network).await;
    }
    assert_eq!(sent.links().len(), 100);
    let made = sign_up(200).await;
    assert!(sent.links().is_empty(), "enough was sent");
    let session = kit.accounts.begin_session(made.id, None).await.unwrap();
    let current = kit.accounts.current_user(&session.key).await.unwrap();
    let current = current.unwrap();
    let address = addresses(&kit, &made).await.remove(0);
    for network in 0..14 {
        kit.clock.advance(BETWEEN);
        sign_up(network).await;
        sent.links();
        let newcomer = at(200);
        let asked = newcomer.begin_verification(&current, address.kind, address.id);
        drop(asked.await);
        if let Some(link) = sent.emails.take().pop() {
            assert_eq!(link.user.username, made.username);
            return;
        }
    }
    unreachable!("three minutes are over");
}

#[tokio::test]
async fn owner_is_told_nothing_by_the_setting() {
    let (kit, _ann) = with_ann(|settings| settings.notices = NoticesBy::Off).await;
    let mut sent = Sent::of(&kit);
    kit.accounts
        .sign_up(form(ANNS_EMAIL, ANNS_PHONE))
        .await
        .unwrap();
    assert_eq!((sent.links().len(), sent.told().len()), (0, 0));
}

/// Without concealment, where signing up logs in: what someone holds without proof is claimed, all else is taken as ever.
#[tokio::test]
async fn unproven_address_keeps_nobody_from_signing_up() {
    for (proven, username, taken) in [
        (&[][..], "eve", &[][..]),
        (&[], "", &[]),
        (&[AddressKind::Email], "eve", &[Field::Email]),
        (&[AddressKind::Phone], "", &[Field::Phone]),
        (
            &[AddressKind::Email, AddressKind::Phone],
            "ann",
            &[Field::Username, Field::Email, Field::Phone],
        ),
    ] {
        let kit = Kit::with_settings(|settings| {
            settings.verify_at_sign_up = true;
            settings.register_username_required = false;
        });
        let ann = kit.accounts.sign_up(ann()).await.unwrap();
        let held = addresses(&kit, &ann).await;
        for address in held.iter().filter(|it| proven.contains(&it.kind)) {
            assert!(
                kit.accounts
                    .set_verified(&ann, address, true)
                    .await
                    .unwrap()
                    .is_changed()
            );
        }
        kit.clock.advance(Duration::from_mins(2));
        let mut emails = kit.signals.capture::<VerifyEmail>();
        let form = || SignUpForm {
            username,
            ..form(ANNS_EMAIL, ANNS_PHONE)
        };
        let signed_up = kit.accounts.sign_up(form()).await;
        if !taken.is_empty() {
            let SignUpRefusal::Invalid(problems) = refusal(signed_up);
            let expected: Vec<_> = (taken.iter())
                .map(|field| FieldProblem::new(*field, Problem::Taken))
                .collect();
            assert_eq!(problems, expected, "{proven:?}");
            continue;
        }
        let eve = signed_up.unwrap();
        let again = kit.accounts.sign_up(form()).await.unwrap();
        assert_eq!(again.id, eve.id, "the second of two clicks");
        assert!(
            addresses(&kit, &eve)
                .await
                .iter()
                .all(|it| it.id.is_claim())
        );
        // Until one of them proves it, it names the one who came first.
        assert_eq!(kit.log_in(ANNS_EMAIL, HORSE).await.user.id, ann.id);
        let sent = emails.take().remove(0);
        let link = sent.link();
        let _ = kit
            .accounts
            .verify_address(link.id, link.token)
            .await
            .unwrap();
        assert_eq!(kit.log_in(ANNS_EMAIL, STAPLE).await.user.id, eve.id);
        assert!(
            addresses(&kit, &ann)
                .await
                .iter()
                .all(|it| it.value != ANNS_EMAIL)
        );
    }
}
