//! Django's text form of a PBKDF2 hash: `pbkdf2_sha256$1000000$salt$hash`.

use base64ct::{Base64, Encoding};
use pbkdf2::{Algorithm, Params, pbkdf2_hmac, pbkdf2_hmac_with_params};
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{number, salt};
use crate::DjangoIterations;

/// The hash function under it.
#[derive(Clone, Copy)]
enum Digest {
    Sha256,
    Sha1,
}

/// How a hash was made.
#[derive(Clone)]
pub(crate) struct Pbkdf2Encoding {
    digest: Digest,
    iterations: u32,
    salt: String,
}

impl Pbkdf2Encoding {
    /// Reads what follows the name of the algorithm.
    pub(super) fn parse(algorithm: &str, rest: &str) -> Option<Self> {
        let digest = match algorithm {
            "pbkdf2_sha256" => Digest::Sha256,
            "pbkdf2_sha1" => Digest::Sha1,
            _ => return None,
        };
        let mut parts = rest.splitn(3, '$');
        let iterations = number(parts.next()?)?;
        let salt = salt(parts.next()?)?;
        parts.next()?;
        DjangoIterations::new(iterations).is_some().then_some(Self {
            digest,
            iterations,
            salt,
        })
    }

    /// The text for a password.
    pub(super) fn encode(&self, password: &str, spent: &mut u64) -> Zeroizing<String> {
        let (password, salt) = (password.as_bytes(), self.salt.as_bytes());
        let (name, hash) = match self.digest {
            Digest::Sha256 => {
                let output = sha256(password, salt, self.iterations, spent);
                ("pbkdf2_sha256", Base64::encode_string(output.as_slice()))
            }
            Digest::Sha1 => {
                let mut output = Zeroizing::new([0; 20]);
                pbkdf2_hmac::<Sha1>(password, salt, self.iterations, output.as_mut_slice());
                ("pbkdf2_sha1", Base64::encode_string(output.as_slice()))
            }
        };
        Zeroizing::new(format!("{name}${}${}${hash}", self.iterations, self.salt))
    }
}

/// Does so many iterations of PBKDF2-SHA256 that is of no use.
pub(super) fn work_for_nobody(password: &str, iterations: u32, spent: &mut u64) {
    let output = sha256(password.as_bytes(), b"nobody", iterations, spent);
    // Else the compiler may see that the work is for nothing.
    std::hint::black_box(output.as_slice());
}

/// PBKDF2-SHA256, counted.
fn sha256(password: &[u8], salt: &[u8], iterations: u32, spent: &mut u64) -> Zeroizing<[u8; 32]> {
    *spent += u64::from(iterations);
    let mut output = Zeroizing::new([0; 32]);
    let output_bytes = output.as_mut_slice();
    // The first is compiled within its crate, so that an unoptimised build of ours is not slow; it takes no small
    // numbers of iterations.
    match Params::new(iterations) {
        Ok(params) => {
            pbkdf2_hmac_with_params(
                password,
                salt,
                Algorithm::Pbkdf2Sha256,
                params,
                output_bytes,
            );
        }
        Err(_) => pbkdf2_hmac::<Sha256>(password, salt, iterations, output_bytes),
    }
    output
}
