//! Whether a stranger with a clock can tell who has an account: how long log-ins and requests for a reset take, for
//! people who exist and people who do not.
//!
//! The kinds take turns, so that whatever slows the machine slows all of them. A kind differs when its median is
//! further from that of its reference than four standard errors of the two, and by more than two in a hundred: then
//! this ends with an error. Times on a busy machine can prove nothing, so it belongs to the long runs.
#![expect(clippy::expect_used, reason = "a site that does not answer ends it")]

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use phone_auth_tests::{Client, Site};

/// How often each kind is asked.
const ROUNDS: usize = 200;

/// The standard error of a median is this times that of a mean, for times that are spread about evenly.
const MEDIAN_ERROR: f64 = 1.2533;

/// The quartiles of a normal distribution are so many standard deviations apart.
const QUARTILES: f64 = 1.349;

/// Somebody who is asked for.
struct Kind {
    what: &'static str,
    name: String,
    /// Which kind it must not differ from, by its place; itself for a reference.
    like: usize,
}

/// What was measured of a kind.
struct Measured {
    median: f64,
    error: f64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let site = Site::start().await;
    let kinds = kinds(&site).await;
    let client = site.client();
    let log_ins = measure(&kinds, async |name| refused(&client, name).await).await;
    let resets = measure(&kinds, async |name| {
        let took = asked(&client, name).await;
        // What is sent in the background must not slow the next one.
        site.settled().await;
        took
    })
    .await;
    let same = [("log-in", log_ins), ("reset", resets)]
        .map(|(what, measured)| report(what, &kinds, &measured));
    if same.iter().all(|same| *same) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// One kind for each way to be known or not. Phones are compared with phones: reading one takes longer.
async fn kinds(site: &Site) -> Vec<Kind> {
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
    let kind = |what, name: &str, like| Kind {
        what,
        name: name.to_owned(),
        like,
    };
    vec![
        kind("known e-mail", &known.email, 0),
        kind("known phone", &known.phone, 1),
        kind("known username", &known.username, 2),
        kind("unknown e-mail", "nobody@example.org", 0),
        kind("inactive, by e-mail", &inactive.email, 0),
        kind("unusable password, by e-mail", &unusable.email, 0),
        kind("unknown phone", "+919876599999", 1),
        kind("inactive, by phone", &inactive.phone, 1),
        kind("unknown username", "nobody", 2),
    ]
}

/// Asks all kinds in turns.
async fn measure(kinds: &[Kind], ask: impl AsyncFn(&str) -> Duration) -> Vec<Measured> {
    let mut times = vec![Vec::with_capacity(ROUNDS); kinds.len()];
    for _ in 0..ROUNDS {
        for (kind, times) in kinds.iter().zip(&mut times) {
            times.push(ask(&kind.name).await.as_secs_f64());
        }
    }
    times.into_iter().map(Measured::of).collect()
}

impl Measured {
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let at = |share: usize| {
            let time = times.get(times.len() * share / 100);
            *time.expect("there are times")
        };
        let rounds = f64::from(u32::try_from(ROUNDS).unwrap_or(u32::MAX));
        Self {
            median: at(50),
            error: MEDIAN_ERROR * (at(75) - at(25)) / QUARTILES / rounds.sqrt(),
        }
    }

    /// By how many standard errors the two differ.
    fn errors_from(&self, other: &Self) -> f64 {
        (self.median - other.median).abs() / self.error.hypot(other.error)
    }
}

/// Prints what was measured; whether nobody can be told from somebody.
fn report(what: &str, kinds: &[Kind], measured: &[Measured]) -> bool {
    let mut out = std::io::stdout().lock();
    let mut same = true;
    for (kind, mine) in kinds.iter().zip(measured) {
        let reference = measured.get(kind.like).expect("a kind is like another");
        let ratio = mine.median / reference.median;
        let errors = mine.errors_from(reference);
        let differs = errors > 4.0 && (ratio - 1.0).abs() > 0.02;
        same &= !differs;
        // Whoever closed the output has seen enough.
        let _closed = writeln!(
            out,
            "{what:7} {:30} median {:8.3} ms   {ratio:5.3} of its reference, {errors:4.1} standard errors{}",
            kind.what,
            mine.median * 1000.0,
            if differs { "   DIFFERS" } else { "" }
        );
    }
    same
}

/// How long a log-in with a wrong password takes.
async fn refused(client: &Client, login: &str) -> Duration {
    let started = Instant::now();
    client
        .post_log_in(login, "not-The-Password-1")
        .await
        .expect(400);
    started.elapsed()
}

/// How long a request for a reset takes.
async fn asked(client: &Client, login: &str) -> Duration {
    let started = Instant::now();
    client.ask_reset(login).await.expect(302);
    started.elapsed()
}
