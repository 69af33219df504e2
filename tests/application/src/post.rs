//! The messages of the tea house: the links of the accounts, and a welcome.

use std::io;
use std::sync::Arc;

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
    fn send(&self, to: &str, text: &str) -> io::Result<()>;
}

/// Sends a text from a thread of its own: what waits for a mail server must not hold those of the runtime.
async fn send(post: &Arc<dyn Post>, to: &str, text: String) -> io::Result<()> {
    let (post, to) = (Arc::clone(post), to.to_owned());
    tokio::task::spawn_blocking(move || post.send(&to, &text)).await?
}

#[receiver(verify_email, reset_password_email)]
async fn send_link(
    message: &dyn EmailMessage,
    post: &Arc<dyn Post>,
    site: &SiteOrigin,
) -> io::Result<()> {
    let text = format!("Follow this link: {}", message.url().absolute(site));
    send(post, message.destination().as_str(), text).await
}

#[receiver(user_signed_up)]
async fn welcome(event: &UserSignedUp, post: &Arc<dyn Post>) -> io::Result<()> {
    let Some(email) = &event.email else {
        return Ok(());
    };
    let text = format!("Welcome, {}", event.user.first_name);
    send(post, email, text).await
}
