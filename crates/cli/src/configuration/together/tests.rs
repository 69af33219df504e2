//! The sections of the ready receivers: where their settings stand, and what does not go together.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth::signals::MessageSignal;

use crate::configuration::tests::{load, mistakes};
use crate::configuration::together::NEEDING;
use crate::configuration::{SETTINGS, Success};

/// Every setting of a section that can stand beside the others.
pub(in crate::configuration) const EVERY_SECTION: &str = r#"
[smtp]
host = "mail.example.org"
port = 2525
security = "starttls"
user = "ann"
password_file = "password"
from = "Example <accounts@example.org>"
hello = "www.example.org"
root_certificate = "root.pem"
timeout = 9
connections = 2
templates = "."
language = "de"
[sms]
carries = "both"
carries_by_prefix = { "+91" = "code" }
url = "https://sms.example/{{ to }}"
method = "PUT"
headers = { X-Key = "{{ secret }}" }
form = { text = "{{ text }}" }
user = "ann"
password_file = "password"
secret_file = "secret"
success = "200, 202"
never = ["400", "404-410"]
root_certificate = "root.pem"
timeout = 9
templates = "."
language = "de"
[webhook]
url = "https://sender.example/"
secret_file = "secret"
old_secret_file = "old"
signals = ["verify_email"]
root_certificate = "root.pem"
timeout = 9
[nats]
url = "tls://nats.example"
subject = "a.b"
signals = ["verify_phone"]
user = "ann"
password_file = "password"
root_certificate = "root.pem"
timeout = 9
"#;

/// Settings that do something by themselves, or whose section says what they need.
const ALONE: [&str; 88] = [
    "addr",
    "max_connections",
    "trusted_proxies",
    "client_address_header",
    "proxy_protocol",
    "header_timeout",
    "request_timeout",
    "response_timeout",
    "keep_alive_timeout",
    "shutdown_grace",
    "hashing_queue",
    "database",
    "database_busy_timeout",
    "site_url",
    "site_name",
    "mount",
    "templates",
    "host_cookies",
    "trusted_origins",
    "users_from_elsewhere",
    "secret_key_file",
    "secret_key_fallback_files",
    "authentication_methods",
    "register_username_required",
    "register_email_required",
    "register_phone_required",
    "register_fname_required",
    "register_lname_required",
    "register_confirm_password_required",
    "default_region",
    "refused_number_types",
    "phone_channels",
    "password_min_length",
    "hidden_sign_up_fields",
    "login_redirect_url",
    "logout_redirect_url",
    "session_lifetime",
    "reauthentication_lifetime",
    "reset_email_lifetime",
    "reset_phone_lifetime",
    "verify_email_lifetime",
    "verify_phone_lifetime",
    "code_lifetime",
    "login_by_code",
    "sign_up_by_code",
    "verify_at_sign_up",
    "conceal_accounts",
    "verify_by_click",
    "require_verified",
    "unverified_sign_in",
    "unverified_reset",
    "unverified_account_lifetime",
    "max_addresses",
    "notices",
    "close_account",
    "export_account",
    "max_pending_messages",
    "redact_client_addresses",
    "danger_no_limits",
    "limit_log_ins",
    "limit_failed_log_ins",
    "limit_account_failures",
    "limit_failures_in_a_row",
    "limit_resets",
    "limit_resets_of_address",
    "limit_sign_ups",
    "limit_phone_verification_pause",
    "limit_phone_verifications",
    "limit_email_verifications",
    "limit_added_addresses",
    "limit_password_checks",
    "limit_wrong_codes_in_a_row",
    "sms_guard",
    "sms_countries",
    "password_min_score",
    "receiver_timeout",
    "outbox_worker",
    "outbox_lease",
    "disabled_receivers",
    "allow_unreceived",
    "development",
    "django_sessions",
    "accept_django_tokens_until",
    "django_time_zone",
    "django_use_tz",
    "django_database_time_zone",
    "danger_accept_md5_passwords",
    "django_hash_iterations",
];

/// What a new setting needs to do something is said for it: here, or in [`NEEDING`].
#[test]
fn every_setting_has_an_effect() {
    let needing = NEEDING.iter().flat_map(|(names, ..)| *names);
    let mut placed: Vec<_> = needing.chain(&ALONE).copied().collect();
    let all = SETTINGS.iter().map(|setting| setting.name);
    let mut all: Vec<_> = all.filter(|name| !name.contains('.')).collect();
    placed.sort_unstable();
    all.sort_unstable();
    assert_eq!(placed, all);
}

#[test]
fn setting_without_effect_is_refused() {
    let postgres = "database = \"postgres://ann@db.example/site\"";
    let sessions = "django_sessions = true";
    let links = "accept_django_tokens_until = 2999-01-01T00:00:00Z";
    for (set, needs) in [
        ("database_connections = 20", postgres),
        ("database_pooler = true", postgres),
        ("django_session_cookie_name = \"who\"", sessions),
        ("django_session_cookie_domain = \"example.org\"", sessions),
        ("django_auth_backend = \"site.Backend\"", sessions),
        ("django_auth_backends = [\"site.Backend\"]", sessions),
        ("django_password_reset_timeout = \"1 day\"", links),
        ("django_secret_key_file = \"django\"", links),
        ("django_secret_key_file = \"django\"", sessions),
        ("django_secret_key_fallback_files = [\"old\"]", sessions),
        (
            "max_connections_per_client = 1001",
            "max_connections = 1001",
        ),
        ("max_unverified_addresses = 11", "max_addresses = 11"),
    ] {
        let name = set.split(' ').next().unwrap();
        let refused = mistakes(set, &[], None);
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused.concat().starts_with(name), "{refused:?}");
        assert!(load(&format!("{set}\n{needs}"), &[], None).is_ok(), "{set}");
    }
    // The other way round: it does something unless the other is set.
    for (set, with, said) in [
        (
            "closing_grace = \"30 days\"",
            "close_account = false",
            "close their account",
        ),
        (
            "sms_site_budget = 20",
            "sms_guard = \"off\"",
            "nothing is counted",
        ),
    ] {
        assert!(load(set, &[], None).is_ok());
        let refused = mistakes(&format!("{set}\n{with}"), &[], None);
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused.concat().contains(said), "{refused:?}");
    }
    for (set, said) in [
        (
            "session_cookie_name = \"who\"",
            "django_session_cookie_name",
        ),
        ("max_sessions = 9", "do not say whose they are"),
        (
            "short_session_lifetime = \"1 day\"",
            "not shared with Django",
        ),
        ("session_idle_timeout = \"1 day\"", "not shared with Django"),
        ("closing_grace = \"30 days\"", "not shared with Django"),
    ] {
        assert!(load(set, &[], None).is_ok());
        let refused = mistakes(&format!("{set}\n{sessions}"), &[], None);
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused.concat().contains(said), "{refused:?}");
    }
}

#[test]
fn what_cannot_work_is_refused() {
    let sms = "[sms]\nurl = \"https://sms.example/{{ to }}{{ text }}\"\n";
    for (set, name, said) in [
        (
            "session_idle_timeout = \"15 days\"",
            "session_idle_timeout",
            "session_lifetime",
        ),
        (
            "[sms]method = \"GET\"\nform = { a = \"{{ text }}\" }",
            "sms.form",
            "no body",
        ),
        (
            "[sms]method = \"GET\"\njson = { a = \"{{ text }}\" }",
            "sms.json",
            "no body",
        ),
        ("[sms]headers = { Host = \"a\" }", "sms.headers", "Host"),
        (
            "[sms]headers = { transfer-encoding = \"chunked\" }",
            "sms.headers",
            "transfer-encoding",
        ),
        (
            "[sms]headers = { Content-Length = \"1\" }",
            "sms.headers",
            "Content-Length",
        ),
    ] {
        let set = set.replace("[sms]", sms);
        let refused = mistakes(&set, &[], None);
        assert_eq!(refused.len(), 1, "{refused:?}");
        let refused = refused.concat();
        assert!(
            refused.starts_with(name) && refused.contains(said),
            "{refused}"
        );
    }
    for set in [
        "session_idle_timeout = \"14 days\"",
        "[sms]method = \"GET\"",
        "[sms]method = \"PUT\"\nform = { a = \"{{ text }}\" }",
        "[sms]headers = { Accept = \"a\" }",
    ] {
        assert!(load(&set.replace("[sms]", sms), &[], None).is_ok(), "{set}");
    }
}

#[test]
fn other_ways_stand_in_a_file() {
    let file = r#"
        [sms]
        twilio_account_sid = "AC0"
        twilio_auth_token_file = "token"
        twilio_messaging_service_sid = "MG0"
        twilio_api = "https://api.dublin.ie1.twilio.com"
        [nats]
        url = "tls://nats.example"
        token_file = "token"
    "#;
    let delivery = load(file, &[], None).unwrap();
    assert_eq!(delivery.sms.twilio_account_sid.as_deref(), Some("AC0"));
    assert!(delivery.nats.token_file.is_some());
    let file = r#"
        [sms]
        url = "https://sms.example/"
        json = { to = "{{ to }}", n = 0x10, parts = [1.5, true] }
        token = "hunter2"
        [webhook]
        url = "https://sender.example/"
        secret = "whsec_x"
        old_secret = "whsec_y"
        [nats]
        url = "tls://nats.example"
        credentials_file = "ann.creds"
    "#;
    let delivery = load(file, &[], None).unwrap();
    let json = serde_json::json!({ "to": "{{ to }}", "n": 16, "parts": [1.5, true] });
    assert_eq!(delivery.sms.json, Some(json.clone()));
    assert!(!format!("{delivery:?}").contains("hunter2"));
    let environment = [
        ("PHONE_AUTH_SMS_URL", "https://sms.example/"),
        ("PHONE_AUTH_SMS_JSON", &*json.to_string()),
        ("PHONE_AUTH_SMS_HEADERS", r#"{"X-Key": "{{ secret }}"}"#),
        ("PHONE_AUTH_SMS_SECRET", "hunter2"),
        ("PHONE_AUTH_SMS_NEVER", "400, 404-410"),
        ("PHONE_AUTH_WEBHOOK_URL", "https://sender.example/"),
        ("PHONE_AUTH_WEBHOOK_SECRET_FILE", "secret"),
        ("PHONE_AUTH_WEBHOOK_SIGNALS", "verify_email, verify_phone"),
    ];
    let delivery = load("", &environment, None).unwrap();
    assert_eq!(delivery.sms.json, Some(json));
    let header = ("X-Key".to_owned(), "{{ secret }}".to_owned());
    assert_eq!(delivery.sms.headers, [header]);
    assert_eq!(delivery.sms.never, "400, 404-410".parse().ok());
    let chosen = [MessageSignal::VerifyEmail, MessageSignal::VerifyPhone];
    assert_eq!(delivery.webhook.signals.0, chosen);
}

#[test]
fn success_is_statuses_or_a_table() {
    let pointed = Success {
        json: Some(("/messages/0/status".to_owned(), "0".into())),
        ..Success::default()
    };
    let all = Success {
        statuses: "200, 202".parse().ok(),
        json: Some(("/ok".to_owned(), true.into())),
        text: Some("ID".to_owned()),
        not_text: Some("ERR".to_owned()),
    };
    let statuses = Success {
        statuses: "2xx".parse().ok(),
        ..Success::default()
    };
    for (file, variable, expected) in [
        ("\"2xx\"", "2xx", &statuses),
        (
            "{ pointer = \"/messages/0/status\", value = \"0\" }",
            r#"{"pointer": "/messages/0/status", "value": "0"}"#,
            &pointed,
        ),
        (
            "{ status = \"200, 202\", pointer = \"/ok\", value = true, text = \"ID\", not_text = \"ERR\" }",
            r#"{"status": "200, 202", "pointer": "/ok", "value": true, "text": "ID", "not_text": "ERR"}"#,
            &all,
        ),
    ] {
        let url = "url = \"https://sms.example/\"";
        let from_file = load(&format!("[sms]\n{url}\nsuccess = {file}\n"), &[], None).unwrap();
        assert_eq!(from_file.sms.success.as_ref(), Some(expected), "{file}");
        let environment = [
            ("PHONE_AUTH_SMS_URL", "https://sms.example/"),
            ("PHONE_AUTH_SMS_SUCCESS", variable),
        ];
        let from_environment = load("", &environment, None).unwrap();
        assert_eq!(
            from_environment.sms.success.as_ref(),
            Some(expected),
            "{variable}"
        );
    }
}

#[test]
fn sections_are_variables_too() {
    let environment = [
        ("PHONE_AUTH_SMTP_HOST", "mail.example.org"),
        ("PHONE_AUTH_SMTP_FROM", "accounts@example.org"),
        ("PHONE_AUTH_SMTP_USER", "ann"),
        ("PHONE_AUTH_SMTP_PASSWORD", "hunter2"),
    ];
    let file = "smtp.port = 2525\n[smtp]\nhost = \"other.example.org\"";
    assert!(
        load(file, &environment, None).is_err(),
        "TOML has a section once"
    );
    let smtp = load("[smtp]\nhost = \"x\"", &environment, None)
        .unwrap()
        .smtp;
    assert_eq!(smtp.host.as_deref(), Some("mail.example.org"));
    assert!(smtp.password.is_some());
}

#[test]
fn incomplete_sections_are_refused() {
    for (file, said) in [
        (
            "[smtp]\nport = 25",
            &["smtp.host (default): it must be set when smtp.port is"][..],
        ),
        (
            "[smtp]\nhost = \"x\"",
            &["smtp.from (default): it must be set when smtp.host is"],
        ),
        (
            "[smtp]\nhost = \"x\"\nfrom = \"a@b.example\"\nuser = \"a\"",
            &["smtp.password (default): it must be set when smtp.user is, or smtp.password_file"],
        ),
        (
            "[smtp]\nhost = \"x\"\nfrom = \"a@b.example\"\npassword = \"a\"\npassword_file = \"b\"",
            &[
                "smtp.password_file (file phone-auth.toml, line 5): it says the same as smtp.password",
                "smtp.user (default): it must be set when smtp.password is",
            ],
        ),
        (
            "[sms]\nmethod = \"GET\"",
            &["sms.url (default): it must be set when sms.method is: the URL of the gateway, or"],
        ),
        (
            "[sms]\nurl = \"https://x/\"\ntwilio_from = \"+1\"\nform = {}\njson = {}",
            &[
                "sms.twilio_account_sid (default): it must be set when sms.twilio_from is",
                "sms.json (file phone-auth.toml, line 5): it says the same as sms.form",
            ],
        ),
        (
            "[sms]\ntwilio_account_sid = \"AC0\"\nform = {}\ntoken_file = \"token\"",
            &[
                "sms.twilio_auth_token (default): it must be set when sms.twilio_account_sid is, or",
                "sms.twilio_from (default): it must be set when sms.twilio_account_sid is, or",
                "sms.form (file phone-auth.toml, line 3): it says the same as sms.twilio_account_sid",
                "sms.token_file (file phone-auth.toml, line 4): it says the same as sms.twilio_account_sid",
            ],
        ),
        (
            "[webhook]\nurl = \"https://x/\"",
            &[
                "webhook.secret (default): it must be set when webhook.url is, or webhook.secret_file",
            ],
        ),
        (
            "login_redirect_url = \"/accounts/signup/?a\"",
            &[
                "login_redirect_url (file phone-auth.toml, line 1): it must be another page than those that log in",
            ],
        ),
        (
            "logout_redirect_url = \"/konto/logout\"\nmount = \"/konto/\"",
            &[
                "logout_redirect_url (file phone-auth.toml, line 1): it must be another page than those that log in",
            ],
        ),
        (
            "hidden_sign_up_fields = [\"email\"]",
            &[
                "hidden_sign_up_fields (file phone-auth.toml, line 1): it must be a list of first_name,",
            ],
        ),
        (
            "[webhook]\nsecret = \"x\"",
            &["webhook.url (default): it must be set when webhook.secret is"],
        ),
        (
            "[nats]\nurl = \"tls://x\"\ntoken = \"x\"\nuser = \"a\"\npassword = \"b\"",
            &["nats.token (file phone-auth.toml, line 3): it says the same as nats.user"],
        ),
    ] {
        let all = mistakes(file, &[], None);
        assert_eq!(all.len(), said.len(), "{all:?}");
        for (sentence, said) in all.iter().zip(said) {
            assert!(sentence.starts_with(said), "{sentence}");
        }
    }
}

/// Whichever is read first: variables come in the order of their names.
#[test]
fn settings_are_judged_together() {
    for (file, variables) in [
        ("register_email_required = false", &[][..]),
        ("", &[("PHONE_AUTH_REGISTER_EMAIL_REQUIRED", "false")]),
        (
            "",
            &[("PHONE_AUTH_AUTHENTICATION_METHODS", "phone,username")],
        ),
    ] {
        let hidden = ("PHONE_AUTH_HIDDEN_SIGN_UP_FIELDS", "email");
        let variables: Vec<_> = variables.iter().copied().chain([hidden]).collect();
        assert_eq!(load(file, &variables, None).err(), None, "{variables:?}");
        let file = format!("hidden_sign_up_fields = [\"email\"]\n{file}");
        let others = variables.get(..variables.len() - 1).unwrap_or_default();
        assert_eq!(load(&file, others, None).err(), None, "{file} {others:?}");
    }
    // In whatever order they stand in a file.
    let phone = "authentication_methods = \"phone\"";
    let longer = "session_lifetime = \"60 days\"";
    for (one, other) in [
        ("sign_up_by_code = true\nlogin_by_code = true", phone),
        ("login_by_code = true\nsign_up_by_code = true", phone),
        ("short_session_lifetime = \"30 days\"", longer),
    ] {
        for file in [format!("{one}\n{other}"), format!("{other}\n{one}")] {
            assert_eq!(load(&file, &[], None).err(), None, "{file}");
        }
    }
    // From a file that another source puts right.
    let methods = [("PHONE_AUTH_AUTHENTICATION_METHODS", "email")];
    for setting in ["login_by_code", "require_verified"] {
        let file = format!("authentication_methods = \"username\"\n{setting} = true");
        assert!(load(&file, &[], None).is_err(), "{file}");
        assert_eq!(load(&file, &methods, None).err(), None, "{file}");
    }
}

/// Each says what to write, after the name of the setting and where it stands.
#[test]
fn what_does_not_go_together_says_what_to_write() {
    let username = "authentication_methods = \"username\"";
    for (setting, other, said) in [
        (
            "login_by_code = true",
            username,
            "it must be false, or authentication_methods must have phone or email: a code needs an address to go to",
        ),
        (
            "sign_up_by_code = true",
            "",
            "it must be false, or login_by_code must be true and authentication_methods phone alone or email alone",
        ),
        (
            "require_verified = true",
            username,
            "it must be false, or authentication_methods must have phone or email: without them nobody has an address to \
             verify",
        ),
        (
            "require_verified = true",
            "allow_unreceived = [\"verify_email\", \"verify_phone\"]",
            "it must be false, or someone must send verify_email or verify_phone to addresses that users have: without them \
             nobody can verify one; where an operator or another program sees to it, set users_from_elsewhere",
        ),
        (
            "login_by_code = true",
            "allow_unreceived = [\"login_email\", \"login_phone\"]",
            "it must be false, or someone must send login_email or login_phone to addresses that users have: without them \
             nobody gets a code",
        ),
        (
            "unverified_sign_in = false",
            "unverified_reset = false\nauthentication_methods = [\"phone\", \"email\"]",
            "it must be true, or verify_at_sign_up must be true: an address names nobody until it is verified, and who has \
             just signed up has no other name and no way to verify it; where an operator or another program sees to it, set \
             users_from_elsewhere",
        ),
        (
            "hidden_sign_up_fields = [\"username\"]",
            "authentication_methods = \"username\"\nregister_username_required = false",
            "it must be a list that leaves one of authentication_methods on the form: without it nobody who signs up can log \
             in",
        ),
        (
            "hidden_sign_up_fields = [\"email\"]",
            "",
            "it must be a list of first_name, last_name, username, email and phone, without those that are required: set \
             their register_…_required to false first",
        ),
        (
            "short_session_lifetime = \"30 days\"",
            "",
            "it must be at least 1 second, and shorter than session_lifetime",
        ),
    ] {
        let name = setting.split(' ').next().unwrap_or_default();
        let all = mistakes(&format!("{setting}\n{other}"), &[], None);
        let expected = format!("{name} (file phone-auth.toml, line 1): {said}");
        assert_eq!(all, [expected], "{setting}");
    }
}

/// Where users come from elsewhere, so do their ways in and on; but nobody else sends what the site sends.
#[test]
fn users_from_elsewhere_have_their_ways_from_there() {
    for (lines, is_taken) in [
        (
            "require_verified = true\nallow_unreceived = [\"verify_email\", \"verify_phone\"]",
            true,
        ),
        (
            "unverified_sign_in = false\nunverified_reset = false\nauthentication_methods = [\"phone\", \"email\"]",
            true,
        ),
        (
            "login_by_code = true\nallow_unreceived = [\"login_email\", \"login_phone\"]",
            false,
        ),
        (
            "require_verified = true\nauthentication_methods = \"username\"",
            false,
        ),
    ] {
        assert!(load(lines, &[], None).is_err(), "{lines}");
        let said = format!("users_from_elsewhere = true\n{lines}");
        assert_eq!(load(&said, &[], None).is_ok(), is_taken, "{lines}");
        let variable = [("PHONE_AUTH_USERS_FROM_ELSEWHERE", "true")];
        let by_variable = load(lines, &variable, None);
        assert_eq!(by_variable.is_ok(), is_taken, "{lines}");
        let denied = format!("users_from_elsewhere = false\n{lines}");
        assert!(load(&denied, &[], None).is_err(), "{lines}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let all = mistakes(
        "[smtp]\npassword = 123456",
        &[("PHONE_AUTH_SMTP_PASSWORD", "hun\nter2")],
        None,
    );
    assert_eq!(
        all,
        [
            "smtp.password (file phone-auth.toml, line 2): what was given is not a password",
            "smtp.password (environment PHONE_AUTH_SMTP_PASSWORD): what was given is not a password",
        ]
    );
}
