//! Users who sign up, each with names of their own.

use std::sync::atomic::{AtomicU32, Ordering};

/// What a user types at sign-up.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "tests change one field of a user and keep the rest"
)]
pub struct User {
    /// Their first name.
    pub first_name: String,
    /// Their last name.
    pub last_name: String,
    /// Their username.
    pub username: String,
    /// Their email address, in canonical form.
    pub email: String,
    /// Their phone number, in E.164.
    pub phone: String,
    /// Their password.
    pub password: String,
}

/// A number that no one else in this process has.
pub fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl User {
    /// Someone whom nobody in this process has met. No name is the beginning of another's, so that
    /// a page that says one does not say the other.
    pub fn new() -> Self {
        let n = unique();
        Self {
            first_name: "Ann".to_owned(),
            last_name: "Example".to_owned(),
            username: format!("ann{n:05}"),
            email: format!("ann{n:05}@example.org"),
            phone: Self::another_phone(),
            password: format!("plum-Orchard-{n}!"),
        }
    }

    /// A valid phone number that nobody else in this process has.
    pub fn another_phone() -> String {
        format!("+9198765{:05}", unique() % 100_000)
    }

    /// An email address that nobody else in this process has.
    pub fn another_email() -> String {
        format!("other{}@example.org", unique())
    }

    /// Everything she types into the sign-up form.
    pub fn fields(&self) -> Vec<(String, String)> {
        [
            ("first_name", &self.first_name),
            ("last_name", &self.last_name),
            ("username", &self.username),
            ("email", &self.email),
            ("phone", &self.phone),
            ("password", &self.password),
            ("confirm_password", &self.password),
        ]
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .into()
    }
}

/// The same fields with one of them changed.
#[must_use]
pub fn changed(
    mut fields: Vec<(String, String)>,
    name: &str,
    value: &str,
) -> Vec<(String, String)> {
    let field = fields.iter_mut().find(|(own, _)| own == name);
    value.clone_into(&mut field.expect("the field is there").1);
    fields
}

impl Default for User {
    fn default() -> Self {
        Self::new()
    }
}
