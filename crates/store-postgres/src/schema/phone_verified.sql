-- The same as for email addresses.

CREATE TABLE phone_auth_phone_verified (
    address_id bigint NOT NULL REFERENCES phone_auth_phonenumber (id) ON DELETE CASCADE,
    verified_at timestamptz NOT NULL,
    CONSTRAINT phone_auth_phone_verified_pkey PRIMARY KEY (address_id)
);
