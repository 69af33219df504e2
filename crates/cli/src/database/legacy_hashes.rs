//! What an operator should know about the hashes that Django has left.

use phone_auth::core::store::PasswordKind;
use phone_auth::django::DjangoIterations;

/// The algorithms whose time no number of iterations evens out.
const UNEVEN: [&str; 4] = ["pbkdf2_sha1", "scrypt", "bcrypt_sha256", "bcrypt"];

/// A sentence for each thing to be done, or to be known, about passwords of these kinds.
pub(crate) fn notes(kinds: &[PasswordKind], set: Option<DjangoIterations>) -> Vec<String> {
    let needed = DjangoIterations::needed_for(kinds);
    let of_pbkdf2 = match (needed, set) {
        (Some(needed), set) if set.is_none_or(|set| set < needed) => {
            let is = match set {
                Some(set) => format!("is {}", set.get()),
                None => "is not set".to_owned(),
            };
            Some(format!(
                "passwords that Django hashed are left (pbkdf2_sha256, at most {0} iterations, users: {1}); \
                 anyone who measures a refused log-in can tell that these accounts exist, because \
                 django_hash_iterations {is}: django_hash_iterations = {0} makes all refusals take the same",
                needed.get(),
                users(kinds, "pbkdf2_sha256"),
            ))
        }
        (None, Some(_)) => Some(
            "no password that Django hashed with pbkdf2_sha256 is left; without django_hash_iterations a \
             refused log-in takes less work"
                .to_owned(),
        ),
        _ => None,
    };
    let uneven: Vec<_> = UNEVEN
        .iter()
        .map(|algorithm| (algorithm, users(kinds, algorithm)))
        .filter(|(_, users)| *users > 0)
        .map(|(algorithm, users)| format!("{algorithm}, users: {users}"))
        .collect();
    let of_others = (!uneven.is_empty()).then(|| {
        format!(
            "passwords are left whose time no setting evens out ({}); until they log in or choose another \
             password, anyone who measures a refused log-in can tell that these accounts exist",
            uneven.join("; ")
        )
    });
    of_pbkdf2.into_iter().chain(of_others).collect()
}

/// How many users have a password of this algorithm.
fn users(kinds: &[PasswordKind], algorithm: &str) -> u64 {
    let kinds = kinds.iter().filter(|kind| kind.algorithm == algorithm);
    kinds.map(|kind| kind.users).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kinds: &[(&str, &str, u64)], set: Option<u32>, said: &[&str]) {
        let kinds: Vec<_> = kinds
            .iter()
            .map(|(algorithm, cost, users)| PasswordKind {
                algorithm: (*algorithm).to_owned(),
                cost: (*cost).to_owned(),
                users: *users,
            })
            .collect();
        let notes = notes(&kinds, set.and_then(DjangoIterations::new));
        assert_eq!(notes.len(), said.len(), "{notes:?}");
        for (note, said) in notes.iter().zip(said) {
            assert!(note.contains(said), "{note}");
        }
    }

    #[test]
    fn greatest_number_is_advised() {
        let kinds = [
            ("argon2", "argon2id", 7),
            ("pbkdf2_sha256", "1000000", 2),
            ("pbkdf2_sha256", "870000", 3),
            ("plain", "secret", 1),
        ];
        let advice = "django_hash_iterations = 1000000 makes";
        check(&kinds, None, &["at most 1000000 iterations, users: 5"]);
        check(&kinds, None, &["django_hash_iterations is not set"]);
        check(&kinds, None, &[advice]);
        check(&kinds, Some(870_000), &[advice]);
        check(&kinds, Some(870_000), &["django_hash_iterations is 870000"]);
        check(&kinds, Some(1_000_000), &[]);
        check(&kinds, Some(1_000_001), &[]);
    }

    #[test]
    fn what_matches_nothing_needs_nothing() {
        check(&[("pbkdf2_sha256", "3000001", 1)], None, &[]);
        check(&[("pbkdf2_sha256", "many", 1)], None, &[]);
    }

    #[test]
    fn needless_setting_is_told() {
        check(&[("argon2", "argon2id", 7)], Some(5), &["no password"]);
        check(&[], None, &[]);
    }

    #[test]
    fn uneven_kinds_are_told() {
        let kinds = [("bcrypt", "", 1), ("scrypt", "16384", 2)];
        check(&kinds, None, &["(scrypt, users: 2; bcrypt, users: 1)"]);
    }
}
