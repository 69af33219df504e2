//! Proving once more who one is by a code that is sent to a verified address, where there is no password.
//!
//! Its challenge is of one session, whose key makes its own, so it needs no cookie; and with the proof the session gets another key.

use std::time::Duration;

use phone_auth_events::MessageRefusal;

use super::own_codes::Begun;
use super::repeatable::Repeatable;
use super::{Accounts, CodeRefusal, CurrentUser, Failure, FlowError, PendingCode};
use crate::address::{AddressId, AddressKind, AddressRecord, PhoneNumber};
use crate::challenge::ChallengeKey;
use crate::outbox::{Purpose, flow_of};
use crate::session::SessionKey;
use crate::sessions::FoundSession;

impl Accounts {
    /// The addresses that a code can be sent to by which a user [who has no password](Self::proves_by_password) proves who they are:
    /// the verified ones, by which this site sends such codes. None of a user who has a password.
    ///
    /// # Errors
    /// [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken), the store.
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// See [`begin_reauthentication`](Self::begin_reauthentication).
    pub async fn addresses_to_confirm(
        &self,
        current_user: &CurrentUser,
    ) -> Result<Vec<AddressRecord>, Failure> {
        if self.proves_by_password(current_user.user()) {
            return Ok(Vec::new());
        }
        let mut own = self.addresses(current_user).await?;
        own.retain(|it| {
            it.is_verified
                && self.offers(Purpose::Confirm, it.kind)
                && !self.is_refused_number(it)
                && !self.is_refused_country(it)
        });
        Ok(own)
    }

    /// Has a code sent to a verified address of a user who has no password, by which they prove in this session who they are, with
    /// [`reauthenticate_by_code`](Self::reauthenticate_by_code). Fires `login_email` or `login_phone`, whose
    /// [`purpose`](phone_auth_events::Message::purpose) is `Confirm`: its link leads to the page where the code is typed, and logs
    /// nobody in. It is sent whether or not [`login_by_code`](crate::settings::Settings::login_by_code) is on.
    ///
    /// When another can be sent is as for [`begin_verification`](Self::begin_verification), and the gate is asked as there.
    ///
    /// # Security
    /// The code is worth nothing at a log-in, nor in a session that has not asked for one. Of several that have within half of its
    /// life, each is sent the same, and it is good in the first where it is typed. No site must have receivers of these messages unless users
    /// log in by code: one without does not [offer](Self::offers) them.
    ///
    /// # Errors
    /// - [`HasPassword`](ReauthenticationRequestRefusal::HasPassword), [`NoSuchAddress`](ReauthenticationRequestRefusal::NoSuchAddress),
    ///   [`NoSender`](ReauthenticationRequestRefusal::NoSender), [`RefusedNumber`](ReauthenticationRequestRefusal::RefusedNumber),
    ///   [`TooSoon`](ReauthenticationRequestRefusal::TooSoon).
    /// - [`Failed`](FlowError::Failed), as for [`request_verification`](Self::request_verification).
    ///
    /// # Cancel safety
    /// As for [`begin_reset`](Self::begin_reset).
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{CodeRefusal, FlowError};
    /// use phone_auth_events::LoginEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup_without_password.txt")]
    /// let current_user = accounts.current_user(&key).await?.ok_or("nobody")?;
    /// let email = accounts.addresses_to_confirm(&current_user).await?.remove(0);
    /// let mut sent = signals.capture::<LoginEmail>();
    /// accounts.begin_reauthentication(&current_user, email.kind, email.id).await?;
    /// let code = sent.take().remove(0).envelope.code.ok_or("no code")?;
    ///
    /// let (kind, id) = (email.kind, email.id);
    /// let key = accounts.reauthenticate_by_code(&current_user, kind, id, code.as_str()).await?;
    /// let current_user = accounts.current_user(&key).await?.ok_or("nobody")?;
    /// assert!(accounts.require_recent_proof(&current_user).is_ok());
    ///
    /// let again = accounts.reauthenticate_by_code(&current_user, kind, id, code.as_str()).await;
    /// assert!(matches!(again, Err(FlowError::Refused(CodeRefusal::Over))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn begin_reauthentication(
        &self,
        current_user: &CurrentUser,
        kind: AddressKind,
        id: AddressId,
    ) -> Result<(), FlowError<ReauthenticationRequestRefusal>> {
        let refused = |refusal| Err(FlowError::Refused(refusal));
        if self.proves_by_password(current_user.user()) {
            return refused(ReauthenticationRequestRefusal::HasPassword);
        }
        let found = self.store().address(kind, id).await?;
        let is_own = |user| user == current_user.user().id;
        let own = found.filter(|(it, user)| it.is_verified && is_own(user.id) && user.is_active);
        let Some((address, user)) = own else {
            return refused(ReauthenticationRequestRefusal::NoSuchAddress);
        };
        let purpose = Purpose::Confirm;
        if !self.offers(purpose, kind) {
            return refused(ReauthenticationRequestRefusal::NoSender);
        }
        let is_type = self.is_refused_number(&address);
        if is_type || self.is_refused_country(&address) {
            let reason = if is_type {
                MessageRefusal::NumberType
            } else {
                MessageRefusal::Country
            };
            let number = PhoneNumber::parse(&address.value).ok();
            self.tell_refused(flow_of(purpose), reason, true, &user, number.as_ref())
                .await;
            return refused(ReauthenticationRequestRefusal::RefusedNumber);
        }
        let key = self.confirmation_key(current_user.key(), kind, id);
        match self.begin_own(purpose, (user, address), key).await? {
            Begun::Waits(_) => Ok(()),
            Begun::TooSoon(wait) => refused(ReauthenticationRequestRefusal::TooSoon { wait }),
        }
    }

    /// What this session waits for at an address, as [`pending_code`](Self::pending_code); none if no code was asked for there, or
    /// it was right.
    ///
    /// # Errors
    /// As for [`pending_code`](Self::pending_code).
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::LoginEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup_without_password.txt")]
    /// let ann = accounts.current_user(&key).await?.ok_or("nobody")?;
    /// let email = accounts.addresses_to_confirm(&ann).await?.remove(0);
    /// assert_eq!(accounts.pending_reauthentication(&ann, email.kind, email.id).await?, None);
    /// accounts.begin_reauthentication(&ann, email.kind, email.id).await?;
    /// let pending = accounts.pending_reauthentication(&ann, email.kind, email.id).await?;
    /// assert_eq!(pending.ok_or("none")?.attempts_left, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn pending_reauthentication(
        &self,
        current_user: &CurrentUser,
        kind: AddressKind,
        id: AddressId,
    ) -> Result<Option<PendingCode>, Failure> {
        let key = self.confirmation_key(current_user.key(), kind, id);
        self.pending_code(&key, Purpose::Confirm).await
    }

    /// Has someone who has no password prove by the code that was sent to an address of theirs that the one who is logged in is
    /// them, as [`reauthenticate`](Self::reauthenticate) does by a password: the session lives on under the key that is answered.
    /// The code is good once, in a session that has [asked](Self::begin_reauthentication) for it. Fires `user_login_failed` for a
    /// wrong one. The second of two clicks gets the key that the first has got.
    ///
    /// # Errors
    /// As for [`prove_reset`](Self::prove_reset). It is [`Over`](CodeRefusal::Over) also where the user has a password, the address
    /// is not verified any more, or the session is over.
    ///
    /// # Cancel safety
    /// The proof is noted, or not; the session may be one whose key the second click finds alone. An attempt may be spent.
    ///
    /// # Examples
    /// See [`begin_reauthentication`](Self::begin_reauthentication).
    pub async fn reauthenticate_by_code(
        &self,
        current_user: &CurrentUser,
        kind: AddressKind,
        id: AddressId,
        typed: &str,
    ) -> Result<SessionKey, FlowError<CodeRefusal>> {
        let over = FlowError::Refused(CodeRefusal::Over);
        let user = current_user.user();
        if self.proves_by_password(user) {
            return Err(over);
        }
        let key = self.confirmation_key(current_user.key(), kind, id);
        let turn = self.turn(&key.id()).await;
        let proven = self.proven_by_code(current_user.found(), &key, typed).await;
        // What has ended the challenge may have been the first of two clicks.
        drop(turn);
        match proven {
            Err(FlowError::Refused(CodeRefusal::Over)) => {
                let again = self.repeated_reauthentication(current_user.key(), kind, id, typed);
                again.await?.ok_or(over)
            }
            proven => proven,
        }
    }

    /// The answer to a form of [`reauthenticate_by_code`](Self::reauthenticate_by_code) that comes a second time, with the key that
    /// the session had before: the key that the first has got, as long as that is good. None a minute later, and for any other code.
    ///
    /// # Security
    /// It proves nothing more. Each try counts among the wrong codes of the address.
    ///
    /// # Errors
    /// As for [`repeated_code`](Self::repeated_code).
    ///
    /// # Cancel safety
    /// It only reads, and counts.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::LoginEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup_without_password.txt")]
    /// let ann = accounts.current_user(&key).await?.ok_or("nobody")?;
    /// let email = accounts.addresses_to_confirm(&ann).await?.remove(0);
    /// let mut sent = signals.capture::<LoginEmail>();
    /// accounts.begin_reauthentication(&ann, email.kind, email.id).await?;
    /// let code = sent.take().remove(0).envelope.code.ok_or("no code")?;
    ///
    /// let (kind, id, code) = (email.kind, email.id, code.as_str());
    /// let first = accounts.reauthenticate_by_code(&ann, kind, id, code).await?;
    /// let second = accounts.repeated_reauthentication(&key, kind, id, code).await?;
    /// assert_eq!(second.ok_or("none")?.reveal(), first.reveal());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn repeated_reauthentication(
        &self,
        before: &SessionKey,
        kind: AddressKind,
        id: AddressId,
        typed: &str,
    ) -> Result<Option<SessionKey>, Failure> {
        let key = self.confirmation_key(before, kind, id);
        let Some(repeatable) = self.repeatable(&key, typed) else {
            return Ok(None);
        };
        let right = self.repeated(&key, Purpose::Confirm, typed, None);
        if right.await?.is_none() {
            return Ok(None);
        }
        let mut found = self.session_of(&repeatable).await?;
        if found.is_none() {
            // At another process it may not be at its end.
            found = self.session_begun(&repeatable).await?;
        }
        Ok(found.map(|it| it.key))
    }

    /// Ends the challenge by its right code, and notes the proof; also where nobody waits for that any more.
    async fn proven_by_code(
        &self,
        found: &FoundSession,
        key: &ChallengeKey,
        typed: &str,
    ) -> Result<SessionKey, FlowError<CodeRefusal>> {
        let owner = Some(found.session.user.id);
        let right = self.compared(key, Purpose::Confirm, typed, owner).await?;
        let over = FlowError::Refused(CodeRefusal::Over);
        let Some(repeatable) = self.repeatable(key, typed) else {
            return Err(over);
        };
        let (accounts, found, id) = (self.clone(), found.clone(), key.id());
        let proves = async move {
            let (target, used) = accounts.end_proven(&id, right).await?;
            match accounts.prove_as(&found, &repeatable).await {
                Ok(proven) => {
                    let address = &target.address;
                    accounts.text_was_used(address.kind, &address.value).await;
                    proven.ok_or(over)
                }
                Err(failure) => {
                    let used = used.confirming_in(found.key.clone());
                    accounts.give_used_back(used).await;
                    Err(failure.into())
                }
            }
        };
        self.to_the_end(proves).await
    }

    /// Notes the proof in this session, which goes on with the key from there. The store may have noted it, and its answer be lost.
    async fn prove_as(
        &self,
        found: &FoundSession,
        repeatable: &Repeatable,
    ) -> Result<Option<SessionKey>, Failure> {
        let sessions = self.session_port();
        let proven = sessions.prove(found, self.now(), repeatable).await;
        let Err(failure) = proven else {
            return proven;
        };
        match self.session_of(repeatable).await {
            Ok(Some(found)) => Ok(Some(found.key)),
            _ => Err(failure),
        }
    }

    /// The key of the challenge of a session at an address. It is derived, so that it needs no cookie, and each tab has the same.
    fn confirmation_key(
        &self,
        session: &SessionKey,
        kind: AddressKind,
        id: AddressId,
    ) -> ChallengeKey {
        let id = id.get().to_be_bytes();
        let about = [
            b"confirm".as_slice(),
            session.reveal().as_bytes(),
            kind.as_str().as_bytes(),
            &id,
        ];
        self.inner.limiter.challenge_key(&about)
    }
}

/// Why [`Accounts::begin_reauthentication`] refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum ReauthenticationRequestRefusal {
    /// The user has a password, and a code is not enough.
    #[error("the user has a password")]
    HasPassword,
    /// The user has no such address, or has not verified it.
    #[error("the user has no such verified address")]
    NoSuchAddress,
    /// Nobody sends such codes to addresses of this kind.
    #[error("nobody sends messages of this kind")]
    NoSender,
    /// The number is of a [type](crate::settings::Settings::refused_number_types), or of a country, that is sent nothing.
    #[error("no messages are sent to such numbers")]
    RefusedNumber,
    /// A code was sent a moment ago to the same address for the same session.
    #[error("a code was sent a moment ago")]
    TooSoon {
        /// When another can be sent.
        wait: Duration,
    },
}
