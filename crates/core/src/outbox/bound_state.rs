//! What a pending message depends on: the parts of its binding, and what it means that one of them has changed.
//!
//! The binding is a thing of its own. What a token is bound to is a matter of `links.rs`, and may be more; how a store
//! reads a time is no matter here, for no part is a time that a store has kept. A part that is added later has a name of its own, and the
//! rows of before lack it; a change that is more than that has a new [`VERSION`].

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{Binding, Obsolete, Purpose};
use crate::address::AddressRecord;
use crate::user::User;

/// The version of the text of parts. The first version had no parts, but one digest of everything.
const VERSION: &str = "2";

/// The part that says to which digest of the whole the others belong.
const WHOLE: &str = "whole";
/// The text of the address.
const ADDRESS: &str = "address";
/// The stored password.
const PASSWORD: &str = "password";

/// Why a message to an address that has another text now is given up.
const ADDRESS_CHANGED: &str = "the address was changed";

/// How far apart two readings of one time can be, in steps: the first version's digest has the time of the last log-in,
/// which is read by the settings `django_use_tz` and `django_time_zone`.
const ZONE_STEP_MICROS: i64 = 15 * 60 * 1_000_000;
const ZONE_STEPS: i64 = 26 * 4;

/// What has become of the state that a message depends on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Changed {
    /// There is nothing left to do.
    Obsolete(Obsolete),
    /// Something else differs, or it cannot be told what differs: why the message is given up.
    Otherwise(String),
    /// A later version has enqueued it, and this one cannot tell: it is kept for a process of that version.
    Unknown(String),
}

/// What a message to this address depends on, as it is now.
pub(super) fn binding(purpose: Purpose, user: &User, address: &AddressRecord) -> Binding {
    let digest = first_version(purpose, user, address, last_login_of(user));
    let mut text = format!("{VERSION} {WHOLE}={}", hex(&digest));
    for (name, digest) in parts(purpose, user, address) {
        // Writing to a text cannot fail.
        let _ = write!(text, " {name}={digest}");
    }
    Binding::from_stored(digest, Some(text))
}

/// The same of a text message that was counted in this hour: its message stands as though enqueued when its link was made,
/// which may be another.
///
/// A worker of a version before, which may run beside this one, sends nothing whose binding has a part that it does not know.
/// So the hour is said in parts that each version knows, by repeating them: the whole once, and for each binary digit of the
/// hour the whole for 0, the address for 1.
pub(super) fn counted_in(binding: &Binding, hour: i64) -> Binding {
    let text = binding.parts().map(|text| {
        let word = |name| {
            let mut words = text.split(' ');
            words.find(|word| word.split_once('=').is_some_and(|(its, _)| its == name))
        };
        let (Some(whole), Some(address)) = (word(WHOLE), word(ADDRESS)) else {
            return text.to_owned();
        };
        let mut counted = format!("{text} {whole}");
        for digit in format!("{hour:b}").chars() {
            counted.push(' ');
            counted.push_str(if digit == '1' { address } else { whole });
        }
        counted
    });
    Binding::from_stored(binding.digest(), text)
}

/// The hour in which a text message was counted; not known of one that a version before has enqueued.
pub(super) fn hour_counted(kept: &Binding) -> Option<i64> {
    let words = kept.parts()?.split(' ');
    let names = words.filter_map(|word| Some(word.split_once('=')?.0));
    let digits: String = names
        .skip_while(|name| *name == WHOLE)
        .skip_while(|name| *name != WHOLE)
        .skip(1)
        .map(|name| if name == ADDRESS { '1' } else { '0' })
        .collect();
    i64::from_str_radix(&digits, 2).ok()
}

/// Whether the state is still as it was when the message was enqueued.
pub(super) fn compare(
    kept: &Binding,
    purpose: Purpose,
    user: &User,
    address: &AddressRecord,
) -> Result<(), Changed> {
    let Some(text) = kept.parts() else {
        return compare_first_version(kept.digest(), purpose, user, address);
    };
    let otherwise = |why: &str| Changed::Otherwise(why.to_owned());
    let mut words = text.split(' ');
    let version = words.next().unwrap_or_default();
    if version != VERSION {
        let version: String = version.chars().filter(char::is_ascii_digit).collect();
        return Err(Changed::Unknown(format!(
            "its binding has the version {version:.9}, and this program knows {VERSION}"
        )));
    }
    let now = parts(purpose, user, address);
    // A password that was changed leaves nothing to do, whatever else differs.
    let mut other = Ok(());
    for word in words {
        let (name, digest) = word.split_once('=').unwrap_or((word, ""));
        let known = now.iter().find(|(known, _)| *known == name);
        match (name, known) {
            (WHOLE, _) if digest == hex(kept.digest()) => {}
            (_, Some((_, now))) if digest == now => {}
            (ADDRESS, Some(_)) => other = Err(otherwise(ADDRESS_CHANGED)),
            (PASSWORD, Some(_)) => return Err(Changed::Obsolete(Obsolete::PasswordChanged)),
            (WHOLE, _) => {
                return Err(otherwise("the parts of its binding do not belong to it"));
            }
            _ => {
                let why = "its binding has a part that this program does not know";
                other = other.and(Err(Changed::Unknown(why.to_owned())));
            }
        }
    }
    other
}

/// Whether the address has the text that it had when the message was enqueued; not known of one of the first version.
pub(super) fn is_same_address(kept: &Binding, purpose: Purpose, address: &AddressRecord) -> bool {
    part(kept, ADDRESS).is_some_and(|digest| digest == address_part(purpose, address))
}

/// What a binding says in the part of this name.
fn part<'a>(kept: &'a Binding, name: &str) -> Option<&'a str> {
    let words = kept.parts().unwrap_or_default().split(' ');
    let mut parts = words.filter_map(|word| word.split_once('='));
    parts.find_map(|(its, said)| (its == name).then_some(said))
}

/// The same for a message of the first version.
fn compare_first_version(
    kept: &[u8],
    purpose: Purpose,
    user: &User,
    address: &AddressRecord,
) -> Result<(), Changed> {
    let is_kept = |last_login| first_version(purpose, user, address, last_login) == kept;
    let last_login = last_login_of(user);
    if is_kept(last_login) {
        return Ok(());
    }
    let is_digest = kept.len() == first_version(purpose, user, address, None).len();
    if is_digest && purpose == Purpose::Verify {
        // Whose address it is and which row it stands in have been looked at: its text alone is left.
        return Err(Changed::Otherwise(ADDRESS_CHANGED.to_owned()));
    }
    let mut shifts = (-ZONE_STEPS..=ZONE_STEPS).map(|steps| steps * ZONE_STEP_MICROS);
    if last_login.is_some_and(|time| shifts.any(|shift| is_kept(time.checked_add(shift)))) {
        return Ok(());
    }
    Err(Changed::Otherwise(
        "what its link depends on is not as it was, and its binding of an older version cannot tell which part changed"
            .to_owned(),
    ))
}

/// The parts as they are now, each by its name.
fn parts(purpose: Purpose, user: &User, address: &AddressRecord) -> Vec<(&'static str, String)> {
    let address = (ADDRESS, address_part(purpose, address));
    match purpose {
        Purpose::ResetPassword | Purpose::LogIn | Purpose::Confirm => {
            let password = digest_of(purpose, user.password.reveal());
            vec![address, (PASSWORD, password)]
        }
        Purpose::Verify | Purpose::SecurityNotice | Purpose::Event => vec![address],
    }
}

fn address_part(purpose: Purpose, address: &AddressRecord) -> String {
    digest_of(purpose, &address.value)
}

fn digest_of(purpose: Purpose, value: &str) -> String {
    let mut digest = Sha256::new();
    add(&mut digest, purpose.as_str().as_bytes());
    add(&mut digest, value.as_bytes());
    hex(&digest.finalize())
}

/// The digest of the first version: of everything that a link was bound to then. It is still written, for a server of
/// that version that shares the outbox during an upgrade.
fn first_version(
    purpose: Purpose,
    user: &User,
    address: &AddressRecord,
    last_login: Option<i64>,
) -> [u8; 32] {
    let person_id = user.id.get().to_be_bytes();
    let address_id = address.id.get().to_be_bytes();
    let last_login = last_login.map(|micros| micros.to_be_bytes().to_vec());
    let last_login = last_login.unwrap_or_default();
    let mut digest = Sha256::new();
    let mut fields: Vec<&[u8]> = vec![purpose.as_str().as_bytes()];
    match purpose {
        Purpose::ResetPassword => fields.extend::<[&[u8]; 6]>([
            &person_id,
            user.password.reveal().as_bytes(),
            &last_login,
            user.email.as_bytes(),
            &address_id,
            address.value.as_bytes(),
        ]),
        Purpose::Verify
        | Purpose::LogIn
        | Purpose::Confirm
        | Purpose::SecurityNotice
        | Purpose::Event => {
            fields.extend::<[&[u8]; 4]>([
                &person_id,
                address.kind.as_str().as_bytes(),
                &address_id,
                address.value.as_bytes(),
            ]);
        }
    }
    for field in fields {
        add(&mut digest, field);
    }
    digest.finalize().into()
}

fn last_login_of(user: &User) -> Option<i64> {
    user.last_login.map(|time| time.timestamp_micros())
}

/// Adds a field with its length, so that none runs into the next.
fn add(digest: &mut Sha256, field: &[u8]) {
    digest.update((field.len() as u64).to_be_bytes());
    digest.update(field);
}

/// The first eight bytes: enough to tell a change, and of no use for anything else.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::address::{AddressId, AddressKind};
    use crate::password::EncodedPassword;
    use crate::user::UserId;

    const RESET: Purpose = Purpose::ResetPassword;
    const VERIFY: Purpose = Purpose::Verify;

    fn ann() -> (User, AddressRecord) {
        let user = User {
            id: UserId::new(7),
            username: "ann".to_owned(),
            first_name: "Ann".to_owned(),
            last_name: "Lee".to_owned(),
            email: "ann@example.org".to_owned(),
            password: EncodedPassword::new("argon2$one"),
            last_login: Some(DateTime::<Utc>::UNIX_EPOCH + TimeDelta::microseconds(1_234_567)),
            is_active: true,
            date_joined: DateTime::UNIX_EPOCH,
        };
        let address = AddressRecord {
            id: AddressId::new(3),
            kind: AddressKind::Email,
            value: "ann@example.org".to_owned(),
            user: user.id,
            is_verified: false,
        };
        (user, address)
    }

    /// What is said of a message that was enqueued for Ann and looked at after this change.
    fn after(
        purpose: Purpose,
        keep: impl Fn(&Binding) -> Binding,
        change: impl Fn(&mut User, &mut AddressRecord),
    ) -> Result<(), Changed> {
        let (mut user, mut address) = ann();
        let kept = keep(&binding(purpose, &user, &address));
        change(&mut user, &mut address);
        compare(&kept, purpose, &user, &address)
    }

    fn whole(binding: &Binding) -> Binding {
        binding.clone()
    }

    /// As the first version stored it.
    fn of_first_version(binding: &Binding) -> Binding {
        Binding::from_stored(binding.digest(), None)
    }

    #[test]
    fn changed_part_is_named() {
        let changed = Err(Changed::Obsolete(Obsolete::PasswordChanged));
        let password = |user: &mut User, _: &mut AddressRecord| {
            user.password = EncodedPassword::new("argon2$two");
        };
        assert_eq!(after(RESET, whole, password), changed);
        assert_eq!(after(VERIFY, whole, password), Ok(()), "it verifies still");
        let both = |user: &mut User, address: &mut AddressRecord| {
            password(user, address);
            address.value.push('x');
        };
        assert_eq!(
            after(RESET, whole, both),
            changed,
            "nothing is left to reset"
        );
        for purpose in [RESET, VERIFY] {
            let changed = after(purpose, whole, |_, address| address.value.push('x'));
            assert_eq!(changed, Err(Changed::Otherwise(ADDRESS_CHANGED.to_owned())));
        }
    }

    #[test]
    fn hour_is_no_state() {
        // The workers of before compare each part, and know these alone.
        let (user, address) = ann();
        for purpose in [RESET, VERIFY] {
            let counted = counted_in(&binding(purpose, &user, &address), 490_000);
            let names = counted.parts().unwrap_or_default().split(' ').skip(1);
            for name in names.filter_map(|word| Some(word.split_once('=')?.0)) {
                assert!([WHOLE, ADDRESS, PASSWORD].contains(&name), "{name}");
            }
        }
        let counted = |binding: &Binding| counted_in(binding, 490_000);
        for purpose in [RESET, VERIFY] {
            assert_eq!(after(purpose, counted, |_, _| {}), Ok(()));
            let changed = after(purpose, counted, |_, address| address.value.push('x'));
            assert_eq!(changed, Err(Changed::Otherwise(ADDRESS_CHANGED.to_owned())));
        }
        let (user, address) = ann();
        let kept = binding(RESET, &user, &address);
        for hour in [0, 1, 490_000, 490_001] {
            assert_eq!(hour_counted(&counted_in(&kept, hour)), Some(hour));
        }
        assert_eq!(hour_counted(&kept), None, "of the version before");
    }

    #[test]
    fn other_changes_are_none() {
        for keep in [whole, of_first_version] {
            assert_eq!(after(RESET, keep, |_, _| {}), Ok(()));
            assert_eq!(after(VERIFY, keep, |_, _| {}), Ok(()));
            // As a server reads the time of the last log-in whose setting `django_use_tz` is another.
            for minutes in [-720, -45, 330, 840] {
                let read_otherwise = |user: &mut User, _: &mut AddressRecord| {
                    let time = user.last_login;
                    user.last_login = time.map(|time| time + TimeDelta::minutes(minutes));
                };
                assert_eq!(after(RESET, keep, read_otherwise), Ok(()), "{minutes}");
            }
        }
        assert_eq!(
            after(RESET, whole, |user, _| user.last_login = None),
            Ok(())
        );
        assert_eq!(after(RESET, whole, |user, _| user.email.clear()), Ok(()));
    }

    #[test]
    fn what_cannot_be_told_is_unexplained() {
        let of_parts = |text: &'static str| {
            move |binding: &Binding| Binding::from_stored(binding.digest(), Some(text.to_owned()))
        };
        let grown = |binding: &Binding| {
            let parts = binding.parts().map(|parts| format!("{parts} request=00"));
            Binding::from_stored(binding.digest(), parts)
        };
        let altered =
            |binding: &Binding| Binding::from_stored([0; 32], binding.parts().map(str::to_owned));
        let password = |user: &mut User, _: &mut AddressRecord| {
            user.password = EncodedPassword::new("argon2$two");
        };
        for (got, says) in [
            (after(RESET, of_parts("3 x=y"), |_, _| {}), "the version 3"),
            (after(RESET, of_parts(""), |_, _| {}), "the version"),
            (
                after(RESET, grown, |_, _| {}),
                "a part that this program does not know",
            ),
            (after(RESET, altered, |_, _| {}), "do not belong to it"),
            (
                after(RESET, of_first_version, password),
                "cannot tell which part",
            ),
            (
                after(RESET, |_| Binding::from_stored([], None), |_, _| {}),
                "older version",
            ),
            (
                after(VERIFY, |_| Binding::from_stored([], None), |_, _| {}),
                "older version",
            ),
        ] {
            assert!(
                matches!(&got, Err(Changed::Otherwise(why) | Changed::Unknown(why)) if why.contains(says)),
                "{says}: {got:?}"
            );
        }
        let other_text = after(VERIFY, of_first_version, |_, address| {
            address.value.push('x');
        });
        assert_eq!(
            other_text,
            Err(Changed::Otherwise(ADDRESS_CHANGED.to_owned()))
        );
    }

    #[test]
    fn first_version_is_written_as_it_was() {
        // Rows that were pending at an upgrade have these.
        let (user, address) = ann();
        let digest = |purpose| {
            let digest = first_version(purpose, &user, &address, last_login_of(&user));
            digest.iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            })
        };
        assert_eq!(
            digest(RESET),
            "72c1e3f702d720c92ec39baed4aa2dfefefbef057fc65481847391f6ef20358f"
        );
        assert_eq!(
            digest(VERIFY),
            "a5cb79161844ac3705952ef422da1a4463dba8552f75a072377b46e36a51b95b"
        );
    }
}
