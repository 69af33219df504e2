//! What the program says when it is ready.

use std::fmt;
use std::net::SocketAddr;

use phone_auth::core::site_key::KeyClaim;
use phone_auth::delivery::development::RECEIVERS;

use crate::delivery::Target;
use crate::mailbox_page;
use crate::mode::MESSAGES;
use crate::site::Site;
use crate::visible::Visible;

/// Where to look and what is used. The first line has the address that is listened on.
pub(crate) struct Banner<'a> {
    pub(crate) addr: SocketAddr,
    pub(crate) site: &'a Site,
}

impl Banner<'_> {
    /// Which of the four signals goes where, besides to the development mode.
    fn destinations(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let receivers = self.site.auth.signals().manifest().receivers;
        for signal in MESSAGES {
            let whom = receivers.iter().filter(|receiver| {
                let id = receiver.id.as_str();
                receiver.signal == signal
                    && !receiver.switched_off
                    && !RECEIVERS.contains(&id)
                    && self.target(id).is_none_or(|target| target.takes(signal))
            });
            let whom: Vec<_> = whom.map(|receiver| self.described(&receiver.id)).collect();
            if !whom.is_empty() {
                writeln!(f, "  {signal:<20} to {}", whom.join(", "))?;
            }
        }
        Ok(())
    }

    fn target(&self, id: &str) -> Option<&Target> {
        let mut targets = self.site.targets.iter();
        targets.find(|target| target.receiver == id)
    }

    /// A receiver with the place it sends to, if that is known.
    fn described(&self, id: &str) -> String {
        match self.target(id) {
            Some(target) => format!("{id} ({})", Visible(&target.place)),
            None => Visible(id).to_string(),
        }
    }
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { addr, site } = self;
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
        let key = site.key_path.to_string_lossy();
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
        writeln!(f, "  key file   {}{state}", Visible(&key))?;
        if site.mailbox.is_some() {
            let sent = if site.targets.is_empty() {
                "messages are not sent but shown to this machine"
            } else {
                "messages are shown to this machine, whoever else sends them"
            };
            writeln!(f, "  mode       development: {sent}")?;
            writeln!(
                f,
                "  messages   a line each below, and {origin}{}",
                mailbox_page::PATH
            )?;
            let site = site.auth.site().as_str();
            let host = site.split_once("://").map_or(site, |(_, host)| host);
            if !mailbox_page::is_loopback(host) {
                writeln!(
                    f,
                    "  beware     whoever reaches this port through a proxy may read the messages"
                )?;
            }
        } else {
            writeln!(
                f,
                "  mode       delivery: linked receivers send the messages"
            )?;
        }
        self.destinations(f)?;
        f.write_str("Ctrl-C stops it.")
    }
}
