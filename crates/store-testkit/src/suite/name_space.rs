//! Usernames, email addresses and phone numbers are one space of names: nobody takes a name that another user could be
//! found by.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::address::{Address, AddressKind};
use phone_auth_core::outbox::Notices;
use phone_auth_core::store::{Store, UniqueName};
use phone_auth_core::user::{NewUser, UserId, WantedNames};

use super::Subject;
use super::sample::{
    AMPLE, address_of, assert_taken, email, phone, stored, whole, without_address,
};
use crate::external_writer::ExternalChange;

/// How a name is stored that an account has, by whatever program.
#[derive(Clone, Copy, Debug)]
enum Has {
    Username(&'static str),
    Phone(&'static str),
    Email(&'static str),
    OwnEmail(&'static str),
}

/// Gives a user a name past the port.
async fn give(subject: &Subject, user: UserId, name: Has) {
    let row = async |kind| address_of(subject.store(), user, kind).await.id;
    let change = match name {
        Has::Username(text) => ExternalChange::RenameUser(user, text.to_owned()),
        Has::OwnEmail(text) => ExternalChange::SetOwnEmail(user, text.to_owned()),
        // Verified: what nobody has proven keeps no one from it.
        Has::Phone(text) => {
            let (kind, id) = (AddressKind::Phone, row(AddressKind::Phone).await);
            let verified = ExternalChange::SetVerified(kind, id, true);
            subject.outside(verified).await;
            ExternalChange::EditAddress(kind, id, text.to_owned())
        }
        Has::Email(text) => {
            let (kind, id) = (AddressKind::Email, row(AddressKind::Email).await);
            let verified = ExternalChange::SetVerified(kind, id, true);
            subject.outside(verified).await;
            ExternalChange::EditAddress(kind, id, text.to_owned())
        }
    };
    subject.outside(change).await;
}

/// Whether each of three names is taken: a username, an email address and a phone number that someone else wants, to
/// sign up with or to add.
async fn taken_kinds(store: &dyn Store, other: UserId, new: &NewUser) -> [bool; 3] {
    let wanted = WantedNames {
        username: Some(&new.username),
        email: new.email.as_ref(),
        phone: new.phone.as_ref(),
    };
    let told = store.taken_names(&wanted).await.unwrap();
    let told = [told.username, told.email, told.phone];
    let one_each = [
        (without_address(&new.username), UniqueName::Username),
        (
            NewUser {
                email: new.email.clone(),
                ..without_address("nobody-else")
            },
            UniqueName::Email,
        ),
        (
            NewUser {
                phone: new.phone.clone(),
                ..without_address("nobody-else")
            },
            UniqueName::Phone,
        ),
    ];
    for (is_taken, (new, name)) in told.into_iter().zip(one_each) {
        if is_taken {
            assert_taken(store.create_user(&new).await, name);
        }
    }
    let addresses = [
        (new.email.clone().map(Address::Email), UniqueName::Email),
        (new.phone.clone().map(Address::Phone), UniqueName::Phone),
    ];
    for (is_taken, (address, name)) in told.into_iter().skip(1).zip(addresses) {
        if is_taken {
            let answer = store
                .add_address(other, &address.unwrap(), AMPLE, &Notices::default())
                .await;
            assert_taken(answer, name);
        }
    }
    told
}

/// A name that an account has, a user whom someone else wants to be, and which of their username, email address and phone
/// number are taken then.
type Case = (Has, NewUser, [bool; 3]);

/// A user with these names.
fn wants(username: &str, address: &str, number: u32) -> NewUser {
    NewUser {
        email: Some(email(address)),
        phone: Some(phone(number)),
        ..without_address(username)
    }
}

/// What is taken is so, and its owner may have it as an address as well.
async fn check_taken(subject: &Subject, cases: Vec<Case>) {
    let store = subject.store();
    let other = stored(store, &without_address("other")).await;
    for (number, (has, new, expected)) in (100..).zip(cases) {
        let owner = stored(store, &whole("owner", number)).await;
        give(subject, owner.id, has).await;
        let taken = taken_kinds(store, other.id, &new).await;
        assert_eq!(taken, expected, "{has:?} {new:?}");
        // Whose name it is may have it as an address as well.
        if matches!(has, Has::Username(_) | Has::OwnEmail(_)) {
            let addresses = [
                (1, new.email.map(Address::Email)),
                (2, new.phone.map(Address::Phone)),
            ];
            for (place, address) in addresses {
                if expected.get(place) == Some(&true) {
                    store
                        .add_address(owner.id, &address.unwrap(), AMPLE, &Notices::default())
                        .await
                        .unwrap();
                }
            }
        }
        subject.outside(ExternalChange::DeleteUser(owner.id)).await;
    }
}

pub(super) async fn names_of_all_kinds_are_one_space(subject: &Subject) {
    let number = || wants("919876500001", "free@example.org", 1);
    let dialled = || wants("00919876500001", "free@example.org", 1);
    let plain = || wants("free", "ann@example.org", 99_999);
    let umlaut = || wants("free", "ann@b\u{fc}cher.example", 99_999);
    let as_address = || wants("ann@example.org", "free@example.org", 99_999);
    let (phone_taken, both_taken) = ([false, false, true], [true, false, true]);
    let (email_taken, name_taken) = ([false, true, false], [true, false, false]);
    let full_width = "\u{ff0b}\u{ff19}\u{ff11}\u{ff19}\u{ff18}\u{ff17}\u{ff16}\u{ff15}\u{ff10}\u{ff10}\u{ff10}\u{ff10}\u{ff11}";
    let cases = [
        // A username that is a number, in whatever form its owner types it.
        (Has::Username("+919876500001"), number(), phone_taken),
        (Has::Username("00919876500001"), number(), phone_taken),
        (Has::Username("919876500001"), number(), both_taken),
        (Has::Username("+91 98765 00001"), number(), phone_taken),
        (Has::Username("+91-98765-00001"), number(), phone_taken),
        (Has::Username("(0091) 98765.00001"), number(), phone_taken),
        (Has::Username(full_width), number(), phone_taken),
        // As it is dialled in its country, where a site may take it without a calling code.
        (Has::Username("9876500001"), number(), phone_taken),
        (Has::Username("098765 00001"), number(), phone_taken),
        (Has::Username("19876500001"), number(), [false; 3]),
        (Has::Username("+919876500002"), number(), [false; 3]),
        (Has::Username("+91987650000"), number(), [false; 3]),
        (Has::Username("x919876500001"), number(), [false; 3]),
        // A number, anyone who wrote it, is nobody's username and nobody else's number.
        (Has::Phone("+919876500001"), number(), both_taken),
        (Has::Phone("+919876500001"), dialled(), both_taken),
        (Has::Phone("+91 98765 00001"), number(), both_taken),
        (Has::Phone("0091 98765-00001"), dialled(), both_taken),
        (Has::Phone("00919876500001"), number(), both_taken),
        (Has::Phone(full_width), number(), both_taken),
        (Has::Phone("+919876500002"), number(), [false; 3]),
        // An address, in whatever spelling, wherever it stands.
        (Has::Email("ANN@Example.org"), plain(), email_taken),
        (Has::Email("ann@example.org "), plain(), email_taken),
        (Has::Email("\tAnn@example.org"), plain(), email_taken),
        (Has::Email("ann@b\u{fc}cher.example"), umlaut(), email_taken),
        (Has::Email("Ann@B\u{dc}CHER.Example"), umlaut(), email_taken),
        (
            Has::Email("ann@xn--bcher-kva.example"),
            umlaut(),
            email_taken,
        ),
        (Has::Email("ann@bucher.example"), umlaut(), [false; 3]),
        (Has::Email("\u{e4}nn@example.org"), plain(), [false; 3]),
        (Has::Email("ANN@example.org"), as_address(), name_taken),
        (Has::OwnEmail("Ann@Example.org"), plain(), email_taken),
        (Has::OwnEmail(" ann@example.org"), plain(), email_taken),
        (
            Has::OwnEmail("ann@b\u{fc}cher.example"),
            umlaut(),
            email_taken,
        ),
        (Has::OwnEmail("ann@example.org"), as_address(), name_taken),
        (Has::Username("Ann@Example.org"), plain(), email_taken),
        (
            Has::Username("ann@b\u{fc}cher.example"),
            umlaut(),
            email_taken,
        ),
        (
            Has::Username("ann@xn--bcher-kva.example"),
            umlaut(),
            email_taken,
        ),
    ];
    check_taken(subject, Vec::from(cases)).await;
}

pub(super) async fn white_space_makes_no_other_name(subject: &Subject) {
    let number = || wants("919876500001", "free@example.org", 1);
    let dialled = || wants("00919876500001", "free@example.org", 1);
    let plain = || wants("free", "ann@example.org", 99_999);
    let umlaut = || wants("free", "ann@b\u{fc}cher.example", 99_999);
    let as_address = || wants("ann@example.org", "free@example.org", 99_999);
    let (phone_taken, both_taken) = ([false, false, true], [true, false, true]);
    let (email_taken, name_taken) = ([false, true, false], [true, false, false]);
    let cases = [
        (Has::Username("Ann@Example.org "), plain(), email_taken),
        (Has::Username("\t ann@example.org"), plain(), email_taken),
        (Has::Username("ANN@example.org\r\n"), plain(), email_taken),
        (
            Has::Username(" ann@b\u{fc}cher.example"),
            umlaut(),
            email_taken,
        ),
        (Has::Username("ann@ example.org"), plain(), [false; 3]),
        (Has::Username("Free "), plain(), name_taken),
        (Has::Username("\r\nfree"), plain(), name_taken),
        (Has::Username("fr ee"), plain(), [false; 3]),
        (Has::Username("ann@example.org\n"), as_address(), name_taken),
        (Has::Username("+919876500001\r\n"), number(), phone_taken),
        (Has::Username("\t0091 98765 00001 "), number(), phone_taken),
        (Has::Username(" 919876500001\n"), number(), both_taken),
        (Has::Phone("+919876500001\r\n"), number(), both_taken),
        (Has::Phone("\t+919876500001"), dialled(), both_taken),
        (Has::Phone("00919876500001 "), number(), both_taken),
        (Has::Email("\r\nann@example.org "), plain(), email_taken),
        (Has::OwnEmail("ann@example.org\n"), plain(), email_taken),
    ];
    check_taken(subject, Vec::from(cases)).await;
}
