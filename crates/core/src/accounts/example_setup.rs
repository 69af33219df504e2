# use std::sync::Arc;
# use phone_auth_core::accounts::{Accounts, SignUpForm};
# use phone_auth_signals::Signals;
# use phone_auth_store_testkit::MemoryStore;
# use phone_auth_tokens::{Keyring, SecretKey};
# tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
# let signals = Signals::isolated();
# let store = Arc::new(MemoryStore::new());
# let accounts = Accounts::builder(store, Keyring::new(SecretKey::generate()?))
#     .signals(signals.clone())
#     .build()?;
# let form = SignUpForm {
#     first_name: "Ann",
#     last_name: "Smith",
#     username: "ann",
#     email: "ann@example.org",
#     phone: "+91 98765 43210",
#     password: Password::new("correct horse"),
#     confirm_password: Some(Password::new("correct horse")),
# };
# accounts.sign_up(form).await?;
// Ann has signed up with the password "correct horse".
