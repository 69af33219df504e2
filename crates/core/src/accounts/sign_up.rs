//! Signing up.

use phone_auth_events::{AccountChange, Limit, Sender, UserSignedUp};

use super::limits::Asking;
use super::sign_up_form::{Draft, SignUpForm};
use super::{Accounts, Failure, FlowError};
use crate::address::{AddressKind, Claiming, EmailAddress, PhoneNumber, PhoneSpellings};
use crate::form::{Field, FieldProblem, Problem, Problems};
use crate::gate::{GateNames, GatedFlow};
use crate::outbox::{Carries, Purpose};
use crate::password::{EncodedPassword, Password, Requester};
use crate::store::{StoreError, StoreErrorKind, UniqueName};
use crate::user::{NewUser, User, WantedNames};
use crate::username::Username;

/// Who tells that someone has signed up by a password.
pub(super) const SENDER: &str = "sign_up";

/// A user who was stored, and the addresses that were stored with them.
pub(super) struct MadeUser {
    user: User,
    email: Option<String>,
    phone: Option<String>,
    /// The kinds of those that were sent enough.
    pub(super) unsent: Vec<AddressKind>,
}

impl Accounts {
    /// Makes an account, with an email address and a phone number that are not verified yet. Sends
    /// nothing to them, unless [`verify_at_sign_up`](crate::settings::Settings::verify_at_sign_up) says so. Fires
    /// `user_signed_up`.
    ///
    /// The same form once more within a minute, as a double click sends it, gets the same answer, and makes and fires
    /// nothing. What the [form](crate::settings::Settings::is_on_sign_up_form) of this site does not have is not read. White space
    /// around what was typed is dropped, passwords excepted. All that is wrong is told at
    /// once. Without a username, where none is required, one is made up.
    ///
    /// # Errors
    /// - [`Invalid`](SignUpRefusal::Invalid): what is wrong, names that someone else has among it, also when someone
    ///   else was faster by a moment. Where [`verify_at_sign_up`](crate::settings::Settings::verify_at_sign_up) is on, not
    ///   an address that nobody has proven: it becomes a [claim](crate::address::AddressId::is_claim). Where [`conceal_accounts`](crate::settings::Settings::conceal_accounts) is on, of
    ///   names only the username.
    /// - [`Failed`](FlowError::Failed): [`Limited`](super::FailureKind::Limited), too many of this client's network sign up;
    ///   [`Busy`](super::FailureKind::Busy), too many passwords are being hashed;
    ///   [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken), the store or the
    ///   source of randomness.
    ///
    /// In every case nothing was stored.
    ///
    /// # Cancel safety
    /// The account is there whole or not at all; the signal may be missing.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{FlowError, SignUpRefusal};
    /// use phone_auth_core::form::{Field, FieldProblem, Problem};
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let form = SignUpForm {
    ///     first_name: "Anna",
    ///     last_name: "Smythe",
    ///     username: "Ann",
    ///     email: "anna@example.org",
    ///     phone: "+41 44 668 18 00",
    ///     password: Password::new("battery staple"),
    ///     confirm_password: Some(Password::new("battery staple")),
    /// };
    /// let taken = FieldProblem::new(Field::Username, Problem::Taken);
    /// match accounts.sign_up(form).await {
    ///     Err(FlowError::Refused(SignUpRefusal::Invalid(problems))) => assert_eq!(problems, [taken]),
    ///     Ok(_) | Err(FlowError::Failed(_)) => return Err("not refused".into()),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn sign_up(&self, form: SignUpForm<'_>) -> Result<User, FlowError<SignUpRefusal>> {
        let form = self.without_hidden(form);
        let required = self.settings().required_fields();
        let requester = Requester::signing_up(&self.client);
        self.refuse_network("sign_up", &[Limit::SignUps]).await?;
        self.ask_gate_to_sign_up(&form).await?;
        let asking = Asking {
            flow: "sign_up",
            user: None,
            is_stranger: true,
        };
        let counters = self.counters();
        let counters = counters.network(Limit::SignUps, self.client.network());
        self.count(&asking, counters).await?;
        let made = match self.claiming_at_sign_up() {
            Claiming::Never => self.make_user(&form, &required, &requester, SENDER).await,
            claiming => {
                self.make_claiming(&form, &required, &requester, claiming)
                    .await
            }
        };
        let made = match made {
            Err(FlowError::Refused(SignUpRefusal::Invalid(problems)))
                if problems.iter().all(|it| it.problem == Problem::Taken) =>
            {
                return match self.signed_up_just_now(&form, &requester).await? {
                    Some(user) => Ok(user),
                    None => Err(FlowError::Refused(SignUpRefusal::Invalid(problems))),
                };
            }
            made => made?,
        };
        let unsent = made.unsent.clone();
        let user = self.tell_of(made, SENDER).await;
        if self.settings().verify_at_sign_up {
            self.send_verifications(&user, &unsent).await;
        }
        Ok(user)
    }

    /// Asks the gate, which is told what of the form can be read.
    pub(super) async fn ask_gate_to_sign_up(&self, form: &SignUpForm<'_>) -> Result<(), Failure> {
        let draft = self.read_form(form, &[], &mut Problems::default());
        let names = GateNames {
            username: draft.username.as_ref().map(Username::as_str),
            email: draft.email.as_ref().map(EmailAddress::as_str),
            phone: draft.phone.as_ref().map(PhoneNumber::as_str),
        };
        self.ask_gate(GatedFlow::SignUp, names).await
    }

    /// Sends the links that verify the addresses of a new user, one of them with a code, but to those that were sent enough.
    /// The account is there in any case: what could not be sent they ask for themselves.
    async fn send_verifications(&self, user: &User, unsent: &[AddressKind]) {
        let addresses = match self.some_addresses_of(user.id).await {
            Ok(addresses) => addresses,
            Err(error) => {
                tracing::warn!(%error, "the addresses of a new user cannot be read, so no links are sent");
                return;
            }
        };
        let coded = self
            .address_with_code(&addresses)
            .map(|it| (it.kind, it.id));
        for address in &addresses {
            if !self.offers(Purpose::Verify, address.kind) {
                continue;
            }
            let carries = if coded == Some((address.kind, address.id)) {
                Carries::LinkAndCode(None)
            } else {
                Carries::Link
            };
            let tried = AccountChange::SignUpTried;
            let sent = if unsent.contains(&address.kind) {
                self.send_no_proof(address, carries).await
            } else {
                self.send_proof(user, address, carries, tried).await
            };
            if let Err(error) = sent {
                tracing::warn!(%error, "no link was sent to an address of a new user");
            }
        }
    }

    /// Tells that someone has signed up.
    pub(super) async fn tell_of(&self, made: MadeUser, sender: &'static str) -> User {
        let MadeUser {
            user, email, phone, ..
        } = made;
        let about = user.to_event_user();
        self.happened(UserSignedUp::new(Sender::new(sender), about, email, phone))
            .await;
        user
    }

    /// Checks a form and stores the user. Tells nobody.
    pub(super) async fn make_user(
        &self,
        form: &SignUpForm<'_>,
        required: &[Field],
        requester: &Requester,
        sender: &'static str,
    ) -> Result<MadeUser, FlowError<SignUpRefusal>> {
        let (draft, mut problems) = self.check_form(form, required);
        let claiming = Claiming::Never;
        self.note_taken(&draft.wanted(), claiming, &mut problems)
            .await?;
        problems.refuse(SignUpRefusal::Invalid)?;
        let username = match &draft.username {
            Some(username) => username.clone(),
            None => Username::made_up(self.inner.randomness.as_ref())?,
        };
        let password = self.hasher().hash(&form.password, requester).await?;
        let new = self.new_user(&draft, &username, password, sender)?;
        match self.store_user(&new, claiming).await {
            Ok(made) => Ok(made),
            Err(error) => Err(self.lost_race(&draft, claiming, error).await?),
        }
    }

    /// Reads a username that nobody has yet. One that reads as a phone number is refused, whether or not someone has that: typed
    /// to sign in it would name the account with the number, and an account with the name would keep the number from its owner.
    /// Where accounts are concealed that goes for whatever may be stored as a number, for whether it is taken would be told.
    pub(super) fn new_username(&self, text: &str) -> Result<Username, Problem> {
        let username = Username::parse(text).map_err(|_| Problem::InvalidUsername)?;
        let settings = self.settings();
        let named = PhoneSpellings::named(text);
        let named = named.as_ref().map_or(&[][..], PhoneSpellings::numbers);
        let is_number = PhoneNumber::parse_in(text, settings.default_region).is_ok()
            || named.iter().any(|it| PhoneNumber::parse(it).is_ok())
            || (settings.conceal_accounts && !named.is_empty());
        if is_number {
            return Err(Problem::UsernameIsNumber);
        }
        Ok(username)
    }

    /// Reads a form, with all that is wrong with it but names that are taken.
    pub(super) fn check_form<'a>(
        &self,
        form: &SignUpForm<'a>,
        required: &[Field],
    ) -> (Draft<'a>, Problems) {
        let mut problems = Problems::default();
        let draft = self.read_form(form, required, &mut problems);
        self.check_names(&draft, required, &mut problems);
        self.check_sign_up_password(form, &draft, required, &mut problems);
        (draft, problems)
    }

    /// The user that a form makes.
    pub(super) fn new_user(
        &self,
        draft: &Draft<'_>,
        username: &Username,
        password: EncodedPassword,
        sender: &'static str,
    ) -> Result<NewUser, Failure> {
        // One that an operator has made stays.
        let is_unasked = sender == SENDER;
        Ok(NewUser {
            username: username.as_str().to_owned(),
            first_name: draft.first_name.to_owned(),
            last_name: draft.last_name.to_owned(),
            password,
            email: draft.email.clone(),
            phone: draft.phone.clone(),
            date_joined: self.now(),
            notices: self.event_of_sign_up(draft, sender)?,
            closes_at: is_unasked.then(|| self.closes_unproven()).flatten(),
        })
    }

    /// Stores a user, and says that what was committed with them is pending.
    pub(super) async fn store_user(
        &self,
        new: &NewUser,
        claiming: Claiming,
    ) -> Result<MadeUser, StoreError> {
        let user = self.store().create_user_claiming(new, claiming).await?;
        if let Some(outbox) = self.outbox() {
            outbox.were_enqueued(new.notices.iter());
        }
        Ok(MadeUser {
            user,
            email: new.email.as_ref().map(|it| it.as_str().to_owned()),
            phone: new.phone.as_ref().map(|it| it.as_str().to_owned()),
            unsent: Vec::new(),
        })
    }

    /// Notes it when there is nothing that the user could log in by, unless a problem of one of these fields says so.
    pub(super) fn check_names(
        &self,
        draft: &Draft<'_>,
        required: &[Field],
        problems: &mut Problems,
    ) {
        let one_of = self.settings().one_required_of();
        let is_named = one_of.iter().any(|field| match field {
            Field::Email => draft.email.is_some(),
            Field::Phone => draft.phone.is_some(),
            _ => draft.username.is_some(),
        });
        let is_wrong = one_of.iter().any(|field| problems.are_at(*field));
        // An operator says what they require.
        let Some(first) = one_of
            .first()
            .filter(|_| *required == *self.settings().required_fields())
        else {
            return;
        };
        if !is_named && !is_wrong {
            let methods = self.settings().authentication_methods;
            problems.add(*first, Problem::OneRequired { methods });
        }
    }

    fn check_sign_up_password(
        &self,
        form: &SignUpForm<'_>,
        draft: &Draft<'_>,
        required: &[Field],
        problems: &mut Problems,
    ) {
        let nothing = Password::new("");
        let again = required.contains(&Field::ConfirmPassword).then(|| {
            let again = form.confirm_password.as_ref().unwrap_or(&nothing);
            (Field::ConfirmPassword, again)
        });
        let attributes = [
            (
                Field::Username,
                draft.username.as_ref().map(Username::as_str),
            ),
            (Field::FirstName, Some(draft.first_name)),
            (Field::LastName, Some(draft.last_name)),
            (Field::Email, draft.email.as_ref().map(EmailAddress::as_str)),
            (Field::Phone, draft.phone.as_ref().map(PhoneNumber::as_str)),
        ]
        .map(|(field, text)| (field, text.unwrap_or_default()));
        let password = (Field::Password, &form.password);
        self.check_new_password(problems, password, again, &attributes);
    }

    /// Notes which of the wanted names an account has; one query for all. What can be claimed is not taken.
    pub(super) async fn note_taken(
        &self,
        wanted: &WantedNames<'_>,
        claiming: Claiming,
        problems: &mut Problems,
    ) -> Result<(), Failure> {
        let taken = self.store().taken_names(wanted).await?;
        for (field, is_taken) in [
            (Field::Username, taken.username),
            (Field::Email, taken.email),
            (Field::Phone, taken.phone),
        ] {
            if is_taken
                && (claiming != Claiming::Unproven || !self.is_unproven(field, wanted).await?)
            {
                problems.add(field, Problem::Taken);
            }
        }
        Ok(())
    }

    /// The error for the one who lost a race for a name: all names that are taken by now, and at least the
    /// one that the store named.
    pub(super) async fn lost_race(
        &self,
        draft: &Draft<'_>,
        claiming: Claiming,
        error: StoreError,
    ) -> Result<FlowError<SignUpRefusal>, Failure> {
        let StoreErrorKind::Taken(name) = error.kind() else {
            return Err(error.into());
        };
        let mut problems = Problems::default();
        self.note_taken(&draft.wanted(), claiming, &mut problems)
            .await?;
        let mut problems = problems.into_vec();
        if problems.is_empty() {
            let field = match name {
                UniqueName::Username => Field::Username,
                UniqueName::Email => Field::Email,
                UniqueName::Phone => Field::Phone,
            };
            problems.push(FieldProblem::new(field, Problem::Taken));
        }
        Ok(FlowError::Refused(SignUpRefusal::Invalid(problems)))
    }
}

/// Why [`Accounts::sign_up`], [`Accounts::begin_sign_up`] and [`Accounts::create_user`] refuse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum SignUpRefusal {
    /// Something is wrong with the form: at least one problem, in the order of its fields.
    #[error("the form has problems")]
    Invalid(Vec<FieldProblem>),
}
