//! From which address a request comes.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::request::Parts;

/// The address of the client, for an application that knows better than the connection: behind a proxy the
/// peer is the proxy. A layer around the pages puts it into the extensions of a request.
///
/// Without it the pages take axum's `ConnectInfo<SocketAddr>`, which is there when the application serves
/// `router.into_make_service_with_connect_info::<SocketAddr>()`. Without both all clients have one share of
/// what is bounded.
///
/// # Security
/// Take it from a header only where a proxy of your own has written it over whatever the client sent:
/// anyone who can choose an address has as many shares as there are addresses.
///
/// # Examples
/// ```
/// use axum::{Router, extract::Request, middleware};
/// use phone_auth_web::ClientAddress;
///
/// fn behind_a_proxy(pages: Router) -> Router {
///     pages.layer(middleware::map_request(async |mut request: Request| {
///         // This proxy sets the header itself, whatever a client sends.
///         let address = request.headers().get("x-real-ip");
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
pub(crate) fn address(parts: &Parts) -> Option<IpAddr> {
    let told = parts.extensions.get::<ClientAddress>();
    let peer = || {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        peer.map(|ConnectInfo(peer)| peer.ip())
    };
    told.map(|ClientAddress(address)| *address).or_else(peer)
}
