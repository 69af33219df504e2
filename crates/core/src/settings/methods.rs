//! By what users log in.

/// By what an account may be named at log-in and for a password reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "django-phone-auth's set of three; a fourth way to log in would change every caller"
)]
pub struct Methods {
    /// By a phone number.
    pub phone: bool,
    /// By an email address.
    pub email: bool,
    /// By the username; at log-in only, for nothing can be sent to a username.
    pub username: bool,
}

impl Default for Methods {
    fn default() -> Self {
        Self {
            phone: true,
            email: true,
            username: true,
        }
    }
}
