//! Who may do what.

use std::net::SocketAddr;

use http::request::Parts;

use crate::http::routes::Action;
use crate::principal::{OWNER_HEADER, Principal};
use crate::settings::AccessMode;

/// Why a store does not start with these settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessRefusal {
    /// A mode that is not there yet.
    #[error("access mode {0:?} is not built yet; use access mode none on the loopback interface")]
    NotBuilt(AccessMode),
    /// Open to everybody on an interface that everybody reaches.
    #[error(
        "access mode none does not listen on {0}: everybody could read and write; listen on a \
         loopback address, or allow it with --insecure"
    )]
    NotLoopback(SocketAddr),
}

/// The decision on each request.
#[derive(Clone, Debug)]
pub struct Access {
    insecure: bool,
}

impl Access {
    /// The access control of these modes.
    pub fn new(modes: &[AccessMode], insecure: bool) -> Result<Self, AccessRefusal> {
        match modes.iter().find(|mode| **mode != AccessMode::None) {
            Some(mode) => Err(AccessRefusal::NotBuilt(*mode)),
            None => Ok(Self { insecure }),
        }
    }

    /// Whether the store may listen there.
    pub fn check_listen(&self, address: SocketAddr) -> Result<(), AccessRefusal> {
        match address.ip().is_loopback() || self.insecure {
            true => Ok(()),
            false => Err(AccessRefusal::NotLoopback(address)),
        }
    }

    /// Who asks, where it is allowed. A signature is taken as it is: nobody is refused here.
    pub fn admit(&self, parts: &Parts, _action: Action) -> Principal {
        let owner = parts.headers.get(OWNER_HEADER).and_then(|value| value.to_str().ok());
        let principal = parts.extensions.get::<Principal>().cloned();
        principal.unwrap_or_else(Principal::outside).acting_for(owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_store_stays_on_the_loopback_interface() {
        let open = Access::new(&[AccessMode::None], false).expect("there");
        assert!(open.check_listen("127.0.0.1:9090".parse().expect("an address")).is_ok());
        assert!(open.check_listen("[::1]:9090".parse().expect("an address")).is_ok());
        assert!(open.check_listen("0.0.0.0:9090".parse().expect("an address")).is_err());
        let insecure = Access::new(&[AccessMode::None], true).expect("there");
        assert!(insecure.check_listen("0.0.0.0:9090".parse().expect("an address")).is_ok());
    }

    #[test]
    fn a_mode_that_is_not_there_is_refused_at_start() {
        let refusal = Access::new(&[AccessMode::None, AccessMode::SigV4], false);
        assert_eq!(refusal.expect_err("not there"), AccessRefusal::NotBuilt(AccessMode::SigV4));
    }

    #[test]
    fn strangers_cannot_act_for_an_owner() {
        let parts = |principal: Option<Principal>| {
            let mut request = http::Request::builder().header(OWNER_HEADER, "up/x");
            if let Some(principal) = principal {
                request = request.extension(principal);
            }
            request.body(()).expect("a request").into_parts().0
        };
        let access = Access::new(&[AccessMode::None], false).expect("there");
        let action = Action::Process(crate::http::routes::ProcessAction::Ready);
        assert_eq!(access.admit(&parts(None), action), Principal::outside());
        let inside = access.admit(&parts(Some(Principal::internal("up"))), action);
        assert_eq!(inside, Principal::internal("up/x"));
    }
}
