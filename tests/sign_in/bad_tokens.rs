//! What is wrong with tokens: each row one thing, and all of them the same to whoever sends it.

use serde_json::{Value, json};
use thrive::clock::Clock;

use super::scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_not_wholly_right_lets_nobody_in_and_learns_nothing() {
    let scene = scene().await;
    let now = Clock::System.now().timestamp();
    let good = scene.claims(json!({}));
    let rsa = scene.token(json!({})).await;
    let kid = |token: &str| {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
    };
    let ec = scene.provider.mint("ec", json!({}), good.clone()).await;
    let (rsa_kid, ec_kid) = (kid(&rsa), kid(&ec));
    let none = json!({});
    let fraction: Value = serde_json::from_str(&format!("{}.5", now + 300)).unwrap();

    for (what, by, header, changes) in [
        ("RS256", "rsa", none.clone(), none.clone()),
        ("ES256", "ec", none.clone(), none.clone()),
        (
            "one of several audiences",
            "rsa",
            none.clone(),
            json!({ "aud": ["urn:other", "urn:thrive"] }),
        ),
        ("expired within the leeway", "rsa", none.clone(), json!({ "exp": now - 30 })),
        ("begins within the leeway", "rsa", none.clone(), json!({ "nbf": now + 30 })),
        ("a time with a fraction", "rsa", none.clone(), json!({ "exp": fraction })),
        ("a plain JWT", "rsa", json!({ "typ": "JWT" }), none.clone()),
        ("the long name of its kind", "rsa", json!({ "typ": "application/at+jwt" }), none.clone()),
    ] {
        let token = scene.provider.mint(by, header, scene.claims(changes)).await;
        let (status, answer) = scene.ask_as(&token, None).await;
        assert_eq!(status, 200, "{what}: {answer}");
    }

    let unknown = "the token is not known, has expired or was revoked";
    let over = "the token has expired: get a new one";
    let rows = [
        ("for somebody else", "rsa", none.clone(), json!({ "aud": "urn:other" }), unknown),
        ("for nobody", "rsa", none.clone(), json!({ "aud": null }), unknown),
        (
            "for the browser's client, as an ID token is",
            "rsa",
            none.clone(),
            json!({ "aud": "thrive" }),
            unknown,
        ),
        ("of another issuer", "rsa", none.clone(), json!({ "iss": "https://evil.test" }), unknown),
        (
            "of two issuers",
            "rsa",
            none.clone(),
            json!({ "iss": [scene.provider.issuer, "https://evil.test"] }),
            unknown,
        ),
        ("of no issuer", "rsa", none.clone(), json!({ "iss": null }), unknown),
        ("of nobody", "rsa", none.clone(), json!({ "sub": null }), unknown),
        ("of an empty subject", "rsa", none.clone(), json!({ "sub": "" }), unknown),
        ("expired", "rsa", none.clone(), json!({ "exp": now - 90 }), over),
        ("without an end", "rsa", none.clone(), json!({ "exp": null }), unknown),
        ("with an end that is text", "rsa", none.clone(), json!({ "exp": "2099-01-01" }), unknown),
        ("with an end beyond all time", "rsa", none.clone(), json!({ "exp": 1e300 }), unknown),
        ("not good yet", "rsa", none.clone(), json!({ "nbf": now + 90 }), unknown),
        ("with a beginning that is text", "rsa", none.clone(), json!({ "nbf": "0" }), unknown),
        ("made in the future", "rsa", none.clone(), json!({ "iat": now + 90 }), unknown),
        ("signed by nobody", "nobody", json!({ "alg": "none" }), none.clone(), unknown),
        (
            "signed by nobody, in other letters",
            "nobody",
            json!({ "alg": "nOnE", "kid": rsa_kid }),
            none.clone(),
            unknown,
        ),
        (
            "RS256 without a signature",
            "nobody",
            json!({ "alg": "RS256", "kid": rsa_kid }),
            none.clone(),
            unknown,
        ),
        (
            "HS256 by the public key",
            "secret",
            json!({ "alg": "HS256", "kid": rsa_kid, "typ": "at+jwt" }),
            none.clone(),
            unknown,
        ),
        (
            "RS256 that is an HMAC by the public key",
            "secret",
            json!({ "alg": "RS256", "kid": rsa_kid }),
            none.clone(),
            unknown,
        ),
        (
            "a stranger's key under a known name",
            "stranger",
            json!({ "kid": rsa_kid }),
            none.clone(),
            unknown,
        ),
        (
            "a stranger's key in the token itself",
            "stranger",
            json!({ "kid": "mine", "jwk": { "kty": "RSA" } }),
            none.clone(),
            unknown,
        ),
        ("an unknown key", "rsa", json!({ "kid": "nobody-knows" }), none.clone(), unknown),
        (
            "the name of a key of another kind",
            "rsa",
            json!({ "kid": ec_kid }),
            none.clone(),
            unknown,
        ),
        (
            "an ID token",
            "rsa",
            json!({ "typ": "JWT" }),
            json!({ "nonce": "n", "at_hash": "h" }),
            unknown,
        ),
        ("a logout token", "rsa", json!({ "typ": "logout+jwt" }), none.clone(), unknown),
        (
            "extensions that nobody knows",
            "rsa",
            json!({ "crit": ["x"], "x": 1 }),
            none.clone(),
            unknown,
        ),
    ];
    for (what, by, header, changes, expected) in rows {
        let crit = header.get("crit").is_some();
        let token = if crit {
            // jose signs no header that it does not understand: this one is the good token's under another header.
            let good = scene.token(json!({})).await;
            forged(&good, &json!({ "alg": "RS256", "kid": rsa_kid, "crit": ["x"], "x": 1 }))
        } else {
            scene.provider.mint(by, header, scene.claims(changes)).await
        };
        let (status, answer) = scene.ask_as(&token, None).await;
        assert_eq!(status, 401, "{what}: {answer}");
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "UNAUTHENTICATED", "{what}");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with(expected), "{what}: {message}");
    }
    // Half a token, and one whose claims were changed after it was signed.
    let parts: Vec<_> = rsa.split('.').collect();
    let other: Vec<_> = ec.split('.').collect();
    for (what, token) in [
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("no claims", format!("{}..{}", parts[0], parts[2])),
        ("dots alone", "..".into()),
        ("another's signature", format!("{}.{}.{}", parts[0], parts[1], other[2])),
        ("long", format!("{rsa}{}", "A".repeat(20_000))),
    ] {
        let status = scene.status(&token).await;
        assert!(status == 401 || what == "long" && status == 431, "{what}: {status}");
    }
}

/// A token under another header, with the signature it had.
fn forged(token: &str, header: &Value) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(header.to_string()))
}
