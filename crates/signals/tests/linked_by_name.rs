//! The cure for a dependency that no code names: to name it.

use phone_auth_events::{Signals, UserLoggedIn, link_receivers};

link_receivers!(phone_auth_signals_fixture_unnamed);

#[test]
fn named_crate_registers_its_receivers() -> Result<(), phone_auth_events::SetupError> {
    let signals = Signals::linked()?;
    assert!(signals.has_receiver::<UserLoggedIn>());
    let ids: Vec<_> = signals
        .manifest()
        .receivers
        .into_iter()
        .map(|receiver| receiver.id)
        .collect();
    assert_eq!(ids, ["phone_auth_signals_fixture_unnamed::audit"]);
    Ok(())
}
