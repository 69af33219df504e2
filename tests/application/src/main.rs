//! The tea house in production: database, key and address from the environment.

use std::env;
use std::error::Error;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use phone_auth::{Database, PhoneAuth, SecretKey, SiteOrigin};
use phone_auth_tea_house::{Orders, Post, tea_house};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Writes mail where the one who runs it looks.
struct Printed;

impl Post for Printed {
    fn send(&self, to: &str, text: &str) -> io::Result<()> {
        writeln!(io::stdout(), "to {to}: {text}")
    }
}

/// A setting of the environment.
fn setting(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let database = setting("TEA_HOUSE_DATABASE", "sqlite:app.sqlite3");
    let key_file = setting("TEA_HOUSE_KEY_FILE", "app.key");
    let key = std::fs::read_to_string(&key_file).map_err(|error| format!("{key_file}: {error}"))?;
    let listener = TcpListener::bind(setting("TEA_HOUSE_ADDR", "127.0.0.1:3000")).await?;
    let here = format!("http://{}", listener.local_addr()?);
    let site = SiteOrigin::parse(&setting("TEA_HOUSE_SITE", &here))?;

    let accounts = Database::open(&database).await?;
    let orders = Orders::open(&database).await?;
    let builder = PhoneAuth::builder(site, SecretKey::new(key.trim())?, accounts);
    let (auth, router) = tea_house(builder, orders, Arc::new(Printed)).await?;

    let mut terminate = signal(SignalKind::terminate())?;
    let stopping = auth.clone();
    let stop = async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        stopping.stop_claiming();
    };
    writeln!(io::stdout(), "{here}/")?;
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, router)
        .with_graceful_shutdown(stop)
        .await?;
    auth.shut_down(Duration::from_secs(20)).await;
    Ok(())
}
