//! What sign-up, reset and change have in common: a password that is to be had, typed twice.

use super::Accounts;
use crate::address::{AddressKind, AddressRecord};
use crate::form::{Field, Problem, Problems};
use crate::password::Password;
use crate::user::User;

impl Accounts {
    /// Notes all that is wrong with a new password.
    pub(super) fn check_new_password(
        &self,
        problems: &mut Problems,
        (field, password): (Field, &Password),
        again: Option<(Field, &Password)>,
        attributes: &[(Field, &str)],
    ) {
        if password.is_empty() {
            problems.add(field, Problem::Required);
        } else {
            for problem in self.inner.policy.check(password, attributes) {
                problems.add(field, problem.into());
            }
        }
        if let Some((again_field, again)) = again {
            if again.is_empty() {
                problems.add(again_field, Problem::Required);
            } else if again != password {
                problems.add(again_field, Problem::PasswordsDiffer);
            }
        }
    }
}

/// What others know of a user, for the policy.
pub(super) fn attributes_of<'a>(
    user: &'a User,
    addresses: &'a [AddressRecord],
) -> Vec<(Field, &'a str)> {
    let own = [
        (Field::Username, user.username.as_str()),
        (Field::FirstName, user.first_name.as_str()),
        (Field::LastName, user.last_name.as_str()),
        (Field::Email, user.email.as_str()),
    ];
    let others = addresses.iter().map(|address| {
        let field = match address.kind {
            AddressKind::Email => Field::Email,
            AddressKind::Phone => Field::Phone,
        };
        (field, address.value.as_str())
    });
    own.into_iter().chain(others).collect()
}
