//! Two clicks at a form that asks for a code, in a browser that has no key of a challenge yet.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::net::Ipv4Addr;
use std::time::Duration;

use phone_auth_core::accounts::Accounts;
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::client::Client;
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::settings::Settings;
use phone_auth_core::store::AddressStore;
use phone_auth_events::{LoginEmail, ResetPasswordEmail};

use crate::common::{ANNS_EMAIL, Kit};

#[derive(Clone, Copy, Debug)]
enum Flow {
    Reset,
    LogIn,
}

async fn ask(accounts: &Accounts, flow: Flow, login: &str) -> ChallengeKey {
    let asked = match flow {
        Flow::Reset => accounts.begin_reset(login, None).await,
        Flow::LogIn => accounts.begin_log_in(login, None).await,
    };
    asked.unwrap()
}

fn limited(settings: &mut Settings) {
    settings.login_by_code = true;
    settings.limits = LimitSettings::default();
}

/// Two clicks are one request where browser, client, name and flow are the same, for ten seconds; of nobody as well.
#[tokio::test]
async fn second_click_is_sent_nothing() {
    for flow in [Flow::Reset, Flow::LogIn] {
        let kit = Kit::with_settings(limited);
        let ann = kit.sign_up_ann().await;
        for address in kit.store.addresses_of(ann.id, 10).await.unwrap() {
            kit.prove(&address).await;
        }
        let mut resets = kit.signals.capture::<ResetPasswordEmail>();
        let mut log_ins = kit.signals.capture::<LoginEmail>();
        let mut sent = || resets.take().len() + log_ins.take().len();
        let at = |last| Client::new().at(Ipv4Addr::new(203, 0, 113, last).into());
        let here = kit
            .accounts
            .for_client(at(1))
            .for_browser(Some("browser 1"));
        let first = ask(&here, flow, ANNS_EMAIL).await;
        let spelt = ANNS_EMAIL.to_uppercase();
        let (second, third) = tokio::join!(ask(&here, flow, ANNS_EMAIL), ask(&here, flow, &spelt));
        assert_eq!(second.reveal(), first.reveal(), "{flow:?}");
        assert_eq!(third.reveal(), first.reveal(), "{flow:?}");
        assert_eq!(sent(), 1, "{flow:?}");
        // Of several at once one is sent; each finds what that one has got.
        let other = kit
            .accounts
            .for_client(at(2))
            .for_browser(Some("browser 2"));
        let (one, two) = tokio::join!(ask(&other, flow, ANNS_EMAIL), ask(&other, flow, ANNS_EMAIL));
        assert_eq!(one.reveal(), two.reveal(), "{flow:?}");
        assert_eq!(sent(), 1, "{flow:?}");
        let nobodys = ask(&here, flow, "nobody@example.org").await;
        let again = ask(&here, flow, "nobody@example.org").await;
        assert_eq!(nobodys.reveal(), again.reveal(), "{flow:?}");
        assert_eq!(sent(), 0);
        // Another browser, another client, the same ones without a secret, and the same ones later.
        let others = [
            kit.accounts
                .for_client(at(3))
                .for_browser(Some("browser 3")),
            kit.accounts
                .for_client(at(4))
                .for_browser(Some("browser 1")),
            kit.accounts.for_client(at(5)).for_browser(None),
        ];
        for other in others {
            kit.clock.advance(Duration::from_mins(2));
            let asked = ask(&other, flow, ANNS_EMAIL).await;
            assert_ne!(asked.reveal(), first.reveal(), "{flow:?}");
            assert_eq!(sent(), 1, "{flow:?}");
        }
        let later = ask(&here, flow, ANNS_EMAIL).await;
        assert_ne!(later.reveal(), first.reveal(), "{flow:?}");
        assert_eq!(sent(), 1, "{flow:?}");
    }
}

/// A code that was used is none to answer a second click with.
#[tokio::test]
async fn used_code_is_asked_for_again() {
    let kit = Kit::with_settings(limited);
    let ann = kit.sign_up_ann().await;
    for address in kit.store.addresses_of(ann.id, 10).await.unwrap() {
        kit.prove(&address).await;
    }
    let mut sent = kit.signals.capture::<ResetPasswordEmail>();
    let client = Client::new().at(Ipv4Addr::new(203, 0, 113, 1).into());
    let here = kit
        .accounts
        .for_client(client)
        .for_browser(Some("browser 1"));
    let first = ask(&here, Flow::Reset, ANNS_EMAIL).await;
    let code = sent.take().remove(0).envelope.code.unwrap();
    assert!(here.prove_reset(&first, code.as_str()).await.is_ok());
    let again = ask(&here, Flow::Reset, ANNS_EMAIL).await;
    assert_ne!(again.reveal(), first.reveal());
    assert_eq!(sent.take().len(), 1);
}
