//! A program with receivers of its own: it serves others, and is checked for what it lacks.
//!
//! The same executable is the tests and, when `AS_PROGRAM` is set, the program that they start.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[cfg(unix)]
mod common;

use std::process::ExitCode;

use phone_auth::signals::{Message, VerifyEmail, receiver};
use phone_auth::signals::{reset_password_email, reset_password_phone, verify_email, verify_phone};
use phone_auth::{Accounts, Signals, SiteOrigin};

/// What the receiver takes.
struct Gateway;

#[receiver(
    reset_password_email,
    reset_password_phone,
    verify_email,
    verify_phone,
    id = "own.deliver"
)]
fn deliver(
    message: &dyn Message,
    _gateway: &Gateway,
    accounts: &Accounts,
    signals: &Signals,
    site: &SiteOrigin,
) -> std::io::Result<()> {
    use std::io::Write;

    assert!(signals.has_receiver::<VerifyEmail>());
    assert!(accounts.settings().password_min_length > 0);
    assert!(!site.as_str().is_empty());

    // On standard error, where the development mode writes nothing.
    writeln!(
        std::io::stderr(),
        "delivered to {}",
        message.destination().as_str()
    )
}

fn main() -> ExitCode {
    match std::env::var("AS_PROGRAM").as_deref() {
        Ok("with state") => phone_auth_cli::Program::new().provide(Gateway).run(),
        Ok(_) => phone_auth_cli::run(),
        Err(_) => {
            #[cfg(unix)]
            tests::run();
            ExitCode::SUCCESS
        }
    }
}

#[cfg(unix)]
mod tests {
    use super::common::{Folder, PATIENCE, Ran, Site};
    use std::io::Write;
    use std::process::Command;
    use std::time::Instant;

    pub(super) fn run() {
        let tests: [(&str, fn()); 6] = [
            ("others_are_served", others_are_served),
            ("loopback_is_not_development", loopback_is_not_development),
            ("missing_state_is_named", missing_state_is_named),
            ("disabled_receiver_is_missed", disabled_receiver_is_missed),
            ("check_finds_what_is_missing", check_finds_what_is_missing),
            ("signals_list_own_receivers", signals_list_own_receivers),
        ];
        for (name, test) in tests {
            test();
            let mut out = std::io::stdout();
            writeln!(out, "test {name} ... ok").unwrap();
        }
    }

    /// This executable as the program.
    fn program(folder: &Folder, state: &str) -> Command {
        let mut command = folder.command_of(&std::env::current_exe().unwrap());
        command.env("AS_PROGRAM", state);
        command
    }

    fn ran(folder: &Folder, state: &str, arguments: &[&str]) -> Ran {
        let output = program(folder, state).args(arguments).output();
        Ran::from(output.unwrap())
    }

    fn others_are_served() {
        let folder = Folder::new();
        folder.run_with_input(
            &["user", "create", "ann", "--email", "ann@example.org"],
            "correct-horse",
        );
        let mut command = program(&folder, "with state");
        command.args(["--addr", "0.0.0.0:0", "--site-url", "https://example.org"]);
        let mut site = Site::start(command);
        site.wait_for(|line| line.contains("delivery: messages are sent by"));
        site.host = site.host.replace("0.0.0.0", "127.0.0.1");
        let answer = site.request(
            "POST /accounts/password_reset/ HTTP/1.1\r\nHost: example.org\r\nOrigin: https://example.org\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 23\r\n",
            "login=ann%40example.org",
        );
        assert_eq!(answer.status, 302, "{answer:?}");
        assert_eq!(site.get("/dev/mailbox/").status, 404);
        // A site that stops claims nothing more.
        let end = Instant::now() + PATIENCE;
        while folder.run(&["outbox", "list", "--json"]).stdout.trim() != "[]" {
            assert!(Instant::now() < end, "the message is not delivered");
        }
        let (code, logs) = site.stop();
        assert_eq!(
            (code, logs.as_str()),
            (Some(0), "delivered to ann@example.org\n")
        );
        assert!(
            !site
                .said
                .iter()
                .any(|line| line.starts_with("reset_password_email"))
        );
    }

    fn loopback_is_not_development() {
        let folder = Folder::new();
        let mut command = program(&folder, "with state");
        command.args(["--addr", "127.0.0.1:0"]);
        let site = Site::start(command);
        assert_eq!(site.get("/dev/mailbox/").status, 404);
    }

    fn missing_state_is_named() {
        let folder = Folder::new();
        let ran = ran(&folder, "none", &["--addr", "127.0.0.1:0"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
        for said in [
            "own.deliver",
            "tests/own_receivers.rs:",
            "own_receivers::Gateway",
        ] {
            assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    fn disabled_receiver_is_missed() {
        let folder = Folder::new();
        let mut command = program(&folder, "with state");
        command
            .env("PHONE_AUTH_DISABLED_RECEIVERS", "own.deliver")
            .args(["--addr", "0.0.0.0:0", "--site-url", "https://example.org"]);
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("nobody would receive"), "{ran:?}");
    }

    fn check_finds_what_is_missing() {
        let folder = Folder::new();
        let site = [
            "check",
            "--addr",
            "0.0.0.0:0",
            "--site-url",
            "https://example.org",
        ];
        let good = ran(&folder, "with state", &site);
        assert_eq!(good.code, Some(0), "{good:?}");
        assert!(
            good.stdout.contains("its messages are sent by "),
            "{good:?}"
        );
        let bad = ran(&folder, "none", &site);
        assert_eq!(bad.code, Some(1), "{bad:?}");
        assert!(bad.stderr.contains("own_receivers::Gateway"), "{bad:?}");
    }

    fn signals_list_own_receivers() {
        let folder = Folder::new();
        // It needs no state: anyone who lacks some wants to see what takes it.
        let listed = ran(&folder, "none", &["signals"]);
        assert_eq!(listed.code, Some(0), "{listed:?}");
        let own = listed
            .stdout
            .lines()
            .filter(|line| line.contains("own.deliver"));
        assert_eq!(own.count(), 4, "{}", listed.stdout);
    }
}
