use std::collections::HashSet;

use super::*;

fn maps() -> Vec<Addresses> {
    (0..2).map(|n| Addresses::new(&Key::thrown_away().expect("a key"), n)).collect()
}

/// The class of an address, by the standard library where it knows.
fn class(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(a) if a.is_unspecified() => "unspecified",
        IpAddr::V4(a) if a.is_broadcast() => "broadcast",
        IpAddr::V4(a) if a.is_loopback() => "loopback",
        IpAddr::V4(a) if a.is_link_local() => "link-local",
        IpAddr::V4(a) if a.is_multicast() => "multicast",
        IpAddr::V4(a) => match a.octets() {
            [0, ..] => "this network",
            [10, ..] => "10/8",
            [172, 16..=31, ..] => "172.16/12",
            [192, 168, ..] => "192.168/16",
            [100, 64..=127, ..] => "100.64/10",
            [240..=255, ..] => "reserved",
            _ => "public",
        },
        IpAddr::V6(a) => match a.segments() {
            _ if a.is_unspecified() => "unspecified",
            _ if a.is_loopback() => "loopback",
            [0, 0, 0, 0, 0, 0xffff, ..] => "mapped",
            [0x64, 0xff9b, 0, 0, 0, 0, ..] => "NAT64",
            [0xfc00..=0xfcff, ..] => "fc00::/8",
            [0xfd00..=0xfdff, ..] => "fd00::/8",
            [0xfe80, 0, 0, 0, ..] => "fe80::/64",
            [0xfe80..=0xfebf, ..] => "fe80::/10",
            [0xfec0..=0xfeff, ..] => "site-local",
            [0xff00..=0xffff, ..] => "multicast",
            [0x2000..=0x3fff, ..] => "public",
            _ => "unallocated",
        },
    }
}

/// Addresses of every class, at their borders and by chance.
fn addresses() -> Vec<IpAddr> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut all = HashSet::new();
    for (network, length) in CLASSES_V4 {
        let host = u32::MAX.checked_shr(length.into()).unwrap_or(0);
        let first = network.to_bits();
        for address in [first, first | host, first.wrapping_sub(1), (first | host).wrapping_add(1)]
        {
            all.insert(IpAddr::V4(Ipv4Addr::from_bits(address)));
        }
        all.extend(
            (0..40).map(|_| IpAddr::V4(Ipv4Addr::from_bits(first | (random.u32(..) & host)))),
        );
    }
    for (network, length) in CLASSES_V6 {
        let host = u128::MAX.checked_shr(length.into()).unwrap_or(0);
        let first = network.to_bits();
        for address in [first, first | host, first.wrapping_sub(1), (first | host).wrapping_add(1)]
        {
            all.insert(IpAddr::V6(Ipv6Addr::from_bits(address)));
        }
        all.extend(
            (0..40).map(|_| IpAddr::V6(Ipv6Addr::from_bits(first | (random.u128(..) & host)))),
        );
    }
    all.extend((0..200).map(|_| IpAddr::V4(Ipv4Addr::from_bits(random.u32(..)))));
    all.extend((0..200).map(|_| IpAddr::V6(Ipv6Addr::from_bits(random.u128(..)))));
    // Neighbours share long prefixes.
    let near = all.iter().map(|address| match address {
        IpAddr::V4(a) => IpAddr::V4(Ipv4Addr::from_bits(a.to_bits() ^ 1)),
        IpAddr::V6(a) => IpAddr::V6(Ipv6Addr::from_bits(a.to_bits() ^ 0x1_0000)),
    });
    let near: Vec<IpAddr> = near.collect();
    all.extend(near);
    let mut all: Vec<IpAddr> = all.into_iter().collect();
    all.sort_unstable();
    all
}

#[test]
fn every_address_stays_in_its_class() {
    let all = addresses();
    let mut classes = HashSet::new();
    for map in maps() {
        for address in &all {
            let redacted = map.redact(*address);
            assert_eq!(class(redacted), class(*address), "{address} became {redacted}");
            classes.insert(class(*address));
        }
    }
    assert_eq!(classes.len(), 20, "{classes:?}");
}

fn common(a: IpAddr, b: IpAddr) -> u32 {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        _ => u32::MAX,
    }
}

#[test]
fn prefixes_are_kept_and_no_two_addresses_become_one() {
    let all = addresses();
    for map in maps() {
        let redacted: Vec<IpAddr> = all.iter().map(|address| map.redact(*address)).collect();
        // Sorted neighbours have the longest prefixes; some that are far apart, too.
        for step in [1, 2, 3, 17, 100] {
            for at in 0..all.len() - step {
                let (a, b) = (all[at], all[at + step]);
                let (x, y) = (redacted[at], redacted[at + step]);
                assert_eq!(common(a, b), common(x, y), "{a} {b} became {x} {y}");
            }
        }
        assert_eq!(redacted.iter().collect::<HashSet<_>>().len(), all.len());
    }
}

#[test]
fn a_small_network_is_permuted() {
    for map in maps() {
        let all: HashSet<IpAddr> =
            (0..=255).map(|host| map.redact(Ipv4Addr::new(192, 168, 3, host).into())).collect();
        let network = map.network("192.168.3.0/24".parse().expect("a network"));
        assert_eq!(all.len(), 256);
        assert!(all.iter().all(|address| network.contains(address)), "{network}");
    }
}

#[test]
fn what_may_change_does() {
    let changed = |text: &str, shared: u32| {
        let address: IpAddr = text.parse().expect("an address");
        let of_each: HashSet<IpAddr> = (0..24)
            .map(|n| Addresses::new(&Key::thrown_away().expect("a key"), n).redact(address))
            .collect();
        assert!(of_each.len() > 8, "{text}: {of_each:?}");
        assert!(of_each.iter().all(|other| common(address, *other) >= shared));
        // The first bit that may differ does, for some key.
        assert!(of_each.iter().any(|other| common(address, *other) == shared), "{text}");
    };
    changed("10.1.2.3", 8);
    changed("172.20.1.1", 12);
    changed("192.168.1.1", 16);
    changed("8.8.8.8", 7);
    changed("93.184.216.34", 3);
    changed("11.0.0.1", 8);
    changed("2606:4700::1111", 3);
    changed("fd12:3456::1", 8);
    changed("fe80::1", 64);
    changed("::ffff:10.1.2.3", 104);
    changed("64:ff9b::10.1.2.3", 104);
}

#[test]
fn the_host_itself_stays() {
    for map in maps() {
        for text in ["127.0.0.1", "127.1.2.3", "0.0.0.0", "255.255.255.255", "::", "::1"] {
            let address: IpAddr = text.parse().expect("an address");
            assert_eq!(map.redact(address), address);
        }
    }
}

#[test]
fn an_address_inside_ipv6_goes_with_the_one_outside() {
    for map in maps() {
        let plain = Ipv4Addr::new(10, 20, 30, 40);
        let redacted = map.v4(plain);
        assert_eq!(map.v6(plain.to_ipv6_mapped()), redacted.to_ipv6_mapped());
        let nat64 = |v4: Ipv4Addr| Ipv6Addr::from_bits(NAT64.to_bits() | u128::from(v4.to_bits()));
        assert_eq!(map.v6(nat64(plain)), nat64(redacted));
    }
}

#[test]
fn networks_go_with_their_addresses() {
    for map in maps() {
        for (network, inside) in [
            ("10.0.0.0/8", "10.9.9.9"),
            ("10.60.14.0/23", "10.60.15.77"),
            ("198.51.100.0/28", "198.51.100.9"),
            ("2001:db8:1::/48", "2001:db8:1:7::9"),
            ("0.0.0.0/0", "8.8.8.8"),
        ] {
            let network: IpNet = network.parse().expect("a network");
            let inside: IpAddr = inside.parse().expect("an address");
            let redacted = map.network(network);
            assert_eq!(redacted.prefix_len(), network.prefix_len());
            assert!(redacted.contains(&map.redact(inside)), "{network} became {redacted}");
        }
    }
}

#[test]
fn only_one_way_of_writing_an_address_is_one() {
    assert!(canonical("10.0.0.1").is_some() && canonical("2001:db8::1").is_some());
    for text in ["", "10.0.0.01", "2001:DB8::1", "2001:db8:0::1", "fe80::1%eth0", "host"] {
        assert_eq!(canonical(text), None, "{text}");
    }
}
