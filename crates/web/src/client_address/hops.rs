//! The hops of a header, and the address that each names.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The hops of a header, the last first.
///
/// # Security
/// It is cut from its end: the last hop is what a proxy of ours has added. Read from its beginning, a quotation mark that the
/// client left open would swallow it.
pub(super) fn from_last(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    parts_from_last(value, b',')
}

/// The parts between separators that stand outside quotation marks, the last first.
fn parts_from_last(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let value = rest?;
        let mut quoted = false;
        for (at, byte) in value.iter().enumerate().rev() {
            let before = value.get(..at).unwrap_or_default();
            if *byte == b'"' && !is_escaped(before) {
                quoted = !quoted;
            } else if *byte == separator && !quoted {
                rest = Some(before);
                return value.get(at + 1..);
            }
        }
        rest = None;
        Some(value)
    })
}

/// Whether what follows is escaped: an odd number of backslashes stands before it.
fn is_escaped(before: &[u8]) -> bool {
    let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\');
    backslashes.count() % 2 == 1
}

/// The address of an element of `Forwarded` (RFC 7239, 4): what its one `for=` names, with an IPv6 address in brackets.
pub(super) fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let mut named = parts_from_last(element, b';').filter_map(|pair| {
        let (name, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("for")
            .then_some(value.trim())
    });
    let value = named.next()?;
    if named.next().is_some() {
        return None;
    }
    let value = value
        .strip_prefix('"')
        .map_or(Some(value), |rest| rest.strip_suffix('"'))?;
    let is_bare_v6 = value.parse::<Ipv6Addr>().is_ok();
    if is_bare_v6 {
        None
    } else {
        node(value.as_bytes())
    }
}

/// The address of a hop, perhaps with a port: `203.0.113.7`, `203.0.113.7:4711`, `2001:db8::7`, `[2001:db8::7]:4711`.
pub(super) fn node(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim();
    let in_brackets = hop
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = match in_brackets {
        Some(address) => IpAddr::V6(address.parse().ok()?),
        None => hop
            .parse()
            .or_else(|_| hop.parse().map(|with_port: SocketAddr| with_port.ip()))
            .ok()?,
    };
    Some(address.to_canonical())
}
