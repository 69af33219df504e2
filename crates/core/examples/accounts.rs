//! Accounts without a web page: Ann signs up, proves their phone number and logs in.
//!
//! `cargo run -p phone-auth-core --example accounts` prints what happens. The store is the one in
//! memory; with another store only one line differs.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;

use phone_auth_core::accounts::{Accounts, SignUpForm};
use phone_auth_core::address::AddressKind;
use phone_auth_core::password::Password;
use phone_auth_core::signals::{Signals, UserSignedUp, VerifyPhone};
use phone_auth_core::tokens::{Keyring, SecretKey};
use phone_auth_store_testkit::MemoryStore;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Who listens: here two closures, in a program `#[receiver(verify_phone)] async fn …`.
    let signals = Signals::isolated();
    let _welcome = signals.connect(|event: &UserSignedUp| {
        println!("welcome, {}", event.user.first_name);
    });
    let mut texts = signals.capture::<VerifyPhone>();

    let store = Arc::new(MemoryStore::new());
    let accounts = Accounts::builder(store, Keyring::new(SecretKey::generate()?))
        .signals(signals)
        .build()?;

    let horse = Password::new("correct horse");
    let form = SignUpForm {
        first_name: "Ann",
        last_name: "Smith",
        username: "ann",
        email: "ann@example.org",
        phone: "+91 98765 43210",
        password: horse.clone(),
        confirm_password: Some(horse.clone()),
    };
    accounts.sign_up(form).await?;

    let logged_in = accounts.log_in("+919876543210", &horse, None).await?;
    let current_user = accounts
        .current_user(&logged_in.key)
        .await?
        .ok_or("nobody")?;
    println!("logged in as {}", current_user.user().username);

    for address in accounts.addresses(&current_user).await? {
        if address.kind == AddressKind::Phone {
            let sent = accounts
                .request_verification(&current_user, address.kind, address.id)
                .await?;
            println!("link to {}: {sent:?}", address.value);
        }
    }
    let text = texts.next().await.ok_or("no message")?;
    let link = text.link();
    let _ = accounts.verify_address(link.id, link.token).await?;

    let current_user = accounts
        .current_user(&logged_in.key)
        .await?
        .ok_or("nobody")?;
    println!("phone verified: {}", current_user.has_verified_phone());

    let refused = accounts.log_in("ann", &Password::new("wrong"), None).await;
    println!("a wrong password: {}", refused.err().ok_or("let in")?);
    Ok(())
}
