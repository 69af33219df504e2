//! Whole flows through the built program, as a person or an attacker would walk them.
