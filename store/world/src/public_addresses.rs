//! Which addresses lie in the open, and which are somebody's own.
//!
//! Whoever may not reach the network around us is held to the former: by what a URL says, and by
//! what its name resolves to in the moment of connecting.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Why a request does not leave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{host} is a private address or resolves to none but such; receivers may not use those here"
)]
pub struct PrivateAddress {
    /// The host, as it was asked for.
    pub host: String,
}

/// Whether an address is nobody's in the open: private, loopback, link-local (where clouds tell
/// credentials), shared, reserved, or one of these written as IPv6.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => is_private_v6(v6),
    }
}

fn is_private_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        // This network; those between a provider and its customers; those for protocols; those
        // for measuring; those without a use yet, broadcast among them.
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240
}

fn is_private_v6(v6: Ipv6Addr) -> bool {
    let [first, second, third, ..] = v6.segments();
    let embedded = |at: usize| {
        let octets = v6.octets();
        is_private_v4(Ipv4Addr::new(octets[at], octets[at + 1], octets[at + 2], octets[at + 3]))
    };
    let has_zeros = |until: usize| v6.octets()[..until].iter().all(|octet| *octet == 0);
    v6.is_loopback()
        || v6.is_unspecified()
        || v6.is_multicast()
        // Unique local, link-local, and what was site-local once.
        || first & 0xfe00 == 0xfc00
        || first & 0xffc0 == 0xfe80
        || first & 0xffc0 == 0xfec0
        // An IPv4 address in IPv6's clothes: mapped, compatible, translated, 6to4.
        || (v6.to_ipv4_mapped().is_some() && embedded(12))
        || (has_zeros(12) && embedded(12))
        || (first == 0x64 && second == 0xff9b && (third == 1 || embedded(12)))
        || (first == 0x2002 && embedded(2))
}

/// Whether a URL's host says by itself that it is private: an address, or `localhost`. Any other
/// name is judged by what it resolves to.
pub fn is_private_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    match bare.parse::<IpAddr>() {
        Ok(address) => is_private(address),
        Err(_) => {
            let lower = bare.to_ascii_lowercase();
            // Old spellings of addresses that resolvers read as numbers: 127.1, 0x7f000001.
            let numeric = lower.split('.').all(|part| {
                part.strip_prefix("0x").unwrap_or(part).bytes().all(|b| b.is_ascii_hexdigit())
                    && part.starts_with(|c: char| c.is_ascii_digit())
            });
            lower == "localhost" || lower.ends_with(".localhost") || numeric
        }
    }
}

/// Those of a name's addresses that may be connected to; an error where none of them may.
pub fn public_of(
    host: &str,
    found: impl IntoIterator<Item = SocketAddr>,
) -> Result<Vec<SocketAddr>, PrivateAddress> {
    let (private, public): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|address| is_private(address.ip()));
    if public.is_empty() && !private.is_empty() {
        return Err(PrivateAddress { host: host.to_owned() });
    }
    Ok(public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_the_open_is_told_from_what_does_not() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::1",
            "::",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:a00:1::",
        ] {
            assert!(is_private(private.parse().expect("an address")), "{private}");
        }
        for public in [
            "8.8.8.8",
            "100.63.0.1",
            "2001:db8::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::",
        ] {
            assert!(!is_private(public.parse().expect("an address")), "{public}");
        }
    }

    #[test]
    fn a_name_is_judged_by_every_address_that_would_be_connected_to() {
        let at = |text: &str| SocketAddr::new(text.parse().expect("an address"), 0);
        let (open, hidden) = (at("8.8.8.8"), at("169.254.169.254"));
        assert_eq!(public_of("a", [open, hidden]), Ok(vec![open]));
        assert_eq!(public_of("a", []), Ok(vec![]), "the resolver's own fault, not ours");
        let error = public_of("inner.example", [hidden]).expect_err("nothing is left");
        assert!(error.to_string().starts_with("inner.example is a private address"), "{error}");
    }
}
