//! Logging in, and how little it tells those who cannot.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is not as it should be is a failed test"
)]

use crate::common;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{
    ANNS_EMAIL, ANNS_PHONE, CountingHasher, HORSE, Kit, PASTED, STAPLE, failure, keyring, refusal,
};
use base64ct::{Base64Unpadded, Encoding};
use phone_auth_core::accounts::{
    Accounts, FailureKind, LogInRefusal, ResetRequestRefusal, UsernameRefusal,
};
use phone_auth_core::address::{Losses, Region};
use phone_auth_core::clock::Clock;
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::{Argon2Hasher, EncodedPassword, Password, Requester};
use phone_auth_core::randomness::{Randomness, RandomnessError};
use phone_auth_core::session::{PasswordReplacement, SessionKey};
use phone_auth_core::settings::Methods;
use phone_auth_core::store::{StoreErrorKind, UserStore};
use phone_auth_events::Signals;
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};

/// Made by argon2-cffi with the salt of Django's hasher: the costs of Django's default.
const DJANGO_ARGON2: &str = "argon2$argon2id$v=19$m=102400,t=2,p=8$";

/// Expects a refusal that costs one check, and this signal.
async fn check_refused(kit: &Kit, login: &str, password: &str, told: &str) {
    kit.hasher.forget();
    kit.record.forget();
    let password = Password::new(password);
    let refused = kit.accounts.log_in(login, &password, None).await;
    let error = refused.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no account has this name and this password"
    );
    let refusal = refusal::<(), _>(Err(error));
    assert_eq!(refusal, LogInRefusal::InvalidCredentials, "{login}");
    assert_eq!((kit.hasher.checked(), kit.hasher.made()), (1, 0), "{login}");
    let told = format!("user_login_failed log_in {told}");
    assert_eq!(kit.record.take(), [told], "{login}");
    assert_eq!(kit.store.session_count(), 0, "{login}");
}

#[tokio::test]
async fn every_name_logs_in() {
    let kit = Kit::with_ann().await;
    for login in [
        "ann",
        "ANN",
        " ann\t",
        ANNS_EMAIL,
        "Ann@EXAMPLE.org",
        ANNS_PHONE,
        " +91 98765-43210 ",
    ] {
        let logged_in = kit.log_in(login, HORSE).await;
        assert_eq!(logged_in.user.username, "ann", "{login}");
        assert_eq!(kit.record.take(), ["user_logged_in log_in ann"]);
        let now = kit.clock.now();
        assert_eq!(logged_in.expires_at, now + Duration::from_hours(14 * 24));
        assert_eq!(kit.stored(&logged_in.user).await.last_login, Some(now));
    }
}

#[tokio::test]
async fn refusals_cost_one_check() {
    let kit = Kit::with_ann().await;
    let encoded = kit.encoded(HORSE).await;
    for (username, password) in [
        ("sleeping", encoded.reveal()),
        ("unusable", "!9sTbSlTio3Biev89"),
        ("empty", ""),
        ("legacy", "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99"),
        (
            "bomb",
            "argon2$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
        ),
    ] {
        let user = kit.store_user(username, password).await;
        if username == "sleeping" {
            kit.store
                .make(ExternalChange::SetActive(user.id, false))
                .await;
        }
    }
    for (login, password, told) in [
        ("ann", STAPLE, "ann WrongPassword"),
        ("ann", " correct horse", "ann WrongPassword"),
        ("ann", "Correct horse", "ann WrongPassword"),
        ("ann", "correct\0horse", "ann WrongPassword"),
        (ANNS_EMAIL, STAPLE, "ann WrongPassword"),
        (ANNS_PHONE, STAPLE, "ann WrongPassword"),
        ("nobody", HORSE, "- UnknownIdentifier"),
        ("nobody@example.org", HORSE, "- UnknownIdentifier"),
        ("+919876543211", HORSE, "- UnknownIdentifier"),
        ("ann\0", HORSE, "- UnknownIdentifier"),
        ("ann\r\n", HORSE, "- UnknownIdentifier"),
        ("an\u{202e}n", HORSE, "- UnknownIdentifier"),
        (&"a".repeat(3_000_000), HORSE, "- UnknownIdentifier"),
        ("sleeping", HORSE, "sleeping Inactive"),
        ("sleeping", STAPLE, "sleeping Inactive"),
        ("unusable", HORSE, "unusable UnusablePassword"),
        ("unusable", "9sTbSlTio3Biev89", "unusable UnusablePassword"),
        ("empty", " ", "empty UnusablePassword"),
        ("legacy", "password", "legacy WrongPassword"),
        ("bomb", "password", "bomb WrongPassword"),
    ] {
        check_refused(&kit, login, password, told).await;
    }
}

#[tokio::test]
async fn missing_names_and_passwords_cost_nothing() {
    let kit = Kit::with_ann().await;
    let (login, password) = (Field::Login, Field::Password);
    for (name, typed, missing) in [
        ("", HORSE, vec![login]),
        (" ", HORSE, vec![login]),
        ("\u{a0}\t\u{3000}", HORSE, vec![login]),
        ("\u{200e}", HORSE, vec![login]),
        ("ann", "", vec![password]),
        ("", "", vec![login, password]),
    ] {
        kit.hasher.forget();
        let refused = kit.accounts.log_in(name, &Password::new(typed), None).await;
        let problem = |field| FieldProblem::new(field, Problem::Required);
        let problems = missing.into_iter().map(problem).collect();
        assert_eq!(
            refusal(refused),
            LogInRefusal::Missing(problems),
            "{name:?}"
        );
        assert_eq!(kit.hasher.checked(), 0, "{name:?}");
    }
    assert_eq!(kit.record.take(), [""; 0]);
}

/// Contact cards, messages and keyboards give a number in many ways; it is one number all the same.
#[tokio::test]
async fn pasted_numbers_log_in() {
    let kit = Kit::with_ann().await;
    for pasted in PASTED {
        let logged_in = kit.log_in(pasted, HORSE).await;
        assert_eq!(logged_in.user.username, "ann", "{pasted:?}");
    }
}

/// A number as its own country dials it names an account where the site is of that country, and nowhere else.
#[tokio::test]
async fn numbers_of_the_region_log_in() {
    for (region, typed, works) in [
        (Some("IN"), "98765 43210", true),
        (Some("IN"), "098765-43210", true),
        (Some("IN"), "+91 98765 43210", true),
        (Some("US"), "98765 43210", false),
        (Some("US"), "0091 98765 43210", true),
        (Some("US"), "011 91 98765 43210", true),
        (None, "98765 43210", false),
        (None, "00 91 98765 43210", true),
    ] {
        let kit = Kit::with_settings(|settings| {
            settings.default_region = region.and_then(Region::named);
        });
        kit.accounts.sign_up(common::ann()).await.unwrap();
        let entered = kit
            .accounts
            .log_in(typed, &Password::new(HORSE), None)
            .await;
        assert_eq!(entered.is_ok(), works, "{region:?} {typed}");
    }
}

/// A hash of a password that was not normalised, with the costs of ours.
fn encoded_as_typed(password: &str) -> String {
    let params = argon2::Params::new(19456, 2, 1, Some(32)).unwrap();
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let (salt, mut output) = (b"-a salt of 24 bytes here", [0; 32]);
    argon2
        .hash_password_into(password.as_bytes(), salt, &mut output)
        .unwrap();
    let text = |bytes: &[u8]| Base64Unpadded::encode_string(bytes);
    let (salt, output) = (text(salt), text(&output));
    format!("argon2$argon2id$v=19$m=19456,t=2,p=1${salt}${output}")
}

/// One keyboard gives é as one character, another as e and an accent.
#[tokio::test]
async fn composed_and_decomposed_passwords_are_the_same() {
    let (composed, decomposed) = ("caf\u{e9} au lait", "cafe\u{301} au lait");
    for (stored, typed, upgraded) in [
        (composed, decomposed, false),
        (composed, composed, false),
        // Hashed as typed, by another program or before passwords were normalised.
        (decomposed, decomposed, true),
    ] {
        let kit = Kit::hashing();
        let hash = encoded_as_typed(stored);
        let user = kit.store_user("ann", &hash).await;
        kit.log_in("ann", typed).await;
        let now = kit.stored(&user).await.password;
        assert_eq!(now.reveal() != hash, upgraded, "{stored:?} {typed:?}");
        kit.log_in("ann", composed).await;
    }
}

/// The flows that take a password, or set one, beside the log-in.
#[derive(Clone, Copy, Debug)]
enum Takes {
    SignUp,
    Change,
    Reset,
    Confirm,
    Operator,
    RepeatedChange,
}

/// Each takes either spelling of what was stored in either, two fields that differ in nothing else are the same, and what is set is
/// good in both.
#[tokio::test]
async fn either_spelling_is_one_password_in_every_flow() {
    let spellings = ["caf\u{e9} au lait", "cafe\u{301} au lait"].map(Password::new);
    let news = ["\u{e5}ngstr\u{f6}m 31", "a\u{30a}ngstro\u{308}m 31"].map(Password::new);
    for flow in [
        Takes::SignUp,
        Takes::Change,
        Takes::Reset,
        Takes::Confirm,
        Takes::Operator,
        Takes::RepeatedChange,
    ] {
        for (one, other) in [(0, 1), (1, 0)] {
            let kit = Kit::hashing();
            let (first, second) = (&spellings[one], &spellings[other]);
            let mut form = common::ann();
            form.password = first.clone();
            form.confirm_password = Some(second.clone());
            kit.accounts.sign_up(form).await.unwrap();
            let ann = kit.current_user("ann", second.reveal()).await;
            let token = kit.accounts.password_form_token(ann.user());
            let (chosen, confirmed) = (&news[one], &news[other]);
            match flow {
                Takes::SignUp => {}
                Takes::Change | Takes::RepeatedChange => {
                    let changed = kit
                        .accounts
                        .change_password(&ann, second, chosen, confirmed);
                    changed.await.unwrap();
                }
                Takes::Reset => {
                    let (id, token) = kit.reset_link(ANNS_EMAIL).await;
                    let reset = kit.accounts.reset_password(&id, &token, chosen, confirmed);
                    reset.await.unwrap();
                }
                Takes::Confirm => drop(kit.accounts.reauthenticate(&ann, second).await.unwrap()),
                Takes::Operator => drop(kit.accounts.set_password("ann", chosen).await.unwrap()),
            }
            if matches!(flow, Takes::RepeatedChange) {
                let again = kit
                    .accounts
                    .repeated_change(&token, confirmed, chosen)
                    .await;
                assert!(again.unwrap().is_some(), "{flow:?} {one}");
            }
            let now = match flow {
                Takes::SignUp | Takes::Confirm => &spellings,
                _ => &news,
            };
            for password in now {
                let logged_in = kit.accounts.log_in("ann", password, None).await;
                assert!(logged_in.is_ok(), "{flow:?} {one}");
            }
        }
    }
}

/// A right password costs less than a wrong one, so it must not be looked at where it lets nobody in.
#[tokio::test]
async fn right_password_of_inactive_costs_nothing_less() {
    let kit = Kit::with_ann().await;
    let ours = kit.encoded(HORSE).await;
    let sleeping = kit.store_user("sleeping", ours.reveal()).await;
    let olga = kit.store_user("olga", &django_hash("correct horse")).await;
    for user in [&sleeping, &olga] {
        let change = ExternalChange::SetActive(user.id, false);
        kit.store.make(change).await;
    }
    kit.store_user("unusable", "!9sTbSlTio3Biev89").await;
    for (login, password, of_nothing) in [
        ("sleeping", HORSE, 1),
        ("sleeping", STAPLE, 1),
        ("olga", HORSE, 1),
        ("olga", STAPLE, 1),
        ("unusable", HORSE, 1),
        ("nobody", HORSE, 1),
        ("ann", STAPLE, 0),
    ] {
        kit.hasher.forget();
        let password = Password::new(password);
        let refused = kit.accounts.log_in(login, &password, None).await;
        assert!(refused.is_err(), "{login}");
        let counts = (kit.hasher.checked(), kit.hasher.of_nothing());
        assert_eq!(counts, (1, of_nothing), "{login}");
    }
}

#[tokio::test]
async fn folding_letters_match_nobody() {
    let kit = Kit::new();
    for (username, email) in [("mike", "mike@example.org"), ("rose", "rose@example.org")] {
        let form = phone_auth_core::accounts::SignUpForm {
            username,
            email,
            phone: if username == "mike" {
                ANNS_PHONE
            } else {
                "+442079460018"
            },
            ..common::ann()
        };
        kit.accounts.sign_up(form).await.unwrap();
    }
    for login in [
        "m\u{131}ke@example.org",
        "mi\u{212a}e@example.org",
        "ro\u{17f}e@example.org",
        "mike@exam\u{440}le.org",
        "mike@\u{ff45}xample.org",
        "m\u{131}ke",
        "mi\u{212a}e",
        "ro\u{17f}e",
        "+\u{b2}19876543210",
    ] {
        check_refused(&kit, login, HORSE, "- UnknownIdentifier").await;
    }
}

#[tokio::test]
async fn long_password_is_cheap() {
    let kit = Kit::with_ann().await;
    check_refused(&kit, "ann", &"a".repeat(1_000_000), "ann WrongPassword").await;
    // The empty password and one that is too long are not the same.
    let empty = kit.encoded("").await;
    kit.store_user("hollow", empty.reveal()).await;
    check_refused(&kit, "hollow", &"a".repeat(1025), "hollow WrongPassword").await;
}

#[tokio::test]
async fn methods_can_be_disabled() {
    for (phone, email, username) in [
        (true, false, false),
        (false, true, false),
        (false, false, true),
    ] {
        let kit = Kit::with_settings(|settings| {
            settings.authentication_methods = Methods {
                phone,
                email,
                username,
            };
        });
        kit.sign_up_ann().await;
        for (login, allowed) in [(ANNS_PHONE, phone), (ANNS_EMAIL, email), ("ann", username)] {
            let result = kit
                .accounts
                .log_in(login, &Password::new(HORSE), None)
                .await;
            assert_eq!(result.is_ok(), allowed, "{login}");
        }
    }
}

#[tokio::test]
async fn odd_usernames_log_in() {
    let kit = Kit::new();
    let encoded = kit.encoded(HORSE).await;
    for username in [
        "admin@home",
        "root+1",
        "Jürgen Müller",
        "..",
        "+442079460999",
        "boss@example.org",
    ] {
        kit.store_user(username, encoded.reveal()).await;
        assert_eq!(kit.log_in(username, HORSE).await.user.username, username);
    }
}

#[tokio::test]
async fn address_comes_before_username() {
    let kit = Kit::with_ann().await;
    let encoded = kit.encoded(STAPLE).await;
    // No store of ours lets that come about; createsuperuser of django-phone-auth does.
    let boss = kit.store_user("boss", encoded.reveal()).await;
    let renamed = ExternalChange::RenameUser(boss.id, ANNS_EMAIL.to_owned());
    kit.store.make(renamed).await;
    assert_eq!(kit.log_in(ANNS_EMAIL, HORSE).await.user.username, "ann");
    check_refused_keeping_sessions(&kit, ANNS_EMAIL, STAPLE).await;
}

async fn check_refused_keeping_sessions(kit: &Kit, login: &str, password: &str) {
    let refused = kit
        .accounts
        .log_in(login, &Password::new(password), None)
        .await;
    assert_eq!(refusal(refused), LogInRefusal::InvalidCredentials);
}

#[tokio::test]
async fn planted_session_is_replaced() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let planted = kit.log_in("bob", HORSE).await.key;
    let password = Password::new(HORSE);
    let ann = kit
        .accounts
        .log_in("ann", &password, Some(&planted))
        .await
        .unwrap();
    assert_ne!(ann.key.reveal(), planted.reveal());
    assert!(kit.accounts.current_user(&planted).await.unwrap().is_none());
    let current_user = kit.accounts.current_user(&ann.key).await.unwrap().unwrap();
    assert_eq!(current_user.user().username, "ann");
}

#[tokio::test]
async fn refused_login_keeps_the_session() {
    let kit = Kit::with_ann().await;
    let own = kit.log_in("ann", HORSE).await.key;
    let wrong = Password::new(STAPLE);
    assert!(
        kit.accounts
            .log_in("ann", &wrong, Some(&own))
            .await
            .is_err()
    );
    assert!(kit.accounts.current_user(&own).await.unwrap().is_some());
}

/// Random bytes that are the same twice before they change.
#[derive(Default)]
struct Stutter(std::sync::atomic::AtomicU8);

impl Randomness for Stutter {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomnessError> {
        let drawn = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        buffer.fill(drawn / 2);
        Ok(())
    }
}

#[tokio::test]
async fn colliding_session_is_not_overwritten() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let accounts = Accounts::builder(Arc::new(kit.store.clone()), keyring(common::SECRET))
        .signals(Signals::isolated())
        .randomness(Stutter::default())
        .hasher(kit.hasher.clone())
        .build()
        .unwrap();
    let password = Password::new(HORSE);
    let ann = accounts.log_in("ann", &password, None).await.unwrap();
    let bob = accounts.log_in("bob", &password, None).await.unwrap();
    assert_ne!(ann.key.reveal(), bob.key.reveal());
    for (key, username) in [(&ann.key, "ann"), (&bob.key, "bob")] {
        let current_user = accounts.current_user(key).await.unwrap().unwrap();
        assert_eq!(current_user.user().username, username);
    }
}

#[tokio::test]
async fn outdated_hash_is_upgraded() {
    let kit = Kit::hashing();
    let encoded = EncodedPassword::new(django_hash(" correct horse "));
    let user = kit.store_user("olga", encoded.reveal()).await;
    kit.log_in("olga", " correct horse ").await;
    assert_eq!((kit.hasher.checked(), kit.hasher.made()), (1, 1));
    let upgraded = kit.stored(&user).await.password;
    assert!(
        upgraded
            .reveal()
            .starts_with("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    );

    // The new hash is of what was typed this time, and is not made again.
    kit.hasher.forget();
    kit.log_in("olga", " correct horse ").await;
    assert_eq!((kit.hasher.checked(), kit.hasher.made()), (1, 0));
    assert_eq!(kit.stored(&user).await.password, upgraded);
}

#[tokio::test]
async fn legacy_password_was_stripped() {
    let kit = Kit::hashing();
    let user = kit.store_user("olga", &django_hash("correct horse")).await;
    // Whether the white space belongs to it cannot be told: both go on working, here and in Django.
    let padded = "\u{a0}correct horse \u{1f}";
    kit.log_in("olga", padded).await;
    let stored = kit.stored(&user).await.password;
    assert!(stored.reveal().starts_with(DJANGO_ARGON2));
    kit.log_in("olga", padded).await;
    kit.log_in("olga", "correct horse").await;
    let stored = kit.stored(&user).await.password;
    assert!(stored.reveal().contains("m=19456"));
    // From here on it is a hash of ours, and that is never stripped.
    check_refused_keeping_sessions(&kit, "olga", padded).await;
    kit.log_in("olga", "correct horse").await;
}

/// A hash of the costs that Django's Argon2 has by default.
fn django_hash(password: &str) -> String {
    let params = argon2::Params::new(102_400, 2, 8, Some(32)).unwrap();
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut output = [0; 32];
    let salt = b"Jc1vYnX2lUQ8f0dK3mZpRt";
    argon2
        .hash_password_into(password.as_bytes(), salt, &mut output)
        .unwrap();
    let encode = |bytes: &[u8]| Base64Unpadded::encode_string(bytes);
    format!("{DJANGO_ARGON2}{}${}", encode(salt), encode(&output))
}

#[tokio::test]
async fn ambiguous_name_costs_one_check() {
    let kit = Kit::with_ann().await;
    kit.store.fail_with(StoreErrorKind::Ambiguous);
    let password = Password::new(HORSE);
    let refused = kit.accounts.log_in(ANNS_EMAIL, &password, None).await;
    assert_eq!(refusal(refused), LogInRefusal::Ambiguous);
    assert_eq!((kit.hasher.checked(), kit.hasher.made()), (1, 0));
    let told = ["user_login_failed log_in - AmbiguousIdentifier"];
    assert_eq!(kit.record.take(), told);

    let refused = kit.accounts.request_password_reset(ANNS_EMAIL).await;
    let problem = FieldProblem::new(Field::Login, Problem::Ambiguous);
    let invalid = ResetRequestRefusal::Invalid(vec![problem]);
    assert_eq!(refusal(refused), invalid);
    let refused = kit.accounts.set_active("ANN", false).await;
    assert_eq!(refusal(refused), UsernameRefusal::Ambiguous);
    assert_eq!(kit.record.take(), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_upgrades_all_log_in() {
    let kit = Kit::hashing();
    let user = kit.store_user("olga", &django_hash(HORSE)).await;
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let accounts = kit.accounts.clone();
        tasks.push(tokio::spawn(async move {
            accounts.log_in("olga", &Password::new(HORSE), None).await
        }));
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert!(
        kit.stored(&user)
            .await
            .password
            .reveal()
            .contains("m=19456")
    );
    assert_eq!(kit.record.take(), ["user_logged_in log_in olga"; 4]);
}

/// A hasher that replaces the password in the store while it checks one: a reset in the middle of a
/// log-in.
struct Meddler {
    inner: CountingHasher,
    store: phone_auth_store_testkit::MemoryStore,
    replacement: std::sync::Mutex<Option<PasswordReplacement>>,
}

#[async_trait::async_trait]
impl phone_auth_core::password::PasswordHasher for Meddler {
    async fn hash(
        &self,
        password: &Password,
        requester: &Requester,
    ) -> Result<EncodedPassword, phone_auth_core::password::HashError> {
        self.inner.hash(password, requester).await
    }

    async fn verify(
        &self,
        password: &Password,
        encoded: &EncodedPassword,
        requester: &Requester,
    ) -> Result<phone_auth_core::password::Verdict, phone_auth_core::password::HashError> {
        let verdict = self.inner.verify(password, encoded, requester).await;
        let replacement = self.replacement.lock().unwrap().take();
        if let Some(replacement) = replacement {
            assert!(self.store.replace_password(&replacement).await.unwrap());
        }
        verdict
    }

    async fn verify_nothing(
        &self,
        password: &Password,
        requester: &Requester,
    ) -> Result<(), phone_auth_core::password::HashError> {
        self.inner.verify_nothing(password, requester).await
    }
}

#[tokio::test]
async fn reset_during_login_wins() {
    for old in [django_hash(HORSE), String::new()] {
        let kit = Kit::new();
        let ours = kit.encoded(HORSE).await.reveal().to_owned();
        let old = if old.is_empty() { ours } else { old };
        let user = kit.store_user("olga", &old).await;
        let new = kit.encoded(STAPLE).await;
        let hasher = Meddler {
            inner: kit.hasher.clone(),
            store: kit.store.clone(),
            replacement: std::sync::Mutex::new(Some(PasswordReplacement {
                user: user.id,
                old: EncodedPassword::new(old),
                new: new.clone(),
                last_login: None,
                link: None,
                keeps: None,
                notices: Notices::default(),
                losses: Losses::default(),
                names: None,
            })),
        };
        let accounts = Accounts::builder(Arc::new(kit.store.clone()), keyring(common::SECRET))
            .signals(kit.signals.clone())
            .hasher(hasher)
            .build()
            .unwrap();
        let refused = accounts.log_in("olga", &Password::new(HORSE), None).await;
        assert_eq!(refusal(refused), LogInRefusal::InvalidCredentials);
        assert_eq!(kit.stored(&user).await.password, new);
        assert_eq!(kit.store.session_count(), 0);
        assert_eq!(
            kit.record.take(),
            ["user_login_failed log_in olga WrongPassword"]
        );
    }
}

#[tokio::test]
async fn failing_store_is_told_apart() {
    let kit = Kit::with_ann().await;
    for calls in 0..2 {
        for (fault, kind) in [
            (StoreErrorKind::Unavailable, FailureKind::Unavailable),
            (StoreErrorKind::Broken, FailureKind::Broken),
        ] {
            kit.store.fail_after(calls, fault);
            let result = kit
                .accounts
                .log_in("ann", &Password::new(HORSE), None)
                .await;
            kit.store.recover();
            assert_eq!(failure(result).kind(), kind);
            assert_eq!(kit.store.session_count(), 0);
            assert_eq!(kit.record.take(), [""; 0]);
        }
    }
}

#[tokio::test]
async fn crowd_is_told_busy() {
    let kit = Kit::hashing();
    kit.sign_up_ann().await;
    let accounts = Accounts::builder(Arc::new(kit.store.clone()), keyring(common::SECRET))
        .signals(kit.signals.clone())
        .hasher(Argon2Hasher::with_limits(NonZeroUsize::MIN, 7))
        .build()
        .unwrap();
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let accounts = accounts.clone();
            tokio::spawn(async move { accounts.log_in("ann", &Password::new(HORSE), None).await })
        })
        .collect();
    let mut let_in = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => let_in += 1,
            busy => {
                let failure = failure(busy);
                assert_eq!(failure.kind(), FailureKind::Busy);
                assert!(failure.is_retryable());
            }
        }
    }
    // One works, and of one account no more wait than places are left for others.
    assert_eq!(let_in, 5);
    // Anyone who is told to come again has not failed to log in.
    assert_eq!(kit.record.take(), ["user_logged_in log_in ann"; 5]);
}

#[tokio::test]
async fn made_up_key_is_nobody() {
    let kit = Kit::with_ann().await;
    kit.log_in("ann", HORSE).await;
    let made_up = SessionKey::from_bytes(&[0; 32]);
    assert!(kit.accounts.current_user(&made_up).await.unwrap().is_none());
}
