//! An application with a page of its own beside the account pages, over a store in memory.
//!
//! `cargo run -p phone-auth-web --example site [ADDRESS]`

#![expect(clippy::print_stdout, reason = "an example prints what happens")]

use std::sync::Arc;

use axum::{Router, routing::get};
use phone_auth_core::accounts::Accounts;
use phone_auth_events::{ResetPasswordEmail, Signals, SiteOrigin, VerifyEmail, VerifyPhone};
use phone_auth_store_testkit::MemoryStore;
use phone_auth_tokens::{Keyring, SecretKey};
use phone_auth_web::{LoggedIn, RequestLogLayer, Web, site};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:0");
    let listener = tokio::net::TcpListener::bind(address).await?;
    let origin = SiteOrigin::parse(&format!("http://{}", listener.local_addr()?))?;

    // Anyone who sends messages would listen here. This one prints them.
    let signals = Signals::isolated();
    let to = origin.clone();
    signals
        .connect(move |event: &VerifyEmail| {
            println!("{}: {}", event.email, event.url.absolute(&to));
        })
        .forever();
    let to = origin.clone();
    signals
        .connect(move |event: &VerifyPhone| {
            println!("{}: {}", event.phone, event.url.absolute(&to));
        })
        .forever();
    let to = origin.clone();
    signals
        .connect(move |event: &ResetPasswordEmail| {
            println!("{}: {}", event.email, event.url.absolute(&to));
        })
        .forever();

    let keyring = Keyring::new(SecretKey::generate()?);
    let accounts = Accounts::builder(Arc::new(MemoryStore::new()), keyring)
        .signals(signals)
        .build()?;
    let web = Web::builder(accounts, origin.clone())
        .site_name("Tea House")
        .build()?;
    let app = Router::new()
        .route("/hello/", get(hello))
        .with_state(web.clone())
        .merge(web.router())
        .merge(site::router(&web))
        .layer(RequestLogLayer::new());
    println!("{origin}/");
    axum::serve(listener, app).await?;
    Ok(())
}

async fn hello(LoggedIn(current_user): LoggedIn) -> String {
    format!("Hello {}", current_user.user().first_name)
}
