//! A site of one's own around the account pages: own routes, own mailer, a page for members only.

use std::{error::Error, io, net::SocketAddr, time::Duration};

use axum::{Router, routing::get};
use phone_auth::signals::{Message, ResetPasswordPhone, VerifyPhone};
use phone_auth::signals::{receiver, reset_password_email, verify_email};
use phone_auth::{BuildError, Database, PhoneAuth, SecretKey, Settings, SiteOrigin, web};
use tokio::sync::{Mutex, oneshot};

/// Whatever sends your mail; here it is written.
pub(crate) struct Mailer(pub(crate) Mutex<Box<dyn io::Write + Send>>);

#[receiver(verify_email, reset_password_email)]
async fn send(mail: &dyn Message, site: &SiteOrigin, mailer: &Mailer) -> io::Result<()> {
    let (to, link) = (mail.destination(), mail.url().absolute(site));
    writeln!(mailer.0.lock().await, "to {}: {link}", to.as_str())
}

async fn club(web::VerifiedEmail(current_user): web::VerifiedEmail) -> String {
    format!("Welcome to the club, {}", current_user.user().first_name)
}

pub(crate) async fn accounts(
    site: SiteOrigin,
    key: SecretKey,
    database: Database,
    mailer: Mailer,
) -> Result<PhoneAuth, BuildError> {
    let mut settings = Settings::default();
    settings.login_redirect_url = "/club/".into();
    PhoneAuth::builder(site, key, database)
        .accounts(|accounts| accounts.settings(settings))
        .receivers(|receivers| receivers.provide(mailer))
        .allow_unreceived::<VerifyPhone>() // nobody here sends SMS
        .allow_unreceived::<ResetPasswordPhone>()
        .build()
        .await
}

pub(crate) fn app(auth: &PhoneAuth) -> Router {
    let club = get(club).with_state(auth.web().clone());
    let own = Router::new().route("/", get("Hello")).route("/club/", club);
    own.merge(auth.router()).layer(auth.web().layer())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let site = SiteOrigin::parse("http://127.0.0.1:3000")?;
    // Made once, by `openssl rand -hex 32 > app.key`: the database refuses any other.
    let key = std::fs::read_to_string("app.key").map_err(|error| format!("app.key: {error}"))?;
    let key = SecretKey::new(key.trim())?;
    let database = Database::open("sqlite:app.sqlite3").await?;
    let mailer = Mailer(Mutex::new(Box::new(io::stdout())));
    let auth = accounts(site, key, database, mailer).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    // Each client has its share of the work, so its address counts.
    let app = app(&auth).into_make_service_with_connect_info::<SocketAddr>();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async { drop(stopped.await) });
    let server = tokio::spawn(server.into_future());
    phone_auth::stop_requested()?.await;
    drop(stop);
    // One deadline for requests and messages under way, so that no client keeps the process.
    if let Some(served) = auth.finish(server, Duration::from_secs(20)).await.server {
        served??;
    }
    Ok(())
}
