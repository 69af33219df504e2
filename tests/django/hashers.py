"""Hashes as the site that comes makes them, so that neither replaces what the other has stored."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class SharedArgon2PasswordHasher(Argon2PasswordHasher):
    time_cost = 2
    memory_cost = 19456
    parallelism = 1
