//! Several servers of etcd of which any will do.

use crate::registry::http::Http;
use crate::registry::store::Failure;
use reqwest::{Client, RequestBuilder, Response};
use tokio::sync::watch;

/// Where requests go. A *place* is an address in the circle of them all, counted on each time that one is given up.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) http: Http,
    /// How often an address was given up, which is the place to try first.
    given_up: watch::Sender<usize>,
}

/// Whoever drops this without [`Attempt::answered`], because it failed or has waited long enough, lets the next request begin elsewhere.
struct Attempt<'a> {
    places: &'a Places,
    place: usize,
    answered: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.places.skip(self.place);
        }
    }
}

impl Places {
    pub(super) fn new(http: Http) -> Self {
        Self { http, given_up: watch::Sender::new(0) }
    }

    /// Sends what `build` makes of the client and the base URL (`http://host:port`), to one address after the other until one answers,
    /// the one that did last first. Whatever it answers is an answer. With the place that answered: see [`Places::skip`] and [`Places::left`].
    pub(super) async fn send(&self, build: impl Fn(&Client, &str) -> RequestBuilder) -> Result<(Response, usize), Failure> {
        let (first, count) = (*self.given_up.borrow(), self.http.addresses().len());
        let mut failure = None;
        for place in first..first + count {
            let mut attempt = Attempt { places: self, place, answered: false };
            match self.http.send_to(place % count, &build).await {
                Ok(response) => {
                    attempt.answered = true;
                    // Given up meanwhile by somebody else, and come round to again: it is there.
                    return Ok((response, self.again(place).unwrap_or(place)));
                }
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| Failure(format!("{}: no address is configured", self.http.label()))))
    }

    /// The next request begins with another address: this place answers, but is of no use.
    pub(super) fn skip(&self, place: usize) {
        self.given_up.send_if_modified(|given_up| {
            let here = *given_up == place;
            *given_up += usize::from(here);
            here
        });
    }

    /// Resolves when a request to that place has failed; says which place to think of from then on, if that is the same address again.
    pub(super) async fn left(&self, place: usize) -> Option<usize> {
        // cannot fail: `self` keeps the sender
        let _ = self.given_up.subscribe().wait_for(|given_up| *given_up > place).await;
        self.again(place)
    }

    /// The present place, if that is the same address.
    fn again(&self, place: usize) -> Option<usize> {
        let (now, count) = (*self.given_up.borrow(), self.http.addresses().len());
        (now % count == place % count).then_some(now.max(place))
    }
}
