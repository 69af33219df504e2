-- The same as for email addresses.

CREATE TABLE phone_auth_phone_verified (
    address_id integer NOT NULL PRIMARY KEY REFERENCES phone_auth_phonenumber (id) ON DELETE CASCADE,
    verified_at datetime NOT NULL
);
