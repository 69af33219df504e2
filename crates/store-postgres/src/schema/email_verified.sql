-- When an address was last verified by a link. A link that was issued before is used up, also once someone has marked
-- the address as unverified again. An address that is deleted, by Django too, takes its row along. Ids of addresses are
-- 32 bits wide in some databases and 64 in others; these columns hold either.

CREATE TABLE phone_auth_email_verified (
    address_id bigint NOT NULL REFERENCES phone_auth_emailaddress (id) ON DELETE CASCADE,
    verified_at timestamptz NOT NULL,
    CONSTRAINT phone_auth_email_verified_pkey PRIMARY KEY (address_id)
);
