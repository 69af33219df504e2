//! Emptying counters: what an operator does for users who are slowed down.

use std::net::IpAddr;

use phone_auth_events::{Channel, Limit};

use super::code_targets::wrong_codes_of;
use super::conceal::tries_of;
use super::limits::password_of;
use super::notices::notices_to;
use super::remove_address::{MAKE_PRIMARY, REMOVE_ADDRESS};
use super::repeated_form::forms_of;
use super::sent_by_anyone::{
    TEXTS, proofs_again_of, proofs_of, texts_that_prove, texts_that_prove_again, texts_to,
};
use super::{Accounts, AmbiguousName, Failure, FlowError, UsernameRefusal};
use crate::address::{AddressKind, AddressRecord};
use crate::client::ClientNetwork;
use crate::limits::LimitSubject;
use crate::outbox::Purpose;
use crate::store::StoreErrorKind;
use crate::user::{AccountName, UserId};

impl Accounts {
    /// Empties all counters that are about a user and their addresses; how many there were. Those of client networks stay.
    /// Another process may go on refusing for five seconds.
    ///
    /// # Errors
    /// As for [`full_limits_after`](Self::full_limits_after).
    ///
    /// # Cancel safety
    /// They are emptied or not.
    pub async fn clear_limits(&self, user: UserId) -> Result<u64, Failure> {
        let Some(found) = self.store().user(user).await? else {
            return Ok(0);
        };
        let limiter = &self.inner.limiter;
        let id = user.get().to_be_bytes();
        let row = [b"user".as_slice(), &id, password_of(Some(&found))];
        let mut subjects: Vec<LimitSubject> = Limit::ALL
            .into_iter()
            .map(|limit| limiter.subject(limit, &[b"user", &id]))
            .collect();
        subjects.push(limiter.subject(Limit::FailuresInARow, &row));
        // Of resets and codes that were asked for by the username.
        let texts = [TEXTS, b"user", &id];
        subjects.push(limiter.subject(Limit::PhoneVerifications, &texts));
        subjects.push(limiter.subject(Limit::PasswordChecks, &forms_of(&id)));
        subjects.extend(Self::rows_of_checks(limiter, user));
        for change in [MAKE_PRIMARY, REMOVE_ADDRESS] {
            subjects.push(limiter.subject(Limit::AddedAddresses, &[change.as_bytes(), &id]));
        }
        for address in self.some_addresses_of(user).await? {
            subjects.extend(self.counted_about(&address));
        }
        Ok(limiter.store.clear_limits(&subjects).await?)
    }

    /// Has what was sent to a number and not used, or to all numbers of a dial code (`+91`), or by the whole site (`sms`), count
    /// no longer; how much there was. None for a text that is none of these. What was used stays, by which the budgets go.
    ///
    /// For a number that is also its dial code and its thousand: all that may keep a message from it but the site.
    ///
    /// # Errors
    /// As for [`full_limits_after`](Self::full_limits_after).
    ///
    /// # Cancel safety
    /// They are emptied or not.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// accounts.request_password_reset("+91 98765 43210").await?;
    /// assert!(accounts.clear_texts("+91").await? > Some(0));
    /// assert_eq!(accounts.clear_texts("+41").await?, Some(0));
    /// assert_eq!(accounts.clear_texts("ann@example.org").await?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn clear_texts(&self, of: &str) -> Result<Option<u64>, Failure> {
        let Some(subjects) = self.text_subjects(of) else {
            return Ok(None);
        };
        let store = &self.inner.limiter.store;
        Ok(Some(store.clear_texts(&subjects).await?))
    }

    /// By what is counted about an address of a user.
    fn counted_about(&self, address: &AddressRecord) -> Vec<LimitSubject> {
        let limiter = &self.inner.limiter;
        let id = address.user.get().to_be_bytes();
        let about = [address.kind.as_str().as_bytes(), address.value.as_bytes()];
        let mut subjects = Limit::ALL
            .map(|limit| limiter.subject(limit, &about))
            .to_vec();
        // Those of a claim, and of codes, also have the user in them.
        let own = [&about[..], &[&id]].concat();
        subjects.extend(Limit::ALL.map(|limit| limiter.subject(limit, &own)));
        for purpose in [Purpose::Verify, Purpose::ResetPassword, Purpose::LogIn] {
            let codes = wrong_codes_of(purpose, address.kind, &address.value);
            let own = [&codes[..], &[&id]].concat();
            subjects.push(limiter.subject(Limit::WrongCodes, &codes));
            subjects.push(limiter.subject(Limit::WrongCodes, &own));
            subjects.push(limiter.subject(Limit::WrongCodesOfDevice, &own));
        }
        for proofs in [proofs_of, proofs_again_of] {
            let proofs = proofs(address.kind, &address.value);
            subjects.push(limiter.subject(Limit::ResetsOfAddress, &proofs));
        }
        let tries = tries_of(address.kind, &address.value);
        match address.kind {
            AddressKind::Email => {
                subjects.push(limiter.subject(Limit::EmailVerifications, &tries));
            }
            AddressKind::Phone => {
                let texts = texts_to(address.kind, &address.value);
                let proofs = [texts_that_prove, texts_that_prove_again];
                for about in proofs.map(|of| of(&address.value)) {
                    subjects.push(limiter.subject(Limit::PhoneVerifications, &about));
                }
                for about in [tries, texts, notices_to(&address.value)] {
                    subjects.push(limiter.subject(Limit::PhoneVerifications, &about));
                }
                for channel in Channel::ALL {
                    let name = channel.as_str().as_bytes();
                    for about in [&about[..], &own[..]] {
                        let paused = [about, &[name]].concat();
                        let pause = Limit::PhoneVerificationPause;
                        subjects.push(limiter.subject(pause, &paused));
                    }
                }
            }
        }
        subjects
    }

    /// The same of an address that users have added and nobody has a name by: what is counted about it, of each of them.
    async fn clear_limits_of_claims(&self, text: &str) -> Result<u64, FlowError<UsernameRefusal>> {
        let claims = match self.find_addresses(text).await {
            Err(FlowError::Refused(AmbiguousName)) => {
                return Err(FlowError::Refused(UsernameRefusal::Ambiguous));
            }
            Err(FlowError::Failed(failure)) => return Err(failure.into()),
            Ok(claims) => claims,
        };
        if claims.is_empty() {
            return Err(FlowError::Refused(UsernameRefusal::NoSuchUser));
        }
        let subjects: Vec<_> = claims
            .iter()
            .flat_map(|(address, _)| self.counted_about(address))
            .collect();
        Ok(self.inner.limiter.store.clear_limits(&subjects).await?)
    }

    /// The same of the user who has this login: a username, an email address or a phone number. Of an address that names
    /// nobody and that users [claim](crate::address::AddressId::is_claim), what is counted about it.
    ///
    /// # Errors
    /// - [`NoSuchUser`](UsernameRefusal::NoSuchUser): no user has it.
    /// - [`Ambiguous`](UsernameRefusal::Ambiguous): several users have it in letters of different case.
    /// - [`Failed`](FlowError::Failed), as for [`full_limits_after`](Self::full_limits_after).
    ///
    /// # Cancel safety
    /// As for [`clear_limits`](Self::clear_limits).
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// accounts.log_in("ann", &Password::new("wrong"), None).await.unwrap_err();
    /// assert_eq!(accounts.clear_limits_of_login("ann@example.org").await?, 1);
    /// assert!(accounts.clear_limits_of_login("nobody").await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn clear_limits_of_login(
        &self,
        login: &str,
    ) -> Result<u64, FlowError<UsernameRefusal>> {
        let name = AccountName::read(login, self.settings());
        let found = match self.store().find_user(&name).await {
            Err(error) if error.kind() == StoreErrorKind::Ambiguous => {
                return Err(FlowError::Refused(UsernameRefusal::Ambiguous));
            }
            found => found?,
        };
        match found {
            Some(found) => Ok(self.clear_limits(found.user.id).await?),
            None => self.clear_limits_of_claims(login).await,
        }
    }

    /// Empties all counters of the client network that an address is in, and of the wide network around it; how many there
    /// were. A private address or one of this machine counts for nobody, and has none.
    ///
    /// # Errors
    /// As for [`full_limits_after`](Self::full_limits_after).
    ///
    /// # Cancel safety
    /// As for [`clear_limits`](Self::clear_limits).
    pub async fn clear_limits_of_network(&self, address: IpAddr) -> Result<u64, Failure> {
        let Some(network) = ClientNetwork::of(address) else {
            return Ok(0);
        };
        let limiter = &self.inner.limiter;
        let subjects: Vec<LimitSubject> = [network.bytes(), network.wide_bytes()]
            .into_iter()
            .flat_map(|bytes| Limit::ALL.map(|limit| limiter.subject(limit, &[b"network", bytes])))
            .collect();
        Ok(limiter.store.clear_limits(&subjects).await?)
    }
}
