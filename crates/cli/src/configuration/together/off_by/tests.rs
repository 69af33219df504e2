//! Each setting that another turns off, and messages that nobody asks for.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use crate::configuration::tests::{load, mistakes};
use crate::start::mode::Process;
use crate::start::risks;

/// A setting, what turns it off, and what is said of it.
#[test]
fn what_another_setting_turns_off_is_refused() {
    let by_code =
        "authentication_methods = [\"phone\"]\nlogin_by_code = true\nsign_up_by_code = true";
    let (phone, email, username) = (
        "authentication_methods = [\"phone\", \"username\"]",
        "authentication_methods = [\"email\", \"username\"]",
        "authentication_methods = [\"username\"]",
    );
    let no_limits = "danger_no_limits = true";
    for (by, said, settings) in [
        (
            by_code,
            "with sign_up_by_code",
            &[
                "reset_phone_lifetime = 300",
                "unverified_reset = false",
                "unverified_sign_in = true",
                "unverified_account_lifetime = \"60 days\"",
                "verify_at_sign_up = true",
                "limit_log_ins = \"7/h\"",
                "limit_failed_log_ins = \"7/h\"",
                "danger_accept_md5_passwords = true",
            ][..],
        ),
        (
            email,
            "without phone among authentication_methods",
            &[
                "reset_phone_lifetime = 300",
                "verify_phone_lifetime = 300",
                "refused_number_types = [\"satellite\"]",
                "phone_channels = [\"sms\", \"voice\"]",
                "limit_phone_verification_pause = \"7/h\"",
                "limit_phone_verifications = \"7/h\"",
                "sms_guard = \"record\"",
                "sms_countries = [\"CH\"]",
                "sms_site_budget = 77",
            ],
        ),
        (
            phone,
            "without email among authentication_methods",
            &[
                "reset_email_lifetime = \"1h\"",
                "verify_email_lifetime = \"1h\"",
                "limit_email_verifications = \"7/h\"",
            ],
        ),
        (
            username,
            "without phone and email among authentication_methods",
            &[
                "verify_by_click = true",
                "verify_at_sign_up = true",
                "unverified_sign_in = false",
                "unverified_reset = false",
                "code_lifetime = \"5 minutes\"",
                "max_addresses = 9",
                "max_unverified_addresses = 2",
                "limit_added_addresses = \"7/h\"",
                "limit_resets_of_address = \"7/h\"",
                "limit_wrong_codes_in_a_row = 50",
                "notices = \"all\"",
            ],
        ),
        (
            no_limits,
            "with danger_no_limits",
            &[
                "limit_log_ins = \"7/h\"",
                "limit_failed_log_ins = \"7/h\"",
                "limit_account_failures = \"7/h\"",
                "limit_failures_in_a_row = 50",
                "limit_resets = \"7/h\"",
                "limit_resets_of_address = \"7/h\"",
                "limit_sign_ups = \"7/h\"",
                "limit_phone_verification_pause = \"7/h\"",
                "limit_phone_verifications = \"7/h\"",
                "limit_email_verifications = \"7/h\"",
                "limit_added_addresses = \"7/h\"",
                "limit_password_checks = \"7/h\"",
                "limit_wrong_codes_in_a_row = 50",
                "sms_guard = \"record\"",
                "sms_site_budget = 77",
            ],
        ),
    ] {
        assert!(load(by, &[], None).is_ok(), "{by}");
        for setting in settings {
            assert!(load(setting, &[], None).is_ok(), "{setting}");
            let name = setting.split(' ').next().unwrap();
            let refused = mistakes(&format!("{setting}\n{by}"), &[], None);
            assert_eq!(refused.len(), 1, "{refused:?}");
            let refused = refused.concat();
            assert!(refused.starts_with(name), "{refused}");
            assert!(refused.contains(said), "{refused}");
        }
    }
    // What has no limits still has its countries.
    let listed = format!("sms_countries = [\"CH\"]\n{no_limits}");
    assert!(load(&listed, &[], None).is_ok());
}

/// What is for a connection that others can read, or for one that they cannot, stands beside the other.
#[test]
fn what_a_connection_does_not_need_is_refused() {
    let smtp = "[smtp]\nhost = \"mail.example.org\"\nfrom = \"a@b.example\"\n";
    let webhook = "[webhook]\nsecret_file = \"secret\"\n";
    for (section, plain, encrypted) in [
        (smtp, "security = \"none\"", "security = \"starttls\""),
        (smtp, "security = \"none\"", "security = \"tls\""),
        (
            "[sms]\n",
            "url = \"http://sms.example/{{ to }}{{ text }}\"",
            "url = \"https://sms.example/{{ to }}{{ text }}\"",
        ),
        (
            webhook,
            "url = \"http://sender.example/\"",
            "url = \"https://sender.example/\"",
        ),
        (
            "[nats]\n",
            "url = \"nats://nats.example\"",
            "url = \"tls://nats.example\"",
        ),
    ] {
        let (danger, certificate) = ("danger_plain = true", "root_certificate = \"root.pem\"");
        for (setting, right, wrong) in [(danger, plain, encrypted), (certificate, encrypted, plain)]
        {
            // A server of NATS may ask for TLS when it answers.
            if section == "[nats]\n" && setting == certificate {
                continue;
            }
            let file = |connection: &str| format!("{section}{connection}\n{setting}");
            assert_eq!(
                load(&file(right), &[], None).err(),
                None,
                "{section}{right}"
            );
            let refused = mistakes(&file(wrong), &[], None);
            assert_eq!(refused.len(), 1, "{refused:?}");
            assert!(refused.concat().contains("leave it out"), "{refused:?}");
        }
    }
    // Of several servers each counts, and one without a scheme is not encrypted; a switch that is off needs no place.
    for (file, goes) in [
        (
            "[nats]\nurl = \"tls://a,nats://b\"\ndanger_plain = true",
            true,
        ),
        (
            "[nats]\nurl = \"a.example:4222\"\ndanger_plain = true",
            true,
        ),
        (
            "[nats]\nurl = \"tls://a,tls://b\"\ndanger_plain = true",
            false,
        ),
        ("[nats]\nurl = \"tls://a\"\ndanger_plain = false", true),
        (
            "[nats]\nurl = \"nats://a\"\ndanger_plain = true\nroot_certificate = \"root.pem\"",
            true,
        ),
        (
            "[smtp]\nhost = \"a.example\"\nfrom = \"a@b.example\"\nsecurity = \"tls\"\ndanger_plain = false",
            true,
        ),
    ] {
        let loaded = load(file, &[], None);
        assert_eq!(loaded.is_ok(), goes, "{file}: {:?}", loaded.err());
    }
    let twilio = "[sms]\ntwilio_account_sid = \"AC0\"\ntwilio_auth_token_file = \"token\"\ntwilio_from = \"+1\"\n";
    assert!(load(twilio, &[], None).is_ok());
    let refused = mistakes(&format!("{twilio}secret_file = \"secret\""), &[], None);
    assert!(refused.concat().contains("Twilio"), "{refused:?}");
}

#[test]
fn message_that_nobody_asks_for_is_not_done_without() {
    let username = "authentication_methods = [\"phone\", \"username\"]";
    let by_code =
        "authentication_methods = [\"phone\"]\nlogin_by_code = true\nsign_up_by_code = true";
    for (signal, by, goes) in [
        // It also confirms who users are that have no password.
        ("login_phone", "", true),
        ("login_phone", "login_by_code = true", true),
        ("login_email", username, false),
        ("verify_email", username, false),
        ("verify_phone", username, true),
        ("reset_password_phone", by_code, false),
        ("reset_password_phone", "", true),
    ] {
        let file = format!("allow_unreceived = [\"{signal}\"]\n{by}");
        let loaded = load(&file, &[], None);
        assert_eq!(loaded.is_ok(), goes, "{file}: {:?}", loaded.err());
    }
}

/// What a note of the start advises can be done, and then it says no more of it.
#[test]
fn advice_about_codes_that_confirm_can_be_followed() {
    const WEBHOOK: &str = "[webhook]\nurl = \"https://sender.example/\"\nsecret_file = \"secret\"\n\
                           signals = [\"verify_email\", \"reset_password_email\"]";
    let notes = |advice: &str| {
        let loaded = load(&format!("{advice}\n{WEBHOOK}"), &[], None);
        let mut notes = risks::notes(&loaded.unwrap(), Process::Site);
        notes.retain(|note| note.contains("to confirm that it's them"));
        notes
    };
    let told = notes("").concat();
    let (_, advice) = told.split_once("set ").unwrap();
    let (advice, _) = advice.split_once(" to do without").unwrap();
    assert_eq!(advice, "allow_unreceived = [\"login_email\"]");
    assert!(notes(advice).is_empty());
}
