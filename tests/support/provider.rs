//! A real OpenID provider as a process of its own, and a browser that signs in there.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use reqwest::{Client, Method, Response, StatusCode, redirect};
use serde_json::{Value, json};

use super::process::tool;

/// The address under which people reach Thrive in these tests; a browser finds the process behind it.
pub const PUBLIC_URL: &str = "http://thrive.test";

pub struct OidcProvider {
    child: Child,
    pub issuer: String,
    http: Client,
}

impl OidcProvider {
    pub fn start() -> Self {
        let mut child = Command::new("node")
            .arg(tool("oidc-provider.mjs"))
            .args(["--redirect-uri", &format!("{PUBLIC_URL}/sign-in/callback")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node is installed");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).expect("the provider says where it is");
        std::thread::spawn(move || output.read_to_string(&mut String::new()));
        let issuer = ready["issuer"].as_str().unwrap().to_owned();
        Self { child, issuer, http: Client::new() }
    }

    pub async fn control(&self, told: Value) -> Value {
        let url = format!("{}/control", self.issuer);
        let sent = self.http.post(url).body(told.to_string()).send();
        sent.await.unwrap().json().await.unwrap()
    }

    /// How often keys were read.
    pub async fn keys_read(&self) -> u64 {
        self.control(json!({})).await["keysRead"].as_u64().unwrap()
    }

    /// A JWT with this header and these claims.
    pub async fn mint(&self, by: &str, header: Value, claims: Value) -> String {
        let told = json!({ "mint": { "by": by, "header": header, "claims": claims } });
        self.control(told).await["token"].as_str().unwrap().to_owned()
    }

    /// An access token that the provider itself makes, for a program.
    pub async fn access_token(&self) -> String {
        let form = "grant_type=client_credentials&resource=urn:thrive";
        let sent = self
            .http
            .post(format!("{}/token", self.issuer))
            .basic_auth("machine", Some("machine-secret"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let answer: Value = sent.send().await.unwrap().json().await.unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A browser: it keeps cookies by host, follows where it is sent, and says which page it is on.
pub struct Browser {
    http: Client,
    /// Where Thrive is in truth.
    thrive: String,
    cookies: BTreeMap<String, BTreeMap<String, String>>,
    /// What was set, as it was set.
    pub set: Vec<String>,
}

/// An answer that leads nowhere else.
pub struct Page {
    pub url: String,
    pub status: StatusCode,
    pub text: String,
}

impl Browser {
    pub fn new(thrive: &str) -> Self {
        let http = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        let thrive = thrive.trim_end_matches('/').into();
        Self { http, thrive, cookies: BTreeMap::new(), set: vec![] }
    }

    /// The value of a cookie of Thrive's.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(PUBLIC_URL)?.get(name).map(String::as_str)
    }

    pub fn keep(&mut self, name: &str, value: &str) {
        self.cookies.entry(PUBLIC_URL.into()).or_default().insert(name.into(), value.into());
    }

    /// One request, with these headers beside the cookies.
    pub async fn send(
        &mut self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Response {
        let host = url.split('/').take(3).collect::<Vec<_>>().join("/");
        let mut request = self.http.request(method, url.replace(PUBLIC_URL, &self.thrive));
        let jar = self.cookies.entry(host).or_default();
        if !jar.is_empty() {
            let pairs: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", pairs.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        for set in response.headers().get_all("set-cookie") {
            let set = set.to_str().unwrap();
            self.set.push(set.into());
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                jar.remove(name);
            } else {
                jar.insert(name.into(), value.into());
            }
        }
        response
    }

    /// Goes to an address and on from there, until something is shown; signs in and consents at the provider.
    pub async fn go(&mut self, url: &str, login: &str) -> Page {
        let mut url = url.to_owned();
        let mut form = None;
        for _ in 0..16 {
            let method = if form.is_some() { Method::POST } else { Method::GET };
            let headers: &[_] = match form {
                Some(_) => &[("content-type", "application/x-www-form-urlencoded")],
                None => &[],
            };
            let response = self.send(method, &url, headers, form.take()).await;
            let status = response.status();
            if let Some(to) = response.headers().get("location") {
                let to = to.to_str().unwrap();
                let host = url.split('/').take(3).collect::<Vec<_>>().join("/");
                url = if to.starts_with('/') { format!("{host}{to}") } else { to.to_owned() };
                if url == format!("{PUBLIC_URL}/") {
                    return Page { url, status, text: String::new() };
                }
                continue;
            }
            let text = response.text().await.unwrap();
            if !url.contains("/interaction/") {
                return Page { url, status, text };
            }
            form = Some(if text.contains("value=\"login\"") {
                format!("prompt=login&login={login}&password=any")
            } else {
                "prompt=consent".into()
            });
        }
        panic!("a sign-in goes round in circles: {url}");
    }
}
