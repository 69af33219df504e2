//! What the program says when it is ready.

use std::fmt;
use std::net::SocketAddr;

use crate::mailbox_page;
use crate::site::Site;
use crate::visible::Visible;

/// Where to look and what is used. The first line has the address that is listened on.
pub(crate) struct Banner<'a> {
    pub(crate) addr: SocketAddr,
    pub(crate) site: &'a Site,
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
        let database = site.database.to_string_lossy();
        let state = match (site.database_made, site.migrated) {
            (true, _) => " (made just now)".to_owned(),
            (false, 0) => String::new(),
            (false, count) => format!(" ({count} migrations applied just now)"),
        };
        writeln!(f, "  database   {}{state}", Visible(&database))?;
        let key = site.key_path.to_string_lossy();
        let state = if site.key_made {
            " (made just now; keep it, and keep it secret)"
        } else {
            ""
        };
        writeln!(f, "  key file   {}{state}", Visible(&key))?;
        if site.mailbox.is_some() {
            writeln!(
                f,
                "  mode       development: messages are not sent but shown to this machine"
            )?;
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
        f.write_str("Ctrl-C stops it.")
    }
}
