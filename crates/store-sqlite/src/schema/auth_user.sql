-- The table of Django 5.2 and django-phone-auth 0.3.1, to the column, made where there is none yet.
-- The names of the indexes are those that Django gives, so that it finds its own.

CREATE TABLE "auth_user" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "password" varchar(128) NOT NULL,
    "last_login" datetime NULL,
    "is_superuser" bool NOT NULL,
    "username" varchar(150) NOT NULL UNIQUE,
    "last_name" varchar(150) NOT NULL,
    "email" varchar(254) NOT NULL,
    "is_staff" bool NOT NULL,
    "is_active" bool NOT NULL,
    "date_joined" datetime NOT NULL,
    "first_name" varchar(150) NOT NULL
);
-- Where the table is Django's, this index of ours is plain: it knows nothing of it, and may hold `Bob` and `bob` already.
CREATE UNIQUE INDEX phone_auth_user_username_any_case ON auth_user (lower(username));
