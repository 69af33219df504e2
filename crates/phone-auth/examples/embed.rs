//! A site of one's own around the account pages: own routes, own mailer, a page for members only.

use axum::{Router, routing::get};
use phone_auth::signals::{ResetPasswordEmail, ResetPasswordPhone, VerifyEmail, VerifyPhone};
use phone_auth::signals::{receiver, reset_password_email, verify_email};
use phone_auth::{PhoneAuth, SecretKey, SiteOrigin, web::VerifiedEmail};
use tokio::sync::mpsc::{self, Sender, error::SendError};

/// Whatever sends your mail; here it goes to a queue.
pub(crate) struct Mailer {
    pub(crate) site: SiteOrigin,
    pub(crate) queue: Sender<String>,
}

#[receiver(verify_email)]
async fn verify(event: &VerifyEmail, mailer: &Mailer) -> Result<(), SendError<String>> {
    let link = event.url.absolute(&mailer.site);
    let mail = format!("to {}: is this you? {link}", event.email);
    mailer.queue.send(mail).await
}

#[receiver(reset_password_email)]
async fn reset(event: &ResetPasswordEmail, mailer: &Mailer) -> Result<(), SendError<String>> {
    let link = event.url.absolute(&mailer.site);
    let mail = format!("to {}: a new password? {link}", event.email);
    mailer.queue.send(mail).await
}

async fn club(VerifiedEmail(visitor): VerifiedEmail) -> String {
    format!("Welcome to the club, {}", visitor.person().first_name)
}

pub(crate) async fn app(
    db: &str,
    key: SecretKey,
    mailer: Mailer,
) -> Result<Router, Box<dyn std::error::Error>> {
    let auth = PhoneAuth::builder()
        .site(mailer.site.as_str())
        .database(db)
        .secret_key(key)
        .provide(mailer)
        .unreceived::<VerifyPhone>() // nobody here sends SMS
        .unreceived::<ResetPasswordPhone>()
        .build()
        .await?;
    let club = get(club).with_state(auth.web().clone());
    let own = Router::new().route("/", get("Hello"));
    Ok(own.route("/club/", club).merge(auth.router()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let site = SiteOrigin::parse("http://127.0.0.1:3000")?;
    let (queue, mut mail) = mpsc::channel(100);
    // Made once, by `openssl rand -hex 32 > app.key`: the database refuses any other.
    let key = SecretKey::new(std::fs::read_to_string("app.key")?.trim())?;
    let app = app("sqlite:app.sqlite3", key, Mailer { site, queue }).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    // Each client has its share of the work, so its address counts.
    let app = app.into_make_service_with_connect_info::<std::net::SocketAddr>();
    tokio::spawn(async { axum::serve(listener, app).await });
    while let Some(mail) = mail.recv().await {
        std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("{mail}\n"))?;
    }
    Ok(())
}
