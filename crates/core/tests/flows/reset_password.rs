//! Resetting a password: who is sent a link, what ends it, and that it works once.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use crate::common;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{
    ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, PASTED, SECRET, STAPLE, failure, keyring, refusal,
};
use phone_auth_core::accounts::{
    Accounts, CurrentUser, FailureKind, FlowError, InvalidLink, LogInRefusal, ResetRefusal,
    ResetRequestRefusal,
};
use phone_auth_core::address::{AddressKind, Losses};
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::{EncodedPassword, Password};
use phone_auth_core::session::PasswordReplacement;
use phone_auth_core::settings::Methods;
use phone_auth_core::store::{StoreErrorKind, UserStore};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};
use phone_auth_tokens::{Keyring, SecretKey};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

async fn reset(
    accounts: &Accounts,
    (id, token): &(String, String),
    new: &str,
) -> Result<(), FlowError<ResetRefusal>> {
    let new = Password::new(new);
    let result = accounts.reset_password(id, token, &new, &new).await;
    result.map(|_| ())
}

/// The refusal of a link that does not work any more.
const INVALID_LINK: ResetRefusal = ResetRefusal::Link(InvalidLink);

/// Whether a link can be used, asked without using it.
async fn works(kit: &Kit, (id, token): &(String, String)) -> bool {
    let checked = kit.accounts.check_reset_link(id, token).await;
    match checked {
        Ok(_) => true,
        refused => {
            assert_eq!(refusal(refused), InvalidLink);
            false
        }
    }
}

#[tokio::test]
async fn stored_address_is_sent_to() {
    let kit = Kit::with_ann().await;
    for (login, to, signal, purpose) in [
        (
            "  ANN@example.org",
            ANNS_EMAIL,
            "reset_password_email",
            "reset-email",
        ),
        (
            "+91 98765-43210",
            ANNS_PHONE,
            "reset_password_phone",
            "reset-phone",
        ),
    ] {
        kit.accounts.request_password_reset(login).await.unwrap();
        let message = kit.record.messages().remove(0);
        assert_eq!(message.to, to);
        assert!(
            message
                .url
                .starts_with("/accounts/password_reset_confirm/MQ/"),
            "{login}"
        );
        let issued = format!("token_issued tokens - {purpose}");
        let sent = format!("{signal} request_password_reset ann {to}");
        assert_eq!(kit.record.take(), [issued, sent]);
    }
}

#[tokio::test]
async fn stored_text_wins_over_typed() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let row = kit.address(&current_user, AddressKind::Email).await;
    // A row of another program, in another form than ours.
    let change = ExternalChange::EditAddress(row.kind, row.id, "Ann@Example.org".to_owned());
    kit.store.make(change).await;
    kit.accounts
        .request_password_reset(ANNS_EMAIL)
        .await
        .unwrap();
    let message = kit.record.take_message();
    assert_eq!(message.to, "Ann@Example.org");
    assert!(works(&kit, &message.parts()).await);
}

#[tokio::test]
async fn others_are_sent_nothing() {
    let kit = Kit::with_ann().await;
    let encoded = kit.encoded(HORSE).await;
    let sleeping = kit.store_user("sleeping", encoded.reveal()).await;
    kit.store
        .make(ExternalChange::SetActive(sleeping.id, false))
        .await;
    kit.store_user("unusable", "!").await;
    kit.store_user("empty", "").await;
    for login in [
        "nobody@example.org",
        "+919876543211",
        "ann",
        "p1@example.com",
        "p2@example.com",
        "p3@example.com",
        "+442079460001",
        "m\u{131}ke@example.org",
        "ann@\u{ff45}xample.org",
        "+91 98765 43210;ext=777",
    ] {
        kit.accounts.request_password_reset(login).await.unwrap();
        assert_eq!(kit.record.take(), [""; 0], "{login}");
    }
}

#[tokio::test]
async fn methods_that_are_off_send_nothing() {
    let kit = Kit::with_settings(|settings| {
        settings.authentication_methods = Methods {
            phone: false,
            email: true,
            username: true,
        };
    });
    kit.sign_up_ann().await;
    kit.accounts
        .request_password_reset(ANNS_PHONE)
        .await
        .unwrap();
    assert_eq!(kit.record.take(), [""; 0]);
    kit.reset_link(ANNS_EMAIL).await;
}

#[tokio::test]
async fn method_disabled_ends_its_links() {
    let kit = Kit::with_ann().await;
    let (email, phone) = (
        kit.reset_link(ANNS_EMAIL).await,
        kit.reset_link(ANNS_PHONE).await,
    );
    let mut settings = common::unlimited();
    settings.authentication_methods.phone = false;
    let accounts = Accounts::builder(Arc::new(kit.store.clone()), keyring(SECRET))
        .signals(kit.signals.clone())
        .clock(kit.clock.clone())
        .settings(settings)
        .build()
        .unwrap();
    assert!(accounts.check_reset_link(&email.0, &email.1).await.is_ok());
    assert!(accounts.check_reset_link(&phone.0, &phone.1).await.is_err());
}

#[tokio::test]
async fn unreadable_names_are_form_problems() {
    let kit = Kit::with_ann().await;
    for (login, problem) in [
        ("", Problem::Required),
        ("   ", Problem::Required),
        ("ann\0@example.org", Problem::InvalidCharacters),
        ("ann@example.org\r\n", Problem::InvalidCharacters),
        ("ann\u{202e}@example.org", Problem::InvalidCharacters),
        ("+91 98765 43210\r\n", Problem::InvalidCharacters),
        (&"a".repeat(255), Problem::TooLong { max: 254 }),
    ] {
        let problem = FieldProblem::new(Field::Login, problem);
        assert_eq!(
            refusal(kit.accounts.request_password_reset(login).await),
            ResetRequestRefusal::Invalid(vec![problem])
        );
    }
    assert_eq!(kit.record.take(), [""; 0]);
}

/// The verified addresses of the account get the links, one of each kind.
#[tokio::test]
async fn username_is_sent_links_at_verified_addresses() {
    for (verified, to) in [
        (vec![], vec![]),
        (vec![AddressKind::Email], vec![ANNS_EMAIL]),
        (vec![AddressKind::Phone], vec![ANNS_PHONE]),
        (
            vec![AddressKind::Email, AddressKind::Phone],
            vec![ANNS_EMAIL, ANNS_PHONE],
        ),
    ] {
        let kit = Kit::with_ann().await;
        let current_user = kit.current_user("ann", HORSE).await;
        for kind in &verified {
            let row = kit.address(&current_user, *kind).await;
            let change = ExternalChange::SetVerified(row.kind, row.id, true);
            kit.store.make(change).await;
        }
        for login in ["ann", "ANN", "nobody"] {
            kit.record.forget();
            kit.accounts.request_password_reset(login).await.unwrap();
            let told = kit.record.take();
            let messages = told
                .iter()
                .filter(|event| event.starts_with("reset_password_"));
            let expected = if login == "nobody" { 0 } else { to.len() };
            assert_eq!(messages.count(), expected, "{login} {verified:?}: {told:?}");
        }
    }
}

#[tokio::test]
async fn pasted_numbers_are_sent_a_link() {
    let kit = Kit::with_ann().await;
    for pasted in PASTED {
        kit.record.forget();
        kit.accounts.request_password_reset(pasted).await.unwrap();
        let told = kit.record.take();
        let messages = told
            .iter()
            .filter(|event| event.starts_with("reset_password_phone"));
        assert_eq!(messages.count(), 1, "{pasted:?}: {told:?}");
    }
}

#[tokio::test]
async fn reset_replaces_the_password() {
    let kit = Kit::with_ann().await;
    let before = kit.log_in("ann", HORSE).await;
    let link = kit.reset_link(ANNS_EMAIL).await;
    let opened = kit
        .accounts
        .open_reset_link(&link.0, &link.1)
        .await
        .unwrap();
    assert_eq!(opened.user.username, "ann");
    assert_eq!(
        kit.record.take(),
        ["link_followed urls - phone_password_reset_confirm"]
    );
    assert!(works(&kit, &link).await);
    assert_eq!(kit.record.take(), [""; 0], "the second step tells nothing");

    reset(&kit.accounts, &link, STAPLE).await.unwrap();
    assert_eq!(kit.record.take(), ["password_was_reset reset_password ann"]);
    assert!(
        kit.accounts
            .current_user(&before.key)
            .await
            .unwrap()
            .is_none()
    );
    let old = kit
        .accounts
        .log_in("ann", &Password::new(HORSE), None)
        .await;
    assert_eq!(refusal(old), LogInRefusal::InvalidCredentials);
    kit.log_in("ann", STAPLE).await;
}

#[tokio::test]
async fn used_link_is_refused() {
    let kit = Kit::with_ann().await;
    let link = kit.reset_link(ANNS_PHONE).await;
    reset(&kit.accounts, &link, STAPLE).await.unwrap();
    kit.record.forget();
    assert_eq!(
        refusal(reset(&kit.accounts, &link, "another good one").await),
        INVALID_LINK
    );
    assert_eq!(
        kit.record.take(),
        ["token_refused tokens - reset-email Forged"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_twenty_uses_wins() {
    let kit = Kit::with_ann().await;
    let link = kit.reset_link(ANNS_EMAIL).await;
    let mut tasks = Vec::new();
    for number in 0..20 {
        let (accounts, link) = (kit.accounts.clone(), link.clone());
        let new = format!("battery staple {number}");
        tasks.push(tokio::spawn(async move {
            let result = reset(&accounts, &link, &new).await;
            (new, result)
        }));
    }
    let mut winners = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            (new, Ok(())) => winners.push(new),
            (_, refused) => assert_eq!(refusal(refused), INVALID_LINK),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(
        kit.record.take_flows(),
        ["password_was_reset reset_password ann"]
    );
    kit.log_in("ann", &winners.remove(0)).await;
}

#[tokio::test]
async fn changes_end_the_link() {
    for change in [
        "login",
        "password",
        "own email",
        "row text",
        "row gone",
        "inactive",
        "unusable",
        "user",
    ] {
        let kit = Kit::with_ann().await;
        let current_user = kit.current_user("ann", HORSE).await;
        let link = kit.reset_link(ANNS_EMAIL).await;
        assert!(works(&kit, &link).await, "{change}");
        let (ann, row) = (
            current_user.user().id,
            kit.address(&current_user, AddressKind::Email).await,
        );
        let outside = match change {
            "login" => {
                kit.log_in("ann", HORSE).await;
                None
            }
            "password" => {
                let (old, new) = (Password::new(HORSE), Password::new(STAPLE));
                kit.accounts
                    .change_password(&current_user, &old, &new, &new)
                    .await
                    .unwrap();
                None
            }
            "unusable" => {
                make_unusable(&kit, &current_user).await;
                None
            }
            "own email" => Some(ExternalChange::SetOwnEmail(
                ann,
                "ann@new.example".to_owned(),
            )),
            "row text" => Some(ExternalChange::EditAddress(
                row.kind,
                row.id,
                "ann@new.example".to_owned(),
            )),
            "row gone" => Some(ExternalChange::DeleteAddress(row.kind, row.id)),
            "inactive" => Some(ExternalChange::SetActive(ann, false)),
            _ => Some(ExternalChange::DeleteUser(ann)),
        };
        if let Some(outside) = outside {
            kit.store.make(outside).await;
        }
        assert!(!works(&kit, &link).await, "{change}");
        assert_eq!(
            refusal(reset(&kit.accounts, &link, "another good one").await),
            INVALID_LINK
        );
    }
}

/// Takes the password of a user away, as an operator of django-phone-auth does.
async fn make_unusable(kit: &Kit, current_user: &CurrentUser) {
    let replacement = PasswordReplacement {
        user: current_user.user().id,
        old: kit.stored(current_user.user()).await.password,
        new: EncodedPassword::new("!"),
        last_login: None,
        link: None,
        keeps: None,
        notices: Notices::default(),
        losses: Losses::default(),
        names: None,
    };
    assert!(kit.store.replace_password(&replacement).await.unwrap());
}

#[tokio::test]
async fn unrelated_changes_keep_the_link() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let row = kit.address(&current_user, AddressKind::Email).await;
    let link = kit.reset_link(ANNS_EMAIL).await;
    kit.accounts
        .add_address(&current_user, AddressKind::Email, "ann@work.example")
        .await
        .unwrap();
    kit.store
        .make(ExternalChange::SetVerified(row.kind, row.id, true))
        .await;
    assert!(works(&kit, &link).await);
}

#[tokio::test]
async fn lifetime_follows_the_channel() {
    for (login, lifetime) in [(ANNS_EMAIL, 24 * HOUR), (ANNS_PHONE, 10 * MINUTE)] {
        let kit = Kit::with_ann().await;
        let link = kit.reset_link(login).await;
        kit.clock.advance(lifetime);
        assert!(works(&kit, &link).await, "{login}");
        kit.clock.advance(Duration::from_secs(1));
        assert!(!works(&kit, &link).await, "{login}");
        let told = kit.record.take();
        let channel = if login == ANNS_EMAIL {
            "email"
        } else {
            "phone"
        };
        assert_eq!(
            told,
            [format!("token_refused tokens - reset-{channel} Expired")]
        );
    }
}

#[tokio::test]
async fn lifetimes_are_settings() {
    let kit = Kit::with_settings(|settings| {
        settings.reset_email_lifetime = MINUTE;
        settings.reset_phone_lifetime = HOUR;
    });
    kit.sign_up_ann().await;
    let (email, phone) = (
        kit.reset_link(ANNS_EMAIL).await,
        kit.reset_link(ANNS_PHONE).await,
    );
    kit.clock.advance(2 * MINUTE);
    assert!(!works(&kit, &email).await);
    assert!(works(&kit, &phone).await);
}

#[tokio::test]
async fn links_from_the_future_are_refused() {
    let kit = Kit::with_ann().await;
    let now = phone_auth_core::clock::Clock::now(&kit.clock);
    kit.clock.advance(HOUR);
    let link = kit.reset_link(ANNS_EMAIL).await;
    kit.clock.set(now);
    assert!(!works(&kit, &link).await);
    assert_eq!(
        kit.record.take(),
        ["token_refused tokens - reset-email FromTheFuture"]
    );
}

#[tokio::test]
async fn altered_links_are_refused() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let (id, token) = kit.reset_link(ANNS_EMAIL).await;
    for (position, _) in token.char_indices() {
        for flipped in ["0", "z"] {
            let mut altered = token.clone();
            altered.replace_range(position..=position, flipped);
            assert_eq!(
                works(&kit, &(id.clone(), altered.clone())).await,
                altered == token
            );
        }
    }
    kit.record.forget();
    for id in [
        "",
        "Mg",
        "MDE",
        "MQ==",
        "K1E",
        "OTk5",
        "ZW1haWwx",
        "\0",
        "MQ\n",
        "x",
        &"M".repeat(5000),
    ] {
        let link = (id.to_owned(), token.clone());
        assert!(!works(&kit, &link).await, "{id}");
        assert_eq!(
            refusal(reset(&kit.accounts, &link, STAPLE).await),
            INVALID_LINK
        );
        assert_eq!(
            kit.record.take(),
            ["token_refused tokens - reset-email Forged"; 2],
            "{id}"
        );
    }
    for token in ["", "set-password", "-", "a-b", "\0", &"a".repeat(5000)] {
        assert!(
            !works(&kit, &(id.clone(), token.to_owned())).await,
            "{token}"
        );
    }
}

#[tokio::test]
async fn verification_token_does_not_reset() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let (reset_id, _) = kit.reset_link(ANNS_EMAIL).await;
    for kind in [AddressKind::Email, AddressKind::Phone] {
        let row = kit.address(&current_user, kind).await;
        let (verify_id, token) = kit.verification_link(&current_user, &row).await;
        assert!(!works(&kit, &(reset_id.clone(), token.clone())).await);
        assert!(!works(&kit, &(verify_id, token)).await);
    }
}

#[tokio::test]
async fn old_keys_are_fallbacks() {
    let kit = Kit::with_ann().await;
    let link = kit.reset_link(ANNS_EMAIL).await;
    let new_key = || SecretKey::new("w8LhTz2VbNq6XcRk9MfYs3JgPd5EuQa7-next".to_owned()).unwrap();
    let old_key = SecretKey::new(SECRET.to_owned()).unwrap();
    let without = kit.rekeyed(Keyring::new(new_key()));
    assert!(without.check_reset_link(&link.0, &link.1).await.is_err());
    let with = kit.rekeyed(Keyring::new(new_key()).with_fallback(old_key));
    assert!(with.check_reset_link(&link.0, &link.1).await.is_ok());
    assert_eq!(keyring(SECRET).accepted(), 1);
}

#[tokio::test]
async fn bad_passwords_keep_the_link() {
    let kit = Kit::with_ann().await;
    let link = kit.reset_link(ANNS_EMAIL).await;
    for (new1, new2, problems) in [
        (
            "",
            "",
            vec![
                (Field::NewPassword1, Problem::Required),
                (Field::NewPassword2, Problem::Required),
            ],
        ),
        (
            STAPLE,
            HORSE,
            vec![(Field::NewPassword2, Problem::PasswordsDiffer)],
        ),
        (
            "short",
            "short",
            vec![(Field::NewPassword1, Problem::PasswordTooShort { min: 8 })],
        ),
        (
            "annsmith",
            "annsmit",
            vec![
                (
                    Field::NewPassword1,
                    Problem::PasswordTooSimilar {
                        to: Field::LastName,
                    },
                ),
                (Field::NewPassword2, Problem::PasswordsDiffer),
            ],
        ),
        (
            "98765x43210",
            "98765x43210",
            vec![(
                Field::NewPassword1,
                Problem::PasswordTooSimilar { to: Field::Phone },
            )],
        ),
        (
            "nul\0in the middle",
            "nul\0in the middle",
            vec![(Field::NewPassword1, Problem::InvalidCharacters)],
        ),
    ] {
        kit.record.forget();
        let (new1, new2) = (Password::new(new1), Password::new(new2));
        let refused = kit
            .accounts
            .reset_password(&link.0, &link.1, &new1, &new2)
            .await;
        let problems: Vec<_> = problems
            .into_iter()
            .map(|(field, problem)| FieldProblem::new(field, problem))
            .collect();
        assert_eq!(refusal(refused), ResetRefusal::Invalid(problems));
        assert_eq!(kit.hasher.made(), 0);
        assert_eq!(kit.record.take(), [""; 0]);
    }
    assert!(works(&kit, &link).await);
    kit.log_in("ann", HORSE).await;
}

#[tokio::test]
async fn failing_store_changes_nothing() {
    let kit = Kit::with_ann().await;
    kit.store.fail_with(StoreErrorKind::Unavailable);
    let asked = kit.accounts.request_password_reset(ANNS_EMAIL).await;
    assert_eq!(failure(asked).kind(), FailureKind::Unavailable);
    kit.store.recover();
    let link = kit.reset_link(ANNS_EMAIL).await;
    for calls in 0..3 {
        kit.store.fail_after(calls, StoreErrorKind::Unavailable);
        let failure = failure(reset(&kit.accounts, &link, STAPLE).await);
        assert_eq!(failure.kind(), FailureKind::Unavailable);
        kit.store.recover();
    }
    assert_eq!(kit.record.take(), [""; 0]);
    kit.log_in("ann", HORSE).await;
}

#[tokio::test]
async fn reset_without_receiver_is_refused_for_all() {
    let kit = Kit::with_ann().await;
    let (email, phone) = (AddressKind::Email, AddressKind::Phone);
    for (lacking, kind, refused, taken) in [
        (
            "reset_password_email",
            email,
            [ANNS_EMAIL, "nobody@example.org"],
            ANNS_PHONE,
        ),
        (
            "reset_password_phone",
            phone,
            [ANNS_PHONE, "+41446681899"],
            ANNS_EMAIL,
        ),
    ] {
        let accounts = kit.lacking(&[lacking]);
        let enqueued = accounts
            .outbox()
            .unwrap()
            .rows_after(None, 9)
            .await
            .unwrap()
            .len();
        for login in refused {
            let refused = accounts.request_password_reset(login).await;
            let problem = FieldProblem::new(Field::Login, Problem::NoSender { kind });
            let invalid = ResetRequestRefusal::Invalid(vec![problem]);
            assert_eq!(refusal(refused), invalid, "{login}");
        }
        assert_eq!(
            accounts
                .outbox()
                .unwrap()
                .rows_after(None, 9)
                .await
                .unwrap()
                .len(),
            enqueued
        );
        accounts.request_password_reset(taken).await.unwrap();
        let now_pending = accounts
            .outbox()
            .unwrap()
            .rows_after(None, 9)
            .await
            .unwrap()
            .len();
        assert_eq!(now_pending, enqueued + 1);
    }
}
