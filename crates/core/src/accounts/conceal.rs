//! Signing up with an address that someone else may have, and adding one where nothing may tell whether it has an account.
//!
//! There every address is a claim until it is proven, whether or not someone has it. So the account is there in either case,
//! with the same rows, and all that a user sees of it afterwards is the same. Only the message differs, which the owner of
//! the address reads.

use phone_auth_events::AccountChange;

use super::limits::{Asking, Counted};
use super::repeated_sign_up::REPEAT_WITHIN;
use super::sign_up::{MadeUser, SENDER};
use super::sign_up_form::{Draft, SignUpForm};
use super::texts::Guarded;
use super::{Accounts, Dispatch, Failure, FlowError, SignUpRefusal};
use crate::address::{
    AddressKind, AddressRecord, Claiming, EmailAddress, EmailSpellings, PhoneNumber, PhoneSpellings,
};
use crate::form::{Field, FieldProblem, Problem};
use crate::limits::TextCount;
use crate::outbox::{Addressee, Carries, NewMessage, Purpose, To};
use crate::password::Requester;
use crate::settings::NoticesBy;
use crate::store::{StoreErrorKind, UniqueName};
use crate::user::{AccountName, User, WantedNames};
use crate::username::Username;

impl Accounts {
    /// Which addresses of someone who signs up become claims. Where signing up logs nobody in, none: a claim is no name to
    /// log in by, so nobody could come back to prove it.
    pub(super) fn claiming_at_sign_up(&self) -> Claiming {
        let settings = self.settings();
        if settings.conceal_accounts {
            Claiming::Always
        } else if settings.verify_at_sign_up {
            Claiming::Unproven
        } else {
            Claiming::Never
        }
    }

    /// Makes an account of whose addresses some may be claims. Tells nobody.
    pub(super) async fn make_claiming(
        &self,
        form: &SignUpForm<'_>,
        required: &[Field],
        requester: &Requester,
        claiming: Claiming,
    ) -> Result<MadeUser, FlowError<SignUpRefusal>> {
        let (draft, mut problems) = self.check_form(form, required);
        // What addresses others have is not told.
        let wanted = match claiming {
            Claiming::Always => WantedNames {
                username: draft.username.as_ref().map(Username::as_str),
                ..WantedNames::default()
            },
            Claiming::Never | Claiming::Unproven => draft.wanted(),
        };
        self.note_taken(&wanted, claiming, &mut problems).await?;
        problems.refuse(SignUpRefusal::Invalid)?;
        let is_made_up = draft.username.is_none();
        // The second of two clicks gets the answer of the first.
        if is_made_up && self.signed_up_just_now(form, requester).await?.is_some() {
            return Err(taken());
        }
        let (unsent, counted) = self.count_sign_up(&draft).await?;
        match self.make_counted(form, &draft, requester, claiming).await {
            Ok(mut made) => {
                made.unsent = unsent;
                Ok(made)
            }
            Err(error) => {
                for hits in &counted {
                    self.give_all_back(hits).await;
                }
                Err(error)
            }
        }
    }

    /// The same, after the links to the addresses were counted.
    async fn make_counted(
        &self,
        form: &SignUpForm<'_>,
        draft: &Draft<'_>,
        requester: &Requester,
        claiming: Claiming,
    ) -> Result<MadeUser, FlowError<SignUpRefusal>> {
        let is_made_up = draft.username.is_none();
        let password = self.hasher().hash(&form.password, requester).await?;
        let [username, _] = self.usernames_of_form(draft);
        let mut new = self.new_user(draft, &username, password, SENDER)?;
        match self.store_user(&new, claiming).await {
            Err(error) if error.kind() == StoreErrorKind::Taken(UniqueName::Username) => {
                if !is_made_up || self.signed_up_just_now(form, requester).await?.is_some() {
                    return Err(taken());
                }
                // Someone else has typed the same but for the password.
                let username = Username::made_up(self.randomness()).map_err(Failure::from)?;
                username.as_str().clone_into(&mut new.username);
                Ok(self.store_user(&new, claiming).await?)
            }
            Err(error) => Err(self.lost_race(draft, claiming, error).await?),
            Ok(made) => Ok(made),
        }
    }

    /// Whether someone has this address who has not proven it, so that it can be claimed.
    pub(super) async fn is_unproven(
        &self,
        field: Field,
        wanted: &WantedNames<'_>,
    ) -> Result<bool, Failure> {
        let name = AccountName {
            email: (wanted.email.filter(|_| field == Field::Email)).map(EmailSpellings::from),
            phone: (wanted.phone.filter(|_| field == Field::Phone)).map(PhoneSpellings::from),
            username: None,
        };
        let found = self.found_for_code(&name).await?;
        let held = found.and_then(|found| found.address);
        Ok(held.is_some_and(|held| !held.is_verified))
    }

    /// The usernames that a form has made a user with within the last minute: the one that it has; or one that is made up
    /// of it and of the time, by minutes. So of two that are sent at once the store takes one, though no address that they
    /// have is anyone's name; and later nobody can tell whether the form was sent before.
    pub(super) fn usernames_of_form(&self, draft: &Draft<'_>) -> [Username; 2] {
        if let Some(username) = &draft.username {
            return [username.clone(), username.clone()];
        }
        let email = draft.email.as_ref().map(EmailAddress::as_str);
        let phone = draft.phone.as_ref().map(PhoneNumber::as_str);
        let minute = self.now().timestamp() / REPEAT_WITHIN.num_seconds();
        [minute, minute - 1].map(|minute| {
            Username::made_of(self.inner.limiter.form_digest(&[
                draft.first_name.as_bytes(),
                draft.last_name.as_bytes(),
                email.unwrap_or_default().as_bytes(),
                phone.unwrap_or_default().as_bytes(),
                &minute.to_be_bytes(),
            ]))
        })
    }

    /// Counts the links to the addresses of someone who signs up, each by itself; which kinds of addresses were sent enough, and
    /// what was counted.
    /// Anyone who has others sent to such an address stops the link to it, and keeps nobody from signing up.
    async fn count_sign_up(
        &self,
        draft: &Draft<'_>,
    ) -> Result<(Vec<AddressKind>, Vec<Counted>), Failure> {
        let asking = Asking {
            flow: "sign_up",
            user: None,
            is_stranger: true,
        };
        let email = draft.email.as_ref().map(EmailAddress::as_str);
        let phone = draft.phone.as_ref().map(PhoneNumber::as_str);
        let email = email.map(|it| (AddressKind::Email, it));
        let phone = phone.map(|it| (AddressKind::Phone, it));
        let (mut unsent, mut counted) = (Vec::new(), Vec::new());
        for address in email.into_iter().chain(phone) {
            match self.count_proof(&asking, address).await {
                Ok((hits, is_enough)) => {
                    counted.push(hits);
                    unsent.extend(is_enough.then_some(address.0));
                }
                Err(failure) => {
                    for hits in &counted {
                        self.give_all_back(hits).await;
                    }
                    return Err(failure);
                }
            }
        }
        Ok((unsent, counted))
    }

    /// Has a link sent by which an address of a user is verified. Where accounts are concealed and someone else has proven
    /// it, nobody is sent one, by the same work, and its owner is told what was tried.
    pub(super) async fn send_proof(
        &self,
        user: &User,
        address: &AddressRecord,
        carries: Carries,
        tried: fn(String) -> AccountChange,
    ) -> Result<(), Failure> {
        let purpose = Purpose::Verify;
        let to = Addressee::User(To { user, address });
        if !self.settings().conceal_accounts || !address.id.is_claim() {
            return self.send_message(purpose, to, carries).await;
        }
        let found = self.found_for_code(&name_of(address)).await?;
        let holder = found.and_then(|found| {
            let is_proven = |held: &AddressRecord| held.is_verified && held.user != user.id;
            Some((found.address.filter(is_proven)?, found.user))
        });
        let Some((held, holder)) = &holder else {
            return self.send_message(purpose, to, carries).await;
        };
        let nobody = Addressee::Nobody {
            kind: address.kind,
            name: &address.value,
        };
        let is_off = self.settings().notices == NoticesBy::Off;
        if is_off || !holder.is_active || !self.sends_notices(address.kind) {
            return self.send_message(purpose, nobody, carries).await;
        }
        // It costs what the link would cost.
        let to = Addressee::User(To {
            user: holder,
            address: held,
        });
        let guarded = self.guard_text(purpose, to).await?;
        let of_nobody = Guarded::uncounted(nobody);
        let sent = self.send_guarded(purpose, of_nobody, carries).await;
        let is_allowed = matches!(guarded.to, Addressee::User(_));
        if !is_allowed || sent.is_err() {
            self.not_sent(guarded).await;
            return sent;
        }
        let text = guarded.into_counted();
        let told = self.tell_holder((holder.clone(), held), text, tried);
        told.await
    }

    /// The same work where the address was sent enough: nobody is sent anything, nor told of it.
    pub(super) async fn send_no_proof(
        &self,
        address: &AddressRecord,
        carries: Carries,
    ) -> Result<(), Failure> {
        if self.settings().conceal_accounts && address.id.is_claim() {
            self.found_for_code(&name_of(address)).await?;
        }
        let nobody = Addressee::Nobody {
            kind: address.kind,
            name: &address.value,
        };
        self.send_message(Purpose::Verify, nobody, carries).await
    }

    /// Tells who has proven an address what was tried with it. Where receivers run in the background, this does too: the
    /// answer would take longer for one who exists.
    async fn tell_holder(
        &self,
        (holder, held): (User, &AddressRecord),
        text: Option<TextCount>,
        tried: fn(String) -> AccountChange,
    ) -> Result<(), Failure> {
        let to = (holder.id, held.kind, held.value.as_str());
        let (now, links) = (self.now(), &self.inner.links);
        let (change, language) = (tried(held.value.clone()), self.language.as_ref());
        let mut notice = NewMessage::notice(to, &change, language, now, links, self.randomness())?;
        notice.channel = self.with_channel(None).channel_to(held.kind);
        let accounts = self.clone();
        let (kind, value) = (held.kind, held.value.clone());
        let told = async move {
            let told = accounts.tell_once(&holder, notice, (kind, &value)).await;
            if !matches!(told, Ok(true)) {
                accounts.text_is_not_sent(text).await;
            }
            if let Err(error) = told {
                tracing::warn!(%error, "nobody was told that someone tried their address");
            }
        };
        match self.inner.dispatch {
            Dispatch::Background => self.go_on(told),
            Dispatch::InRequest => told.await,
        }
        Ok(())
    }

    /// Sends a notice of a try to the owner of an address, unless they were told enough; whether it was sent. Nothing else of
    /// these tries may reach them more often than a link would.
    async fn tell_once(
        &self,
        holder: &User,
        notice: NewMessage,
        (kind, value): (AddressKind, &str),
    ) -> Result<bool, Failure> {
        let Some(counted) = self.may_tell(tries_of(kind, value), kind).await? else {
            return Ok(false);
        };
        if let Err(failure) = self.send_notice(holder, notice).await {
            self.give_all_back(&counted).await;
            return Err(failure);
        }
        Ok(true)
    }
}

/// What messages of tries with an address to its owner are counted by.
pub(super) const fn tries_of(kind: AddressKind, value: &str) -> [&[u8]; 3] {
    [b"tried", kind.as_str().as_bytes(), value.as_bytes()]
}

fn taken() -> FlowError<SignUpRefusal> {
    let taken = FieldProblem::new(Field::Username, Problem::Taken);
    FlowError::Refused(SignUpRefusal::Invalid(vec![taken]))
}

/// The name that an address is.
fn name_of(address: &AddressRecord) -> AccountName {
    let value = address.value.as_str();
    match address.kind {
        AddressKind::Email => AccountName {
            email: EmailSpellings::read(value),
            ..AccountName::default()
        },
        AddressKind::Phone => AccountName {
            phone: PhoneNumber::parse(value)
                .ok()
                .as_ref()
                .map(PhoneSpellings::from),
            ..AccountName::default()
        },
    }
}
