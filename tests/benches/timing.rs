//! Whether a stranger with a clock can tell who has an account: how long log-ins and requests for a reset or a code take, for
//! users who exist and users who do not, and codes that are wrong; signing up and adding where accounts are concealed; resets
//! also where no message can be delivered, and each attempt to do so may be under way while the next request is measured.
//! The same of what is refused because it was tried too often. All of it on either database, that of PostgreSQL on the server
//! that `DATABASE_URL` names.
//!
//! `PHONE_AUTH_TIMING_ROUNDS` is how often each kind is asked about, where it is to be less than what tells them apart: then
//! it shows that the rows are there, and no more.
//!
//! Who is asked for next is drawn, no matter who was before: so whatever slows the machine slows all kinds, and what a
//! request leaves to be done in the background slows each of them as often. A kind differs when its median is further
//! from that of its reference than four standard errors of the two, and by more than two in a hundred: then this ends
//! with an error. Times on a busy machine can prove nothing, so it belongs to the long runs.
#![expect(clippy::expect_used, reason = "a site that does not answer ends it")]

use std::collections::HashMap;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use phone_auth_tests::{Answer, Client, Kind as Store, OwnDatabase, Site, User};

/// How often each kind is asked, about.
const ROUNDS: usize = 200;

/// The variable that says how often instead.
const ROUNDS_VARIABLE: &str = "PHONE_AUTH_TIMING_ROUNDS";

/// The standard error of a median is this times that of a mean, for times that are spread about evenly.
const MEDIAN_ERROR: f64 = 1.2533;

/// The quartiles of a normal distribution are so many standard deviations apart.
const QUARTILES: f64 = 1.349;

/// When a browser that has asked for a message is answered again, after it asked: whose messages are sent has work of theirs to
/// end at the worker until then, beside the request that is measured. It is as long for those who are sent nothing, as a
/// process that has been at rest for longer answers more slowly.
const SETTLED: Duration = Duration::from_millis(120);

/// Longer than a browser that was sent a code waits for the next.
const NEXT_CODE: Duration = Duration::from_secs(31);

/// The setting that levels log-ins: enough that a hash which did not count would be seen, few enough to be quick.
const DJANGO_ITERATIONS: &str = "100000";

/// A hash of fewer, which no password here has.
const DJANGO_HASH: &str =
    "pbkdf2_sha256$90000$0123456789abcdefghijkl$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// What Django stores for this password.
const DJANGO_SECRET: (&str, &str) = (
    "S3cret-pass!9",
    "pbkdf2_sha256$1000$0123456789abcdefghijkl$y+3upc4pRuQ85pvLeXsMMz9pztFaS554MuGjfa9wfUw=",
);

/// A password of no account.
const WRONG: &str = "not-The-Password-1";

/// Someone who is asked for.
struct Kind {
    what: &'static str,
    name: String,
    /// What is typed at the log-in, which fails.
    password: String,
    /// Which kind it must not differ from, by its place; itself for a reference.
    like: usize,
}

impl Kind {
    fn of(what: &'static str, name: &str, password: &str, like: usize) -> Self {
        Self {
            what,
            name: name.to_owned(),
            password: password.to_owned(),
            like,
        }
    }
}

/// What was measured of a kind.
struct Measured {
    median: f64,
    error: f64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut same = true;
    for store in [Store::Sqlite, Store::Postgres] {
        let _closed = writeln!(std::io::stdout(), "{store:?}");
        same &= open(store).await;
        same &= concealed(store).await;
        same &= limited(store).await;
        same &= limited_codes(store).await;
        same &= limited_owners(store).await;
        same &= undelivered(store).await;
    }
    if same {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A site as most are; whether nobody can be told from someone there.
async fn open(store: Store) -> bool {
    let database = OwnDatabase::new(store);
    let site = database
        .site()
        .setting("django_hash_iterations", DJANGO_ITERATIONS)
        .setting("login_by_code", "true")
        .start()
        .await;
    let kinds = kinds(&site, &database).await;
    let client = site.client();
    let log_ins = measure(&kinds, async |kind| refused(&client, kind).await).await;
    let resets = measure(&kinds, async |kind| {
        let took = asked(&client, kind).await;
        // What is sent in the background must not slow the next one.
        site.delivered().await;
        took
    })
    .await;
    let codes = measure(&kinds, async |kind| {
        let took = asked_for_code(&client, kind).await;
        site.delivered().await;
        took
    })
    .await;
    let wrong = measure(&kinds, async |kind| {
        let (client, settled) = (site.client(), settled());
        asked_for_code(&client, kind).await;
        site.delivered().await;
        settled.await;
        wrong_code(&client).await
    })
    .await;
    let mut same = report("log-in", &kinds, &log_ins);
    same &= report("reset", &kinds, &resets);
    same &= report("code to sign in", &kinds, &codes);
    same &= report("wrong code", &kinds, &wrong);
    let of_resets = measure(&kinds, async |kind| refused_code(&site, kind).await).await;
    same &= report("wrong code of a reset", &kinds, &of_resets);
    for (pages, resend, page) in [
        (RESET, "resend", "page of a code"),
        (LOG_IN, "resend to sign in", "page to sign in"),
    ] {
        let again = [("resend", "1")];
        let resends = measure(&kinds, async |kind| {
            resent(&site, (pages, kind), &again).await
        });
        same &= report(resend, &kinds, &resends.await);
        let shown = measure(&kinds, async |kind| shown(&site, (pages, kind)).await);
        same &= report(page, &kinds, &shown.await);
    }
    let kinds = numbers(&site, &database).await;
    for (pages, what) in [(RESET, "reset by email"), (LOG_IN, "code by email")] {
        let by_email = [("resend", "1"), ("channel", "email")];
        let resends = measure(&kinds, async |kind| {
            resent(&site, (pages, kind), &by_email).await
        });
        same &= report(what, &kinds, &resends.await);
    }
    same
}

/// Numbers for which a code by email is asked instead: of users who have one that is verified, one that is not and none, and of
/// nobody.
async fn numbers(site: &Site, database: &OwnDatabase) -> Vec<Kind> {
    let mut phones = Vec::new();
    for change in [
        "",
        "UPDATE phone_auth_emailaddress SET is_verified = false WHERE user_id = ",
        "DELETE FROM phone_auth_emailaddress WHERE user_id = ",
    ] {
        let user = user(site, database, "is_active = true").await;
        if !change.is_empty() {
            database.execute(&format!(
                "{change} (SELECT id FROM auth_user WHERE username = '{}')",
                user.username
            ));
        }
        phones.push(user.phone);
    }
    let [verified, unverified, none] = <[String; 3]>::try_from(phones).expect("there are three");
    vec![
        Kind::of("phone, verified email", &verified, WRONG, 0),
        Kind::of("phone, unverified email", &unverified, WRONG, 0),
        Kind::of("phone, no email", &none, WRONG, 0),
        Kind::of("phone of nobody", "+919876599998", WRONG, 0),
    ]
}

/// A site that cannot deliver a message; whether nobody can be told from someone there.
async fn undelivered(store: Store) -> bool {
    let database = OwnDatabase::new(store);
    let site = undeliverable(&database).await;
    let kinds = kinds(&site, &database).await;
    let client = site.client();
    let resets = measure(&kinds, async |kind| asked(&client, kind).await).await;
    report("reset, undeliverable", &kinds, &resets)
}

/// A site at which all that is measured is over a limit; whether nobody can be told from someone there.
async fn limited(store: Store) -> bool {
    let database = OwnDatabase::new(store);
    let site = (database.site())
        .limited()
        .setting("django_hash_iterations", DJANGO_ITERATIONS)
        .setting("limit_failures_in_a_row", "3")
        .setting("limit_resets_of_address", "1/d")
        .setting("limit_sign_ups", "1/d")
        .start()
        .await;
    let kinds = kinds(&site, &database).await;
    let client = site.client();
    for kind in &kinds {
        until_limited(async || client.post_log_in(&kind.name, &kind.password).await).await;
        // What all share stops the message, and the answer stays the same.
        for _ in 0..3 {
            client.ask_reset(&kind.name).await.expect(302);
        }
    }
    let log_ins = measure(&kinds, async |kind| {
        timed(client.post_log_in(&kind.name, &kind.password), 429).await
    })
    .await;
    let resets = measure(&kinds, async |kind| {
        timed(client.ask_reset(&kind.name), 302).await
    })
    .await;
    // Of sign-ups it is the network that is limited, and one on this machine is none.
    let stranger = client.at([127, 0, 13, 1].into());
    let sign_up = async |kind: &Kind| {
        let new = User::new();
        let field = match kind.name.chars().next() {
            Some('+') => "phone",
            _ if kind.name.contains('@') => "email",
            _ => "username",
        };
        let mut fields = new.fields();
        for (name, value) in &mut fields {
            if name == field {
                value.clone_from(&kind.name);
            }
        }
        stranger.post("/accounts/signup/", fields).await
    };
    if let Some(first) = kinds.first() {
        until_limited(async || sign_up(first).await).await;
    }
    let sign_ups = measure(&kinds, async |kind| timed(sign_up(kind), 429).await).await;
    let mut same = report("limited log-in", &kinds, &log_ins);
    same &= report("limited reset", &kinds, &resets);
    same &= report("limited sign-up", &kinds, &sign_ups);
    same
}

/// The same of codes: after three wrong ones there is no other, no matter who has the name.
async fn limited_codes(store: Store) -> bool {
    let database = OwnDatabase::new(store);
    let site = (database.site())
        .limited()
        .setting("limit_wrong_codes_in_a_row", "3")
        .start()
        .await;
    let kinds = kinds(&site, &database).await;
    let mut clients = HashMap::new();
    for kind in &kinds {
        let client = asker(&site, (RESET, kind)).await;
        until_limited(async || client.post(DONE, [("code", "000000")]).await).await;
        clients.insert(kind.name.as_str(), client);
    }
    let codes = measure(&kinds, async |kind| {
        let client = clients.get(kind.name.as_str()).expect("each has asked");
        timed(client.post(DONE, [("code", "000000")]), 429).await
    })
    .await;
    report("limited code", &kinds, &codes)
}

/// The same of what users do who are signed in, where an address may be someone else's.
async fn limited_owners(store: Store) -> bool {
    let database = OwnDatabase::new(store);
    let site = (database.site())
        .limited()
        .setting("conceal_accounts", "true")
        .setting("verify_at_sign_up", "true")
        .setting("limit_added_addresses", "1/d")
        .setting("limit_email_verifications", "1/d")
        .start()
        .await;
    let owner = owner(&site).await;
    let kinds = [
        Kind::of("free email", &User::new().email, "", 0),
        Kind::of("taken email", &owner.email, "", 0),
    ];
    let mut clients = HashMap::new();
    for kind in &kinds {
        let (client, user) = (site.client(), User::new());
        client.sign_up(&user).await.expect(302);
        client.confirm_identity(&user.password).await.expect(302);
        client.add_address(&kind.name).await.expect(302);
        client.ask_verification(&kind.name).await.expect(200);
        clients.insert(kind.name.as_str(), client);
    }
    let client_of = |kind: &Kind| clients.get(kind.name.as_str()).expect("each has asked");
    // Until then the code is asked for that was sent a moment ago.
    tokio::time::sleep(NEXT_CODE).await;
    let verifications = measure(&kinds, async |kind| {
        timed(client_of(kind).ask_verification(&kind.name), 429).await
    })
    .await;
    // Of one that has added neither.
    let (client, user) = (site.client(), User::new());
    client.sign_up(&user).await.expect(302);
    client.confirm_identity(&user.password).await.expect(302);
    until_limited(async || client.add_address(&User::new().email).await).await;
    let additions = measure(&kinds, async |kind| {
        timed(client.add_address(&kind.name), 429).await
    })
    .await;
    let same = report("limited verification", &kinds, &verifications);
    report("limited adding", &kinds, &additions) && same
}

/// Someone whose addresses are verified.
async fn owner(site: &Site) -> User {
    let owner = User::new();
    site.client().sign_up(&owner).await.expect(302);
    for value in [&owner.email, &owner.phone] {
        let signal = if value.contains('@') {
            "verify_email"
        } else {
            "verify_phone"
        };
        let link = site.printed(signal, value).await;
        let clicked = site.client().post(link.url(), [("", ""); 0]).await;
        clicked.expect(200);
    }
    owner
}

/// Asks until that is too often.
async fn until_limited(ask: impl AsyncFn() -> Answer) {
    for _ in 0..20 {
        if ask().await.status == 429 {
            return;
        }
    }
}

/// Whether signing up and adding an address take as long for what someone has, on a site that conceals it.
async fn concealed(store: Store) -> bool {
    let database = OwnDatabase::new(store);
    let site = (database.site())
        .setting("conceal_accounts", "true")
        .setting("verify_at_sign_up", "true")
        .start()
        .await;
    let owner = owner(&site).await;
    let kind = Kind::of;
    // The name is the email address, the other the phone number; those that are missing are new each time.
    let kinds = [
        kind("free addresses", "", "", 0),
        kind("taken email", &owner.email, "", 0),
        kind("taken phone", "", &owner.phone, 0),
        kind("taken addresses", &owner.email, &owner.phone, 0),
    ];
    let sign_ups = measure(&kinds, async |kind| {
        let took = signed_up(&site, kind).await;
        site.delivered().await;
        took
    })
    .await;
    let same = report("sign-up, concealed", &kinds, &sign_ups);
    let kinds = [
        kind("free email", "", "", 0),
        kind("taken email", &owner.email, "", 0),
    ];
    let additions = measure(&kinds, async |kind| {
        let took = added(&site, kind).await;
        site.delivered().await;
        took
    })
    .await;
    let mut same = report("adding, concealed", &kinds, &additions) && same;
    let codes = measure(&kinds, async |kind| {
        let (client, row) = claimant(&site, kind).await;
        let [method, pk] = &row;
        let wrong = [(method.0, &*method.1), (pk.0, &*pk.1), ("code", "000000")];
        timed(client.post(ADDRESSES, wrong), 400).await
    });
    same &= report("wrong code, concealed", &kinds, &codes.await);
    let resends = measure(&kinds, async |kind| {
        let (client, row) = claimant(&site, kind).await;
        let took = timed(client.post(ADDRESSES, row), 302).await;
        site.delivered().await;
        took
    });
    same &= report("resend, concealed", &kinds, &resends.await);
    let shown = measure(&kinds, async |kind| {
        let (client, _) = claimant(&site, kind).await;
        timed(client.get(ADDRESSES), 200).await
    });
    report("addresses, concealed", &kinds, &shown.await) && same
}

/// The page of the addresses, where codes verify them.
const ADDRESSES: &str = "/accounts/user_verification/";

/// Someone who has signed up, added the email address of a kind and been sent its code, if it is theirs to prove; with what the form
/// beside it says.
async fn claimant(site: &Site, kind: &Kind) -> (Client, [(&'static str, String); 2]) {
    let (client, user, settled) = (site.client(), User::new(), settled());
    client.sign_up(&user).await.expect(302);
    client.confirm_identity(&user.password).await.expect(302);
    let value = newcomer(kind).email;
    client.add_address(&value).await.expect(302);
    let rows = client.unverified().await;
    let row = rows.into_iter().find(|row| row.value == value);
    let row = row.expect("it is offered");
    let row = [("method", row.method), ("pk", row.pk)];
    client.post(ADDRESSES, row.clone()).await.expect(302);
    site.delivered().await;
    settled.await;
    (client, row)
}

/// Someone new, but for the addresses of a kind.
fn newcomer(kind: &Kind) -> User {
    let new = User::new();
    let given = |text: &str, new: String| {
        if text.is_empty() {
            new
        } else {
            text.to_owned()
        }
    };
    User {
        email: given(&kind.name, new.email),
        phone: given(&kind.password, new.phone),
        ..new
    }
}

/// How long signing up takes.
async fn signed_up(site: &Site, kind: &Kind) -> Duration {
    let (client, user) = (site.client(), newcomer(kind));
    let started = Instant::now();
    client.sign_up(&user).await.expect(302);
    started.elapsed()
}

/// How long adding an address takes, with the request for its code.
async fn added(site: &Site, kind: &Kind) -> Duration {
    let (client, user) = (site.client(), User::new());
    client.sign_up(&user).await.expect(302);
    client.confirm_identity(&user.password).await.expect(302);
    site.delivered().await;
    let value = newcomer(kind).email;
    let started = Instant::now();
    client.add_address(&value).await.expect(302);
    client.ask_verification(&value).await.expect(200);
    started.elapsed()
}

/// A site whose mail server and gateway refuse every connection.
async fn undeliverable(database: &OwnDatabase) -> Site {
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("there is a port that is free")
        .port();
    let toml = format!(
        "[smtp]\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nfrom = \"a@example.org\"\n\
         [sms]\nurl = \"http://127.0.0.1:{port}/\"\njson = {{ to = \"{{{{ to }}}}\", text = \"{{{{ text }}}}\" }}\n"
    );
    database.site().config(&toml).start().await
}

/// One kind for each way to be known or not. Phones are compared with phones: reading one takes longer.
async fn kinds(site: &Site, database: &OwnDatabase) -> Vec<Kind> {
    let mut users = Vec::new();
    for set in [
        "is_active = true",
        "is_active = false",
        "password = '!'",
        &format!("password = '{DJANGO_HASH}'"),
        &format!("is_active = false, password = '{}'", DJANGO_SECRET.1),
    ] {
        users.push(user(site, database, set).await);
    }
    let [known, inactive, unusable, django, both] =
        <[User; 5]>::try_from(users).expect("there are five");
    let kind = Kind::of;
    let right = inactive.password.as_str();
    vec![
        kind("known email", &known.email, WRONG, 0),
        kind("known phone", &known.phone, WRONG, 1),
        kind("known username", &known.username, WRONG, 2),
        kind("unknown email", "nobody@example.org", WRONG, 0),
        kind("inactive, by email", &inactive.email, WRONG, 0),
        kind("inactive, right password", &inactive.email, right, 0),
        kind("unusable password, by email", &unusable.email, WRONG, 0),
        kind("Django hash, by email", &django.email, WRONG, 0),
        kind(
            "the same, inactive and right",
            &both.email,
            DJANGO_SECRET.0,
            0,
        ),
        kind("unknown phone", "+919876599999", WRONG, 1),
        kind("inactive, by phone", &inactive.phone, WRONG, 1),
        kind("unknown username", "nobody", WRONG, 2),
    ]
}

/// Someone who has signed up, changed as another program on the database would.
async fn user(site: &Site, database: &OwnDatabase, set: &str) -> User {
    let user = site.signed_up().await;
    database.execute(&format!(
        "UPDATE auth_user SET {set} WHERE username = '{}'",
        user.username
    ));
    // Codes to sign in go to verified addresses alone.
    for table in ["phone_auth_emailaddress", "phone_auth_phonenumber"] {
        database.execute(&format!(
            "UPDATE {table} SET is_verified = true
            WHERE user_id = (SELECT id FROM auth_user WHERE username = '{}')",
            user.username
        ));
    }
    user
}

/// Asks, each time, for a kind that is drawn.
async fn measure(kinds: &[Kind], ask: impl AsyncFn(&Kind) -> Duration) -> Vec<Measured> {
    let rounds = std::env::var(ROUNDS_VARIABLE);
    let rounds = rounds.ok().and_then(|it| it.parse().ok());
    let rounds = rounds.unwrap_or(ROUNDS);
    let mut times = vec![Vec::with_capacity(2 * rounds); kinds.len()];
    let mut seed = 1;
    for _ in 0..rounds * kinds.len() {
        let place = draw(&mut seed, kinds.len());
        if let (Some(kind), Some(times)) = (kinds.get(place), times.get_mut(place)) {
            times.push(ask(kind).await.as_secs_f64());
        }
    }
    times.into_iter().map(Measured::of).collect()
}

/// A number below `end`, the same ones in each run: the xorshift of Marsaglia.
fn draw(seed: &mut u64, end: usize) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    let end = u64::try_from(end).unwrap_or(1);
    usize::try_from((*seed >> 16) % end).unwrap_or_default()
}

impl Measured {
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let at = |share: usize| {
            let time = times.get(times.len() * share / 100);
            *time.expect("there are times")
        };
        let rounds = f64::from(u32::try_from(times.len()).unwrap_or(u32::MAX));
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

/// Prints what was measured; whether nobody can be told from someone.
fn report(what: &str, kinds: &[Kind], measured: &[Measured]) -> bool {
    let mut out = std::io::stdout().lock();
    let mut same = true;
    for (kind, mine) in kinds.iter().zip(measured) {
        let reference = measured.get(kind.like).expect("a kind is like another");
        let ratio = mine.median / reference.median;
        let errors = mine.errors_from(reference);
        let differs = errors > 4.0 && (ratio - 1.0).abs() > 0.02;
        same &= !differs;
        // Anyone who closed the output has seen enough.
        let _closed = writeln!(
            out,
            "{what:20} {:30} median {:8.3} ms   {ratio:5.3} of its reference, {errors:4.1} standard errors{}",
            kind.what,
            mine.median * 1000.0,
            if differs { "   DIFFERS" } else { "" }
        );
    }
    same
}

/// How long a log-in takes that is refused.
async fn refused(client: &Client, kind: &Kind) -> Duration {
    timed(client.post_log_in(&kind.name, &kind.password), 400).await
}

/// How long a request for a code to sign in takes.
async fn asked_for_code(client: &Client, kind: &Kind) -> Duration {
    let started = Instant::now();
    let fields = [("login", kind.name.as_str())];
    let asked = client.submit("/accounts/login_code/", fields).await;
    asked.expect(302);
    started.elapsed()
}

/// How long a code takes that is not the one that was sent, but once in a million times.
async fn wrong_code(client: &Client) -> Duration {
    let started = Instant::now();
    let fields = [("code", "000000")];
    let answer = client.submit("/accounts/login_code_done/", fields).await;
    answer.expect(400);
    started.elapsed()
}

/// How long a request for a reset takes.
async fn asked(client: &Client, kind: &Kind) -> Duration {
    timed(client.ask_reset(&kind.name), 302).await
}

/// How long an answer takes that has this status.
async fn timed(answer: impl Future<Output = Answer>, status: u16) -> Duration {
    let started = Instant::now();
    answer.await.expect(status);
    started.elapsed()
}

/// Where a code is asked for, and where it is typed.
type Pages = (&'static str, &'static str);

const RESET: Pages = ("/accounts/password_reset/", DONE);
const LOG_IN: Pages = ("/accounts/login_code/", "/accounts/login_code_done/");

/// The page that takes the code of a reset.
const DONE: &str = "/accounts/password_reset_done/";

/// A browser that has asked for a code, and whose message was sent.
async fn asker(site: &Site, ((ask, _), kind): (Pages, &Kind)) -> Client {
    let (client, settled) = (site.client(), settled());
    let asked = client.submit(ask, [("login", kind.name.as_str())]);
    asked.await.expect(302);
    site.delivered().await;
    settled.await;
    client
}

/// Until what is asked for now has settled.
fn settled() -> tokio::time::Sleep {
    tokio::time::sleep(SETTLED)
}

/// How long a wrong code of a reset takes.
async fn refused_code(site: &Site, kind: &Kind) -> Duration {
    let client = asker(site, (RESET, kind)).await;
    timed(client.post(DONE, [("code", "000000")]), 400).await
}

/// How long the page takes that has the field for the code.
async fn shown(site: &Site, (pages, kind): (Pages, &Kind)) -> Duration {
    let client = asker(site, (pages, kind)).await;
    timed(client.get(pages.1), 200).await
}

/// How long sending another code takes, as its form asks.
async fn resent(site: &Site, (pages, kind): (Pages, &Kind), form: &[(&str, &str)]) -> Duration {
    let client = asker(site, (pages, kind)).await;
    let took = timed(client.post(pages.1, form.to_vec()), 302).await;
    site.delivered().await;
    took
}
