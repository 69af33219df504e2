//! Databases that an earlier version has left behind, with all that belongs to them.
//!
//! `tests/fixtures/README.md` says what is in the folders and how they are made.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::own_database::{Kind, OwnDatabase};
use crate::program::secret_file;

/// What was in a database when it was dumped, and the secrets that go with it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the program that makes a fixture fills it field by field"
)]
pub struct Fixture {
    /// When the dump was made, in seconds since 1970.
    pub made_at: i64,
    /// The text of the key file.
    pub key: String,
    /// The `SECRET_KEY` of the Django site, if Django made the database.
    pub django_key: Option<String>,
    /// Everybody.
    pub users: Vec<FixtureUser>,
    /// Sessions that are alive.
    pub sessions: Vec<FixtureSession>,
    /// Links that were sent and not opened.
    pub links: Vec<FixtureLink>,
    /// Messages that are pending.
    pub pending: Vec<FixtureMessage>,
    /// Dead letters.
    pub dead: Vec<FixtureMessage>,
}

/// Someone in the database.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the program that makes a fixture fills it field by field"
)]
pub struct FixtureUser {
    /// What is particular about them.
    pub kind: String,
    /// The username.
    pub username: String,
    /// The email address that is in the table of addresses, if any.
    pub email: Option<String>,
    /// The phone number, if any.
    pub phone: Option<String>,
    /// The password.
    pub password: String,
    /// Whether they can sign in.
    pub signs_in: bool,
}

/// A session that is alive.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the program that makes a fixture fills it field by field"
)]
pub struct FixtureSession {
    /// Whose it is.
    pub username: String,
    /// The value of the cookie `sessionid`.
    pub cookie: String,
    /// Whether it is one of the sessions that are shared with Django.
    pub is_djangos: bool,
}

/// A link that was sent and not opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the program that makes a fixture fills it field by field"
)]
pub struct FixtureLink {
    /// The signal that sent it.
    pub signal: String,
    /// Whose it is.
    pub username: String,
    /// Where it was sent.
    pub destination: String,
    /// The link as it was sent.
    pub url: String,
    /// What the token is bound to, each field in hexadecimal digits.
    pub state: Vec<String>,
}

/// A message in the outbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the program that makes a fixture fills it field by field"
)]
pub struct FixtureMessage {
    /// The signal that will send it.
    pub signal: String,
    /// Where it goes.
    pub destination: String,
}

impl Fixture {
    /// Reads the fixture of this name from a folder of `tests/fixtures`.
    pub fn read(version: &str, name: &str) -> Self {
        let path = folder(version).join(format!("{name}.json"));
        let text = fs::read_to_string(&path);
        let text = text.unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        serde_json::from_str(&text).unwrap()
    }

    /// Loads the dump that goes with it into an empty database, and its key into the folder. All that runs
    /// out is moved on to now, as if the dump had been made just now; what links are bound to stays.
    pub fn load(&self, version: &str, name: &str, database: &OwnDatabase) {
        let sql = fs::read_to_string(folder(version).join(format!("{name}.sql"))).unwrap();
        database.execute(&sql);
        let seconds = now() - self.made_at;
        let mut columns = vec![
            ("phone_auth_session", "created_at"),
            ("phone_auth_session", "expires_at"),
            ("phone_auth_outbox", "created_at"),
            ("phone_auth_outbox", "expires_at"),
            ("phone_auth_outbox", "due_at"),
            ("phone_auth_outbox", "died_at"),
        ];
        if self.django_key.is_some() {
            columns.push(("django_session", "expire_date"));
        }
        for (table, column) in columns {
            database.move_times(table, column, seconds);
        }
        secret_file(&self.key_file(database), &self.key);
        if let Some(key) = &self.django_key {
            secret_file(&database.folder().join("django.key"), key);
        }
    }

    /// Where the key is: where the program looks for it if nobody says.
    pub fn key_file(&self, database: &OwnDatabase) -> PathBuf {
        database.key_file()
    }

    /// A link as the version that made the fixture would send it now.
    pub fn link_of_now(&self, link: &FixtureLink) -> String {
        self.link_at(link, u64::try_from(now()).unwrap())
    }

    /// The link as that version sends it at a time: with the time at which it was sent, the very same.
    pub fn link_at(&self, link: &FixtureLink, seconds: u64) -> String {
        let state: Vec<Vec<u8>> = link.state.iter().map(|field| unhex(field)).collect();
        let purpose = match link.signal.as_str() {
            "reset_password_email" => "reset-email",
            "reset_password_phone" => "reset-phone",
            "verify_email" => "verify-email",
            "verify_phone" => "verify-phone",
            other => panic!("{other} sends no link"),
        };
        let token = first_token(self.key.trim(), purpose, seconds, &state);
        let (before, _) = link.url.trim_end_matches('/').rsplit_once('/').unwrap();
        format!("{before}/{token}/")
    }
}

/// The statements that the program of a version runs on a database of this kind, by their names.
pub fn statements(version: &str, kind: Kind) -> Vec<(String, String)> {
    let store = match kind {
        Kind::Sqlite => "sqlite",
        Kind::Postgres => "postgres",
    };
    let path = folder(version).join(format!("statements.{store}.sql"));
    let text = fs::read_to_string(path).unwrap();
    let statements = text.split("-- ").skip(1).map(|part| {
        let (name, sql) = part.split_once('\n').unwrap();
        let sql = sql.trim().trim_end_matches(';');
        (name.to_owned(), sql.to_owned())
    });
    statements.collect()
}

/// What the first version keeps of the state that a message depends on.
pub fn first_binding(purpose: &str, state: &[Vec<u8>]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for field in std::iter::once(purpose.as_bytes()).chain(state.iter().map(Vec::as_slice)) {
        digest.update((field.len() as u64).to_be_bytes());
        digest.update(field);
    }
    digest.finalize().into()
}

/// What every version keeps of the key of a session.
pub fn session_digest(cookie: &str) -> [u8; 32] {
    Sha256::digest(cookie.as_bytes()).into()
}

impl FixtureLink {
    /// When it was sent, as its token says.
    pub fn sent_at(&self) -> u64 {
        let token = self.url.trim_end_matches('/').rsplit('/').next().unwrap();
        let (time, _) = token.split_once('-').unwrap();
        u64::from_str_radix(time, 36).unwrap()
    }
}

/// A token as the first version makes it, written down anew from its documentation, so that nothing of the
/// program can change it.
fn first_token(secret: &str, purpose: &str, seconds: u64, state: &[Vec<u8>]) -> String {
    let length = |text: &[u8]| (text.len() as u64).to_be_bytes();
    let domain = b"one-time token";
    let extracted = mac(b"phone-auth tokens, version 1", &[secret.as_bytes()]);
    let key = mac(
        &extracted,
        &[&length(domain), domain, purpose.as_bytes(), &[1]],
    );
    let mut message = length(purpose.as_bytes()).to_vec();
    message.extend(purpose.as_bytes());
    message.resize(message.len().next_multiple_of(64), 0);
    message.extend(seconds.to_be_bytes());
    for field in state {
        match u8::try_from(field.len()) {
            Ok(short) if short < u8::MAX => message.push(short),
            _ => {
                message.push(u8::MAX);
                message.extend(length(field));
            }
        }
        message.extend(field);
    }
    let tag = hex(&mac(&key, &[&message])[..16]);
    format!("{}-{tag}", base36(seconds))
}

fn mac(key: &[u8], message: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    for part in message {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    while number > 0 {
        let digit = u32::try_from(number % 36).unwrap();
        digits.push(char::from_digit(digit, 36).unwrap());
        number /= 36;
    }
    digits.iter().rev().collect()
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").unwrap();
        digits
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn folder(version: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")).join(version)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}
