//! The templates that are compiled in.

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        /// Their names, with the language in front, and their sources.
        pub(super) const TEMPLATES: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../templates/", $name))),)*
        ];
    };
}

templates![
    "de/_change.txt",
    "de/_lifetime.txt",
    "de/_short_change.txt",
    "de/_short_lifetime.txt",
    "de/reset_password_email.html",
    "de/reset_password_email.subject.txt",
    "de/reset_password_email.txt",
    "de/reset_password_phone.txt",
    "de/security_notice_email.html",
    "de/security_notice_email.subject.txt",
    "de/security_notice_email.txt",
    "de/security_notice_phone.txt",
    "de/verify_email.html",
    "de/verify_email.subject.txt",
    "de/verify_email.txt",
    "de/verify_phone.txt",
    "en/_change.txt",
    "en/_lifetime.txt",
    "en/_short_change.txt",
    "en/_short_lifetime.txt",
    "en/reset_password_email.html",
    "en/reset_password_email.subject.txt",
    "en/reset_password_email.txt",
    "en/reset_password_phone.txt",
    "en/security_notice_email.html",
    "en/security_notice_email.subject.txt",
    "en/security_notice_email.txt",
    "en/security_notice_phone.txt",
    "en/verify_email.html",
    "en/verify_email.subject.txt",
    "en/verify_email.txt",
    "en/verify_phone.txt",
    "fr/_change.txt",
    "fr/_lifetime.txt",
    "fr/_short_change.txt",
    "fr/_short_lifetime.txt",
    "fr/reset_password_email.html",
    "fr/reset_password_email.subject.txt",
    "fr/reset_password_email.txt",
    "fr/reset_password_phone.txt",
    "fr/security_notice_email.html",
    "fr/security_notice_email.subject.txt",
    "fr/security_notice_email.txt",
    "fr/security_notice_phone.txt",
    "fr/verify_email.html",
    "fr/verify_email.subject.txt",
    "fr/verify_email.txt",
    "fr/verify_phone.txt",
];
