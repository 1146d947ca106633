//! How often somebody may ask, and how much in a minute.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};
use poem::{
    Request, Response,
    http::{HeaderValue, StatusCode, header},
};

use super::answers::failed;
use crate::{access::Actor, config::WebOptions, id::PersonId};

/// Who is counted: a person wherever they are, or an address whoever is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    Person(PersonId),
    Address(IpAddr),
}

/// What each may do in a minute. Nothing is remembered of those who did not ask lately.
pub struct Rates {
    requests: Option<Limiter>,
    cost: Option<Limiter>,
    failures: Option<Limiter>,
    trusted_proxies: usize,
    asked: AtomicU32,
}

struct Limiter {
    of: &'static str,
    most: NonZeroU32,
    spent: DefaultKeyedRateLimiter<Who>,
}

/// After how many requests those who did not ask lately are forgotten.
const FORGET_EVERY: u32 = 1_024;

impl Rates {
    pub fn new(options: &WebOptions) -> Self {
        let limiter = |of, most| {
            let most = NonZeroU32::new(most)?;
            Some(Limiter { of, most, spent: RateLimiter::keyed(Quota::per_minute(most)) })
        };
        Self {
            requests: limiter("requests", options.requests_per_minute),
            cost: limiter("cost", options.cost_per_minute),
            failures: limiter("requests with an unknown token", options.failed_sign_ins_per_minute),
            trusted_proxies: options.trusted_proxies.into(),
            asked: AtomicU32::new(0),
        }
    }

    /// Counts a request of somebody.
    pub fn request(&self, who: Who) -> Result<(), TooOften> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            [&self.requests, &self.cost, &self.failures].into_iter().flatten().for_each(
                |limiter| {
                    limiter.spent.retain_recent();
                    limiter.spent.shrink_to_fit();
                },
            );
        }
        spend(self.requests.as_ref(), who, 1)
    }

    /// Counts what a document costs.
    pub fn cost(&self, who: Who, cost: u32) -> Result<(), TooOften> {
        spend(self.cost.as_ref(), who, cost)
    }

    /// Counts a token that nobody has. Whoever has a good one is let in from the same address all the same: behind a
    /// proxy or a city's firewall that is everybody.
    pub fn failure(&self, from: IpAddr) -> Result<(), TooOften> {
        spend(self.failures.as_ref(), Who::Address(from), 1)
    }

    pub fn who(&self, request: &Request, actor: &Actor) -> Who {
        Who::of(actor, self.address(request))
    }

    pub fn address(&self, request: &Request) -> IpAddr {
        address(request, self.trusted_proxies)
    }
}

impl Who {
    pub fn of(actor: &Actor, address: IpAddr) -> Self {
        match actor {
            Actor::Person(identity) => Self::Person(identity.person),
            Actor::Anyone => Self::Address(address),
        }
    }
}

/// Somebody has asked enough for now.
pub struct TooOften {
    pub message: String,
    seconds: u64,
}

impl TooOften {
    pub const CODE: &str = "RATE_LIMITED";

    pub fn response(&self, media: &'static str) -> Response {
        let mut response = failed(media, StatusCode::TOO_MANY_REQUESTS, Self::CODE, &self.message);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(self.seconds));
        response
    }
}

fn spend(limiter: Option<&Limiter>, who: Who, amount: u32) -> Result<(), TooOften> {
    let (Some(limiter), Some(amount)) = (limiter, NonZeroU32::new(amount)) else { return Ok(()) };
    // What is more than a whole minute's takes a whole minute's.
    let amount = amount.min(limiter.most);
    let Ok(outcome) = limiter.spent.check_key_n(&who, amount) else { return Ok(()) };
    outcome.map_err(|until| {
        let seconds = until.wait_time_from(limiter.spent.clock().now()).as_secs() + 1;
        let message = format!(
            "{} are {} in a minute at most: try again in {seconds} seconds",
            limiter.of, limiter.most
        );
        TooOften { message, seconds }
    })
}

/// Where a request comes from. Each proxy adds the address that it saw at the end: of those that are ours, the first
/// one's is the client's, and what stands before that is what the client says.
pub fn address(request: &Request, trusted_proxies: usize) -> IpAddr {
    let forwarded: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let told = (trusted_proxies > 0)
        .then(|| forwarded.len().checked_sub(trusted_proxies))
        .flatten()
        .and_then(|place| forwarded.get(place)?.parse().ok());
    let peer = request.remote_addr().as_socket_addr().map(std::net::SocketAddr::ip);
    network(told.or(peer).unwrap_or(Ipv4Addr::UNSPECIFIED.into()))
}

/// Of IPv6, the part that one customer has: the rest they choose as they like.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}
