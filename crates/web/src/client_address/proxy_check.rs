//! Notices a proxy that the settings do not know, or that does not say whose requests it sends.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use http::HeaderMap;
use phone_auth_core::client::ClientNetwork;

use super::{ClientAddressHeader, TrustedProxies};

/// How many requests come from one private address, and none from elsewhere, until it is taken for a proxy.
const MANY: u32 = 100;

/// What was seen of the peers of a site so far. It warns once: the network of a client behind an unknown proxy is not known, and counts for nobody.
#[derive(Debug)]
pub(crate) struct ProxyCheck {
    /// Whether the site is one that others come to.
    is_public: bool,
    near: AtomicU32,
    is_settled: AtomicBool,
}

impl ProxyCheck {
    /// Looks at the requests of a site that is public or not.
    pub(crate) const fn new(is_public: bool) -> Self {
        Self {
            is_public,
            near: AtomicU32::new(0),
            is_settled: AtomicBool::new(false),
        }
    }

    /// Notes a request of this peer, and which client it was found to be of.
    pub(super) fn saw(
        &self,
        proxies: &TrustedProxies,
        peer: IpAddr,
        client: Option<IpAddr>,
        headers: &HeaderMap,
    ) {
        if !self.is_public || self.is_settled.load(Ordering::Relaxed) {
            return;
        }
        if client.is_some_and(|client| ClientNetwork::of(client).is_some()) {
            self.is_settled.store(true, Ordering::Relaxed);
            return;
        }
        let mut known = ClientAddressHeader::ALL.into_iter();
        let said = known.find(|header| headers.contains_key(header.header()));
        // The health checks of a balancer have a private address, too.
        let seen = self.near.fetch_add(1, Ordering::Relaxed) + 1;
        if said.is_none() && seen < MANY || self.is_settled.swap(true, Ordering::Relaxed) {
            return;
        }
        let is_trusted = proxies.contains(peer);
        let header = proxies.header().name();
        match said.filter(|said| *said != proxies.header()) {
            _ if !is_trusted => tracing::warn!(
                proxy = %peer,
                "every request comes from one private address, as through a proxy that is not trusted to say whose it is: \
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
}
