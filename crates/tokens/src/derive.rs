//! Keys from keys: HKDF-SHA256 (RFC 5869), and HMAC over fields that cannot run into each other.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

pub(crate) type HmacSha256 = Hmac<Sha256>;

/// The bytes of a derived key.
pub(crate) const KEY_BYTES: usize = 32;

/// SHA-256 works on blocks of this size.
const BLOCK_BYTES: usize = 64;

/// Stands for a length that follows in eight bytes.
const LONG: u8 = u8::MAX;

/// Says to HKDF whose keys these are, so that the same secret used elsewhere gives other keys.
const SALT: &[u8] = b"phone-auth tokens, version 1";

/// Derives the key for one use from the secret. `domain` and `label` are told apart by a length.
pub(crate) fn derive(secret: &[u8], domain: &str, label: &str) -> Zeroizing<[u8; KEY_BYTES]> {
    let mut info = Vec::with_capacity(8 + domain.len() + label.len());
    info.extend(length(domain.as_bytes()));
    info.extend(domain.as_bytes());
    info.extend(label.as_bytes());
    hkdf(SALT, secret, &info)
}

/// HKDF-SHA256 for one block of output, which is all that a 256-bit key needs.
fn hkdf(salt: &[u8], secret: &[u8], info: &[u8]) -> Zeroizing<[u8; KEY_BYTES]> {
    let extracted = Zeroizing::new(finish(keyed(salt).chain_update(secret)));
    Zeroizing::new(finish(
        keyed(extracted.as_slice())
            .chain_update(info)
            .chain_update([1]),
    ))
}

/// An HMAC that has read its key. Cloning it saves hashing the key again.
pub(crate) fn keyed(key: &[u8]) -> HmacSha256 {
    #[expect(
        clippy::expect_used,
        reason = "HMAC is defined for keys of any length (RFC 2104, section 2)"
    )]
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// An HMAC that has read its key and the name of a purpose, filled up to whole blocks so that a clone
/// of it has nothing left to hash but the message.
pub(crate) fn keyed_for(key: &[u8], name: &str) -> HmacSha256 {
    let mut mac = keyed(key);
    mac.update(&length(name.as_bytes()));
    mac.update(name.as_bytes());
    let used = (8 + name.len()) % BLOCK_BYTES;
    if let Some(padding) = [0_u8; BLOCK_BYTES].get(used..)
        && used > 0
    {
        mac.update(padding);
    }
    mac
}

/// Reads fields, each after its length: two different lists of fields never give the same bytes.
///
/// A length below 255 is one byte, a longer one that byte and eight more, so that the fields of an
/// ordinary token stay within one block.
pub(crate) fn update_fields(mac: &mut HmacSha256, fields: &[&[u8]]) {
    for field in fields {
        match u8::try_from(field.len()) {
            Ok(length) if length != LONG => mac.update(&[length]),
            _ => {
                mac.update(&[LONG]);
                mac.update(&length(field));
            }
        }
        mac.update(field);
    }
}

/// The whole MAC.
pub(crate) fn finish(mac: HmacSha256) -> [u8; KEY_BYTES] {
    mac.finalize().into_bytes().into()
}

fn length(bytes: &[u8]) -> [u8; 8] {
    (bytes.len() as u64).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hkdf_matches_rfc_5869() {
        // Appendix A, test cases 1 and 3, the first 32 of 42 bytes.
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let salt: Vec<u8> = (0x00..=0x0c).collect();
        assert_eq!(
            *hkdf(&salt, &[0x0b; 22], &info),
            [
                0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a, 0x90, 0x43, 0x4f, 0x64, 0xd0, 0x36,
                0x2f, 0x2a, 0x2d, 0x2d, 0x0a, 0x90, 0xcf, 0x1a, 0x5a, 0x4c, 0x5d, 0xb0, 0x2d, 0x56,
                0xec, 0xc4, 0xc5, 0xbf
            ]
        );
        assert_eq!(
            *hkdf(&[], &[0x0b; 22], &[]),
            [
                0x8d, 0xa4, 0xe7, 0x75, 0xa5, 0x63, 0xc1, 0x8f, 0x71, 0x5f, 0x80, 0x2a, 0x06, 0x3c,
                0x5a, 0x31, 0xb8, 0xa1, 0x1f, 0x5c, 0x5e, 0xe1, 0x87, 0x9e, 0xc3, 0x45, 0x4e, 0x5f,
                0x3c, 0x73, 0x8d, 0x2d
            ]
        );
    }

    #[test]
    fn domain_and_label_stay_apart() {
        assert_ne!(derive(b"k", "ab", "c"), derive(b"k", "a", "bc"));
        assert_ne!(derive(b"k", "a", "b"), derive(b"l", "a", "b"));
    }

    #[test]
    fn fields_stay_apart() {
        let mac = |fields: &[&[u8]]| {
            let mut mac = keyed(b"k");
            update_fields(&mut mac, fields);
            finish(mac)
        };
        let long = [0_u8; 300];
        // The longest that is written with one byte of length, and what that byte would make of the next ones.
        let marked = [&257_u64.to_be_bytes()[..], &[7; 247]].concat();
        let with_rest = [&[7; 247][..], &[9], &[7; 9]].concat();
        let lengths = |length: usize| long.get(..length).unwrap_or_default();
        let all = [
            mac(&[lengths(254)]),
            mac(&[lengths(255)]),
            mac(&[lengths(256)]),
            mac(&[lengths(300)]),
            mac(&[lengths(254), b"\0"]),
            mac(&[&[][..]; 255]),
            mac(&[&marked, &[7; 9]]),
            mac(&[&with_rest]),
            mac(&[b"\x02ab"]),
            mac(&[]),
            mac(&[b""]),
            mac(&[b"", b""]),
            mac(&[b"ab"]),
            mac(&[b"a", b"b"]),
            mac(&[b"", b"ab"]),
            mac(&[b"ab", b""]),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(all.iter().skip(index + 1).all(|other| other != one));
        }
    }

    #[test]
    fn long_names_fill_blocks() {
        let zeros = "\0".repeat(80);
        let macs: Vec<_> = (0..80)
            .filter_map(|length| zeros.get(..length))
            .map(|name| finish(keyed_for(b"k", name)))
            .collect();
        for (index, one) in macs.iter().enumerate() {
            assert!(macs.iter().skip(index + 1).all(|other| other != one));
        }
    }
}
