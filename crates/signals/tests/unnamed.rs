//! A dependency that no code names is not linked, so that its receivers are not there. `linked_by_name.rs` has the cure.

use phone_auth_events::{Signals, UserLoggedIn};

#[test]
fn unnamed_crate_registers_nothing() -> Result<(), phone_auth_events::SetupError> {
    let signals = Signals::linked()?;
    assert!(!signals.has_receiver::<UserLoggedIn>());
    assert!(signals.manifest().receivers.is_empty());
    Ok(())
}
