//! A real NATS server with `JetStream`.

use std::env;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::certificates::Certificates;
use crate::nats_accounts::NatsAccounts;
use crate::together::until;

/// A NATS server on a port of its own, which keeps streams in a folder of its own.
#[derive(Debug)]
pub struct NatsServer {
    child: Child,
    port: u16,
    certificates: Certificates,
    _folder: TempDir,
}

impl NatsServer {
    /// Starts one. `authorization` is what stands in that block of its configuration, such as
    /// `user: ann, password: hunter2`.
    ///
    /// The program is named by `NATS_SERVER`; else it is `/usr/sbin/nats-server`, where Debian has it.
    pub async fn start(authorization: &str, is_tls: bool) -> Self {
        let block = match authorization {
            "" => String::new(),
            inside => format!("authorization {{ {inside} }}\n"),
        };
        Self::start_with(&block, is_tls).await
    }

    /// Starts one that lets in who has credentials of these accounts.
    pub async fn start_for(accounts: &NatsAccounts) -> Self {
        Self::start_with(&accounts.configuration(), false).await
    }

    async fn start_with(log_in: &str, is_tls: bool) -> Self {
        let program = env::var_os("NATS_SERVER").map(PathBuf::from);
        let program = program.unwrap_or_else(|| PathBuf::from("/usr/sbin/nats-server"));
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::new();
        let at = folder.path().display();
        let mut configuration = vec![format!(
            "listen: \"127.0.0.1:-1\"\nports_file_dir: \"{at}\"\njetstream {{ store_dir: \"{at}/streams\" }}\n"
        )];
        configuration.push(log_in.to_owned());
        if is_tls {
            configuration.push(format!(
                "tls {{ cert_file: \"{}\", key_file: \"{}\" }}\n",
                certificates.certificate().display(),
                certificates.key().display()
            ));
        }
        let file = folder.path().join("nats.conf");
        std::fs::write(&file, configuration.concat()).unwrap();
        let child = Command::new(program)
            .arg("--config")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the package nats-server must be installed");
        let ports = folder
            .path()
            .join(format!("nats-server_{}.ports", child.id()));
        let read = || port(&ports);
        until("NATS says its port", || async { read().is_some() }).await;
        Self {
            port: read().unwrap(),
            child,
            certificates,
            _folder: folder,
        }
    }

    /// Its port, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate that a client is to trust.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }
}

/// The port in the file that the server writes: `{"nats": ["nats://127.0.0.1:4222"]}`.
fn port(file: &std::path::Path) -> Option<u16> {
    let ports: Value = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    let url = ports["nats"][0].as_str()?;
    url.rsplit(':').next()?.parse().ok()
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
