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
    "de/_lifetime.txt",
    "de/_short_lifetime.txt",
    "de/reset_password_email.html",
    "de/reset_password_email.subject.txt",
    "de/reset_password_email.txt",
    "de/reset_password_phone.txt",
    "de/verify_email.html",
    "de/verify_email.subject.txt",
    "de/verify_email.txt",
    "de/verify_phone.txt",
    "en/_lifetime.txt",
    "en/_short_lifetime.txt",
    "en/reset_password_email.html",
    "en/reset_password_email.subject.txt",
    "en/reset_password_email.txt",
    "en/reset_password_phone.txt",
    "en/verify_email.html",
    "en/verify_email.subject.txt",
    "en/verify_email.txt",
    "en/verify_phone.txt",
    "fr/_lifetime.txt",
    "fr/_short_lifetime.txt",
    "fr/reset_password_email.html",
    "fr/reset_password_email.subject.txt",
    "fr/reset_password_email.txt",
    "fr/reset_password_phone.txt",
    "fr/verify_email.html",
    "fr/verify_email.subject.txt",
    "fr/verify_email.txt",
    "fr/verify_phone.txt",
];
