//! What is counted about an account, a client network or the texts to a country, by what an operator calls it: to show what of it
//! is full, and to empty it.

use std::net::IpAddr;

use phone_auth_events::{Channel, Limit};

use super::code_targets::{whose_codes, wrong_codes_of};
use super::conceal::tries_of;
use super::limits::password_of;
use super::notices::notices_to;
use super::remove_address::{MAKE_PRIMARY, REMOVE_ADDRESS};
use super::repeated_form::forms_of;
use super::request_verification::confirmations_at;
use super::sent_by_anyone::{
    TEXTS, proofs_again_of, proofs_of, texts_that_prove, texts_that_prove_again, texts_to,
};
use super::{Accounts, AmbiguousName, Failure, FlowError, TextUse, UsernameRefusal};
use crate::address::{AddressKind, AddressRecord};
use crate::client::ClientNetwork;
use crate::limits::{LimitSubject, PLACES_OF_SESSIONS};
use crate::outbox::Purpose;
use crate::store::{LimitRow, StoreErrorKind};
use crate::user::{AccountName, User};

/// What counters are about: those of an account, a client network, or of text messages. Only the key of the site finds them.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct LimitsAbout {
    pub(super) limits: Vec<LimitSubject>,
    pub(super) texts: Vec<LimitSubject>,
}

impl LimitsAbout {
    /// Whether a counter is one of these.
    pub fn has(&self, row: &LimitRow) -> bool {
        self.limits.contains(&row.key.subject())
    }

    /// Whether what is counted of text messages is.
    pub fn has_texts(&self, texts: &TextUse) -> bool {
        self.texts.contains(&texts.key.subject())
    }

    /// These, and all of the others.
    pub fn and(mut self, others: Self) -> Self {
        self.limits.extend(others.limits);
        self.texts.extend(others.texts);
        self
    }

    const fn of_limits(limits: Vec<LimitSubject>) -> Self {
        Self {
            limits,
            texts: Vec::new(),
        }
    }
}

impl Accounts {
    /// The counters about the user who has this login, a username, an email address or a phone number, and about their
    /// addresses. Of an address that names nobody and that users [claim](crate::address::AddressId::is_claim), what is counted
    /// about it, of each of them.
    ///
    /// # Errors
    /// - [`NoSuchUser`](UsernameRefusal::NoSuchUser): no user has it.
    /// - [`Ambiguous`](UsernameRefusal::Ambiguous): several users have it in letters of different case.
    /// - [`Failed`](FlowError::Failed), as for [`full_limits_after`](Self::full_limits_after).
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// for _ in 0..10 {
    ///     accounts.log_in("ann", &Password::new("wrong"), None).await.unwrap_err();
    /// }
    /// let full = accounts.full_limits_after(None, 100).await?;
    /// let about = accounts.limits_about_login("ann@example.org").await?;
    /// assert!(full.iter().any(|row| about.has(row)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn limits_about_login(
        &self,
        login: &str,
    ) -> Result<LimitsAbout, FlowError<UsernameRefusal>> {
        let name = AccountName::read(login, self.settings());
        let found = match self.store().find_user(&name).await {
            Err(error) if error.kind() == StoreErrorKind::Ambiguous => {
                return Err(FlowError::Refused(UsernameRefusal::Ambiguous));
            }
            found => found?,
        };
        match found {
            Some(found) => Ok(self.limits_about_user(&found.user).await?),
            None => self.limits_about_claims(login).await,
        }
    }

    /// The counters of the client network that an address is in, and of the wide network around it, also those of the text
    /// messages that were asked for there. A private address or one of this machine counts for nobody, and has none.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::client::Client;
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let address = "203.0.113.7".parse()?;
    /// let stranger = accounts.for_client(Client::new().at(address));
    /// for number in 0..20 {
    ///     let name = format!("nobody{number}");
    ///     stranger.log_in(&name, &Password::new("wrong"), None).await.unwrap_err();
    /// }
    /// let full = accounts.full_limits_after(None, 100).await?;
    /// let about = accounts.limits_about_network(address);
    /// assert!(full.iter().any(|row| about.has(row)));
    /// assert!(!full.iter().any(|row| accounts.limits_about_network([203, 0, 114, 7].into()).has(row)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn limits_about_network(&self, address: IpAddr) -> LimitsAbout {
        let Some(network) = ClientNetwork::of(address) else {
            return LimitsAbout::default();
        };
        let limiter = &self.inner.limiter;
        let both = [network.bytes(), network.wide_bytes()];
        let limits = both
            .into_iter()
            .flat_map(|bytes| Limit::ALL.map(|limit| limiter.subject(limit, &[b"network", bytes])));
        LimitsAbout {
            limits: limits.collect(),
            texts: limiter.texts_of_network(network).to_vec(),
        }
    }

    /// What is counted of text messages to a number, with its dial code and its thousand: all that may keep one from it but
    /// the site and the network of who asks. Or of a dial code (`+91`), or of the site (`sms`). None for a text that is
    /// none of these.
    pub fn limits_about_texts(&self, of: &str) -> Option<LimitsAbout> {
        let texts = self.text_subjects(of)?;
        Some(LimitsAbout {
            limits: Vec::new(),
            texts,
        })
    }

    /// All counters about a user and their addresses. Those of client networks are not among them.
    pub(super) async fn limits_about_user(&self, user: &User) -> Result<LimitsAbout, Failure> {
        let limiter = &self.inner.limiter;
        let id = user.id.get().to_be_bytes();
        let row = [b"user".as_slice(), &id, password_of(Some(user))];
        let mut subjects: Vec<LimitSubject> = Limit::ALL
            .into_iter()
            .map(|limit| limiter.subject(limit, &[b"user", &id]))
            .collect();
        subjects.push(limiter.subject(Limit::FailuresInARow, &row));
        // Of resets and codes that were asked for by the username.
        let texts = [TEXTS, b"user", &id];
        subjects.push(limiter.subject(Limit::PhoneVerifications, &texts));
        subjects.push(limiter.subject(Limit::PasswordChecks, &forms_of(&id)));
        subjects.extend(Self::rows_of_checks(limiter, user.id));
        for change in [MAKE_PRIMARY, REMOVE_ADDRESS] {
            subjects.push(limiter.subject(Limit::AddedAddresses, &[change.as_bytes(), &id]));
        }
        for address in self.some_addresses_of(user.id).await? {
            subjects.extend(self.counted_about(&address));
        }
        Ok(LimitsAbout::of_limits(subjects))
    }

    /// What is counted about an address that users have added and nobody has a name by, of each of them.
    async fn limits_about_claims(
        &self,
        text: &str,
    ) -> Result<LimitsAbout, FlowError<UsernameRefusal>> {
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
        let subjects = claims
            .iter()
            .flat_map(|(address, _)| self.counted_about(address));
        Ok(LimitsAbout::of_limits(subjects.collect()))
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
        let purposes = [
            Purpose::Verify,
            Purpose::ResetPassword,
            Purpose::LogIn,
            Purpose::Confirm,
        ];
        for purpose in purposes {
            let codes = wrong_codes_of(purpose, address.kind, &address.value);
            subjects.push(limiter.subject(Limit::WrongCodes, &codes));
            let sessions = (0..PLACES_OF_SESSIONS).map(Some);
            let places: Vec<_> = match purpose {
                Purpose::Confirm => sessions.collect(),
                _ => vec![None],
            };
            for place in places {
                let whose = whose_codes(address.user, place);
                let own = [&codes[..], &[whose.as_slice()]].concat();
                subjects.push(limiter.subject(Limit::WrongCodes, &own));
                subjects.push(limiter.subject(Limit::WrongCodesOfDevice, &own));
            }
        }
        for proofs in [proofs_of, proofs_again_of] {
            let proofs = proofs(address.kind, &address.value);
            subjects.push(limiter.subject(Limit::ResetsOfAddress, &proofs));
        }
        let tries = tries_of(address.kind, &address.value);
        let confirms = confirmations_at(address.kind, &address.value);
        match address.kind {
            AddressKind::Email => {
                for about in [tries, confirms] {
                    subjects.push(limiter.subject(Limit::EmailVerifications, &about));
                }
            }
            AddressKind::Phone => {
                let texts = texts_to(address.kind, &address.value);
                let proofs = [texts_that_prove, texts_that_prove_again];
                for about in proofs.map(|of| of(&address.value)) {
                    subjects.push(limiter.subject(Limit::PhoneVerifications, &about));
                }
                for about in [tries, confirms, texts, notices_to(&address.value)] {
                    subjects.push(limiter.subject(Limit::PhoneVerifications, &about));
                }
                let paused = limiter.subject(Limit::PhoneVerificationPause, &confirms);
                subjects.push(paused);
                for channel in Channel::ALL {
                    let name = channel.as_str().as_bytes();
                    for about in [&about[..], &own[..], &confirms[..]] {
                        let paused = [about, &[name]].concat();
                        let pause = Limit::PhoneVerificationPause;
                        subjects.push(limiter.subject(pause, &paused));
                    }
                }
            }
        }
        subjects
    }
}
