//! The pages of accounts: their names and the paths below the mount.

use core::fmt;

/// The namespace that templates of django-phone-auth put before a name: `phone_auth:phone_login`.
pub(crate) const NAMESPACE: &str = "phone_auth:";

/// A page of accounts. Names and paths are those of django-phone-auth, but for what is added by us.
///
/// # Examples
///
/// ```
/// use phone_auth_urls::AccountPage;
///
/// assert_eq!(AccountPage::Login.name(), "phone_login");
/// assert_eq!(AccountPage::Login.pattern(), "login/");
/// assert_eq!(AccountPage::from_name("phone_login"), Some(AccountPage::Login));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "anyone who serves the pages should be told by the compiler when one is added"
)]
pub enum AccountPage {
    /// `signup/`
    Signup,
    /// `login/`
    Login,
    /// `logout/`
    Logout,
    /// `password_reset/`: asks for a reset link.
    PasswordReset,
    /// `password_reset_done/`: says that a link is on its way.
    PasswordResetDone,
    /// `password_reset_confirm/{uidb64}/{token}/`: where a reset link leads.
    PasswordResetConfirm,
    /// `password_reset_complete/`
    PasswordResetComplete,
    /// `change_password/`
    ChangePassword,
    /// `change_password_done/`
    ChangePasswordDone,
    /// `user_verification/`: asks for a verification link, for an email address or a phone number.
    EmailVerification,
    /// `user_verification_confirm/{idb64}/{token}/`: where a verification link leads.
    EmailVerificationConfirm,
    /// `phone/add/`
    AddPhone,
    /// `email/add/`
    AddEmail,
    /// `address/`, added by us: what a user can do with one address of theirs.
    Address,
    /// `confirm_identity/`, added by us: asks for the password again before what changes who can get in.
    ConfirmIdentity,
    /// `close_account/`, added by us: closes the account, after asking.
    CloseAccount,
    /// `close_account_done/`, added by us: says that the account is closed.
    CloseAccountDone,
    /// `export_account/`, added by us: a file with all that is kept of the user.
    ExportAccount,
    /// `login_code/`, added by us: asks for a code to sign in with.
    LoginCode,
    /// `login_code_done/`, added by us: says that a code is on its way, and takes it.
    LoginCodeDone,
    /// `login_confirm/{idb64}/{token}/`, added by us: where a link to sign in leads.
    LoginConfirm,
    /// `sessions/`, added by us: where the user is signed in.
    Sessions,
}

impl AccountPage {
    /// All pages, in the order of django-phone-auth; then ours.
    pub const ALL: [Self; 22] = [
        Self::Signup,
        Self::Login,
        Self::Logout,
        Self::PasswordReset,
        Self::PasswordResetDone,
        Self::PasswordResetConfirm,
        Self::PasswordResetComplete,
        Self::ChangePassword,
        Self::ChangePasswordDone,
        Self::EmailVerification,
        Self::EmailVerificationConfirm,
        Self::AddPhone,
        Self::AddEmail,
        Self::Address,
        Self::ConfirmIdentity,
        Self::CloseAccount,
        Self::CloseAccountDone,
        Self::ExportAccount,
        Self::LoginCode,
        Self::LoginCodeDone,
        Self::LoginConfirm,
        Self::Sessions,
    ];

    /// The name by which templates and code ask for its path.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signup => "phone_signup",
            Self::Login => "phone_login",
            Self::Logout => "phone_logout",
            Self::PasswordReset => "phone_password_reset",
            Self::PasswordResetDone => "phone_password_reset_done",
            Self::PasswordResetConfirm => "phone_password_reset_confirm",
            Self::PasswordResetComplete => "phone_password_reset_complete",
            Self::ChangePassword => "phone_change_password",
            Self::ChangePasswordDone => "phone_change_password_done",
            Self::EmailVerification => "phone_email_verification",
            Self::EmailVerificationConfirm => "phone_email_verification_confirm",
            Self::AddPhone => "add_phone",
            Self::AddEmail => "add_email",
            Self::Address => "phone_address",
            Self::ConfirmIdentity => "phone_confirm_identity",
            Self::CloseAccount => "phone_close_account",
            Self::CloseAccountDone => "phone_close_account_done",
            Self::ExportAccount => "phone_export_account",
            Self::LoginCode => "phone_login_code",
            Self::LoginCodeDone => "phone_login_code_done",
            Self::LoginConfirm => "phone_login_confirm",
            Self::Sessions => "phone_sessions",
        }
    }

    /// Its path below the mount, parameters in braces as axum and matchit write them.
    pub const fn pattern(self) -> &'static str {
        match self {
            Self::Signup => "signup/",
            Self::Login => "login/",
            Self::Logout => "logout/",
            Self::PasswordReset => "password_reset/",
            Self::PasswordResetDone => "password_reset_done/",
            Self::PasswordResetConfirm => "password_reset_confirm/{uidb64}/{token}/",
            Self::PasswordResetComplete => "password_reset_complete/",
            Self::ChangePassword => "change_password/",
            Self::ChangePasswordDone => "change_password_done/",
            Self::EmailVerification => "user_verification/",
            Self::EmailVerificationConfirm => "user_verification_confirm/{idb64}/{token}/",
            Self::AddPhone => "phone/add/",
            Self::AddEmail => "email/add/",
            Self::Address => "address/",
            Self::ConfirmIdentity => "confirm_identity/",
            Self::CloseAccount => "close_account/",
            Self::CloseAccountDone => "close_account_done/",
            Self::ExportAccount => "export_account/",
            Self::LoginCode => "login_code/",
            Self::LoginCodeDone => "login_code_done/",
            Self::LoginConfirm => "login_confirm/{idb64}/{token}/",
            Self::Sessions => "sessions/",
        }
    }

    /// Whether it is a page on the way into an account or out of it, or to another page, and no place to go to: who came there
    /// after signing in would go in circles, or be told of what is past.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_urls::AccountPage;
    ///
    /// assert!(AccountPage::LoginCode.is_on_the_way());
    /// assert!(!AccountPage::Sessions.is_on_the_way());
    /// ```
    pub const fn is_on_the_way(self) -> bool {
        match self {
            Self::Signup
            | Self::Login
            | Self::Logout
            | Self::PasswordReset
            | Self::PasswordResetDone
            | Self::PasswordResetConfirm
            | Self::PasswordResetComplete
            | Self::ConfirmIdentity
            | Self::CloseAccountDone
            | Self::LoginCode
            | Self::LoginCodeDone
            | Self::LoginConfirm => true,
            Self::ChangePassword
            | Self::ChangePasswordDone
            | Self::EmailVerification
            | Self::EmailVerificationConfirm
            | Self::AddPhone
            | Self::AddEmail
            | Self::Address
            | Self::CloseAccount
            | Self::ExportAccount
            | Self::Sessions => false,
        }
    }

    /// The page of that name, with or without the namespace `phone_auth:`.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.strip_prefix(NAMESPACE).unwrap_or(name);
        Self::ALL.into_iter().find(|page| page.name() == name)
    }
}

/// Writes the name.
impl fmt::Display for AccountPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
