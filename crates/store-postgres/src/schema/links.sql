-- When a link was last asked for, by purpose and address: the newest one works. A request for nobody is kept under one of
-- a few numbers below zero, and overwritten. An address that is deleted, by Django too, takes its rows along. Ids of
-- addresses are 32 bits wide in some databases and 64 in others; these columns hold either.

CREATE TABLE phone_auth_link_request (
    kind text NOT NULL,
    purpose text NOT NULL,
    holder bigint NOT NULL,
    email_id bigint NULL REFERENCES phone_auth_emailaddress (id) ON DELETE CASCADE,
    phone_id bigint NULL REFERENCES phone_auth_phonenumber (id) ON DELETE CASCADE,
    requested_at timestamptz NOT NULL,
    CONSTRAINT phone_auth_link_request_pkey PRIMARY KEY (kind, purpose, holder)
);
CREATE INDEX phone_auth_link_request_email ON phone_auth_link_request (email_id);
CREATE INDEX phone_auth_link_request_phone ON phone_auth_link_request (phone_id);

ALTER TABLE phone_auth_outbox ADD COLUMN IF NOT EXISTS requested_at timestamptz NULL;
