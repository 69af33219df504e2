-- The table of Django 5.2 and django-phone-auth 0.3.1, to the column, made where there is none yet.
-- The names of the indexes are those that Django gives, so that it finds its own.

CREATE TABLE "phone_auth_emailaddress" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "email" varchar(254) NOT NULL UNIQUE,
    "is_verified" bool NOT NULL,
    "user_id" integer NOT NULL REFERENCES "auth_user" ("id") DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX "phone_auth_emailaddress_user_id_a18b6ae9"
    ON "phone_auth_emailaddress" ("user_id");
-- Where the table is Django's, this index of ours is plain.
CREATE UNIQUE INDEX phone_auth_emailaddress_any_case ON phone_auth_emailaddress (lower(email));
