use super::*;

fn names(files: &[&str]) -> Result<Names, NamesError> {
    let dir = tempfile::tempdir().expect("a directory");
    let mut names = Names::default();
    for (index, text) in files.iter().enumerate() {
        let path = dir.path().join(index.to_string());
        std::fs::write(&path, text).expect("a file");
        names.read(&path)?;
    }
    Ok(names)
}

#[test]
fn hosts_files_and_lists() {
    let hosts = "127.0.0.1 localhost lo # own\n\n# all\n::1\tlocalhost\nfe80::1%eth0 link\n\
                 10.0.0.7 db-1 db\n";
    let list = "prefix,name\n10.0.0.0/8,\"inside, all\"\n10.0.0.0/24, rack 7 ,more\n::/0,six\n";
    let names = names(&[hosts, list]).expect("names");
    for (address, name) in [
        ("127.0.0.1", "localhost"),
        ("::ffff:10.0.0.7", "db-1"),
        ("10.0.0.8", "rack 7"),
        ("10.9.9.9", "inside, all"),
        ("11.0.0.1", ""),
        ("fe80::1", "six"),
        ("::1", "localhost"),
        ("no address", ""),
    ] {
        assert_eq!(names.of(address), name, "{address}");
    }
    assert_eq!(names.conflicts(), Vec::<String>::new());
}

#[test]
fn what_several_call_differently_has_no_name() {
    let names = names(&["10.0.0.7 a\n10.0.0.8 b\n10.0.0.8 b\n", "10.0.0.7,c\n10.0.0.0/8,all\n"]);
    let names = names.expect("names");
    // Not the name of the network either.
    assert_eq!((names.of("10.0.0.7"), names.of("10.0.0.8")), ("", "b"));
    assert_eq!(names.conflicts(), ["10.0.0.7 is called a and c, so it gets no name"]);
}

#[test]
fn what_is_neither_is_refused() {
    let said = |text: &str| names(&[text]).expect_err("no names").to_string();
    assert!(said("10.0.0.1 a\nweb-1 10.0.0.2\n").starts_with("line 2: `web-1` is no address"));
    assert!(said("10.0.0.1\n").starts_with("line 1: no name"));
    assert!(said("10.0.0.1,\n").starts_with("line 1: no name"));
    assert!(said("a,b\nc,d\n").starts_with("line 2: `c` is no address"));
    assert!(said("{").contains("is not what `kubectl"));
    assert!(said("{}").contains("no `items`"));
    assert!(said(r#"{"items": [{"kind": 7}]}"#).contains("is not what `kubectl"));
    assert_eq!(names(&["", "# nothing\n"]).expect("none").of("10.0.0.1"), "");
}

/// A cluster of 500 objects as `kubectl` lists it.
#[test]
fn a_cluster_of_500_objects() {
    use serde_json::json;
    let uid = |n: usize| format!("{n:08x}-1111-4222-8333-0123456789ab");
    let mut items = Vec::new();
    // Pods of every kind; every third address is used again by a finished one.
    for n in 0..300 {
        let ip = format!("10.244.{}.{}", n / 100, n % 100 + 1);
        let (phase, host) = match n % 10 {
            8 => ("Succeeded", false),
            9 => ("Failed", false),
            7 => ("Running", true),
            _ => ("Running", false),
        };
        let ip = match n % 10 {
            // What is finished has given back the address of its neighbour.
            8 | 9 => format!("10.244.{}.{}", n / 100, n % 100 - 1),
            7 => "192.168.7.1".to_owned(),
            _ => ip,
        };
        items.push(json!({
            "kind": "Pod",
            "metadata": {"name": format!("web-{n}"), "namespace": "shop", "uid": uid(n)},
            "spec": {"hostNetwork": host, "nodeName": "node-1"},
            "status": {"phase": phase, "podIP": ip, "podIPs": [{"ip": ip}, {"ip": format!("fd00::{n:x}")}],
                "hostIP": "192.168.7.1"},
        }));
    }
    for n in 0..100 {
        let ip = if n % 4 == 0 { "None".to_owned() } else { format!("10.96.0.{n}") };
        items.push(json!({
            "kind": "Service",
            "metadata": {"name": format!("svc-{n}"), "namespace": "shop", "uid": uid(1_000 + n)},
            "spec": {"clusterIP": ip, "clusterIPs": [ip], "externalIPs": ["203.0.113.5"]},
            "status": {"loadBalancer": {"ingress": [{"ip": format!("203.0.113.{}", 100 + n)}]}},
        }));
        items.push(json!({
            "kind": "EndpointSlice",
            "metadata": {"name": format!("svc-{n}-x"), "namespace": "shop", "uid": uid(2_000 + n),
                "labels": {"kubernetes.io/service-name": format!("svc-{n}")}},
            "addressType": "IPv4",
            "endpoints": [
                {"addresses": [format!("10.244.0.{}", n + 1)], "targetRef": {"kind": "Pod", "name": "x"}},
                {"addresses": [format!("172.31.0.{n}")]},
            ],
        }));
    }
    assert_eq!(items.len(), 500);
    let text = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    let names = names(&[&text]).expect("a cluster");

    for n in 0..300_usize {
        let ip = format!("10.244.{}.{}", n / 100, n % 100 + 1);
        let running = n % 10 < 7;
        let expected = if running { format!("pod/shop/web-{n}") } else { String::new() };
        assert_eq!(names.of(&ip), expected, "{ip}");
        // The cgroup tells the pod whatever its address is.
        let cgroup = format!(
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice/x.scope",
            uid(n).replace('-', "_")
        );
        assert_eq!(names.pod(&cgroup), format!("pod/shop/web-{n}"));
    }
    // The node's address is many pods', and nobody's name.
    assert_eq!(names.of("192.168.7.1"), "");
    assert_eq!(names.of("10.96.0.1"), "svc/shop/svc-1");
    assert_eq!(names.of("10.96.0.4"), "");
    assert_eq!(names.of("203.0.113.101"), "svc/shop/svc-1");
    assert_eq!(names.of("203.0.113.5"), "");
    assert_eq!(names.of("172.31.0.9"), "endpoint/shop/svc-9");
    assert_eq!(names.of("fd00::5"), "pod/shop/web-5");
    assert_eq!(names.conflicts().len(), 1, "{:?}", names.conflicts());
    assert!(names.conflicts()[0].starts_with("203.0.113.5 is called"));
    assert_eq!(names.pod("/kubepods/pod99999999-1111-4222-8333-0123456789ab"), "");
}
