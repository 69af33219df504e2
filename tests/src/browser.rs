//! A real browser: Chromium, driven over `WebDriver`.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::{ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::PATIENCE;
use crate::answer::holds;

/// What a missing browser's failure says.
const PACKAGES: &str = "the browser tests need Chromium and its driver: apt-get install chromium \
    chromium-driver, or name them in CHROMIUM and CHROMEDRIVER";

/// How long to wait before looking at a page again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How the browser is set up.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "tests name what differs from the default"
)]
pub struct BrowserOptions {
    /// Whether pages may run scripts.
    pub javascript: bool,
    /// The width of the screen in CSS pixels, when it is that of a phone.
    pub phone_width: Option<u32>,
}

/// A browser with a new profile. It ends when it is dropped.
#[derive(Debug)]
pub struct Browser {
    client: fantoccini::Client,
    driver: Child,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser.
    pub async fn start(options: BrowserOptions) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let (driver, port) = start_driver(&profile);
        let mut guard = Guard(Some(driver));
        let capabilities = capabilities(options, &profile);
        let address = format!("http://127.0.0.1:{port}");
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        let client = tokio::time::timeout(2 * PATIENCE, builder.connect(&address))
            .await
            .unwrap_or_else(|_| panic!("Chromium does not start in time. {PACKAGES}"))
            .unwrap_or_else(|error| panic!("Chromium does not start: {error}. {PACKAGES}"));
        let driver = guard.0.take().unwrap();
        Self {
            client,
            driver,
            _profile: profile,
        }
    }

    /// Opens an address.
    pub async fn goto(&self, url: &str) {
        self.in_time(url, self.client.goto(url)).await;
    }

    /// The path in the address bar.
    pub async fn path(&self) -> String {
        self.url().await.path().to_owned()
    }

    /// The address bar.
    pub async fn url(&self) -> Url {
        self.in_time("say where it is", self.client.current_url())
            .await
    }

    /// Waits until the address bar shows this path.
    pub async fn arrives_at(&self, path: &str) {
        let arrival = async {
            while self.path().await != path {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        let arrived = tokio::time::timeout(PATIENCE, arrival).await.is_ok();
        let (at, words) = if arrived {
            Default::default()
        } else {
            (self.path().await, self.words().await)
        };
        assert!(arrived, "the browser is at {at} and not at {path}: {words}");
    }

    /// The words on the page, as they are shown; none while a page is on its way.
    pub async fn words(&self) -> String {
        let script = "return document.body ? document.body.innerText : ''";
        let text = self.client.execute(script, Vec::new()).await;
        let text = text.unwrap_or_default();
        let words = text.as_str().unwrap_or_default().split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    }

    /// Waits until the page says this.
    pub async fn says(&self, words: &str) {
        let saying = async {
            while !holds(&self.words().await, words) {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        let said = tokio::time::timeout(PATIENCE, saying).await.is_ok();
        let shown = if said {
            String::new()
        } else {
            self.words().await
        };
        assert!(said, "the page does not say {words:?}: {shown}");
    }

    /// Opens another tab, which has the same cookies, and goes on there.
    pub async fn open_tab(&self) {
        let tab = self
            .in_time("open a tab", self.client.new_window(true))
            .await;
        let to = self.client.switch_to_window(tab.handle);
        self.in_time("go to a tab", to).await;
    }

    /// Goes on in the first tab, or in another: in the order in which they were opened.
    pub async fn go_to_tab(&self, place: usize) {
        let tabs = self.in_time("look at tabs", self.client.windows()).await;
        let to = self.client.switch_to_window(tabs[place].clone());
        self.in_time("go to a tab", to).await;
    }

    /// Types into the field of this name.
    pub async fn type_into(&self, name: &str, text: &str) {
        let field = self.find(&format!("input[name='{name}']")).await;
        self.in_time("clear a field", field.clear()).await;
        self.in_time("type", field.send_keys(text)).await;
    }

    /// Clicks on what this CSS selector finds.
    pub async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.in_time(selector, element.click()).await;
    }

    /// Sends the form that has the field of this name, by its button, and waits for the page that answers.
    pub async fn send_form_of(&self, name: &str) {
        self.submit(&format!("form:has(input[name='{name}']) [type='submit']"))
            .await;
    }

    /// Clicks on the button that this CSS selector finds, and waits for the page that answers: until it is
    /// there, anyone who looks still sees the page that was sent.
    pub async fn submit(&self, selector: &str) {
        self.script("window.isSent = true;").await;
        self.click(selector).await;
        self.waits_for_answer(selector).await;
    }

    /// Clicks twice on the button of the form that has the field of this name, as [`double_click`](Self::double_click) does.
    pub async fn double_click_form_of(&self, name: &str) {
        self.double_click(&format!("form:has([name='{name}']) [type='submit']"))
            .await;
    }

    /// Clicks twice on the button that this CSS selector finds, as fast as a mouse does, and waits for the page that answers.
    pub async fn double_click(&self, selector: &str) {
        let button = self.find(selector).await;
        self.script("window.isSent = true;").await;
        let down = PointerAction::Down {
            button: MOUSE_BUTTON_LEFT,
        };
        let up = PointerAction::Up {
            button: MOUSE_BUTTON_LEFT,
        };
        let clicks = MouseActions::new("mouse".to_owned())
            .then(PointerAction::MoveToElement {
                element: button,
                duration: None,
                x: 0.0,
                y: 0.0,
            })
            .then(down.clone())
            .then(up.clone())
            .then(down)
            .then(up);
        self.in_time("click twice", self.client.perform_actions(clicks))
            .await;
        self.waits_for_answer(selector).await;
    }

    async fn waits_for_answer(&self, selector: &str) {
        let answered = async {
            while !self.is_answered().await {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        let answered = tokio::time::timeout(PATIENCE, answered).await.is_ok();
        assert!(answered, "nothing answers the form sent by {selector}");
    }

    /// Whether another page stands where one was sent. A page on its way runs no scripts.
    async fn is_answered(&self) -> bool {
        let script = "return !window.isSent && document.readyState === 'complete';";
        let answer = self.client.execute(script, Vec::new()).await;
        matches!(answer, Ok(Value::Bool(true)))
    }

    /// Presses keys, wherever the focus is.
    pub async fn press(&self, keys: &str) {
        let element = self
            .in_time("find the focus", self.client.active_element())
            .await;
        self.in_time("press keys", element.send_keys(keys)).await;
    }

    /// The `name` of what has the focus, else the name of its element.
    pub async fn focused(&self) -> String {
        let element = self
            .in_time("find the focus", self.client.active_element())
            .await;
        match self.in_time("read a name", element.attr("name")).await {
            Some(name) if !name.is_empty() => name,
            _ => self.in_time("read a name", element.tag_name()).await,
        }
    }

    /// What a script of the test returns; the page's own may be off.
    pub async fn script(&self, script: &str) -> Value {
        self.in_time("run a script", self.client.execute(script, Vec::new()))
            .await
    }

    /// How wide the page is laid out, and how wide the window shows it, in CSS pixels.
    pub async fn widths(&self) -> (i64, i64) {
        let script = "return [document.documentElement.scrollWidth, window.innerWidth];";
        let widths = self.script(script).await;
        (widths[0].as_i64().unwrap(), widths[1].as_i64().unwrap())
    }

    /// What the page looks like, as a PNG file.
    pub async fn screenshot(&self) -> Vec<u8> {
        self.in_time("take a picture", self.client.screenshot())
            .await
    }

    /// Ends the browser.
    pub async fn close(self) {
        self.in_time("end", self.client.clone().close()).await;
    }

    /// What this CSS selector finds, once it is there: a page may still be on its way.
    async fn find(&self, selector: &str) -> Element {
        let wait = self.client.wait().at_most(PATIENCE / 2).every(LOOK_AGAIN);
        self.in_time(selector, wait.for_element(Locator::Css(selector)))
            .await
    }

    /// What the browser answers in time; a browser that hangs fails the test.
    async fn in_time<T>(
        &self,
        doing: &str,
        answer: impl Future<Output = Result<T, CmdError>>,
    ) -> T {
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        let answer = answer.unwrap_or_else(|_| panic!("the browser hangs: {doing}"));
        answer.unwrap_or_else(|error| panic!("the browser cannot do this: {doing}: {error}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // chromedriver ends the Chromium that it started.
        let pid = rustix::process::Pid::from_child(&self.driver);
        // It may have ended by itself; then there is nothing to signal.
        let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        drop(self.driver.wait());
    }
}

/// Ends the driver when the browser never came up.
struct Guard(Option<Child>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(mut driver) = self.0.take() {
            drop(driver.kill());
            drop(driver.wait());
        }
    }
}

/// Starts chromedriver on a port that is free, and reads from it which one.
fn start_driver(profile: &TempDir) -> (Child, u16) {
    let chromedriver = find("CHROMEDRIVER", &["chromedriver"]);
    let mut driver = Command::new(&chromedriver)
        .arg("--port=0")
        .env("TMPDIR", profile.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "{} does not start: {error}. {PACKAGES}",
                chromedriver.display()
            )
        });
    let stdout = driver.stdout.take().unwrap();
    let (send, port) = mpsc::channel();
    // The thread reads on until the driver ends, so that the driver never writes into a closed pipe.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let number = line
                .rsplit_once("started successfully on port ")
                .map(|(_, rest)| rest.trim_end_matches('.').parse());
            if let Some(Ok(number)) = number {
                // Nobody listens any more once the port is known.
                let _heard = send.send(number);
            }
        }
    });
    match port.recv_timeout(PATIENCE) {
        Ok(port) if port != 0 => (driver, port),
        _ => {
            drop(Guard(Some(driver)));
            panic!(
                "{} does not say its port. {PACKAGES}",
                chromedriver.display()
            )
        }
    }
}

/// The program that a variable names, else the first of these names on the path.
fn find(variable: &str, names: &[&str]) -> PathBuf {
    if let Some(named) = env::var_os(variable) {
        return PathBuf::from(named);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let candidates = env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|candidate| candidate.is_file());
    candidates.unwrap_or_else(|| panic!("no {names:?} on the path. {PACKAGES}"))
}

fn capabilities(options: BrowserOptions, profile: &TempDir) -> serde_json::Map<String, Value> {
    let chromium = find(
        "CHROMIUM",
        &["chromium", "chromium-browser", "google-chrome", "chrome"],
    );
    let data = profile.path().join("profile");
    let mut chrome = json!({
        "binary": chromium,
        "args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--window-size=1440,900",
            format!("--user-data-dir={}", data.display()),
        ],
        "prefs": { "profile.managed_default_content_settings.javascript": if options.javascript { 1 } else { 2 } },
    });
    if let Some(width) = options.phone_width {
        chrome["mobileEmulation"] = json!({ "deviceMetrics": { "width": width, "height": 740, "pixelRatio": 1.0, "touch": false } });
    }
    let all = json!({ "browserName": "chrome", "goog:chromeOptions": chrome });
    all.as_object().unwrap().clone()
}
