//! A program whose receivers are wrong in every way there is: `check` says each in a sentence.
//!
//! The same executable is the tests and, when `AS_PROGRAM` is set, the program that they start.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[cfg(unix)]
mod common;

use std::process::ExitCode;

use phone_auth::signals::__private::{Call, Receiver, RegisteredReceiver, inventory, place};
use phone_auth::signals::{ReceiverInfo, VerifyEmail, VerifyPhone, receiver, verify_email};

/// What nobody provides.
struct Gateway;

#[receiver(verify_email, id = "own.twin")]
fn one(_event: &VerifyEmail) {}

#[receiver(verify_email, id = "own.twin")]
fn other(_event: &VerifyEmail) {}

#[receiver(verify_email)]
fn needy(_event: &VerifyEmail, _gateway: &Gateway) {}

/// Registered once where every receiver is registered twice, as if a linker had dropped the other.
static DROPPED: Receiver<VerifyPhone> = Receiver::new(
    ReceiverInfo::linked(
        place!("dropped", line!(), column!()),
        "own.dropped",
        false,
        &[],
    ),
    Call::Sync(|_, _| Ok(())),
);

inventory::submit! { RegisteredReceiver::new(&DROPPED) }

fn main() -> ExitCode {
    if std::env::var_os("AS_PROGRAM").is_some() {
        return phone_auth_cli::run();
    }
    #[cfg(unix)]
    tests::run();
    ExitCode::SUCCESS
}

#[cfg(unix)]
mod tests {
    use super::common::{Folder, Ran};
    use std::io::Write;

    pub(super) fn run() {
        let tests: [(&str, fn()); 2] = [
            ("check_names_each_receiver", check_names_each_receiver),
            ("signals_are_listed_anyway", signals_are_listed_anyway),
        ];
        for (name, test) in tests {
            test();
            let mut out = std::io::stdout();
            writeln!(out, "test {name} ... ok").unwrap();
        }
    }

    fn ran(arguments: &[&str]) -> Ran {
        let folder = Folder::new();
        let mut command = folder.command_of(&std::env::current_exe().unwrap());
        command.env("AS_PROGRAM", "1").args(arguments);
        Ran::from(command.output().unwrap())
    }

    /// Where a line of this file stands.
    fn place(start: &str) -> String {
        let file = include_str!("refused_receivers.rs");
        let index = file.lines().position(|line| line.starts_with(start));
        format!(
            "crates/cli/tests/refused_receivers.rs:{}",
            index.unwrap() + 1
        )
    }

    fn check_names_each_receiver() {
        let site = ["--addr", "0.0.0.0:0", "--site-url", "https://example.org"];
        let ran = ran(&[&["check"], &site[..]].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
        let sentences = [
            "nobody would receive reset_password_email, reset_password_phone; set smtp.host and sms.url"
                .to_owned(),
            format!(
                "the receiver refused_receivers::needy ({}) takes `&refused_receivers::Gateway`, which nobody provided",
                place("fn needy(")
            ),
            format!(
                "the signal `verify_email` has two receivers with one id, own.twin ({}) and own.twin ({}): rename one",
                place("fn one("),
                place("fn other(")
            ),
            "of the receivers of the signal `verify_phone`, 6 in all, the linker's section has 5 and inventory's list 6"
                .to_owned(),
        ];
        for sentence in sentences {
            assert!(ran.stderr.contains(&sentence), "{sentence}: {}", ran.stderr);
        }
        assert_eq!(ran.stderr.lines().count(), 4, "{}", ran.stderr);
    }

    fn signals_are_listed_anyway() {
        let ran = ran(&["signals"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
        for id in ["own.twin", "own.dropped", "refused_receivers::needy"] {
            assert!(ran.stdout.contains(id), "{id}: {}", ran.stdout);
        }
    }
}
