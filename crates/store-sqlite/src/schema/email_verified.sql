-- When an address was last verified by a link. A link that was issued before is used up, also once someone has marked
-- the address as unverified again. An address that is deleted, by Django too, takes its row along.

CREATE TABLE phone_auth_email_verified (
    address_id integer NOT NULL PRIMARY KEY REFERENCES phone_auth_emailaddress (id) ON DELETE CASCADE,
    verified_at datetime NOT NULL
);
