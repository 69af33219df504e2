//! Signing up without a password: a name, an address, and the code that is sent to it.

use phone_auth_events::{AccountChange, DurableSignal, Limit, Sender};

use super::limits::Asking;
use super::request_reset::{NOBODY, SentTo};
use super::resend::Claim;
use super::sign_up::MadeUser;
use super::{
    ATTEMPTS, Accounts, Failure, FlowError, InvalidLink, SignUpForm, SignUpRefusal, Verification,
};
use crate::address::{Address, AddressCaps, AddressKind, EmailSpellings, PhoneSpellings};
use crate::challenge::ChallengeKey;
use crate::form::{Field, FieldProblem, Problem, Problems};
use crate::link::{LinkTarget, OpenedLink};
use crate::outbox::{Carries, Notices, Purpose};
use crate::password::EncodedPassword;
use crate::session::PasswordReplacement;
use crate::store::StoreErrorKind;
use crate::user::{AccountName, FoundUser, NewUser, User};
use crate::username::Username;

/// The flow, as signals and counters name it.
const SENDER: &str = "begin_sign_up";

/// So many of those who claim an address are looked at. Anyone can claim one, but an account that no one has been in is made by
/// this flow alone, which makes no second one while it finds the first.
const MOST_CLAIMANTS: u32 = 10;

impl Accounts {
    /// Makes an account without a password, and has a code sent to its address that logs its owner in, as
    /// [`begin_log_in`](Self::begin_log_in) does; the same to who has an account already: to them it is a log-in. Fires
    /// `user_signed_up` for an account that was made, and `login_email` or `login_phone`.
    ///
    /// Only where the setting [`sign_up_by_code`](crate::settings::Settings::sign_up_by_code) is on. `previous` is as for
    /// [`begin_reset`](Self::begin_reset). Passwords and what else the
    /// [form](crate::settings::Settings::is_on_sign_up_form) of this site does not have are not read.
    ///
    /// # Security
    /// The account is nobody's until the code or the link is used: its address is not verified, and there is no password to
    /// get in by. So an account that a stranger has made stands in no one's way: who has the address gets a code for it, by
    /// this or by [`begin_log_in`](Self::begin_log_in). Nor does someone who has added the address to an account that they
    /// have proven theirs by another: the account that is made then [claims](crate::address::AddressId::is_claim) it, and the
    /// code takes it from them. The answer tells nobody whether there was an account.
    ///
    /// # Errors
    /// - [`Invalid`](SignUpRefusal::Invalid): what is wrong with what was typed; that an address has an account is no such
    ///   problem. Where the setting is off, or nobody sends such a code, it is [`NoSender`](Problem::NoSender).
    /// - [`Failed`](FlowError::Failed): [`Limited`](super::FailureKind::Limited), too many of this client's network sign up or
    ///   ask for codes, or there were too many codes for this address;
    ///   [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken), the store or the source
    ///   of randomness; and as for [`request_password_reset`](Self::request_password_reset).
    ///
    /// # Cancel safety
    /// The account may be there without a code having been sent; asking again sends one.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// use phone_auth_core::accounts::{Accounts, SignUpForm};
    /// use phone_auth_core::password::Password;
    /// use phone_auth_core::settings::{Methods, Settings};
    /// # use phone_auth_events::{LoginPhone, Signals};
    /// # use phone_auth_store_testkit::MemoryStore;
    /// # use phone_auth_tokens::{Keyring, SecretKey};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let signals = Signals::isolated();
    /// let mut settings = Settings::default();
    /// settings.authentication_methods = Methods { phone: true, email: false, username: false };
    /// settings.login_by_code = true;
    /// settings.sign_up_by_code = true;
    /// # let store = Arc::new(MemoryStore::new());
    /// # let accounts = Accounts::builder(store, Keyring::new(SecretKey::generate()?))
    /// #     .signals(signals.clone())
    /// #     .settings(settings)
    /// #     .build()?;
    /// # let mut sent = signals.capture::<LoginPhone>();
    /// // …
    /// let form = SignUpForm {
    ///     first_name: "Ann",
    ///     last_name: "Smith",
    ///     username: "",
    ///     email: "",
    ///     phone: "+91 98765 43210",
    ///     password: Password::new(""),
    ///     confirm_password: None,
    /// };
    /// let key = accounts.begin_sign_up(form, None).await?;
    /// let code = sent.take().remove(0).envelope.code.ok_or("no code")?;
    /// let ann = accounts.log_in_by_code(&key, code.as_str(), None).await?;
    /// assert_eq!(ann.user.first_name, "Ann");
    /// assert!(!ann.user.password.is_usable());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn begin_sign_up(
        &self,
        form: SignUpForm<'_>,
        previous: Option<&ChallengeKey>,
    ) -> Result<ChallengeKey, FlowError<SignUpRefusal>> {
        let purpose = Purpose::LogIn;
        let form = self.without_hidden(form);
        let kind = if self.settings().authentication_methods.phone {
            AddressKind::Phone
        } else {
            AddressKind::Email
        };
        if !self.settings().sign_up_by_code || self.nobody_sends(purpose, kind) {
            let problem = FieldProblem::new(field_of(kind), Problem::NoSender { kind });
            return Err(FlowError::Refused(SignUpRefusal::Invalid(vec![problem])));
        }
        self.ask_gate_to_sign_up(&form).await?;
        let new = self.new_user(&form)?;
        let name = AccountName {
            phone: new.phone.as_ref().map(PhoneSpellings::from),
            email: new.email.as_ref().map(EmailSpellings::from),
            username: None,
        };
        let request = self.code_for(purpose, &name, previous);
        let claim = match (self.claim_send(request).await?, previous) {
            (Claim::Done(key), _) => return Ok(key),
            // What was sent is good for this form too.
            (Claim::TooSoon(_), Some(key)) => return Ok(key.clone()),
            (Claim::TooSoon(_), None) => None,
            (Claim::Send(claim), _) => claim,
        };
        match self.send_to_new(&new, &name).await {
            Ok(sent) => Ok(self.keep_challenge(request, claim, sent).await?),
            Err(failure) => {
                self.release_send(claim).await;
                Err(failure.into())
            }
        }
    }

    /// Makes the account, if there is none, and has the code sent; to which address.
    async fn send_to_new(&self, new: &NewUser, name: &AccountName) -> Result<SentTo, Failure> {
        let purpose = Purpose::LogIn;
        let asking = Asking {
            flow: SENDER,
            user: None,
            is_stranger: true,
        };
        let counters = self.counters();
        let counters = counters.network(Limit::SignUps, self.client.network());
        self.count(&asking, counters).await?;
        let mut found = self.found_for_code(name).await?;
        // The first code is counted where those for the account are that it makes.
        let typed = match (&new.phone, &new.email) {
            (Some(phone), _) => Some((AddressKind::Phone, phone.as_str())),
            (None, email) => email.as_ref().map(|it| (AddressKind::Email, it.as_str())),
        };
        let known = found.as_ref().and_then(|found| found.address.as_ref());
        let known = known.map(|it| (it.kind, it.value.as_str()));
        let user = found.as_ref().map(|found| &found.user);
        self.count_reset(purpose, name, user, known.or(typed), None)
            .await?;
        if found.is_none() {
            found = match self.make_passwordless(new.clone()).await? {
                Some(made) => Some(made),
                None => self.found_for_code(name).await?,
            };
        }
        self.send_to_found(purpose, Carries::LinkAndCode(None), name, found.as_ref())
            .await
    }

    /// The user that a form makes, who has no password.
    fn new_user(&self, form: &SignUpForm<'_>) -> Result<NewUser, FlowError<SignUpRefusal>> {
        let required = self.settings().required_fields();
        let mut problems = Problems::default();
        let draft = self.read_form(form, &required, &mut problems);
        self.check_names(&draft, &required, &mut problems);
        problems.refuse(SignUpRefusal::Invalid)?;
        let notices = self.event_of_sign_up(&draft, SENDER)?;
        let randomness = self.randomness();
        Ok(NewUser {
            username: Username::made_up(randomness)
                .map_err(Failure::from)?
                .as_str()
                .to_owned(),
            first_name: draft.first_name.to_owned(),
            last_name: draft.last_name.to_owned(),
            password: EncodedPassword::unusable(randomness).map_err(Failure::from)?,
            email: draft.email,
            phone: draft.phone,
            date_joined: self.now(),
            notices,
        })
    }

    /// Stores them, unless someone else was faster by a moment, or has the address as another name: they are sent the code,
    /// or nobody is. What others have only added, and have not proven, is claimed.
    async fn make_passwordless(&self, new: NewUser) -> Result<Option<FoundUser>, Failure> {
        let made = match self.store_user(new.clone()).await {
            Err(error) if matches!(error.kind(), StoreErrorKind::Taken(_)) => {
                self.make_claimant(new).await?
            }
            made => Some(made?),
        };
        let Some(made) = made else {
            return Ok(None);
        };
        let user = made.user.clone();
        self.tell_of(made, SENDER).await;
        let address = self.some_addresses_of(user.id).await?.into_iter().next();
        Ok(Some(FoundUser { user, address }))
    }

    /// Stores them with a claim of their address, if others have it and none of them has proven it.
    async fn make_claimant(&self, new: NewUser) -> Result<Option<MadeUser>, Failure> {
        let phone = new.phone.clone().map(Address::Phone);
        let Some(address) = phone.or_else(|| new.email.clone().map(Address::Email)) else {
            return Ok(None);
        };
        let holders = self.store().holders(&address, MOST_CLAIMANTS).await?;
        if holders.is_empty() || holders.iter().any(|(held, _)| held.is_verified) {
            return Ok(None);
        }
        let without = NewUser {
            email: None,
            phone: None,
            ..new
        };
        let stored = match self.store_user(without).await {
            Err(error) if matches!(error.kind(), StoreErrorKind::Taken(_)) => return Ok(None),
            stored => stored?,
        };
        let one = AddressCaps {
            all: 1,
            unverified: 1,
        };
        let (id, nothing) = (stored.user.id, Notices::default());
        match self.store().add_address(id, &address, one, &nothing).await {
            Ok(_) => Ok(Some(stored.with_address(&address))),
            // It was proven meanwhile.
            Err(error) if matches!(error.kind(), StoreErrorKind::Taken(_)) => {
                let username = &stored.user.username;
                self.store().close_user(id, username).await?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes an account that nobody has proven theirs the account of who has shown that its address is: as a reset does, with
    /// a password that nobody has. A password that was set before is over, with its sessions and links (GHSA-qq9h-g4jm-xgf3).
    /// Of several who do it at once one succeeds.
    pub(super) async fn claim_by_link(
        &self,
        flow: &'static str,
        target: LinkTarget,
    ) -> Result<User, FlowError<InvalidLink>> {
        if target.address.id.is_claim() {
            return self.prove_claim(flow, target).await;
        }
        let new = EncodedPassword::unusable(self.randomness()).map_err(Failure::from)?;
        let (kind, id) = (target.address.kind, target.address.id);
        let mut user = target.user.clone();
        let event = self.event_of_address(
            [DurableSignal::EmailVerified, DurableSignal::PhoneVerified],
            user.id,
            Sender::new(flow),
            (kind, &target.address.value),
        )?;
        // Nobody else is told: no other address of the account is proven.
        let change = AccountChange::AddressVerified(target.address.value.clone());
        let notices = self.notices_of(user.id, &[], &change).await?;
        let proven = (kind, target.address.value.as_str());
        let losses = self.losses_of(Sender::new(flow), user.id, proven).await?;
        let notices = notices.with_event(event).with_losses(losses);
        for _ in 0..ATTEMPTS {
            // What the store takes as the proof of an address is that no reset was asked for meanwhile.
            let reset = self
                .store()
                .link_target(Purpose::ResetPassword, kind, id)
                .await?;
            let Some(reset) = reset.filter(|it| it.user.password == user.password) else {
                break;
            };
            let replacement = PasswordReplacement {
                user: user.id,
                old: user.password.clone(),
                new: new.clone(),
                last_login: None,
                link: Some(OpenedLink {
                    newest: reset.newest,
                    ..OpenedLink::of(&target, self.now())
                }),
                keeps: None,
                notices: notices.to_commit(),
            };
            if self.store().replace_password(&replacement).await? {
                user.password = new;
                self.notify(&user, notices).await;
                self.tell_verified(flow, &target.address, &user).await;
                return Ok(user);
            }
        }
        Err(FlowError::Refused(InvalidLink))
    }

    /// The same of an account that claims an address which someone else holds without proof: it becomes an address of this
    /// account, and of no other.
    async fn prove_claim(
        &self,
        flow: &'static str,
        target: LinkTarget,
    ) -> Result<User, FlowError<InvalidLink>> {
        if !is_untouched(&target.user) || self.has_proven(Some(&target.user)).await? {
            return Err(FlowError::Refused(InvalidLink));
        }
        // What the store takes as the proof is that no link that verifies it was asked for meanwhile.
        let (kind, id) = (target.address.kind, target.address.id);
        let verification = self.store().link_target(Purpose::Verify, kind, id).await?;
        let newest = verification.and_then(|it| it.newest);
        let target = LinkTarget { newest, ..target };
        match self.verify_by(flow, target, self.now()).await? {
            Verification::Verified(_, user) => Ok(user),
            Verification::AlreadyVerified(..) => Err(FlowError::Refused(InvalidLink)),
        }
    }

    /// Whom a name means to whom a code may go. A name that means several is nobody's.
    pub(super) async fn found_for_code(
        &self,
        name: &AccountName,
    ) -> Result<Option<FoundUser>, Failure> {
        let found = match self.store().find_user_for(name, &self.asker(name)).await {
            Err(error) if error.kind() == StoreErrorKind::Ambiguous => None,
            found => found?,
        };
        self.found_or_claimant(found).await
    }

    /// Where one signs up by code, whom it goes to: who was found, unless by an unproven address of an account that someone has
    /// proven theirs by another. That keeps nobody from it: it is of who claims it then, in an account that no one has been in
    /// yet; or of nobody. The same is read for nobody.
    pub(super) async fn found_or_claimant(
        &self,
        found: Option<FoundUser>,
    ) -> Result<Option<FoundUser>, Failure> {
        if !self.settings().sign_up_by_code {
            return Ok(found);
        }
        let is_proven = self.has_proven(found.as_ref().map(|it| &it.user)).await?;
        let held = found.as_ref().and_then(|found| found.address.as_ref());
        let Some(held) = held.filter(|held| is_proven && !held.is_verified) else {
            return Ok(found);
        };
        let Some(address) = Address::of_stored(held.kind, &held.value) else {
            return Ok(None);
        };
        for (address, user) in self.store().holders(&address, MOST_CLAIMANTS).await? {
            if address.id.is_claim() && is_untouched(&user) && !self.has_proven(Some(&user)).await?
            {
                let address = Some(address);
                return Ok(Some(FoundUser { user, address }));
            }
        }
        Ok(None)
    }

    /// Whether a user has shown that an address is theirs. The same is read for nobody.
    async fn has_proven(&self, user: Option<&User>) -> Result<bool, Failure> {
        let id = user.map_or(NOBODY, |user| user.id);
        let addresses = self.some_addresses_of(id).await?;
        Ok(addresses.iter().any(|address| address.is_verified))
    }
}

/// Whether no one has been in an account yet, and no one can get in by a password.
fn is_untouched(user: &User) -> bool {
    user.last_login.is_none() && !user.password.is_usable()
}

/// The field of the form that has such an address.
const fn field_of(kind: AddressKind) -> Field {
    match kind {
        AddressKind::Email => Field::Email,
        AddressKind::Phone => Field::Phone,
    }
}
