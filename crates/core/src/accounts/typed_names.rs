//! The names that someone types who signs up by a code: kept beside the challenge of their browser until they have proven the
//! address, for the account may be there already, made by a stranger.

use super::{Accounts, Failure};
use crate::challenge::{ChallengeId, ChallengeKey, TypedNames};
use crate::password::EncodedPassword;
use crate::store::StoreError;
use crate::user::{NewUser, User};

impl Accounts {
    /// Keeps the names that were typed beside the challenge: the account may be there already, made by someone else who has typed
    /// others. It gets those of the one who proves it.
    pub(super) async fn keep_typed_names(
        &self,
        key: &ChallengeKey,
        new: &NewUser,
    ) -> Result<(), Failure> {
        let names = TypedNames {
            first_name: new.first_name.clone(),
            last_name: new.last_name.clone(),
        };
        self.store().keep_typed_names(&key.id(), &names).await?;
        Ok(())
    }

    /// The same for a form that comes again while the message before is good for it: a name that was corrected counts as a sign-up
    /// of its own, so that nobody writes without end.
    pub(super) async fn correct_typed_names(
        &self,
        key: &ChallengeKey,
        new: &NewUser,
    ) -> Result<(), Failure> {
        let typed = self.store().typed_names(&key.id()).await?;
        let is_same = typed.is_some_and(|it| {
            (it.first_name.as_str(), it.last_name.as_str()) == (&new.first_name, &new.last_name)
        });
        if is_same {
            return Ok(());
        }
        self.count_begun_sign_up().await?;
        self.keep_typed_names(key, new).await
    }

    /// The names that were typed by the one who proves an account that nobody has proven, in the form after which their browser
    /// was sent the code. It gets them with the proof, so nobody finds another's in theirs, and nobody changes those of an account
    /// that is not theirs.
    pub(super) async fn typed_names_of(
        &self,
        asked: &[ChallengeId],
    ) -> Result<Option<TypedNames>, StoreError> {
        for id in asked {
            let names = self.store().typed_names(id).await?;
            if names.is_some() {
                return Ok(names);
            }
        }
        Ok(None)
    }
}

/// A user as they are once an account is theirs: with the password that was set with the proof, and the names that they typed.
pub(super) fn proven_user(user: User, new: EncodedPassword, names: Option<TypedNames>) -> User {
    let TypedNames {
        first_name,
        last_name,
    } = names.unwrap_or(TypedNames {
        first_name: user.first_name,
        last_name: user.last_name,
    });
    User {
        password: new,
        first_name,
        last_name,
        ..user
    }
}
