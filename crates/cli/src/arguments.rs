//! The command line: what can be asked of the program.
//!
//! Only the settings that one changes from run to run are arguments; all of them can stand in the
//! environment and in a file, see [`configuration`](crate::configuration). A password is never an
//! argument: other users of the machine can read those.

use std::ffi::OsString;
use std::path::PathBuf;

use chrono::TimeDelta;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgGroup, Args, Parser, Subcommand};

use crate::configuration::duration;
use crate::secrets::secrecy::{HIDDEN, may_hold_a_secret};
use crate::start::folder;
use crate::terminal::visible::{self, Visible};

/// Accounts by phone number, email address or username.
#[derive(Debug, Parser)]
#[command(name = "phone-auth", version, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) settings: SettingArguments,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const AFTER_HELP: &str = "Every setting can also stand in the environment (PHONE_AUTH_ADDR, …) and in \
the file named by --config (addr = …).\nAn argument goes before the environment, the environment \
before the file.\n\nExit codes: 0 done, 1 could not be done, 2 a wrong setting or argument.";

/// Settings that are also arguments. They are read as text and checked with all the others.
#[derive(Args, Debug, Default)]
pub(crate) struct SettingArguments {
    /// Where to listen; port 0 takes any free port [default: 127.0.0.1:8000]
    #[arg(long, global = true, value_name = "IP:PORT")]
    pub(crate) addr: Option<OsString>,
    /// The database, made if it is not there [default: sqlite:phone-auth.sqlite3]
    #[arg(long, global = true, value_name = "sqlite:PATH|postgres:URL")]
    pub(crate) database: Option<OsString>,
    /// What users see in front of the path of a link, such as <https://example.org>
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) site_url: Option<OsString>,
    /// The file that holds the secret key [default: beside the database, made if it is not there]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) secret_key_file: Option<OsString>,
    /// A file of settings in TOML
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

impl SettingArguments {
    /// The settings given as arguments, by name.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, &OsString)> {
        [
            ("addr", &self.addr),
            ("database", &self.database),
            ("site_url", &self.site_url),
            ("secret_key_file", &self.secret_key_file),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| (name, value)))
    }
}

/// What is wrong with the arguments, where clap would show one that may hold a secret, or would not say which one is
/// not UTF-8.
pub(crate) fn without_secrets(
    error: &clap::Error,
    given: impl IntoIterator<Item = OsString>,
) -> Option<String> {
    let mut text = error.render().to_string();
    let mut is_changed = false;
    // A word more than a command takes may be a password, which a user thinks it takes.
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg)
        && !word.starts_with('-')
    {
        let said = format!("unexpected argument '{word}' found");
        let instead = "there is one argument more than the command takes; it is not shown, for it may be a password";
        text = text.replace(&said, instead).replace(word.as_str(), HIDDEN);
        is_changed = true;
    }
    for (index, argument) in given.into_iter().enumerate() {
        let shown = visible::bytes(&argument);
        let value = shown.split_once('=').map_or("", |(_, value)| value);
        let is_secret = may_hold_a_secret(&shown);
        if is_secret {
            for part in [shown.as_str(), value] {
                if !part.is_empty() && text.contains(part) {
                    text = text.replace(part, HIDDEN);
                    is_changed = true;
                }
            }
        }
        if error.kind() == ErrorKind::InvalidUtf8 && argument.to_str().is_none() {
            let shown = if is_secret { HIDDEN } else { &shown };
            let number = index + 1;
            return Some(format!(
                "phone-auth: argument {number} is not UTF-8: {}\n",
                Visible(shown)
            ));
        }
    }
    is_changed.then_some(text)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts the site; what happens without a command
    Serve,
    /// Brings the database to the newest schema
    Migrate,
    /// Writes a copy of the database, while the site runs, to a file that is not there yet
    Backup {
        /// The file
        #[arg(value_parser = new_file())]
        file: PathBuf,
    },
    /// Creates, lists, shows, disables and enables users, sets a password, or lists and ends sessions
    #[command(subcommand)]
    User(UserCommand),
    /// Sends queued messages in a separate process
    Worker,
    /// Lists, re-sends or removes messages that were not delivered
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// Removes sessions that are over
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// Lists who is slowed down and what text messages cost, or shows or clears the limits of an account or a network
    Limits {
        #[command(subcommand)]
        command: Option<LimitsCommand>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Makes a secret key, or says which one the database belongs to, after one was lost
    #[command(subcommand)]
    Key(KeyCommand),
    /// Lists the signals and who receives them
    Signals {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Says whether the site could start as it is set up, and changes nothing
    Check,
    /// Lists the settings: names, defaults, and what each does
    Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Creates a user; the password is asked for, or read from standard input
    Create(NewUser),
    /// Lists all users, or those with a text in a name or an address
    List {
        /// A part of a username, a name, an email address or a phone number
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Shows a user and their addresses
    #[command(visible_alias = "find")]
    Show {
        /// A username, an email address or a phone number of theirs
        login: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Gives a user another username
    Rename {
        /// A username, an email address or a phone number of theirs
        login: String,
        /// The new username
        username: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Gives a user another first or last name
    SetName {
        /// A username, an email address or a phone number of theirs
        login: String,
        /// The first name; empty for none
        #[arg(long, value_name = "NAME", required_unless_present = "last_name")]
        first_name: Option<String>,
        /// The last name; empty for none
        #[arg(long, value_name = "NAME")]
        last_name: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Makes a verified email address the primary one of its user, where Django and others look for it
    MakePrimary {
        /// An email address
        address: String,
        /// Whose, where several accounts have the address: a username, an email address or a phone number of theirs
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Marks an address as verified
    Verify {
        /// An email address or a phone number
        address: String,
        /// Whose, where several accounts have the address: a username, an email address or a phone number of theirs
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Marks an address as not verified
    Unverify {
        /// An email address or a phone number
        address: String,
        /// Whose, where several accounts have the address: a username, an email address or a phone number of theirs
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Adds an email address or a phone number to a user
    AddAddress {
        /// A username, an email address or a phone number of theirs
        login: String,
        /// The new address
        address: String,
        /// Marks it as verified
        #[arg(long)]
        verified: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Puts another address in the place of one, such as one that was mistyped
    ChangeAddress {
        /// The address that goes
        old: String,
        /// The one that comes
        new: String,
        /// Marks the new one as verified
        #[arg(long)]
        verified: bool,
        /// Whose, where several accounts have the old address: a username, an email address or a phone number of theirs
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Removes an address from its user
    RemoveAddress {
        /// An email address or a phone number
        address: String,
        /// Whose, where several accounts have the address: a username, an email address or a phone number of theirs
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Lists where a user is signed in
    Sessions {
        /// A username, an email address or a phone number of theirs
        login: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Ends all sessions of a user
    EndSessions {
        /// A username, an email address or a phone number of theirs
        login: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Disables a user and ends their sessions
    Disable {
        /// A username, an email address or a phone number of theirs
        login: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Enables a disabled user again
    Enable {
        /// A username, an email address or a phone number of theirs
        login: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Sets a password, asked for or read from standard input, and ends the sessions of the user
    SetPassword {
        /// A username, an email address or a phone number of theirs
        login: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Deletes a user and all that is kept of them, for ever
    Delete {
        /// A username, an email address or a phone number of theirs
        login: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Prints all that is kept of a user, as JSON
    Export {
        /// A username, an email address or a phone number of theirs
        login: String,
        /// As JSON, which it is in any case
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum OutboxCommand {
    /// Lists pending and failed messages
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Re-queues failed messages, with links that work from now on
    #[command(group = selection(&["ids", "all"]))]
    Retry {
        /// Their ids
        #[arg(value_parser = message_id)]
        ids: Vec<i64>,
        /// All of them
        #[arg(long)]
        all: bool,
    },
    /// Removes dead letters
    #[command(group = selection(&["older_than", "all"]))]
    Purge {
        /// Those that were given up so long ago, such as 30d
        #[arg(long, value_name = "TIME", value_parser = age)]
        older_than: Option<TimeDelta>,
        /// All of them
        #[arg(long)]
        all: bool,
    },
}

/// Demands one of these arguments, so that a command that was cut short does not do all there is, or nothing.
fn selection(arguments: &[&'static str]) -> ArgGroup {
    ArgGroup::new("selection")
        .args(arguments.iter().copied())
        .required(true)
}

/// The id of a message.
fn message_id(text: &str) -> Result<i64, &'static str> {
    text.parse()
        .map_err(|_| "it is no id such as 7; `phone-auth outbox list` shows them")
}

/// The path of a file that is made: none that another program would take for something else, and that would here be the
/// name of a file in the working folder.
fn new_file() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|path| {
        let path = PathBuf::from(path);
        let text = path.to_string_lossy();
        let is_of_a_url = ["sqlite:", "postgres:", "postgresql:", "file:"]
            .iter()
            .any(|start| text.starts_with(start));
        if text == "-" {
            Err("it is no path of a file; ./- is one of that name")
        } else if is_of_a_url {
            Err("it is a URL, where the path of a file is needed")
        } else if folder::is_of_a_shell(&text) {
            Err("it is no path: ~ must be written out")
        } else {
            Ok(path)
        }
    })
}

/// How long ago something was.
fn age(text: &str) -> Result<TimeDelta, &'static str> {
    let age = duration::parse(text).and_then(|age| TimeDelta::from_std(age).ok());
    age.ok_or("it is no time such as 30d or \"12 hours\"")
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// Removes the sessions that have expired; a worker does so every hour
    Prune {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum LimitsCommand {
    /// Lists the counters that are full, and what is counted of text messages; what happens without a command
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Lists the same of an account or of a client network alone, or of text messages to a number, a country or all
    Show {
        /// As for clear: all that it would empty
        #[arg(value_name = "LOGIN|IP|CODE|sms")]
        of: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Empties the counters of an account or of a client network, or what text messages to a number, a country or all have cost
    Clear {
        /// A username, an email address, a phone number, or the IP address of a client; of text messages also a calling code
        /// such as +41, or sms for all
        #[arg(value_name = "LOGIN|IP|CODE|sms")]
        of: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Gives the database the key that the settings name, whichever it had before
    Replace,
    /// Writes a new secret key to a file that is not there yet
    Generate {
        /// The file
        #[arg(value_parser = new_file())]
        file: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args, Debug)]
pub(crate) struct NewUser {
    /// The name to log in by
    pub(crate) username: String,
    /// An email address
    #[arg(long)]
    pub(crate) email: Option<String>,
    /// A phone number with its country, such as +41 44 668 18 00
    #[arg(long)]
    pub(crate) phone: Option<String>,
    /// The first name
    #[arg(long, default_value = "")]
    pub(crate) first_name: String,
    /// The last name
    #[arg(long, default_value = "")]
    pub(crate) last_name: String,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn settings_go_before_or_after_command() {
        for line in [
            ["phone-auth", "--addr", "[::1]:0", "serve"],
            ["phone-auth", "serve", "--addr", "[::1]:0"],
        ] {
            let arguments = Arguments::try_parse_from(line).unwrap();
            assert_eq!(arguments.settings.addr.unwrap(), "[::1]:0");
        }
    }

    #[test]
    fn password_is_no_argument() {
        let line = ["phone-auth", "user", "create", "ann", "--password", "x"];
        assert!(Arguments::try_parse_from(line).is_err());
    }

    #[test]
    fn wrong_arguments_are_told_in_words() {
        for (command, said) in [
            (&["user", "show", "ann", "bob"][..], "one argument more"),
            (&["outbox", "retry", "abc"], "it is no id such as 7"),
            (&["backup", "sqlite:b3"], "it is a URL"),
            (&["backup", "-"], "./- is one"),
            (&["backup", "~/b3"], "must be written out"),
            (&["key", "generate", "-"], "./- is one"),
            (
                &["key", "generate", "postgres://ann@db/site"],
                "it is a URL",
            ),
        ] {
            let line = [&["phone-auth"], command].concat();
            let error = Arguments::try_parse_from(&line).unwrap_err();
            let given = line.iter().skip(1).map(OsString::from);
            let text = without_secrets(&error, given);
            let text = text.unwrap_or_else(|| error.to_string());
            assert!(text.contains(said), "{line:?}: {text}");
        }
        for path in ["b3", "./-", "/var/backups/b3", "sqlite/b3"] {
            let line = ["phone-auth", "backup", path];
            assert!(Arguments::try_parse_from(line).is_ok(), "{path}");
        }
    }

    #[test]
    fn stray_password_is_not_said_again() {
        const PASSWORD: &str = "S3cretPw";
        for command in [
            &["user", "set-password", "ann"][..],
            &["user", "create", "ann"],
            &["user", "disable", "ann"],
            &["user", "show", "ann"],
            &["user", "end-sessions", "ann"],
            &["key", "replace"],
            &["sessions", "prune"],
            &["serve"],
        ] {
            let line = [&["phone-auth"], command, &[PASSWORD]].concat();
            let error = Arguments::try_parse_from(&line).unwrap_err();
            let given = line.iter().skip(1).map(OsString::from);
            let text = without_secrets(&error, given);
            assert!(
                text.is_some_and(|text| !text.contains(PASSWORD)),
                "{line:?}"
            );
        }
    }
}
