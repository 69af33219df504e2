//! Keys of sessions that are drawn a second time, while someone else's session has them.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is not as it should be is a failed test"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::common::{self, HORSE, Kit, STAPLE, keyring, unlimited};
use phone_auth_core::accounts::Accounts;
use phone_auth_core::password::Password;
use phone_auth_core::randomness::{Randomness, RandomnessError};

/// Random bytes that come once more when it is told so.
#[derive(Clone, Default)]
struct Echo {
    drawn: Arc<AtomicU8>,
    again: Arc<AtomicU8>,
}

impl Randomness for Echo {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomnessError> {
        let again = self.again.swap(0, Ordering::SeqCst);
        let drawn = || self.drawn.fetch_add(1, Ordering::SeqCst) + 1;
        buffer.fill(if again > 0 { again } else { drawn() });
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
enum Drawn {
    LogIn,
    Begin,
    Change,
    Password,
    Proof,
}

#[tokio::test]
async fn key_in_use_is_drawn_anew() {
    for drawn in [
        Drawn::LogIn,
        Drawn::Begin,
        Drawn::Change,
        Drawn::Password,
        Drawn::Proof,
    ] {
        let kit = Kit::with_ann().await;
        kit.sign_up_bob().await;
        let echo = Echo::default();
        let accounts = Accounts::builder(Arc::new(kit.store.clone()), keyring(common::SECRET))
            .signals(kit.signals.clone())
            .settings(unlimited())
            .clock(kit.clock.clone())
            .randomness(echo.clone())
            .hasher(kit.hasher.clone())
            .build()
            .unwrap();
        let (horse, staple) = (Password::new(HORSE), Password::new(STAPLE));
        // What was drawn first is the key of Bob's.
        let bobs = accounts.log_in("bob", &horse, None).await.unwrap().key;
        let anns = accounts.log_in("ann", &horse, None).await.unwrap().key;
        let ann = accounts.current_user(&anns).await.unwrap().unwrap();
        echo.again.store(1, Ordering::SeqCst);
        let key = match drawn {
            Drawn::LogIn => accounts.log_in("ann", &horse, None).await.unwrap().key,
            Drawn::Begin => {
                let begun = accounts.begin_session(ann.user().id, None).await;
                begun.unwrap().key
            }
            Drawn::Change => {
                let changed = accounts.change_password(&ann, &horse, &staple, &staple);
                changed.await.unwrap()
            }
            Drawn::Password => accounts.reauthenticate(&ann, &horse).await.unwrap(),
            Drawn::Proof => accounts.record_proof(&ann).await.unwrap(),
        };
        assert_eq!(echo.again.load(Ordering::SeqCst), 0, "{drawn:?}");
        for (key, username) in [(&key, "ann"), (&bobs, "bob")] {
            let found = accounts.current_user(key).await.unwrap();
            let found = found.unwrap_or_else(|| panic!("{drawn:?}: {username}"));
            assert_eq!(found.user().username, username, "{drawn:?}");
        }
    }
}
