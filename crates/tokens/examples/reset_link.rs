//! A link that resets a password, followed in time, too late, for something else, and twice.
//!
//! Run it with `cargo run -p phone-auth-tokens --example reset_link`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use phone_auth_tokens::chrono::{TimeDelta, Utc};
use phone_auth_tokens::{Keyring, OneTimeTokens, Purpose, SecretKey, TokenError};

const RESET: Purpose = Purpose::new("reset-password");
const VERIFY: Purpose = Purpose::new("verify-email");
const DAY: Duration = Duration::from_hours(24);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A real application keeps its key in a file: `reveal` gives its text, `SecretKey::new` takes it.
    let tokens = OneTimeTokens::new(Keyring::new(SecretKey::generate()?));

    let now = Utc::now();
    let user: &[u8] = b"17";
    let old_hash: &[u8] = b"hash of the old password";
    let token = tokens.issue(&RESET, now, &[user, old_hash]);

    let later = now + TimeDelta::hours(1);
    let checked = tokens.check(&RESET, token.as_str(), later, DAY, &[user, old_hash]);
    println!("opened in time:       {}", said(checked));

    let next_week = now + TimeDelta::days(7);
    let checked = tokens.check(&RESET, token.as_str(), next_week, DAY, &[user, old_hash]);
    println!("opened next week:     {}", said(checked));

    let checked = tokens.check(&VERIFY, token.as_str(), later, DAY, &[user, old_hash]);
    println!("used for another:     {}", said(checked));

    // Following the link has changed the password, and with it the state.
    let new_hash: &[u8] = b"hash of the new password";
    let checked = tokens.check(&RESET, token.as_str(), later, DAY, &[user, new_hash]);
    println!("opened a second time: {}", said(checked));
    Ok(())
}

fn said(checked: Result<(), TokenError>) -> String {
    match checked {
        Ok(()) => "accepted".to_owned(),
        Err(refused) => refused.to_string(),
    }
}
