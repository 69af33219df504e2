//! The signal of links that people follow. It carries the name of the route, never the link.

use crate::{Sender, event_struct::event_struct};

phone_auth_signals::signal! {
    /// Somebody followed a link that was sent to her.
    pub sync link_followed: LinkFollowed;
}

event_struct! {
    /// Somebody followed a link that was sent to her.
    pub struct LinkFollowed {
        /// What resolved it.
        sender: Sender,
        /// The name of the route.
        name: String,
    }
}
