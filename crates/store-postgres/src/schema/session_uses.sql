-- Sessions as their user sees them: what one is called on a page, when it was last used, to an hour, and from where.

ALTER TABLE phone_auth_session
    ADD COLUMN handle bytea NULL,
    ADD COLUMN address text NULL,
    ADD COLUMN browser text NULL,
    ADD COLUMN seen_at timestamptz NULL;
