//! What the program says when it is ready.

use std::fmt;
use std::net::SocketAddr;

use phone_auth::core::site_key::KeyClaim;

use crate::site::Site;
use crate::site::receivers::senders;
use crate::terminal::visible::{Visible, VisiblePath};

/// Where to look and what is used. The first line has the address that is listened on.
pub(crate) struct Banner<'a> {
    pub(crate) addr: SocketAddr,
    pub(crate) site: &'a Site,
    /// Whether this process delivers its messages.
    pub(crate) delivers: bool,
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { addr, site, .. } = self;
        let origin = format!("http://{addr}");
        writeln!(
            f,
            "phone-auth {} listens on {origin}/",
            env!("CARGO_PKG_VERSION")
        )?;
        if site.auth.site().as_str() != origin {
            writeln!(f, "  site       {}/", site.auth.site())?;
        }
        let state = match (site.database_made, site.migrated) {
            (true, _) => " (made just now)".to_owned(),
            (false, 0) => String::new(),
            (false, count) => format!(" ({count} migrations applied just now)"),
        };
        writeln!(f, "  database   {}{state}", Visible(&site.database))?;
        let state = match site.key_claim {
            _ if site.key_made => " (made just now; keep it, and keep it secret)",
            KeyClaim::First | KeyClaim::FirstSinceUpgrade => {
                " (the key of this database from now on; it knew none before)"
            }
            KeyClaim::Rotated => " (takes over from the one before)",
            KeyClaim::Older => {
                " (an older one of this database: links made with the new one do not work here)"
            }
            _ => "",
        };
        writeln!(f, "  key file   {}{state}", VisiblePath(&site.key_path))?;
        let place = site
            .mailbox
            .as_ref()
            .map(|mailbox| format!("{origin}{}", mailbox.path()));
        Messages {
            site,
            place,
            delivers: self.delivers,
        }
        .fmt(f)?;
        f.write_str("Ctrl-C stops it.")
    }
}

/// What becomes of the messages, a line each.
pub(crate) struct Messages<'a> {
    pub(crate) site: &'a Site,
    /// Where they are shown besides, in development mode.
    pub(crate) place: Option<String>,
    /// Whether this process delivers them.
    pub(crate) delivers: bool,
}

impl fmt::Display for Messages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let site = self.site;
        let is_development = site.mailbox.is_some();
        let waits = "messages wait for `phone-auth worker`, because outbox_worker is false";
        let mode = match (is_development, senders(&site.destinations)) {
            (true, _) if !self.delivers => format!("development: {waits}"),
            (false, Some(_)) if !self.delivers => format!("delivery: {waits}"),
            (true, None) => {
                "development: messages are not sent but shown to this machine".to_owned()
            }
            (true, Some(senders)) => {
                format!(
                    "development: messages are shown to this machine, even if sent by {senders}"
                )
            }
            (false, Some(senders)) => format!("delivery: messages are sent by {senders}"),
            (false, None) => "delivery: messages are not sent".to_owned(),
        };
        writeln!(f, "  mode       {mode}")?;
        match &self.place {
            Some(place) => writeln!(f, "  messages   a line each below, and {place}")?,
            None if is_development => writeln!(f, "  messages   a line each below")?,
            None => {}
        }
        for destination in &site.destinations {
            if !is_development || !destination.is_nobody() {
                writeln!(f, "{destination}")?;
            }
        }
        for note in &site.notes {
            writeln!(f, "  WARNING    {note}")?;
        }
        Ok(())
    }
}
