//! The names that someone types who signs up by a code: kept beside the challenge of their browser until they have proven the
//! address, for the account may be there already, made by a stranger.

use super::{Accounts, Failure};
use crate::challenge::{ChallengeId, ChallengeKey, TypedNames};
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

    /// Gives an account that nobody has proven the names that were typed by the one who proves it now, in the form after which
    /// their browser was sent the code. Before it is proven: so nobody finds another's in theirs.
    pub(super) async fn take_typed_names(
        &self,
        user: &mut User,
        asked: &[ChallengeId],
    ) -> Result<(), Failure> {
        for id in asked {
            let Some(names) = self.store().typed_names(id).await? else {
                continue;
            };
            let (first, last) = (names.first_name.as_str(), names.last_name.as_str());
            if (user.first_name.as_str(), user.last_name.as_str()) != (first, last) {
                self.store()
                    .set_names(user.id, Some(first), Some(last))
                    .await?;
                user.first_name = names.first_name;
                user.last_name = names.last_name;
            }
            return Ok(());
        }
        Ok(())
    }
}
