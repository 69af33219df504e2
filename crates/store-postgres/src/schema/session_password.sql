-- The digest of the password that a session is bound to. NULL in sessions of a version before it: they are bound when
-- they are met, or by the worker, which finds them by this index.

ALTER TABLE phone_auth_session ADD COLUMN password_digest bytea;
CREATE INDEX phone_auth_session_unbound ON phone_auth_session (digest) WHERE password_digest IS NULL;
