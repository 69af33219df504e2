//! The section `[sms]`: text messages through a gateway.

use std::path::PathBuf;
use std::time::Duration;

use phone_auth::delivery::StatusSet;
use serde_json::Value;

use super::{SecretSetting, Section, path, secret, text};
use crate::configuration::setting::{FILE, Setting, TIME, YES_OR_NO, folder, put, some_time};
use crate::configuration::value::Given;
use crate::configuration::{Configuration, Mistake};

const TABLE: &str = "a table of texts such as { To = \"{{ to }}\" }, in the environment as JSON";
const STATUSES: &str = "statuses such as \"2xx, 404, 500-503\"";

/// What is known of the gateway.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SmsSettings {
    pub(crate) url: Option<String>,
    pub(crate) twilio: TwilioSettings,
    pub(crate) method: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) form: Option<Vec<(String, String)>>,
    pub(crate) json: Option<Value>,
    pub(crate) user: Option<String>,
    pub(crate) password: SecretSetting,
    pub(crate) token: SecretSetting,
    pub(crate) secret: SecretSetting,
    pub(crate) success: Option<StatusSet>,
    pub(crate) never: Option<StatusSet>,
    pub(crate) danger_plain: bool,
    pub(crate) root_certificate: Option<PathBuf>,
    pub(crate) timeout: Duration,
    pub(crate) templates: Option<PathBuf>,
    pub(crate) language: String,
}

/// The account at Twilio, if that is the gateway.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TwilioSettings {
    pub(crate) account_sid: Option<String>,
    pub(crate) auth_token: SecretSetting,
    pub(crate) from: Option<String>,
    pub(crate) messaging_service_sid: Option<String>,
    pub(crate) api: Option<String>,
}

impl Default for SmsSettings {
    fn default() -> Self {
        Self {
            url: None,
            twilio: TwilioSettings::default(),
            method: "POST".to_owned(),
            headers: Vec::new(),
            form: None,
            json: None,
            user: None,
            password: SecretSetting::default(),
            token: SecretSetting::default(),
            secret: SecretSetting::default(),
            success: None,
            never: None,
            danger_plain: false,
            root_certificate: None,
            timeout: Duration::from_secs(20),
            templates: None,
            language: "en".to_owned(),
        }
    }
}

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "sms.url",
        right: "a URL with https",
        default: "none",
        does: "the gateway that sends text messages, a template; without it or Twilio nobody does",
        take: |to, given| put(&mut to.delivery.sms.url, text(given).map(Some)),
    },
    Setting {
        name: "sms.method",
        right: "a method of HTTP",
        default: "POST",
        does: "the method of the request",
        take: |to, given| put(&mut to.delivery.sms.method, text(given)),
    },
    Setting {
        name: "sms.headers",
        right: TABLE,
        default: "none",
        does: "headers of the request, their values templates; Idempotency-Key is there anyway",
        take: |to, given| put(&mut to.delivery.sms.headers, given.pairs()),
    },
    Setting {
        name: "sms.form",
        right: TABLE,
        default: "none",
        does: "the fields of the body if it is a form, their values templates",
        take: |to, given| put(&mut to.delivery.sms.form, given.pairs().map(Some)),
    },
    Setting {
        name: "sms.json",
        right: "JSON such as { \"to\": \"{{ to }}\" }, or a table",
        default: "none",
        does: "the body if it is JSON, every text in it a template",
        take: |to, given| put(&mut to.delivery.sms.json, given.json().map(Some)),
    },
    Setting {
        name: "sms.user",
        right: "a name",
        default: "none",
        does: "the name to log in to the gateway with, by Basic",
        take: |to, given| put(&mut to.delivery.sms.user, text(given).map(Some)),
    },
    Setting {
        name: "sms.password",
        right: "a password",
        default: "none",
        does: "the password that goes with it; rather in a file",
        take: |to, given| put(&mut to.delivery.sms.password.text, secret(given).map(Some)),
    },
    Setting {
        name: "sms.password_file",
        right: FILE,
        default: "none",
        does: "a file with that password, which only its owner may write",
        take: |to, given| put(&mut to.delivery.sms.password.file, path(given).map(Some)),
    },
    Setting {
        name: "sms.token",
        right: "a token",
        default: "none",
        does: "the token to log in to the gateway with, by Bearer; rather in a file",
        take: |to, given| put(&mut to.delivery.sms.token.text, secret(given).map(Some)),
    },
    Setting {
        name: "sms.token_file",
        right: FILE,
        default: "none",
        does: "a file with that token",
        take: |to, given| put(&mut to.delivery.sms.token.file, path(given).map(Some)),
    },
    Setting {
        name: "sms.secret",
        right: "a key",
        default: "none",
        does: "a key that templates know as secret; rather in a file",
        take: |to, given| put(&mut to.delivery.sms.secret.text, secret(given).map(Some)),
    },
    Setting {
        name: "sms.secret_file",
        right: FILE,
        default: "none",
        does: "a file with that key",
        take: |to, given| put(&mut to.delivery.sms.secret.file, path(given).map(Some)),
    },
    Setting {
        name: "sms.success",
        right: STATUSES,
        default: "the answers 2xx",
        does: "the answers that mean that the message is on its way",
        take: |to, given| put(&mut to.delivery.sms.success, statuses(given).map(Some)),
    },
    Setting {
        name: "sms.never",
        right: STATUSES,
        default: "the answers 400, 413, 422",
        does: "the answers that mean that it never will be; after any other it is tried again",
        take: |to, given| put(&mut to.delivery.sms.never, statuses(given).map(Some)),
    },
    Setting {
        name: "sms.danger_plain",
        right: YES_OR_NO,
        default: "false",
        does: "whether http is let pass to another machine, where others can read the links",
        take: |to, given| put(&mut to.delivery.sms.danger_plain, given.boolean()),
    },
    Setting {
        name: "sms.root_certificate",
        right: FILE,
        default: "none",
        does: "a file of certificates in PEM that are trusted too, of a private authority",
        take: |to, given| put(&mut to.delivery.sms.root_certificate, path(given).map(Some)),
    },
    Setting {
        name: "sms.timeout",
        right: TIME,
        default: "20 s",
        does: "how long the gateway may take for a message; receiver_timeout ends it too",
        take: |to, given| put(&mut to.delivery.sms.timeout, some_time(given)),
    },
    Setting {
        name: "sms.templates",
        right: "the path of a folder that exists",
        default: "none",
        does: "a folder whose texts replace ours one by one, or add languages: de/verify_phone.txt",
        take: |to, given| put(&mut to.delivery.sms.templates, folder(given).map(Some)),
    },
    Setting {
        name: "sms.language",
        right: "a tag of a language such as en or pt-BR",
        default: "en",
        does: "the language of text messages to people whose own has no texts",
        take: |to, given| put(&mut to.delivery.sms.language, text(given)),
    },
    Setting {
        name: "sms.twilio_account_sid",
        right: "the SID of an account",
        default: "none",
        does: "the account at Twilio that sends text messages, in place of url",
        take: |to, given| {
            put(
                &mut to.delivery.sms.twilio.account_sid,
                text(given).map(Some),
            )
        },
    },
    Setting {
        name: "sms.twilio_auth_token",
        right: "a token",
        default: "none",
        does: "the token that goes with it; rather in a file",
        take: |to, given| {
            let place = &mut to.delivery.sms.twilio.auth_token.text;
            put(place, secret(given).map(Some))
        },
    },
    Setting {
        name: "sms.twilio_auth_token_file",
        right: FILE,
        default: "none",
        does: "a file with that token, which only its owner may write",
        take: |to, given| {
            let place = &mut to.delivery.sms.twilio.auth_token.file;
            put(place, path(given).map(Some))
        },
    },
    Setting {
        name: "sms.twilio_from",
        right: "a number or a name",
        default: "none",
        does: "the number or name at Twilio that messages come from",
        take: |to, given| put(&mut to.delivery.sms.twilio.from, text(given).map(Some)),
    },
    Setting {
        name: "sms.twilio_messaging_service_sid",
        right: "the SID of a service",
        default: "none",
        does: "the service at Twilio that chooses the number",
        take: |to, given| {
            let place = &mut to.delivery.sms.twilio.messaging_service_sid;
            put(place, text(given).map(Some))
        },
    },
    Setting {
        name: "sms.twilio_api",
        right: "an origin such as https://api.dublin.ie1.twilio.com",
        default: "the usual one: https://api.twilio.com",
        does: "where the API of Twilio is, for an account in another region",
        take: |to, given| put(&mut to.delivery.sms.twilio.api, text(given).map(Some)),
    },
];

/// What does not go together.
pub(super) fn mistakes(configuration: &Configuration) -> Vec<Mistake> {
    let mut section = Section::new(configuration);
    let (url, sid) = ("sms.url", "sms.twilio_account_sid");
    section.not_both(url, sid);
    if !section.is_set(url) && !section.is_set(sid) {
        section.begins_with(
            url,
            "the URL of the gateway, or sms.twilio_account_sid",
            SETTINGS,
        );
        return section.mistakes;
    }
    let of_twilio = SETTINGS.iter().map(|setting| setting.name);
    let of_twilio: Vec<_> = of_twilio
        .filter(|name| name.starts_with("sms.twilio_") && *name != sid)
        .collect();
    section.needs(sid, "the SID of the account", &of_twilio);
    if section.is_set(sid) {
        section.log_in(sid, "sms.twilio_auth_token", "sms.twilio_auth_token_file");
        let (from, service) = ("sms.twilio_from", "sms.twilio_messaging_service_sid");
        section.not_both(from, service);
        if !section.is_set(from) && !section.is_set(service) {
            let why = format!("it must be set when {sid} is, or {service}: who messages come from");
            section.refuse(from, why);
        }
        for name in [
            "sms.method",
            "sms.form",
            "sms.json",
            "sms.user",
            "sms.token",
            "sms.token_file",
        ] {
            section.not_both(sid, name);
        }
    }
    section.not_both("sms.form", "sms.json");
    section.log_in("sms.user", "sms.password", "sms.password_file");
    section.not_both("sms.token", "sms.token_file");
    section.not_both("sms.secret", "sms.secret_file");
    for token in ["sms.token", "sms.token_file"] {
        section.not_both("sms.user", token);
    }
    section.mistakes
}

/// A text, or several in a list.
fn statuses(given: &Given<'_>) -> Option<StatusSet> {
    match given.list() {
        Some(list) => list.join(","),
        None => given.text()?.to_owned(),
    }
    .parse()
    .ok()
}
