//! Every source, what goes before what, and every kind of mistake.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

use std::fs;
use std::time::Duration;

use ipnet::IpNet;
use phone_auth::signals::MessageSignal;

use super::together::tests::EVERY_SECTION;
use super::*;
use crate::database::name::DatabaseName;
use crate::secrets::secrecy::Secrecy;

/// Loads settings given in a file, in the environment and as arguments; mistakes as sentences.
pub(super) fn load(
    file: &str,
    environment: &[(&str, &str)],
    addr: Option<&str>,
) -> Result<Configuration, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("phone-auth.toml");
    fs::write(&path, file).unwrap();
    let arguments = SettingArguments {
        addr: addr.map(OsString::from),
        config: (!file.is_empty()).then(|| path.clone()),
        ..SettingArguments::default()
    };
    let environment = environment
        .iter()
        .map(|(name, value)| (name.into(), value.into()));
    Configuration::load(&arguments, environment).map_err(|error| {
        let folder = format!("{}/", folder.path().display());
        let sentences = error.mistakes.iter().map(ToString::to_string);
        sentences
            .map(|sentence| sentence.replace(&folder, ""))
            .collect()
    })
}

pub(super) fn mistakes(
    file: &str,
    environment: &[(&str, &str)],
    addr: Option<&str>,
) -> Vec<String> {
    load(file, environment, addr).unwrap_err()
}

/// The blocks of settings in a chapter, each with the line it begins at.
fn settings_in(chapter: &str) -> Vec<(usize, String)> {
    let (mut blocks, mut open) = (Vec::new(), None);
    for (line, text) in (1..).zip(chapter.lines()) {
        match (&mut open, text.trim()) {
            (None, "```toml") => open = Some((line, String::new())),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some((_, block)), text) => {
                block.push_str(text);
                block.push('\n');
            }
            (None, _) => {}
        }
    }
    // Of Cargo's, and not ours.
    let is_cargos = |block: &str| {
        ["[profile", "[package]"]
            .iter()
            .any(|it| block.starts_with(it))
    };
    blocks.retain(|(_, block)| !is_cargos(block));
    blocks
}

#[test]
fn guide_shows_settings_that_are_read() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide");
    let (mut read, mut refused) = (0, Vec::new());
    for chapter in fs::read_dir(guide).unwrap() {
        let chapter = chapter.unwrap().path();
        for (line, mut block) in settings_in(&fs::read_to_string(&chapter).unwrap()) {
            if block.starts_with("sms.") {
                let rest = "sms.url = \"https://sms.example\"\nsms.form = { To = \"{{ to }}\", Text = \"{{ text }}\" }\n";
                block.push_str(rest);
            }
            read += 1;
            if let Err(mistakes) = load(&block, &[], None) {
                refused.push(format!("{}:{line}: {mistakes:?}", chapter.display()));
            }
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
    // A fence that is written in another way is not passed over.
    assert!(read >= 10, "{read}");
}

#[test]
fn mount_is_a_path() {
    for mount in ["konto", "/konto", "/kon to/", "//"] {
        let said = mistakes("", &[("PHONE_AUTH_MOUNT", mount)], None);
        let told = "is not a path such as /accounts/, with a slash at both ends";
        assert!(
            said.len() == 1 && said.iter().all(|it| it.contains(told)),
            "{said:?}"
        );
    }
}

#[test]
fn value_in_quotes_is_refused() {
    for (variable, value) in [
        ("PHONE_AUTH_SITE_NAME", "\"My site\""),
        ("PHONE_AUTH_SITE_NAME", "'My site'"),
        ("PHONE_AUTH_SITE_URL", "\"https://example.org\""),
        ("PHONE_AUTH_SMTP_PASSWORD", "\"plum\""),
    ] {
        let said = mistakes("", &[(variable, value)], None).concat();
        assert!(
            said.contains(variable) && said.contains("in quotes"),
            "{said}"
        );
        assert!(!said.contains("plum"), "{said}");
    }
    for value in [
        "My \"site\"",
        "\"Ours\" and \"yours\"",
        "\"",
        "Ann's",
        "\"'",
    ] {
        let loaded = load("", &[("PHONE_AUTH_SITE_NAME", value)], None).unwrap();
        assert_eq!(loaded.site.name.as_deref(), Some(value));
    }
    // In a file TOML says what quotes are.
    let loaded = load("site_name = '\"My site\"'", &[], None).unwrap();
    assert_eq!(loaded.site.name.as_deref(), Some("\"My site\""));
}

#[test]
fn profile_follows_the_mount() {
    for (file, profile) in [
        ("", "/accounts/profile/"),
        ("mount = \"/konto/\"", "/konto/profile/"),
        ("mount = \"/\"", "/profile/"),
        (
            "mount = \"/konto/\"\nlogin_redirect_url = \"/accounts/profile/\"",
            "/accounts/profile/",
        ),
    ] {
        let all = load(file, &[], None).unwrap();
        assert_eq!(all.accounts.login_redirect_url, profile, "{file}");
    }
}

#[test]
fn arguments_go_before_environment() {
    let file = "addr = \"127.0.0.1:1\"\nhashing_queue = 3\nverify_by_click = true";
    let environment = [
        ("PHONE_AUTH_ADDR", "127.0.0.1:2"),
        ("PHONE_AUTH_HASHING_QUEUE", "4"),
    ];
    let all = load(file, &environment, Some("127.0.0.1:3")).unwrap();
    assert_eq!((all.server.addr.port(), all.server.hashing_queue), (3, 4));
    assert!(all.accounts.verify_by_click);
    assert_eq!(all.sources.of("addr"), Source::Argument { name: "addr" });
    let two = load(file, &environment, None).unwrap();
    assert_eq!(two.server.addr.port(), 2);
    let one = load(file, &[], None).unwrap();
    assert_eq!((one.server.addr.port(), one.server.hashing_queue), (1, 3));
}

/// Every setting that stands in no section.
const EVERY_SETTING: &str = r#"
addr = "[::1]:0"
database = "postgres://ann@db.example/site"
database_busy_timeout = "250 ms"
database_connections = 20
database_pooler = true
site_url = "https://example.org"
site_name = "Ann's"
mount = "/konto/"
secret_key_file = "key"
secret_key_fallback_files = ["old", "older"]
templates = "."
authentication_methods = ["phone", "email"]
register_username_required = false
register_email_required = false
register_phone_required = true
register_fname_required = false
register_lname_required = false
register_confirm_password_required = false
default_region = "CH"
refused_number_types = ["satellite"]
phone_channels = ["sms", "voice"]
password_min_length = 10
password_min_score = 3
hidden_sign_up_fields = ["username"]
login_redirect_url = "/home/"
logout_redirect_url = "/bye/"
session_lifetime = "2 days"
reauthentication_lifetime = "3 min"
max_addresses = 5
max_unverified_addresses = 2
host_cookies = false
trusted_origins = ["https://app.example.org"]
users_from_elsewhere = true
trusted_proxies = ["10.0.0.0/8", "2001:db8::1"]
client_address_header = "Forwarded"
proxy_protocol = true
redact_client_addresses = true
reset_email_lifetime = "1h"
reset_phone_lifetime = 300
verify_email_lifetime = "1h 30m"
verify_phone_lifetime = "90"
code_lifetime = "5 minutes"
login_by_code = true
verify_at_sign_up = true
conceal_accounts = false
verify_by_click = true
require_verified = true
unverified_sign_in = false
unverified_reset = false
unverified_account_lifetime = "none"
django_secret_key_file = "django"
django_secret_key_fallback_files = ["older"]
django_sessions = true
django_session_cookie_name = "session"
django_session_cookie_domain = "example.org"
django_auth_backend = "site.Backend"
django_auth_backends = ["site.Backend", "site.Other"]
accept_django_tokens_until = 2026-12-01T00:00:00+01:00
django_time_zone = "Europe/Berlin"
django_use_tz = false
django_database_time_zone = "Asia/Tokyo"
django_password_reset_timeout = "1 day"
danger_accept_md5_passwords = true
django_hash_iterations = 1_000_000
hashing_queue = 1
max_connections = 0x10
max_connections_per_client = 8
header_timeout = 5
request_timeout = 6
response_timeout = 9
keep_alive_timeout = 90
shutdown_grace = 7
receiver_timeout = 8
outbox_worker = false
outbox_lease = "1 m"
notices = "all"
close_account = false
export_account = false
max_pending_messages = 7
limit_log_ins = "7/h"
limit_failed_log_ins = "7/h"
limit_account_failures = "7/h"
limit_failures_in_a_row = 50
limit_resets = "7/h"
limit_resets_of_address = "7/h"
limit_sign_ups = "7/h"
limit_phone_verification_pause = "7/h"
limit_phone_verifications = "7/h"
limit_email_verifications = "7/h"
limit_added_addresses = "7/h"
limit_password_checks = "7/h"
limit_wrong_codes_in_a_row = 50
sms_guard = "record"
sms_countries = ["CH", "+91"]
sms_site_budget = 77
disabled_receivers = ["a", "b"]
allow_unreceived = ["login_email", "reset_password_phone"]
development = false
"#;

#[test]
fn every_setting_stands_in_a_file() {
    let file = format!("{EVERY_SETTING}{EVERY_SECTION}");
    let all = load(&file, &[], None).unwrap();
    // What says the same in another way cannot stand beside it; see the next test.
    let elsewhere = [
        "sms.json",
        "sms.token_file",
        "nats.token_file",
        "nats.credentials_file",
        "session_cookie_name",
        "max_sessions",
        "short_session_lifetime",
        "session_idle_timeout",
        "closing_grace",
        "sign_up_by_code",
        "danger_no_limits",
        "smtp.danger_plain",
        "sms.danger_plain",
        "webhook.danger_plain",
        "nats.danger_plain",
    ];
    for setting in SETTINGS.iter().filter(|setting| {
        let secrets = [".password", ".secret", ".old_secret", ".token"];
        let is_secret = secrets.iter().any(|end| setting.name.ends_with(end));
        let is_elsewhere = elsewhere.contains(&setting.name) || is_secret;
        !is_elsewhere && !setting.name.starts_with("sms.twilio_")
    }) {
        assert_ne!(
            all.sources.of(setting.name),
            Source::Default,
            "{}",
            setting.name
        );
    }
    assert_eq!(all.database.busy_timeout, Duration::from_millis(250));
    assert_eq!(all.accounts.reset_phone_lifetime, Duration::from_mins(5));
    assert_eq!(
        all.keys.fallback_files,
        [PathBuf::from("old"), PathBuf::from("older")]
    );
    assert_eq!(
        (all.server.max_connections, all.messages.development),
        (16, Some(false))
    );
    let methods = all.accounts.authentication_methods;
    assert!(methods.phone && methods.email && !methods.username);
}

#[test]
fn lists_in_environment_have_commas() {
    let environment = [
        ("PHONE_AUTH_AUTHENTICATION_METHODS", "phone, email"),
        ("PHONE_AUTH_SECRET_KEY_FALLBACK_FILES", "a,b c"),
    ];
    let all = load("", &environment, None).unwrap();
    assert!(!all.accounts.authentication_methods.username);
    assert_eq!(
        all.keys.fallback_files,
        [PathBuf::from("a"), PathBuf::from("b c")]
    );
}

#[test]
fn lists_in_environment_are_arrays_too() {
    let names = [
        MessageSignal::ResetPasswordPhone,
        MessageSignal::VerifyPhone,
    ];
    for (value, expected) in [
        ("reset_password_phone,verify_phone", Some(&names[..])),
        ("[\"reset_password_phone\", \"verify_phone\"]", Some(&names)),
        (" [ \"verify_phone\" ]\n", Some(&names[1..])),
        ("[]", Some(&[])),
        ("[\"verify_phone\",]", None),
        ("[verify_phone]", None),
        ("[1]", None),
        ("[\"verify_phone\", \"\"]", None),
        ("\"verify_phone\"", None),
    ] {
        let loaded = load("", &[("PHONE_AUTH_ALLOW_UNRECEIVED", value)], None);
        let allow_unreceived = loaded.ok().map(|all| all.messages.allow_unreceived);
        assert_eq!(allow_unreceived.as_deref(), expected, "{value}");
    }
}

#[test]
fn wrong_values_are_named() {
    for (name, value, said) in [
        (
            "ADDR",
            "localhost",
            "\"localhost\" is not an IP address and a port",
        ),
        ("ADDR", "example.org:80", "is not an IP address"),
        ("ADDR", "127.0.0.1:99999", "is not an IP address"),
        (
            "DATABASE",
            "postgres://x/y",
            "is not a database such as sqlite:",
        ),
        ("DATABASE", "sqlite:", "is not a database such as sqlite:"),
        (
            "DATABASE",
            "sqlite::memory:",
            "is not a database such as sqlite:",
        ),
        (
            "DATABASE_BUSY_TIMEOUT",
            "soon",
            "\"soon\" is not a time such as \"5 s\"",
        ),
        (
            "DATABASE_BUSY_TIMEOUT",
            "25 days",
            "longer than none and at most 10 minutes",
        ),
        (
            "SITE_URL",
            "https://example.org/accounts/",
            "is not an origin such as https://example.org",
        ),
        ("SITE_URL", "ftp://example.org", "is not an origin"),
        (
            "AUTHENTICATION_METHODS",
            "phone,fax",
            "is not a list such as [\"phone\"], of phone, email, username",
        ),
        (
            "REGISTER_EMAIL_REQUIRED",
            "yes",
            "\"yes\" is not true or false",
        ),
        (
            "LOGIN_REDIRECT_URL",
            "https://evil.example/",
            "is not a path on this site",
        ),
        (
            "LOGOUT_REDIRECT_URL",
            "//evil.example",
            "is not a path on this site",
        ),
        (
            "LOGIN_REDIRECT_URL",
            "/\nx",
            "\"/\\nx\" is not a path on this site",
        ),
        ("SESSION_LIFETIME", "0", "\"0\" is not a time"),
        (
            "SESSION_LIFETIME",
            "1000 days",
            "is not from 1 second to 400 days",
        ),
        (
            "TEMPLATES",
            "/nowhere/at/all",
            "is not the path of a folder that exists",
        ),
        (
            "HASHING_QUEUE",
            "-1",
            "\"-1\" is not a number from 1 to 10000",
        ),
        (
            "MAX_CONNECTIONS",
            "0",
            "\"0\" is not a number from 1 to 100000",
        ),
        (
            "SECRET_KEY_FILE",
            "a\nb",
            "\"a\\nb\" is not the path of a file",
        ),
    ] {
        let variable = format!("PHONE_AUTH_{name}");
        let said_all = mistakes("", &[(&variable, value)], None);
        let start = format!("{} (environment {variable}): ", name.to_lowercase());
        let [sentence] = said_all.as_slice() else {
            panic!("{said_all:?}");
        };
        assert!(
            sentence.starts_with(&start) && sentence.contains(said),
            "{sentence}"
        );
    }
}

#[test]
fn wrong_types_are_named() {
    for (line, said) in [
        (
            "verify_by_click = tru",
            "config (phone-auth.toml, line 2): not TOML: ",
        ),
        (
            "verify_by_click = \"true\"",
            "\"true\" is not true or false",
        ),
        (
            "addr = 8000",
            "addr (file phone-auth.toml, line 2): 8000 is not an IP address",
        ),
        (
            "verify_by_click = 1",
            "verify_by_click (file phone-auth.toml, line 2): 1 is not true or false",
        ),
        (
            "login_redirect_url = [\"/\"]",
            "[\"/\"] is not a path on this site",
        ),
        (
            "authentication_methods = \"phone, email\"",
            "\"phone, email\" is not a list such as [\"phone\"], of",
        ),
        (
            "authentication_methods = [\"phone\", \"fone\"]",
            "[\"phone\", \"fone\"] is not a list such as [\"phone\"], of phone, email, username",
        ),
        (
            "trusted_proxies = [\"10.0.0.0/99\"]",
            "[\"10.0.0.0/99\"] is not a list of networks",
        ),
        (
            "authentication_methods = [1, [\"x\"], 3, 4, 5, 6]",
            "[1, a TOML array, 3, 4, 5, …] is not a list such as",
        ),
        (
            "authentication_methods = [1]",
            "[1] is not a list such as [\"phone\"], of",
        ),
        ("authentication_methods = []", "[] is not at least one of"),
        ("session_lifetime = 1.5", "1.5 is not a time"),
        ("session_lifetime = -3", "-3 is not a time"),
        ("hashing_queue = 9999999999999999999999", "is not a number"),
        (
            "django_hash_iterations = 3000001",
            "3000001 is not a number from 1 to 3000000",
        ),
        (
            "django_hash_iterations = 0",
            "0 is not a number from 1 to 3000000",
        ),
    ] {
        let said_all = mistakes(&format!("# settings\n{line}\n"), &[], None);
        assert!(
            said_all.iter().any(|sentence| sentence.contains(said)),
            "{line}: {said_all:?}"
        );
    }
}

#[test]
fn unknown_names_are_refused() {
    assert_eq!(
        mistakes(
            "\n\nLOGIN_REDIRECT_URL = \"/\"\nzzz = 1\n[table]\nx = 1\n[stmp]\nhost = \"x\"",
            &[],
            None
        ),
        [
            "LOGIN_REDIRECT_URL (file phone-auth.toml, line 3): there is no such setting; did you mean login_redirect_url?",
            "zzz (file phone-auth.toml, line 4): there is no such setting; `phone-auth settings` lists them all",
            "table (file phone-auth.toml, line 5): there is no such setting; `phone-auth settings` lists them all",
            "stmp (file phone-auth.toml, line 7): there is no such setting; did you mean smtp?",
        ]
    );
    assert_eq!(
        mistakes("", &[("PHONE_AUTH_LOGIN_REDIRECT_URI", "/")], None),
        [
            "login_redirect_uri (environment PHONE_AUTH_LOGIN_REDIRECT_URI): there is no such setting; did you mean PHONE_AUTH_LOGIN_REDIRECT_URL?"
        ]
    );
}

#[test]
fn misspelt_variables_are_refused() {
    for (name, meant) in [
        ("CONFIG_FILE", "CONFIG"),
        ("CONFIGURATION", "CONFIG"),
        ("CONFIG_PATH", "CONFIG"),
        ("CONF", "CONFIG"),
        ("DATABASE_URL", "DATABASE"),
        ("DATABASE_PASSWORD", "DATABASE"),
        ("DATABASES", "DATABASE"),
        ("SECRET_KEY", "SECRET_KEY_FILE"),
        ("SITE", "SITE_URL"),
        ("URL", "SMS_URL"),
        ("PORT", "SMTP_PORT"),
        ("DEVELOPMENT_MODE", "DEVELOPMENT"),
        ("SMTP_HOSTNAME", "SMTP_HOST"),
        ("SMTP_PORTS", "SMTP_PORT"),
        ("ALLOW_UNRECIEVED", "ALLOW_UNRECEIVED"),
        ("ADDRESS", "ADDR"),
        ("DB", "DATABASE"),
        ("IMAGE_TAG", ""),
        ("REGION", "DEFAULT_REGION"),
        ("X", ""),
        ("", ""),
        // Kubernetes gives such names other values.
        ("SMTP_SERVICE_HOST", "SMTP_HOST"),
        ("PORT_8000_TCP", ""),
        ("PORT_8000_TCP_ADDR", "ADDR"),
        ("PORT_8000_TCP_PROTO", ""),
        ("PORT_8000_TCP_X", ""),
    ] {
        let variable = format!("PHONE_AUTH_{name}");
        let said = mistakes("", &[(&variable, "8000")], None);
        let hint = match meant {
            "" => "there is no such setting; `phone-auth settings` lists them all".to_owned(),
            _ => format!("there is no such setting; did you mean PHONE_AUTH_{meant}?"),
        };
        assert!(
            said.len() == 1 && said.iter().all(|said| said.ends_with(&hint)),
            "{name}: {said:?}"
        );
    }
}

#[test]
fn misspelt_prefixes_are_refused() {
    let spellings: [fn(&str) -> String; 8] = [
        |name| format!("PHONEAUTH_{name}"),
        |name| format!("PHONE-AUTH_{name}"),
        |name| format!("PHONE-AUTH-{}", name.replace('_', "-")),
        |name| format!("Phone_Auth_{name}"),
        |name| format!("phone_auth_{}", name.to_lowercase()),
        |name| format!("phoneauth{}", name.to_lowercase()),
        |name| format!("PHONEAUTH{}", name.replace('_', "")),
        |name| format!("_PHONE__AUTH_{name}"),
    ];
    let names = SETTINGS
        .iter()
        .map(|setting| setting.name.replace('.', "_"));
    for name in names.chain(["config".to_owned()]) {
        let name = name.to_uppercase();
        for spelling in spellings {
            let variable = spelling(&name);
            assert_eq!(
                mistakes("", &[(&variable, "x")], None),
                [format!(
                    "{variable} (environment {variable}): there is no such setting; did you mean PHONE_AUTH_{name}?"
                )]
            );
        }
    }
}

#[test]
fn variables_of_others_are_left_alone() {
    let environment = [
        ("PHONE_AUTH_PORT", "tcp://10.0.0.1:8000"),
        ("PHONE_AUTH_PORT_8000_TCP", "tcp://10.0.0.1:8000"),
        ("PHONE_AUTH_PORT_8000_TCP_ADDR", "10.0.0.1"),
        ("PHONE_AUTH_PORT_8000_TCP_PORT", "8000"),
        ("PHONE_AUTH_PORT_8000_TCP_PROTO", "tcp"),
        ("PHONE_AUTH_SERVICE_HOST", "10.0.0.1"),
        ("PHONE_AUTH_SERVICE_PORT", "8000"),
        ("PHONE_AUTH_SERVICE_PORT_HTTP", "8000"),
        ("PHONE_AUTH_DATABASE_SERVICE_HOST", "10.0.0.1"),
        ("PHONE_AUTH_DATABASE_PORT", "tcp://10.0.0.1:5432"),
        ("PHONE_AUTH_SMTP_PORT", "tcp://10.0.0.1:25"),
        ("PHONE_AUTH_DATABASE_PORT_5432_TCP_ADDR", "10.0.0.1"),
        ("PHONE_AUTH_PORT_8000_UDP", "udp://10.0.0.1:8000"),
        ("PHONE_AUTH_DATABASE_SERVICE_HOST", "fd00::7"),
        ("PHONE_AUTH_BIN", "target/debug/phone-auth"),
        ("PHONE_AUTH_VECTORS", "vectors.json"),
        ("ADDR", "nonsense"),
        ("PHONEAUTH_PORT", "tcp://10.0.0.1:8000"),
        ("PHONEAUTH_SMTP_PORT", "tcp://10.0.0.1:25"),
        ("PHONEAUTH_IMAGE_TAG", "1.2"),
        ("PHONEAUTHOR_ADDR", "nonsense"),
        ("MY_PHONE_AUTH_ADDR", "nonsense"),
        ("phone_auth_addr", ""),
    ];
    assert_eq!(
        load("", &environment, None).unwrap(),
        Configuration::default()
    );
}

#[test]
fn empty_variable_is_not_set() {
    let names = SETTINGS
        .iter()
        .map(|setting| setting.name.replace('.', "_"));
    for name in names.chain(["config".to_owned(), "config_file".to_owned()]) {
        let variable = format!("PHONE_AUTH_{}", name.to_uppercase());
        let all = load("", &[(&variable, "")], None);
        assert_eq!(all.unwrap(), Configuration::default(), "{variable}");
    }
}

#[cfg(unix)]
#[test]
fn bytes_are_kept_in_paths_alone() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    let names: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
    for (name, prefix) in names.iter().map(|name| (*name, "")).chain([
        ("database", "sqlite:"),
        ("database", "postgres://ann@db/"),
        ("disabled_receivers", "a,"),
        ("secret_key_fallback_files", "a,"),
    ]) {
        let bytes = [prefix.as_bytes(), b"caf\xe9"].concat();
        let value = OsStr::from_bytes(&bytes).to_owned();
        let variable = format!("PHONE_AUTH_{}", name.to_uppercase().replace('.', "_"));
        let environment = [(OsString::from(&variable), value)];
        let mut reading = Reading::default();
        reading.environment(&ours(environment));
        let is_path = ["_file", "_files", "_certificate"]
            .iter()
            .any(|end| name.ends_with(end));
        if is_path || prefix == "sqlite:" {
            assert!(
                reading.mistakes.is_empty(),
                "{name}: {:?}",
                reading.mistakes
            );
            assert!(reading.configuration.sources.is_set(name), "{name}");
            continue;
        }
        // A folder must be there to be taken, whatever its name.
        let [mistake] = reading.mistakes.as_slice() else {
            panic!("{name}: {:?}", reading.mistakes);
        };
        let said = mistake.to_string();
        assert!(said.contains(&variable), "{said}");
        assert!(said.contains("which is not UTF-8,"), "{said}");
        assert!(!said.contains('\u{fffd}'), "{said}");
    }
    let path = OsStr::from_bytes(b"caf\xe9.db").to_owned();
    let mut reading = Reading::default();
    let value = [b"sqlite:".as_slice(), path.as_bytes()].concat();
    let value = OsStr::from_bytes(&value).to_owned();
    reading.arguments(&SettingArguments {
        database: Some(value),
        ..SettingArguments::default()
    });
    let expected = DatabaseName::Sqlite(PathBuf::from(path));
    assert!(reading.configuration.database.name == expected);
    assert_eq!(expected.to_string(), "caf\\xE9.db");
}

#[test]
fn secrets_are_not_shown() {
    let wrong = [
        "\u{7}s3cret",
        "postgres:/ann:s3cret@db/site\u{7}",
        "postgres//ann:s3cret@db/site\u{7}",
        "ann:s3cret@db\u{7}",
        "postgres://db/site?user=ann&password=s3cret\u{7}",
        "{ \"key\": \"s3cret\"",
    ];
    for setting in SETTINGS {
        let is_secret = setting.secrecy == Secrecy::Secret;
        for (index, value) in wrong.iter().enumerate() {
            // The first looks like nothing: it is one where secrets belong.
            let is_known = is_secret || (index > 0 && index < 5);
            if !is_known {
                continue;
            }
            let variable = format!(
                "PHONE_AUTH_{}",
                setting.name.to_uppercase().replace('.', "_")
            );
            let of_environment = load("", &[(&variable, value)], None);
            let toml = format!("{} = {}", setting.name, serde_json::json!(value));
            let list = format!("{} = [{}]", setting.name, serde_json::json!(value));
            for loaded in [
                of_environment,
                load(&toml, &[], None),
                load(&list, &[], None),
            ] {
                let said = loaded.map(drop).unwrap_err();
                assert!(
                    said.iter().all(|said| !said.contains("s3cret")),
                    "{}: {said:?}",
                    setting.name
                );
            }
        }
    }
}

/// A value that looks right and is another one, in the environment and in a file, alone, in a list and in a table.
#[test]
fn characters_that_nobody_sees_are_refused() {
    let marked = ["\u{feff}plum", "plum\u{feff}"];
    let unseen = ["plum\u{200b}", "pl\u{202e}um", "\u{2060}plum"];
    for setting in SETTINGS {
        let is_structured = setting.right.contains("JSON") || setting.secrecy == Secrecy::Open;
        let variable = format!("PHONE_AUTH_{}", setting.in_variable().to_uppercase());
        for text in marked
            .into_iter()
            .chain(unseen.into_iter().filter(|_| !is_structured))
        {
            let url = format!("https://{text}.example/");
            let server = format!("postgres://ann:{text}@db/site");
            let value = match setting.secrecy {
                Secrecy::Url if setting.name == "database" => &server,
                Secrecy::Url => &url,
                Secrecy::Open | Secrecy::Secret => &text.to_owned(),
            };
            let quoted = serde_json::json!(value);
            let name = setting.name;
            let tables = [
                format!("{name} = {quoted}"),
                format!("{name} = [{quoted}]"),
                format!("{name} = {{ To = {quoted} }}"),
                format!("{name} = {{ {quoted} = \"x\" }}"),
            ];
            let json = [format!("{{ \"To\": {quoted} }}"), value.clone()];
            let of_file = tables.iter().map(|toml| load(toml, &[], None));
            let of_environment = json.iter().map(|it| load("", &[(&variable, it)], None));
            for loaded in of_file.chain(of_environment) {
                let said = loaded.map(drop).unwrap_err();
                assert!(
                    said.iter().any(|said| said.starts_with(name)),
                    "{name}: {said:?}"
                );
            }
            let said = mistakes("", &[(&variable, value)], None);
            let told = "which holds a character that nobody sees (\\u{";
            assert!(
                said.iter().any(|said| said.contains(told)),
                "{name}: {said:?}"
            );
        }
    }
}

#[test]
fn all_mistakes_come_at_once() {
    let environment = [("PHONE_AUTH_ADDR", "x"), ("PHONE_AUTH_HASHING_QUEUE", "x")];
    assert_eq!(
        mistakes("verify_by_click = 3", &environment, Some("y")).len(),
        4
    );
}

#[test]
fn missing_file_is_named() {
    let arguments = SettingArguments::default();
    let environment = [("PHONE_AUTH_CONFIG".into(), "/nowhere/x.toml".into())];
    let error = Configuration::load(&arguments, environment).unwrap_err();
    let sentences: Vec<_> = error.mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(
        sentences,
        ["config (environment PHONE_AUTH_CONFIG): cannot read /nowhere/x.toml"]
    );
}

#[test]
fn password_in_a_url_is_not_shown() {
    let all = mistakes(
        "database = \"postgres://:s3cret@db/site\"",
        &[(
            "PHONE_AUTH_DATABASE",
            "postgres://ann:s3cret@db/site?sslmode=maybe",
        )],
        None,
    );
    assert_eq!(all.len(), 2, "{all:?}");
    for mistake in all {
        assert!(!mistake.contains("s3cret"), "{mistake}");
        assert!(mistake.contains("is not a database such as"), "{mistake}");
    }
}

#[test]
fn networks_are_whole() {
    let site = "site_url = \"https://example.org\"\n";
    for (given, expected) in [
        ("10.0.0.0/8", Some("10.0.0.0/8")),
        ("192.0.2.7", Some("192.0.2.7/32")),
        ("2001:db8::/32", Some("2001:db8::/32")),
        ("::1", Some("::1/128")),
        // Either the address or the length of its prefix is a mistake.
        ("10.0.0.1/8", None),
        ("2001:db8::1/32", None),
        ("10.0.0.0/33", None),
        ("10.0.0", None),
        ("proxy.example", None),
        // Clients are in it, and each could choose the address that counts.
        ("0.0.0.0/0", None),
        ("128.0.0.0/1", None),
        ("10.0.0.0/7", None),
        ("::/0", None),
        ("2000::/3", None),
        ("fc00::/7", Some("fc00::/7")),
        // No peer is looked for under such an address.
        ("::ffff:10.0.0.0/104", None),
    ] {
        let loaded = load(&format!("{site}trusted_proxies = [\"{given}\"]"), &[], None);
        let networks = loaded.map(|all| all.server.trusted_proxies);
        let text = |networks: Vec<IpNet>| networks.iter().map(ToString::to_string).collect();
        let texts: Result<Vec<_>, _> = networks.map(text);
        match expected {
            Some(expected) => assert_eq!(texts.unwrap(), [expected], "{given}"),
            None => assert!(texts.is_err(), "{given}"),
        }
    }
}

#[test]
fn proxies_need_a_site() {
    for (file, named) in [
        ("trusted_proxies = [\"10.0.0.0/8\"]", "site_url"),
        ("proxy_protocol = true", "trusted_proxies"),
        ("client_address_header = \"x-real-ip\"", "trusted_proxies"),
    ] {
        let all = mistakes(file, &[], None);
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(
            all.iter().all(|why| why.starts_with(named)),
            "{file}: {all:?}"
        );
    }
}

#[test]
fn text_is_a_list_of_one() {
    let file = r#"
        authentication_methods = "phone"
        secret_key_fallback_files = "old, older"
        trusted_origins = "https://app.example.org"
        disabled_receivers = "a"
        allow_unreceived = "verify_phone"
    "#;
    let all = load(file, &[], None).unwrap();
    let methods = all.accounts.authentication_methods;
    assert!(methods.phone && !methods.email && !methods.username);
    assert_eq!(all.keys.fallback_files, [PathBuf::from("old, older")]);
    assert_eq!(all.messages.disabled_receivers, ["a"]);
    assert_eq!(all.messages.allow_unreceived, [MessageSignal::VerifyPhone]);
    let refused = mistakes("disabled_receivers = \"\"", &[], None);
    assert_eq!(refused.len(), 1, "{refused:?}");
}
