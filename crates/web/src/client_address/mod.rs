//! From which address a request comes: that of the connection, or what a proxy of one's own says of it.

mod hops;
mod proxy_check;
mod trusted_proxies;

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::HeaderMap;
use http::request::Parts;

pub(crate) use proxy_check::ProxyCheck;
pub use trusted_proxies::{ClientAddressHeader, NetworkError, TrustedProxies};

/// The address of the client, for an application that knows better than the connection and than what
/// [`TrustedProxies`] say. A layer around the pages puts it into the extensions of a request.
///
/// Without it the pages take axum's `ConnectInfo<SocketAddr>`, which is there when the application serves
/// `router.into_make_service_with_connect_info::<SocketAddr>()`, and the header of the proxies that
/// [`WebBuilder::trusted_proxies`](crate::WebBuilder::trusted_proxies) names. Without any the limits and
/// turns by client network do not apply; a proxy with a public address counts as one client.
///
/// # Security
/// Anyone who can choose an address has as many shares as there are addresses.
///
/// # Examples
/// ```
/// use axum::{Router, extract::Request, middleware};
/// use phone_auth_web::ClientAddress;
///
/// fn behind_a_tunnel(pages: Router) -> Router {
///     pages.layer(middleware::map_request(async |mut request: Request| {
///         // This tunnel sets the header itself, whatever a client sends.
///         let address = request.headers().get("x-tunnel-client");
///         if let Some(address) = address.and_then(|text| text.to_str().ok()?.parse().ok()) {
///             request.extensions_mut().insert(ClientAddress(address));
///         }
///         request
///     }))
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an address, and nothing else")]
pub struct ClientAddress(pub IpAddr);

/// The address that a request comes from, if that is known.
pub(crate) fn of(proxies: &TrustedProxies, check: &ProxyCheck, parts: &Parts) -> Option<IpAddr> {
    if let Some(ClientAddress(address)) = parts.extensions.get::<ClientAddress>() {
        return Some(address.to_canonical());
    }
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    let (peer, headers) = (peer.ip().to_canonical(), &parts.headers);
    let address = through(proxies, peer, headers);
    check.saw(proxies, peer, address, parts);
    address
}

/// The address of the client behind this peer.
fn through(proxies: &TrustedProxies, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
    if proxies.contains(peer) {
        proxies.client(headers)
    } else {
        Some(peer)
    }
}
