//! The newest messages, kept in memory to be looked at.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use phone_auth_events::{OneTimeCode, Purpose, RelativeUrl, SiteOrigin, User};

/// A message that someone should have got.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Counts the messages of this mailbox, from 1.
    pub number: u64,
    /// When it came.
    pub at: DateTime<Utc>,
    /// The name of its signal.
    pub signal: &'static str,
    /// What it is for; two purposes may share a signal.
    pub purpose: Purpose,
    /// The email address or phone number it is for.
    pub to: String,
    /// The username of the user it is for.
    pub username: String,
    /// The link to click, with the site in front.
    pub link: String,
    /// The code to type, if it has one.
    pub code: Option<OneTimeCode>,
}

/// Without the link and the code, which let one in.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("number", &self.number)
            .field("signal", &self.signal)
            .finish_non_exhaustive()
    }
}

/// The newest messages. Cheap to clone; every clone is the same mailbox.
#[derive(Clone)]
pub struct Mailbox {
    site: SiteOrigin,
    room: NonZeroUsize,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    count: u64,
    /// The newest at the front.
    messages: VecDeque<Message>,
}

impl Mailbox {
    /// An empty mailbox with room for so many messages, whose links begin with this site.
    pub fn new(site: SiteOrigin, room: NonZeroUsize) -> Self {
        Self {
            site,
            room,
            kept: Arc::default(),
        }
    }

    /// Keeps a message; the oldest goes when there is no room.
    pub fn keep(
        &self,
        (signal, purpose): (&'static str, Purpose),
        user: &User,
        to: &str,
        url: &RelativeUrl,
        code: Option<&OneTimeCode>,
    ) {
        let link = url.absolute(&self.site);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.count += 1;
        let message = Message {
            number: kept.count,
            at: Utc::now(),
            signal,
            purpose,
            to: to.to_owned(),
            username: user.username.clone(),
            link,
            code: code.cloned(),
        };
        kept.messages.truncate(self.room.get() - 1);
        kept.messages.push_front(message);
    }

    /// What there is, the newest first.
    pub fn messages(&self) -> Vec<Message> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.messages.iter().cloned().collect()
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox")
            .field("site", &self.site)
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn mailbox_with(count: usize, room: usize) -> Mailbox {
        let site = SiteOrigin::parse("https://example.org").unwrap();
        let mailbox = Mailbox::new(site, NonZeroUsize::new(room).unwrap());
        let ann = User::new(1, "ann", "Ann", "Lee");
        for number in 1..=count {
            let url = RelativeUrl::new(format!("/accounts/secret-{number}/")).unwrap();
            let verify = ("verify_email", Purpose::Verify);
            mailbox.keep(verify, &ann, "ann@example.org", &url, None);
        }
        mailbox
    }

    #[test]
    fn newest_comes_first() {
        let messages = mailbox_with(5, 3).messages();
        let numbers: Vec<_> = messages.iter().map(|message| message.number).collect();
        assert_eq!(numbers, [5, 4, 3]);
        let newest = messages.first().unwrap();
        assert_eq!(newest.link, "https://example.org/accounts/secret-5/");
        assert_eq!(
            (newest.to.as_str(), newest.username.as_str()),
            ("ann@example.org", "ann")
        );
    }

    #[test]
    fn links_are_not_debugged() {
        let mailbox = mailbox_with(1, 3);
        let shown = format!("{mailbox:?} {:?}", mailbox.messages());
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn clones_share_messages() {
        let mailbox = mailbox_with(1, 1);
        let clone = mailbox.clone();
        let ann = User::new(1, "ann", "Ann", "Lee");
        clone.keep(
            ("verify_phone", Purpose::Verify),
            &ann,
            "+41446681800",
            &RelativeUrl::new("/x/").unwrap(),
            Some(&OneTimeCode::new("012345")),
        );
        let messages = mailbox.messages();
        assert_eq!(messages.len(), 1);
        assert!(
            messages
                .iter()
                .all(|message| message.signal == "verify_phone")
        );
    }
}
