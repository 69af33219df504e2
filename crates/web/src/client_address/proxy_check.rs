//! Notices a proxy that the settings do not know, or that does not say whose requests it sends.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use http::Method;
use http::request::Parts;
use phone_auth_core::client::ClientNetwork;

use super::{ClientAddressHeader, TrustedProxies};

/// How many more forms private addresses send than all others together until they are taken for a proxy.
const MANY: u32 = 30;

/// What was seen of the peers of a site so far. It warns once: the network of a client behind an unknown proxy is not known, and counts for nobody.
#[derive(Debug)]
pub(crate) struct ProxyCheck {
    /// Whether the site is one that others come to.
    is_public: bool,
    /// By how many forms those of private addresses are ahead of all others. A proxy may have several addresses, as replicas of an
    /// ingress do, so nothing is said of each; neighbours of a site that everybody reaches directly are few among many.
    lead: Mutex<u32>,
    is_settled: AtomicBool,
}

impl ProxyCheck {
    /// Looks at the requests of a site that is public or not.
    pub(crate) const fn new(is_public: bool) -> Self {
        Self {
            is_public,
            lead: Mutex::new(0),
            is_settled: AtomicBool::new(false),
        }
    }

    /// Notes a request of this peer, and which client it was found to be of.
    pub(super) fn saw(
        &self,
        proxies: &TrustedProxies,
        peer: IpAddr,
        client: Option<IpAddr>,
        parts: &Parts,
    ) {
        if !self.is_public || self.is_settled.load(Ordering::Relaxed) {
            return;
        }
        let is_trusted = proxies.contains(peer);
        // The health checks of a balancer have a private address, too. They send no forms.
        let is_form = parts.method == Method::POST;
        if client.is_some_and(|client| ClientNetwork::of(client).is_some()) {
            if is_trusted {
                // The settings are right. Anyone else may have come past the proxy, and is no reason not to look on.
                self.is_settled.store(true, Ordering::Relaxed);
            } else if is_form {
                self.leads(false);
            }
            return;
        }
        let has = |header: &ClientAddressHeader| parts.headers.contains_key(header.header());
        let is_named = is_trusted && has(&proxies.header());
        let mut known = ClientAddressHeader::ALL.into_iter();
        let said = known.find(|header| !is_named && has(header));
        let is_proxy = said.is_some() || (is_form && self.leads(true));
        if !is_proxy || self.is_settled.swap(true, Ordering::Relaxed) {
            return;
        }
        let header = proxies.header().name();
        match said {
            _ if !is_trusted => tracing::warn!(
                proxy = %peer,
                "requests come from a private address, as through a proxy that is not trusted to say whose they are: for them \
                 limits by client network do not apply, only those of accounts and addresses. Name it in trusted_proxies, and its header in client_address_header"
            ),
            Some(said) => tracing::warn!(
                proxy = %peer,
                header,
                sent = said.name(),
                "the proxy sends another header than client_address_header names: limits by client network do not apply, only those \
                 of accounts and addresses"
            ),
            None => tracing::warn!(
                proxy = %peer,
                header,
                "the proxy does not say whose requests it sends: limits by client network do not apply, only those of \
                 accounts and addresses. Have it send the header that client_address_header names"
            ),
        }
    }

    /// Notes a form of a private address, or of any other; whether those are far ahead of all others.
    fn leads(&self, is_private: bool) -> bool {
        let mut lead = self.lead.lock().unwrap_or_else(PoisonError::into_inner);
        *lead = if is_private {
            lead.saturating_add(1)
        } else {
            lead.saturating_sub(1)
        };
        *lead >= MANY
    }
}
