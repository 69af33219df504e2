//! Receivers and signals of other crates, reached through a re-export.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_events::{RelativeUrl, Sender, Signals, User, VerifyEmail};
use phone_auth_signals_fixture_named::{Outbox, PluginCalled};
use std::sync::Arc;

fn dispatcher() -> (Signals, Arc<Outbox>) {
    let outbox = Arc::new(Outbox::default());
    (
        Signals::builder()
            .provide_arc(Arc::clone(&outbox))
            .build()
            .unwrap(),
        outbox,
    )
}

#[tokio::test]
async fn plugin_receives_our_signal() {
    let (signals, outbox) = dispatcher();
    let url = RelativeUrl::new("/accounts/verify/").unwrap();
    let user = User::new(1, "anna", "Anna", "Ant");
    signals
        .send(&VerifyEmail::new(
            Sender::new("sign_up"),
            user,
            url,
            "anna@example.org".to_owned(),
        ))
        .await
        .unwrap();
    assert_eq!(outbox.addresses(), ["anna@example.org"]);
}

#[test]
fn plugin_declares_its_own_signal() {
    let (signals, outbox) = dispatcher();
    signals.send_sync(&PluginCalled::new(0)).unwrap();
    signals.send_sync(&PluginCalled::new(2)).unwrap();
    assert_eq!(outbox.addresses(), ["called 2 times"]);
}

#[test]
fn missing_state_names_its_receiver() {
    let error = Signals::linked().unwrap_err().to_string();
    assert!(
        error.contains("the receiver fixture.outbox (crates/signals/fixtures/named/src/lib.rs:"),
        "{error}"
    );
    assert!(
        error.contains("takes `&phone_auth_signals_fixture_named::Outbox`"),
        "{error}"
    );
}

#[test]
fn manifest_says_where_it_stands() {
    let (signals, _) = dispatcher();
    let manifest = signals.manifest();
    let receiver = manifest
        .receivers
        .iter()
        .find(|receiver| receiver.id == "fixture.outbox")
        .unwrap();
    assert_eq!(receiver.signal, "verify_email");
    assert_eq!(receiver.package, "phone-auth-signals-fixture-named");
    assert!(receiver.file.ends_with("fixtures/named/src/lib.rs"));
    assert_eq!(receiver.priority, 5);
    assert_eq!(receiver.state, ["phone_auth_signals_fixture_named::Outbox"]);
    let signal = manifest
        .signals
        .iter()
        .find(|signal| signal.name == "plugin_called")
        .unwrap();
    assert_eq!(signal.doc, "The plugin was asked to do something.");
    assert!(
        manifest
            .registries
            .iter()
            .all(phone_auth_events::RegistryCheck::is_whole)
    );
}
