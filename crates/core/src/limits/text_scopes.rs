//! By what text messages are counted.

use super::{LimitSubject, Limiter, TextScope};
use crate::address::PhoneNumber;
use crate::client::ClientNetwork;

/// The scope that stands where one of another kind of number does: nothing is counted by it.
const NONE: &str = "none";

/// Whose number a text message goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Nobody has it.
    Nobodys,
    /// A user has it, and nobody has proven it.
    Unproven,
    /// A user has proven it; anyone asks.
    Proven,
    /// The same, from a browser that is known for the account.
    Owners,
}

/// What numbers have in common that differ in their last three digits.
pub(crate) fn thousand_of(text: &[u8]) -> &[u8] {
    text.get(..text.len().saturating_sub(3)).unwrap_or_default()
}

/// One of four thousand places: rows of each are kept for two hours.
const fn place_of_few([_, second, third]: [u8; 3]) -> [u8; 2] {
    [second & 0x0f, third]
}

impl Limiter {
    /// What a message to this number is counted by, in the order of the keys. Of a text that is no number only the digits
    /// count. One to a proven number has a place of its own besides, and one that its owner asks for another.
    ///
    /// Numbers that nobody has share a few places, as there is nothing to count: they can be made up without end. As many are
    /// changed for them as for one that someone has.
    pub(crate) fn text_scopes(
        &self,
        text: &str,
        whose: Whose,
        network: Option<ClientNetwork>,
    ) -> Vec<TextScope> {
        let code = PhoneNumber::parse(text).map_or(0, |number| number.dial_code());
        let code_bytes = code.to_be_bytes();
        let scope = |name: &str, about: &[&[u8]], detail: &[&[u8]]| TextScope {
            key: self.text_key(about, detail),
            name: name.to_owned(),
        };
        let place = place_of_few(self.place_of_nobody(text));
        let (text, nobodys): (&[u8], [&[u8]; 2]) = (text.as_bytes(), [b"nobody", &place]);
        let of_number = |name: &'static str, digits| match whose {
            Whose::Nobodys => scope(name, &[&nobodys[..], &[name.as_bytes()]].concat(), &[]),
            _ => scope(name, &[name.as_bytes(), digits], &[]),
        };
        let mut scopes = vec![
            scope(
                &format!("dial_code +{code}"),
                &[b"dial_code", &code_bytes],
                &[],
            ),
            of_number("prefix", thousand_of(text)),
            of_number("number", text),
            match whose {
                Whose::Proven | Whose::Owners => scope("proven", &[b"proven", text], &[]),
                Whose::Nobodys | Whose::Unproven => scope(NONE, &nobodys, &[]),
            },
            scope("site", &[b"site"], &[]),
        ];
        if whose == Whose::Owners {
            scopes.push(scope("owner", &[b"owner", text], &[]));
        }
        if let Some(network) = network {
            let [narrow, wide] = of_network(&network);
            scopes.push(scope("network", &narrow, &[&code_bytes]));
            scopes.push(scope("wide", &wide, &[]));
        }
        scopes.sort_unstable();
        scopes
    }

    /// The same of a message that has waited: who asked for it is not known by then.
    pub(crate) fn scopes_of_waiting_text(&self, text: &str, whose: Whose) -> Vec<TextScope> {
        let mut scopes = self.text_scopes(text, whose, None);
        scopes.retain(|scope| scope.name != NONE);
        scopes
    }

    /// What is counted of the messages that are asked for at a client network, and at the one around it.
    pub(crate) fn texts_of_network(&self, network: ClientNetwork) -> [LimitSubject; 2] {
        of_network(&network).map(|about| self.text_key(&about, &[]).subject())
    }
}

/// By what messages are counted that are asked for at a client network, and at the one around it.
fn of_network(network: &ClientNetwork) -> [[&[u8]; 2]; 2] {
    [
        [b"network", network.bytes()],
        [b"wide", network.wide_bytes()],
    ]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::sync::Arc;

    use phone_auth_tokens::{Keyring, SecretKey};

    use super::*;
    use crate::limits::MemoryLimits;

    const NUMBER: &str = "+919876543210";

    fn limiter() -> Limiter {
        let keyring = Keyring::new(SecretKey::generate().unwrap());
        Limiter::new(Arc::new(MemoryLimits::new()), &keyring)
    }

    /// Two messages lock what they share in one order.
    #[test]
    fn scopes_are_in_order() {
        let network = ClientNetwork::of("203.0.113.7".parse().unwrap());
        for _ in 0..20 {
            let scopes = limiter().text_scopes(NUMBER, Whose::Owners, network);
            assert_eq!(scopes.len(), 8);
            assert!(scopes.is_sorted());
        }
    }

    /// Who has waited is counted by nothing that is there for equal work alone.
    #[test]
    fn waiting_text_has_no_scope_of_nobody() {
        for (whose, count) in [(Whose::Unproven, 4), (Whose::Proven, 5), (Whose::Owners, 6)] {
            let scopes = limiter().scopes_of_waiting_text(NUMBER, whose);
            assert!(scopes.iter().all(|scope| scope.name != NONE));
            assert_eq!(scopes.len(), count);
        }
    }

    #[test]
    fn numbers_of_a_thousand_share_a_prefix() {
        assert_eq!(thousand_of(NUMBER.as_bytes()), b"+919876543");
        let limiter = limiter();
        let prefix = |number: &str| {
            let scopes = limiter.text_scopes(number, Whose::Unproven, None);
            scopes
                .into_iter()
                .find(|it| it.name == "prefix")
                .unwrap()
                .key
        };
        assert_eq!(prefix(NUMBER), prefix("+919876543999"));
        assert_ne!(prefix(NUMBER), prefix("+919876544210"));
    }

    #[test]
    fn places_of_few_are_counted() {
        assert_eq!(place_of_few([0xff; 3]), [0x0f, 0xff]);
    }
}
