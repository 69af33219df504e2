//! Django's text form of an scrypt hash: `scrypt$16384$salt$8$5$hash`.

use base64ct::{Base64, Encoding};
use scrypt::{Params, scrypt};
use zeroize::Zeroizing;

use super::{number, salt};

/// The bytes of a hash.
const OUTPUT: usize = 64;
/// The most memory a stored hash may ask for, as the product of its cost and block size: 128 MiB.
/// Django's default is 16 MiB.
const MAX_MEMORY: u64 = 1 << 20;
/// The most work, as the product of cost, block size and parallelism: about three times Django's
/// default.
const MAX_WORK: u64 = 1 << 21;

/// How a hash was made.
#[derive(Clone)]
pub(crate) struct ScryptEncoding {
    cost: u32,
    block_size: u32,
    parallelism: u32,
    salt: String,
}

impl ScryptEncoding {
    /// Reads what follows the name of the algorithm.
    pub(super) fn parse(rest: &str) -> Option<Self> {
        let mut parts = rest.splitn(5, '$');
        let cost = number(parts.next()?)?;
        let salt = salt(parts.next()?)?;
        let block_size = number(parts.next()?)?;
        let parallelism = number(parts.next()?)?;
        parts.next()?;
        let memory = u64::from(cost).checked_mul(u64::from(block_size))?;
        let work = memory.checked_mul(u64::from(parallelism))?;
        let bounded = cost > 1
            && cost.is_power_of_two()
            && (1..=MAX_MEMORY).contains(&memory)
            && (1..=MAX_WORK).contains(&work);
        let encoding = Self {
            cost,
            block_size,
            parallelism,
            salt,
        };
        (bounded && encoding.params().is_some()).then_some(encoding)
    }

    /// The text for a password.
    pub(super) fn encode(&self, password: &str) -> Option<Zeroizing<String>> {
        let mut output = Zeroizing::new([0; OUTPUT]);
        scrypt(
            password.as_bytes(),
            self.salt.as_bytes(),
            &self.params()?,
            output.as_mut_slice(),
        )
        .ok()?;
        Some(Zeroizing::new(format!(
            "scrypt${}${}${}${}${}",
            self.cost,
            self.salt,
            self.block_size,
            self.parallelism,
            Base64::encode_string(output.as_slice()),
        )))
    }

    /// The costs as the library takes them; `None` when it refuses them.
    fn params(&self) -> Option<Params> {
        let log_cost = u8::try_from(self.cost.trailing_zeros()).ok()?;
        Params::new(log_cost, self.block_size, self.parallelism).ok()
    }
}
