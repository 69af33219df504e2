//! The tea house in production: database, key and address from the environment.

use std::env;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use phone_auth::{Database, PhoneAuth, SecretKey, SiteOrigin};
use phone_auth_tea_house::{BoxError, Orders, Post, tea_house};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

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

fn main() -> Result<(), BoxError> {
    let runtime = tokio::runtime::Runtime::new()?;
    let served = runtime.block_on(serve());
    // A receiver that holds a thread, as one whose mail server does not answer, does not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(100));
    served
}

async fn serve() -> Result<(), BoxError> {
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

    let grace = Duration::from_secs(setting("TEA_HOUSE_GRACE", "20").parse()?);
    let stop_requested = phone_auth::stop_requested()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let server =
        axum::serve(listener, router).with_graceful_shutdown(async { drop(stopped.await) });
    let server = tokio::spawn(server.into_future());
    writeln!(io::stdout(), "{here}/")?;
    stop_requested.await;
    drop(stop);
    // One deadline for requests and messages under way, so that no client keeps the process.
    if let Some(served) = auth.finish(server, grace).await.server {
        served??;
    }
    Ok(())
}
