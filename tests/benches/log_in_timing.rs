//! How long a refused log-in takes, for people who exist and people who do not.
//!
//! A stranger with a clock must not tell them apart. Times on a busy machine prove nothing, so this
//! is no test: it prints medians and quartiles, and whoever reads them judges. The kinds take turns,
//! so that whatever slows the machine slows all of them.

use std::io::Write as _;
use std::time::{Duration, Instant};

use phone_auth_tests::{Client, Site};

const ROUNDS: usize = 100;

#[tokio::main]
async fn main() {
    let site = Site::start().await;
    let (known, inactive, unusable) = (
        site.signed_up().await,
        site.signed_up().await,
        site.signed_up().await,
    );
    let database = site.database();
    let change = |set: &str, username: &str| {
        database.execute(&format!(
            "UPDATE auth_user SET {set} WHERE username = '{username}'"
        ));
    };
    change("is_active = 0", &inactive.username);
    change("password = '!'", &unusable.username);
    let kinds = [
        ("known by e-mail", known.email.as_str()),
        ("known by phone", &known.phone),
        ("known by username", &known.username),
        ("unknown e-mail", "nobody@example.org"),
        ("unknown phone", "+919876599999"),
        ("unknown username", "nobody"),
        ("no such shape", "no body"),
        ("inactive", &inactive.username),
        ("unusable password", &unusable.username),
    ];
    let client = site.client();
    let mut times = vec![Vec::with_capacity(ROUNDS); kinds.len()];
    for _ in 0..ROUNDS {
        for ((_, login), times) in kinds.iter().zip(&mut times) {
            times.push(refused(&client, login).await);
        }
    }
    let mut out = std::io::stdout();
    for ((kind, _), mut times) in kinds.iter().zip(times) {
        times.sort();
        let at = |share: usize| times.get(ROUNDS * share / 100).copied().unwrap_or_default();
        // Whoever closed the output has seen enough.
        let _closed = writeln!(
            out,
            "{kind:20} median {:>9.3?}   quartiles {:>9.3?} … {:>9.3?}",
            at(50),
            at(25),
            at(75)
        );
    }
}

async fn refused(client: &Client, login: &str) -> Duration {
    let started = Instant::now();
    client
        .post_log_in(login, "not-The-Password-1")
        .await
        .expect(400);
    started.elapsed()
}
