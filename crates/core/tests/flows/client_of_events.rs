//! Whose request it was: said in each event of what happened, and in no message.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{HORSE, Kit, STAPLE, ann};
use phone_auth_core::address::AddressKind;
use phone_auth_core::client::Client;
use phone_auth_core::limits::{LimitSettings, TextCountries};
use phone_auth_core::password::Password;
use phone_auth_events::{
    AccountClosed, AccountClosingCancelled, AccountClosingScheduled, AttemptLimited, EmailAdded,
    EmailLost, EmailRemoved, EmailVerified, EventClient, MessageRefused, PasswordChanged,
    PasswordWasReset, PhoneAdded, PhoneLost, PhoneRemoved, PhoneVerified, ResetPasswordEmail,
    UserLoggedIn, UserLoggedOut, UserLoginFailed, UserSignedUp, VerifyEmail, VerifyPhone,
};

const ADDRESS: &str = "203.0.113.7";

/// An event that was told: its type, its client, and what `Debug` shows of it.
type Heard = Arc<Mutex<Vec<(&'static str, Option<EventClient>, String)>>>;

/// Listens for these; their names.
macro_rules! hear {
    ($kit:expr, $heard:expr, [$($event:ident),+ $(,)?]) => {{
        let connections = [$({
            let heard = Arc::clone($heard);
            $kit.signals.connect(move |event: &$event| {
                let all = format!("{event:?}");
                heard.lock().unwrap().push((stringify!($event), event.client, all));
            })
        }),+];
        (connections, [$(stringify!($event)),+])
    }};
}

/// All that can happen to an account, by requests of one client.
async fn live(kit: &Kit) {
    let client = Client::new().at(ADDRESS.parse().unwrap());
    let accounts = kit.accounts.for_client(client);
    let (horse, staple) = (Password::new(HORSE), Password::new(STAPLE));
    kit.sign_up_bob().await;
    let user = accounts.sign_up(ann()).await.unwrap();
    accounts.log_in("ann", &staple, None).await.unwrap_err();
    let key = accounts.log_in("ann", &horse, None).await.unwrap().key;
    let current_user = accounts.current_user(&key).await.unwrap().unwrap();
    for (kind, text, bobs) in [
        (AddressKind::Email, "ann@work.example", "bob@example.net"),
        (AddressKind::Phone, "+919876500018", "+442079460018"),
    ] {
        let added = accounts.add_address(&current_user, kind, text).await;
        let added = added.unwrap();
        let sent = accounts.request_verification(&current_user, kind, added.id);
        let _ = sent.await.unwrap();
        let (id, token) = kit.record.messages().pop().unwrap().parts();
        let verified = accounts.verify_address(&id, &token).await;
        assert!(verified.is_ok(), "{kind:?} {:?}", kit.record.take());
        // What Bob has not proven is hers.
        let claim = accounts.add_address(&current_user, kind, bobs).await;
        let verified = accounts.set_verified(&user, &claim.unwrap(), true).await;
        assert!(verified.unwrap().is_changed());
        let own = accounts.addresses(&current_user).await.unwrap();
        let lost = own.iter().find(|it| it.value == bobs).unwrap();
        let removed = accounts.remove_address(&current_user, kind, lost.id);
        let _ = removed.await.unwrap();
    }
    let changed = accounts.change_password(&current_user, &horse, &staple, &staple);
    accounts.log_out(&changed.await.unwrap()).await.unwrap();
    accounts
        .request_password_reset("ann@work.example")
        .await
        .unwrap();
    let (id, token) = kit.record.messages().pop().unwrap().parts();
    let reset = accounts.reset_password(&id, &token, &horse, &horse);
    reset.await.unwrap();
    // To a country that is not listed nothing is sent.
    let password = kit.encoded(HORSE).await;
    let carol = kit.store_user("carol", password.reveal()).await;
    let number = kit.accounts.addresses_of(carol.id).await.unwrap();
    let number = number.iter().find(|it| it.kind == AddressKind::Phone);
    let asked = accounts.request_password_reset(&number.unwrap().value);
    asked.await.unwrap();

    let _ = accounts.request_closing(user.id).await.unwrap();
    kit.clock.advance(Duration::from_secs(1));
    drop(accounts.log_in("ann", &horse, None).await.unwrap());
    accounts.close(user.id).await.unwrap();
    for _ in 0..6 {
        accounts.log_in("bob", &staple, None).await.unwrap_err();
    }
}

#[tokio::test]
async fn every_event_names_its_client() {
    let address: IpAddr = ADDRESS.parse().unwrap();
    for is_redacted in [false, true] {
        let kit = Kit::with_settings(|settings| {
            settings.limits = LimitSettings::default();
            settings.limits.text_countries = TextCountries::named(["IN"]).unwrap();
            settings.closing_grace = Some(Duration::from_hours(24));
            settings.redact_client_addresses = is_redacted;
        });
        let heard = Heard::default();
        let (_connections, events) = hear!(
            kit,
            &heard,
            [
                AccountClosed,
                AccountClosingCancelled,
                AccountClosingScheduled,
                AttemptLimited,
                EmailAdded,
                EmailLost,
                EmailRemoved,
                EmailVerified,
                MessageRefused,
                PasswordChanged,
                PasswordWasReset,
                PhoneAdded,
                PhoneLost,
                PhoneRemoved,
                PhoneVerified,
                UserLoggedIn,
                UserLoggedOut,
                UserLoginFailed,
                UserSignedUp,
            ]
        );
        let mut emails = kit.signals.capture::<VerifyEmail>();
        let mut texts = kit.signals.capture::<VerifyPhone>();
        let mut resets = kit.signals.capture::<ResetPasswordEmail>();
        live(&kit).await;
        let mut heard = heard.lock().unwrap().split_off(0);
        // Bob's sign-up is nobody's request.
        let (_, client, shown) = heard.remove(0);
        assert_eq!(client, None, "{shown}");
        for event in events {
            let mut told = heard.iter().filter(|(name, ..)| *name == event);
            assert!(told.next().is_some(), "{event} is not told");
        }
        for (event, client, shown) in heard {
            let told = client.map(|client| client.address);
            assert_eq!(told, Some(address), "{event}");
            assert_eq!(shown.contains(ADDRESS), !is_redacted, "{shown}");
        }
        let messages = format!("{:?} {:?} {:?}", emails.take(), texts.take(), resets.take());
        for name in ["VerifyEmail", "VerifyPhone", "ResetPasswordEmail"] {
            assert!(messages.contains(name), "{messages}");
        }
        assert!(!messages.contains(ADDRESS), "{messages}");
    }
}
