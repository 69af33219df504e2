//! Signing up without a password: a name, an address, and the code that is sent to it.

use chrono::TimeDelta;
use phone_auth_events::{AccountChange, DurableSignal, Limit, Sender};

use super::asked_once::AskedOnce;
use super::limits::Asking;
use super::request_reset::SentTo;
use super::resend::{Asked, Claim};
use super::typed_names::proven_user;
use super::{ATTEMPTS, Accounts, Failure, FlowError, InvalidLink, SignUpForm, SignUpRefusal};
use crate::address::{
    AccountProof, Address, AddressKind, Claiming, EmailAddress, EmailSpellings, Losses,
    PhoneNumber, PhoneSpellings, VerificationClaim, VerificationOutcome,
};
use crate::challenge::{ChallengeKey, TypedNames};
use crate::form::{Field, FieldProblem, Problem, Problems};
use crate::link::{LinkTarget, OpenedLink};
use crate::outbox::{Notices, Purpose};
use crate::password::EncodedPassword;
use crate::session::PasswordReplacement;
use crate::store::StoreErrorKind;
use crate::user::{AccountName, FoundUser, NewUser, User};
use crate::username::Username;

/// The flow, as signals and counters name it.
const SENDER: &str = "begin_sign_up";

/// Among so many claims on an address, the newest, it is looked for one that this flow has made.
const MOST_CLAIMS: u32 = 100;

/// For how long an account is kept that nobody has proven theirs: for longer than a code and its link work.
const UNPROVEN_LASTS: TimeDelta = TimeDelta::days(2);

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
    /// this or by [`begin_log_in`](Self::begin_log_in). Nor does an account that is proven by another address and has this one
    /// without proof: then the new account has a [claim](crate::address::AddressId::is_claim) on it, which becomes its address,
    /// and ends what others have of it, when the code or the link is used. The answer tells nobody whether there was an account.
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
    /// The account may be there without a code having been sent; asking again sends one. The message is enqueued and its
    /// challenge begins, or neither.
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
        self.refuse_network(SENDER, &[Limit::SignUps]).await?;
        let new = self.new_passwordless(&form)?;
        let name = AccountName {
            phone: new.phone.as_ref().map(PhoneSpellings::from),
            email: new.email.as_ref().map(EmailSpellings::from),
            username: None,
        };
        let mut request = self.code_for(purpose, &name, previous);
        let claim = match self.may_send(&mut request).await? {
            // What was sent is good for this form too.
            Claim::Done(key) | Claim::TooSoon { key, .. } => {
                self.correct_typed_names(&key, &new).await?;
                return Ok(key);
            }
            Claim::Send(claim) => claim,
        };
        let once = self.asks_once(SENDER, (&request, claim)).await;
        if let Some(key) = AskedOnce::before(once.as_ref()).await? {
            // The first click may have been given up before its names were kept.
            self.correct_typed_names(&key, &new).await?;
            return Ok(key);
        }
        self.ask_gate_to_sign_up(&form).await?;
        if let (Some((key, _)), false) = (claim, self.claim_send(request, claim).await?) {
            return Ok(key.clone());
        }
        let asked = self.asked(request, claim)?;
        if let Some(once) = &once {
            // A browser may give the first click up while its message is being sent.
            once.remember(asked.new_key());
        }
        match self.send_to_new(&new, (&name, &asked)).await {
            Ok(sent) => {
                let key = asked.key(sent);
                self.keep_typed_names(&key, &new).await?;
                Ok(key)
            }
            Err(failure) => {
                self.release_send(claim).await;
                Err(failure.into())
            }
        }
    }

    /// Counts a sign-up by the network that it comes from.
    pub(super) async fn count_begun_sign_up(&self) -> Result<(), Failure> {
        let asking = Asking {
            flow: SENDER,
            user: None,
            is_stranger: true,
        };
        let counters = self.counters();
        let counters = counters.network(Limit::SignUps, self.client.network());
        self.count(&asking, counters).await?;
        Ok(())
    }

    /// Makes the account, if there is none, and has the code sent; to which address.
    async fn send_to_new(
        &self,
        new: &NewUser,
        (name, asked): (&AccountName, &Asked<'_>),
    ) -> Result<SentTo, Failure> {
        let purpose = Purpose::LogIn;
        self.count_begun_sign_up().await?;
        let found = self.found_for_code(name).await?;
        // The first code is counted where those for the account are that it makes.
        let typed = match (&new.phone, &new.email) {
            (Some(phone), _) => Some((AddressKind::Phone, phone.as_str())),
            (None, email) => email.as_ref().map(|it| (AddressKind::Email, it.as_str())),
        };
        let known = found.as_ref().and_then(|found| found.address.as_ref());
        let known = known.map(|it| (it.kind, it.value.as_str()));
        let user = found.as_ref().map(|found| &found.user);
        let request = self.count_reset(purpose, name, user, known.or(typed), None);
        let request = request.await?;
        let sent = self.send_to_counted(new, (name, asked), found, request.is_enough);
        let sent = sent.await;
        if sent.is_err() {
            self.was_not_sent(&request.counted).await;
        }
        sent
    }

    /// The same, after it was counted.
    async fn send_to_counted(
        &self,
        new: &NewUser,
        (name, asked): (&AccountName, &Asked<'_>),
        mut found: Option<FoundUser>,
        is_enough: bool,
    ) -> Result<SentTo, Failure> {
        if found.is_none() {
            self.make_passwordless(new, Claiming::Never).await?;
            found = self.found_for_code(name).await?;
        } else if self.is_squatted(found.as_ref()).await? {
            found = self.who_signs_up(name).await?;
            if found.is_none() {
                self.make_passwordless(new, Claiming::Unproven).await?;
                found = self.who_signs_up(name).await?;
            }
        }
        let found = found.as_ref();
        self.send_to_found((name, asked), found, is_enough).await
    }

    /// The user that a form makes, who has no password.
    fn new_passwordless(&self, form: &SignUpForm<'_>) -> Result<NewUser, FlowError<SignUpRefusal>> {
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
            closes_at: self.now().checked_add_signed(UNPROVEN_LASTS),
        })
    }

    /// Stores them, unless someone else was faster by a moment, or has the address as another name: they are sent the code,
    /// or nobody is.
    async fn make_passwordless(&self, new: &NewUser, claiming: Claiming) -> Result<(), Failure> {
        match self.store_user(new, claiming).await {
            Ok(made) => {
                self.tell_of(made, SENDER).await;
                Ok(())
            }
            Err(error) if matches!(error.kind(), StoreErrorKind::Taken(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Who signs up by code with an address that an account of someone else has without proof: an account that this flow has
    /// made for it, at its claim on the address.
    pub(super) async fn who_signs_up(
        &self,
        name: &AccountName,
    ) -> Result<Option<FoundUser>, Failure> {
        let canonical = name.canonical();
        let address = match (&name.phone, &name.email) {
            (Some(_), _) => PhoneNumber::parse(&canonical).ok().map(Address::Phone),
            (None, _) => EmailAddress::parse(&canonical).ok().map(Address::Email),
        };
        let Some(address) = address else {
            return Ok(None);
        };
        let holders = self.store().holders_of(&address, MOST_CLAIMS).await?;
        let made = holders.into_iter().filter(|(held, user)| {
            held.id.is_claim() && !user.password.is_usable() && user.last_login.is_none()
        });
        for (address, user) in made {
            // An account that has proven another address is not for the taking: its claim is no way in.
            let own = self.some_addresses_of(user.id).await?;
            if !own.iter().any(|it| it.is_verified) {
                let address = Some(address);
                return Ok(Some(FoundUser { user, address }));
            }
        }
        Ok(None)
    }

    /// Makes a claim the address of an account that was made for it, by anyone who has shown that the address is theirs. Of several who
    /// do it at once one succeeds.
    async fn prove_claim(
        &self,
        flow: &'static str,
        target: LinkTarget,
        names: Option<TypedNames>,
    ) -> Result<User, FlowError<InvalidLink>> {
        let refused = Err(FlowError::Refused(InvalidLink));
        let (user, address) = (target.user, target.address);
        if user.password.is_usable() {
            return refused;
        }
        let purpose = Purpose::Verify;
        let verification = self.store().link_target(purpose, address.kind, address.id);
        let newest = verification.await?.and_then(|it| it.newest);
        let event = self.event_of_address(
            [DurableSignal::EmailVerified, DurableSignal::PhoneVerified],
            user.id,
            Sender::new(flow),
            (address.kind, &address.value),
        )?;
        // Nobody else is told: no other address of the account is proven.
        let change = AccountChange::AddressVerified(address.value.clone());
        let notices = self.notices_of(user.id, &[], &change).await?;
        let notices = notices.with_event(event);
        let may_lose = self
            .may_lose(user.id, (address.kind, &address.value), &notices)
            .await?;
        // What was sent is over with the password that it was sent beside.
        let new = EncodedPassword::unusable(self.randomness()).map_err(Failure::from)?;
        let claim = VerificationClaim {
            kind: address.kind,
            id: address.id,
            user: user.id,
            value: address.value.clone(),
            newest,
            issued_at: self.now(),
            at: self.now(),
            in_session: true,
            notices: notices.to_commit(),
            losses: may_lose.to_commit(),
            // Since the code was sent an operator may have verified another: the account is of the one who has that.
            account: Some(AccountProof {
                old: user.password.clone(),
                new: new.clone(),
                names: names.clone(),
            }),
        };
        let verified = match self.store().verify_address(&claim).await {
            Err(_) if self.was_set(user.id, &new).await => Ok(VerificationOutcome::Verified),
            verified => verified,
        };
        if !matches!(verified, Ok(VerificationOutcome::Verified)) {
            self.was_not_made(&notices).await;
            self.nobody_lost(&may_lose).await;
        }
        if verified? != VerificationOutcome::Verified {
            return refused;
        }
        let user = proven_user(user, new, names);
        self.notify(&user, notices).await;
        self.tell_verified(flow, &address, &user).await;
        self.finish_replacement(&user, &address).await;
        self.tell_losers(flow, may_lose).await;
        Ok(user)
    }

    /// Makes an account that nobody has proven theirs the account of who has shown that its address is: as a reset does, with
    /// a password that nobody has. A password that was set before is over, with its sessions and links (GHSA-qq9h-g4jm-xgf3).
    /// Of several who do it at once one succeeds.
    pub(super) async fn claim_by_link(
        &self,
        flow: &'static str,
        target: LinkTarget,
        names: Option<TypedNames>,
    ) -> Result<User, FlowError<InvalidLink>> {
        if target.address.id.is_claim() {
            return self.prove_claim(flow, target, names).await;
        }
        let new = EncodedPassword::unusable(self.randomness()).map_err(Failure::from)?;
        let kind = target.address.kind;
        let user = &target.user;
        let event = self.event_of_address(
            [DurableSignal::EmailVerified, DurableSignal::PhoneVerified],
            user.id,
            Sender::new(flow),
            (kind, &target.address.value),
        )?;
        // Nobody else is told: no other address of the account is proven.
        let change = AccountChange::AddressVerified(target.address.value.clone());
        let notices = self.notices_of(user.id, &[], &change).await?;
        let notices = notices.with_event(event);
        let may_lose = self
            .may_lose(user.id, (kind, &target.address.value), &notices)
            .await?;
        let replaces = ByAddress {
            new: new.clone(),
            names: names.clone(),
            notices: notices.to_commit(),
            losses: may_lose.to_commit(),
        };
        let is_new = self.replace_by_address(&target, replaces).await;
        if !matches!(is_new, Ok(true)) {
            self.was_not_made(&notices).await;
            self.nobody_lost(&may_lose).await;
        }
        if !is_new? {
            return Err(FlowError::Refused(InvalidLink));
        }
        let user = proven_user(target.user, new, names);
        self.notify(&user, notices).await;
        self.tell_verified(flow, &target.address, &user).await;
        self.finish_replacement(&user, &target.address).await;
        self.tell_losers(flow, may_lose).await;
        Ok(user)
    }

    /// Replaces the password of an account by one who has shown an address of it, as a reset by a link to that address does;
    /// whether it was.
    pub(super) async fn replace_by_address(
        &self,
        target: &LinkTarget,
        by: ByAddress,
    ) -> Result<bool, Failure> {
        let (user, address) = (&target.user, &target.address);
        for _ in 0..ATTEMPTS {
            // What the store takes as the proof of an address is that no reset was asked for meanwhile.
            let purpose = Purpose::ResetPassword;
            let reset = self.store().link_target(purpose, address.kind, address.id);
            let reset = reset.await?;
            let Some(reset) = reset.filter(|it| it.user.password == user.password) else {
                break;
            };
            let replacement = PasswordReplacement {
                user: user.id,
                old: user.password.clone(),
                new: by.new.clone(),
                last_login: None,
                link: Some(OpenedLink {
                    newest: reset.newest,
                    ..OpenedLink::of(target, self.now())
                }),
                keeps: None,
                notices: by.notices.clone(),
                losses: by.losses.clone(),
                names: by.names.clone(),
            };
            let is_replaced = match self.store().replace_password(&replacement).await {
                Err(error) if !self.was_set(user.id, &by.new).await => return Err(error.into()),
                is_replaced => is_replaced.unwrap_or(true),
            };
            if is_replaced {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whom a name means to whom a code may go. A name that means several is nobody's.
    pub(super) async fn found_for_code(
        &self,
        name: &AccountName,
    ) -> Result<Option<FoundUser>, Failure> {
        match self.store().find_user_for(name, &self.asker(name)).await {
            Err(error) if error.kind() == StoreErrorKind::Ambiguous => Ok(None),
            found => Ok(found?),
        }
    }
}

/// What someone who has shown an address of an account sets there.
pub(super) struct ByAddress {
    /// The password.
    pub(super) new: EncodedPassword,
    /// The names; `None` where they stay.
    pub(super) names: Option<TypedNames>,
    /// What is enqueued with it.
    pub(super) notices: Notices,
    /// What becomes of others who have the address without proof.
    pub(super) losses: Losses,
}

/// The field of the form that has such an address.
const fn field_of(kind: AddressKind) -> Field {
    match kind {
        AddressKind::Email => Field::Email,
        AddressKind::Phone => Field::Phone,
    }
}
