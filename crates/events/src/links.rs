//! The signal of links that users follow. It carries the name of the route, never the link.

use crate::{Sender, event_struct::event_struct};

phone_auth_signals::signal! {
    /// Someone followed a link that was sent to them.
    pub sync link_followed: LinkFollowed;
}

event_struct! {
    /// Someone followed a link that was sent to them.
    pub struct LinkFollowed {
        /// What resolved it.
        sender: Sender,
        /// The name of the route.
        name: String,
    }
}
