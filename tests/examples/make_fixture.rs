//! Makes the fixtures of a version, by using its program as users and operators do.
//!
//! `PHONE_AUTH_BIN=… cargo run -p phone-auth-tests --example make_fixture -- FOLDER` writes a dump and a
//! description for each kind of database into the folder. It needs what the tests need: PostgreSQL and Python.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "it is run by hand, and stops where something is not as it must be"
)]

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use phone_auth_tests::{
    Client, Django, Fixture, FixtureLink, FixtureMessage, FixtureSession, FixtureUser, Gateway,
    Kind, OwnDatabase, Reply, Site, SiteOptions, User, hex, run, until,
};

/// Links that still work when the dump has been read.
const LIFETIMES: [&str; 4] = [
    "reset_email_lifetime",
    "reset_phone_lifetime",
    "verify_email_lifetime",
    "verify_phone_lifetime",
];

const PASSWORD: &str = "plum-Orchard-71!";

#[tokio::main]
async fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    for (kind, store) in [(Kind::Sqlite, "sqlite"), (Kind::Postgres, "postgres")] {
        let database = OwnDatabase::new(kind);
        let fixture = ours(&database).await;
        write(&folder, &format!("own.{store}"), &fixture, &database);
        let database = OwnDatabase::new(kind);
        let django = match kind {
            Kind::Sqlite => Django::start().await,
            Kind::Postgres => Django::start_on(&database.url()).await,
        };
        let database = database.beside(&django);
        let fixture = beside_django(&django, &database).await;
        write(&folder, &format!("django.{store}"), &fixture, &database);
    }
}

fn write(folder: &std::path::Path, name: &str, fixture: &Fixture, database: &OwnDatabase) {
    let json = serde_json::to_string_pretty(fixture).unwrap();
    std::fs::write(folder.join(format!("{name}.json")), json + "\n").unwrap();
    std::fs::write(folder.join(format!("{name}.sql")), database.dump()).unwrap();
    println!("{name}");
}

/// Settings with long lifetimes.
fn lasting(options: SiteOptions) -> SiteOptions {
    LIFETIMES
        .iter()
        .fold(options, |options, name| options.setting(name, "7 days"))
}

/// Someone by the name of their kind.
fn user(kind: &str, number: u32) -> User {
    User {
        username: kind.to_owned(),
        email: format!("{kind}@example.org"),
        phone: format!("+9198765{number:05}"),
        password: PASSWORD.to_owned(),
        ..User::new()
    }
}

fn of(user: &User, kind: &str) -> FixtureUser {
    FixtureUser {
        kind: kind.to_owned(),
        username: user.username.clone(),
        email: Some(user.email.clone()),
        phone: Some(user.phone.clone()),
        password: user.password.clone(),
        signs_in: true,
    }
}

async fn sign_up(client: &Client, user: &User) {
    client.sign_up(user).await.expect(302);
}

/// A client of someone who has logged in.
async fn logged_in(site: &Site, login: &str) -> Client {
    let client = site.client();
    client.log_in(login, PASSWORD).await.expect(302);
    client
}

fn session(client: &Client, username: &str, is_djangos: bool) -> FixtureSession {
    FixtureSession {
        username: username.to_owned(),
        cookie: client.session_cookie().unwrap().value,
        is_djangos,
    }
}

/// Waits until so many messages are in this state.
async fn in_outbox(database: &OwnDatabase, what: &str, count: i64) {
    let sql = format!("SELECT count(*) FROM phone_auth_outbox WHERE {what}");
    until(&format!("{count} messages are {what}"), || async {
        database.number(&sql) == count
    })
    .await;
}

/// A database that the program made.
async fn ours(database: &OwnDatabase) -> Fixture {
    let mut fixture = Fixture::default();
    let names = [
        "everything",
        "disabled",
        "resets-by-email",
        "resets-by-phone",
        "verifies",
        "staff",
        "unusable",
        "pending-email",
        "pending-phone",
        "pending-both",
        "tried",
        "refused",
        "signed-in",
    ];
    let site = lasting(database.site()).start().await;
    let users: Vec<User> = (0..).zip(names).map(|(n, name)| user(name, n)).collect();
    for user in &users {
        sign_up(&site.client(), user).await;
        fixture.users.push(of(user, &user.username));
    }
    let phone = |name: &str| {
        users
            .iter()
            .find(|it| it.username == name)
            .unwrap()
            .phone
            .clone()
    };
    for (name, arguments) in [
        ("username-only", vec![]),
        ("email-only", vec!["--email", "email-only@example.org"]),
        ("phone-only", vec!["--phone", "+919876500100"]),
    ] {
        let url = database.url();
        let mut all = vec!["user", "create", name, "--database", &url];
        all.extend(&arguments);
        let ran = run(database.folder(), &all, &[], &format!("{PASSWORD}\n"));
        assert!(ran.success, "{}", ran.said());
        let given = |kind| {
            (arguments.first() == Some(&kind)).then(|| arguments.last().unwrap().to_string())
        };
        fixture.users.push(FixtureUser {
            kind: name.to_owned(),
            username: name.to_owned(),
            email: given("--email"),
            phone: given("--phone"),
            password: PASSWORD.to_owned(),
            signs_in: true,
        });
    }

    sessions_and_links(&site, database, &mut fixture, &phone).await;
    site.stop();
    let url = database.url();
    let arguments = ["user", "disable", "disabled", "--database", &url];
    let ran = run(database.folder(), &arguments, &[], "");
    assert!(ran.success, "{}", ran.said());
    // What only other programs do.
    database.execute(
        "UPDATE auth_user SET password = '!bYlJ7x0Q2nSgkq2bVf1xU6rYt3pWc8aMdE4hZoKi'
             WHERE username = 'unusable';
         UPDATE auth_user SET is_staff = (1 = 1), is_superuser = (1 = 1) WHERE username = 'staff';",
    );

    // A username that the site made up.
    let options = lasting(database.site()).setting("register_username_required", "false");
    let site = options.start().await;
    let nameless = User {
        username: String::new(),
        ..user("nameless", 200)
    };
    sign_up(&site.client(), &nameless).await;
    site.stop();
    let find = "SELECT username FROM auth_user WHERE email = 'nameless@example.org'";
    fixture.users.push(FixtureUser {
        username: database.text(find),
        ..of(&nameless, "generated username")
    });
    for user in &mut fixture.users {
        user.signs_in = !["disabled", "unusable"].contains(&user.kind.as_str());
    }

    outbox(database, &mut fixture, &phone).await;
    finish(database, fixture)
}

/// Verified addresses, sessions, and links on their way.
async fn sessions_and_links(
    site: &Site,
    database: &OwnDatabase,
    fixture: &mut Fixture,
    phone: &impl Fn(&str) -> String,
) {
    let email = |name: &str| format!("{name}@example.org");
    let client = logged_in(site, "everything").await;
    for value in [email("everything"), phone("everything")] {
        client.ask_verification(&value).await.expect(200);
        let signal = if value.contains('@') {
            "verify_email"
        } else {
            "verify_phone"
        };
        let link = site.printed(signal, &value).await;
        client.get(link.url()).await.expect(200);
    }
    fixture.sessions.push(session(&client, "everything", false));
    for name in ["signed-in", "staff", "email-only", "phone-only"] {
        let client = logged_in(site, name).await;
        fixture.sessions.push(session(&client, name, false));
    }
    let client = logged_in(site, "verifies").await;
    fixture.sessions.push(session(&client, "verifies", false));
    for value in [email("verifies"), phone("verifies")] {
        client.ask_verification(&value).await.expect(200);
        let signal = if value.contains('@') {
            "verify_email"
        } else {
            "verify_phone"
        };
        let link = site.printed(signal, &value).await;
        fixture.links.push(link_of(database, &link, "verifies"));
    }
    // One who has logged in before and one who never has.
    drop(logged_in(site, "resets-by-email").await);
    for (signal, name, value) in [
        (
            "reset_password_email",
            "resets-by-email",
            email("resets-by-email"),
        ),
        (
            "reset_password_phone",
            "resets-by-phone",
            phone("resets-by-phone"),
        ),
    ] {
        site.client().ask_reset(&value).await.expect(302);
        let link = site.printed(signal, &value).await;
        fixture.links.push(link_of(database, &link, name));
    }
    drop(logged_in(site, "disabled").await);
    in_outbox(database, "died_at IS NULL", 0).await;
}

/// Dead letters, a message that was tried, and such as nothing has looked at.
async fn outbox(database: &OwnDatabase, fixture: &mut Fixture, phone: &impl Fn(&str) -> String) {
    let email = |name: &str| format!("{name}@example.org");
    let service = Gateway::start().await;
    let toml = format!(
        "[webhook]\nurl = \"{}/hook\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n",
        service.origin()
    );
    let site = lasting(database.site()).config(&toml).start().await;
    let refused = |status| Reply::status(status, "", "");
    service.reply([refused(410), refused(410), refused(503)]);
    for (value, signal) in [
        (email("refused"), "reset_password_email"),
        (phone("refused"), "reset_password_phone"),
    ] {
        site.client().ask_reset(&value).await.expect(302);
        fixture.dead.push(message(signal, &value));
        let count = i64::try_from(fixture.dead.len()).unwrap();
        in_outbox(database, "died_at IS NOT NULL", count).await;
    }
    site.client().ask_reset(&email("tried")).await.expect(302);
    in_outbox(database, "died_at IS NULL AND receipts LIKE '%failed%'", 1).await;
    fixture
        .pending
        .push(message("reset_password_email", &email("tried")));
    site.kill();

    let options = lasting(database.site()).setting("outbox_worker", "false");
    let site = options.start().await;
    let client = logged_in(&site, "pending-both").await;
    for value in [email("pending-both"), phone("pending-both")] {
        client.ask_verification(&value).await.expect(200);
        let signal = if value.contains('@') {
            "verify_email"
        } else {
            "verify_phone"
        };
        fixture.pending.push(message(signal, &value));
    }
    for (signal, value) in [
        ("reset_password_email", email("pending-email")),
        ("reset_password_phone", phone("pending-phone")),
    ] {
        site.client().ask_reset(&value).await.expect(302);
        fixture.pending.push(message(signal, &value));
    }
    site.client()
        .ask_reset("nobody@example.org")
        .await
        .expect(302);
    site.stop();
    let all = i64::try_from(fixture.pending.len()).unwrap() + 1;
    in_outbox(database, "died_at IS NULL", all).await;
}

fn message(signal: &str, destination: &str) -> FixtureMessage {
    FixtureMessage {
        signal: signal.to_owned(),
        destination: destination.to_owned(),
    }
}

/// A database that Django made, with users whom it made, served by both with the same sessions.
async fn beside_django(django: &Django, database: &OwnDatabase) -> Fixture {
    let mut fixture = Fixture {
        django_key: Some(Django::SECRET_KEY.to_owned()),
        ..Fixture::default()
    };
    django.manage(&["shell", "-c", USERS_OF_DJANGO]);
    let names = [
        "everything",
        "disabled",
        "unusable",
        "staff",
        "verified",
        "verifies",
        "resets-by-email",
        "resets-by-phone",
        "pending-email",
        "pending-phone",
        "pending-both",
        "tried",
        "refused",
        "shared-session",
        "own-session",
    ];
    for (number, name) in (0..).zip(names) {
        let user = of(&user(name, number), name);
        let signs_in = !["disabled", "unusable"].contains(&name);
        fixture.users.push(FixtureUser { signs_in, ..user });
    }
    let phone = |name: &str| {
        let user = fixture.users.iter().find(|it| it.username == name);
        user.unwrap().phone.clone().unwrap()
    };
    let phones: Vec<_> = names.map(|name| (name, phone(name))).into();
    let phone = |name: &str| phones.iter().find(|it| it.0 == name).unwrap().1.clone();
    let email = |name: &str| format!("{name}@example.org");
    // Sessions of either site in Django's table.
    let there = django.client();
    there.log_in("verified", PASSWORD).await.expect(302);
    fixture.sessions.push(session(&there, "verified", true));
    let shared = lasting(django.successor_sharing_sessions()).start().await;
    let here = logged_in(&shared, "shared-session").await;
    fixture
        .sessions
        .push(session(&here, "shared-session", true));
    shared.stop();

    let site = lasting(database.site()).start().await;
    for name in ["own-session", "staff"] {
        let client = logged_in(&site, name).await;
        fixture.sessions.push(session(&client, name, false));
    }
    let client = logged_in(&site, "verifies").await;
    fixture.sessions.push(session(&client, "verifies", false));
    for value in [email("verifies"), phone("verifies")] {
        client.ask_verification(&value).await.expect(200);
        let signal = if value.contains('@') {
            "verify_email"
        } else {
            "verify_phone"
        };
        let link = site.printed(signal, &value).await;
        fixture.links.push(link_of(database, &link, "verifies"));
    }
    for (signal, name, value) in [
        (
            "reset_password_email",
            "resets-by-email",
            email("resets-by-email"),
        ),
        (
            "reset_password_phone",
            "resets-by-phone",
            phone("resets-by-phone"),
        ),
    ] {
        site.client().ask_reset(&value).await.expect(302);
        let link = site.printed(signal, &value).await;
        fixture.links.push(link_of(database, &link, name));
    }
    in_outbox(database, "died_at IS NULL", 0).await;
    site.stop();
    outbox(database, &mut fixture, &phone).await;
    finish(database, fixture)
}

/// Users as Django's own means make them: all have hashes of PBKDF2.
const USERS_OF_DJANGO: &str = "
from django.contrib.auth.models import User
from phone_auth.models import EmailAddress, PhoneNumber
names = ['everything', 'disabled', 'unusable', 'staff', 'verified', 'verifies', 'resets-by-email',
         'resets-by-phone', 'pending-email', 'pending-phone', 'pending-both', 'tried', 'refused',
         'shared-session', 'own-session']
for number, name in enumerate(names):
    email = f'{name}@example.org'
    make = User.objects.create_superuser if name == 'staff' else User.objects.create_user
    user = make(name, email, 'plum-Orchard-71!', first_name='Ann', last_name='Example')
    is_verified = name in ('everything', 'verified')
    EmailAddress.objects.create(user=user, email=email, is_verified=is_verified)
    PhoneNumber.objects.create(user=user, phone=f'+9198765{number:05}', is_verified=is_verified)
    if name == 'disabled':
        user.is_active = False
    if name == 'unusable':
        user.set_unusable_password()
    user.save()
";

/// A link that was printed, with what its token is bound to.
fn link_of(
    database: &OwnDatabase,
    printed: &phone_auth_tests::Printed,
    username: &str,
) -> FixtureLink {
    let value = printed.destination();
    let fields = database.first_state(&printed.signal, username, value);
    FixtureLink {
        signal: printed.signal.clone(),
        username: username.to_owned(),
        destination: value.to_owned(),
        url: printed.url().to_owned(),
        state: fields.iter().map(|field| hex(field)).collect(),
    }
}

fn finish(database: &OwnDatabase, mut fixture: Fixture) -> Fixture {
    fixture.key = std::fs::read_to_string(database.key_file()).unwrap();
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    fixture.made_at = i64::try_from(since.as_secs()).unwrap();
    for link in &fixture.links {
        assert_eq!(fixture.link_at(link, link.sent_at()), link.url);
    }
    fixture
}
