//! Whole flows through the built program, as a user or an attacker would walk them.
//!
//! This library is the harness: it starts the built `phone-auth` on a folder of its own, talks
//! HTTP to it, reads the lines it prints, looks into its database, and drives a real browser. It
//! knows nothing of the program's code, so that what the tests under `tests/` find is what anyone
//! finds who has the program and nothing else.
//!
//! Every wait has an end: [`PATIENCE`] is how long a condition may take before the test fails.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::return_self_not_must_use,
    reason = "the harness serves tests only, and a panic is how it fails the test that asked"
)]

use std::time::Duration;

mod answer;
mod browser;
mod certificates;
mod client;
mod cookies;
mod database;
mod django;
mod fixture;
mod flood;
mod flows;
mod gateway;
mod html;
mod mail_server;
mod markup;
mod nats_accounts;
mod nats_server;
mod options;
mod own_database;
mod postgres_proxy;
mod printed;
mod program;
mod proxy;
mod python;
mod raw;
mod scripted_mail;
mod site;
mod together;
mod told;
mod user;
mod wire;
mod worker;

pub use answer::Answer;
pub use browser::{Browser, BrowserOptions};
pub use certificates::Certificates;
pub use client::{Client, Request};
pub use cookies::Cookie;
pub use database::Database;
pub use django::Django;
pub use fixture::{
    Fixture, FixtureLink, FixtureMessage, FixtureSession, FixtureUser, first_binding, hex,
    session_digest, statements,
};
pub use flood::{Flood, Post};
pub use flows::{AddressRow, Member};
pub use gateway::{Gateway, Received, Reply};
pub use html::{Field, Form, Page};
pub use mail_server::{Mail, MailServer};
pub use nats_accounts::NatsAccounts;
pub use nats_server::NatsServer;
pub use options::SiteOptions;
pub use own_database::{Kind, OwnDatabase};
pub use postgres_proxy::PostgresProxy;
pub use printed::{Printed, Record, holds_code, other_code};
pub use program::{Ran, program, run, secret_file};
pub use proxy::{Naming, Proxy};
pub use raw::Raw;
pub use scripted_mail::{GONE, SILENCE, Script, ScriptedMailServer};
pub use site::{Ended, Site};
pub use together::{together, until};
pub use told::told;
pub use user::{User, changed, unique};
pub use wire::encode;
pub use worker::Worker;

/// How long a condition may take to become true before the test that waits for it fails.
pub const PATIENCE: Duration = Duration::from_secs(30);
