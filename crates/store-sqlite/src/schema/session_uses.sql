-- Sessions as their user sees them: what one is called on a page, when it was last used, to an hour, and from where.

ALTER TABLE phone_auth_session ADD COLUMN handle BLOB NULL;
ALTER TABLE phone_auth_session ADD COLUMN address text NULL;
ALTER TABLE phone_auth_session ADD COLUMN browser text NULL;
ALTER TABLE phone_auth_session ADD COLUMN seen_at datetime NULL;
