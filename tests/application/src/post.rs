//! The messages of the tea house: the links of the accounts, and a welcome.

use phone_auth::SiteOrigin;
use phone_auth::signals::{
    EmailMessage, UserSignedUp, receiver, reset_password_email, user_signed_up, verify_email,
};

/// Whatever sends mail.
pub trait Post: Send + Sync {
    /// Sends a text.
    ///
    /// # Errors
    /// When it cannot be sent.
    fn send(&self, to: &str, text: &str) -> std::io::Result<()>;
}

#[receiver(verify_email, reset_password_email)]
fn send_link(
    message: &dyn EmailMessage,
    post: &dyn Post,
    site: &SiteOrigin,
) -> std::io::Result<()> {
    let link = message.url().absolute(site);
    post.send(
        message.destination().as_str(),
        &format!("Follow this link: {link}"),
    )
}

#[receiver(user_signed_up)]
fn welcome(event: &UserSignedUp, post: &dyn Post) -> std::io::Result<()> {
    let Some(email) = &event.email else {
        return Ok(());
    };
    post.send(email, &format!("Welcome, {}", event.user.first_name))
}
