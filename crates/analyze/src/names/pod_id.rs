//! The id of the pod that a cgroup is of.
//!
//! The kubelet makes `…/kubepods/burstable/podUID/CONTAINER` or, with systemd,
//! `…/kubepods-burstable-podUID.slice/…` in which dashes of the id are `_`.
//! Pods of files on the node have a hash of 32 digits instead of an id.

/// Digits of an id.
const DIGITS: usize = 32;

/// The id, lower case and without dashes; none if the path is not a pod's.
pub fn of(cgroup: &str) -> Option<String> {
    // What lies above the pod is the kubelet's; below it anybody may make
    // groups, and call them as they like.
    let mut parts = cgroup.split('/').skip_while(|part| !part.starts_with("kubepods"));
    parts.find_map(|part| {
        let name = part.strip_suffix(".slice").unwrap_or(part);
        let id = match name.strip_prefix("pod") {
            Some(id) => id,
            None if name.starts_with("kubepods") => name.rsplit_once("-pod")?.1,
            None => return None,
        };
        normal(id)
    })
}

/// An id as it is compared.
pub fn normal(id: &str) -> Option<String> {
    let digits: String =
        id.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
    let whole = digits.len() == DIGITS && digits.chars().all(|c| c.is_ascii_hexdigit());
    whole.then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_both_drivers() {
        let id = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
        for path in [
            "/kubepods/burstable/pod0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0/77aa",
            "/kubepods/pod0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod0f1e2d3c_4b5a_6978_8796_a5b4c3d2e1f0.slice/cri-containerd-77.scope",
            "/kubepods.slice/kubepods-pod0f1e2d3c_4b5a_6978_8796_a5b4c3d2e1f0.slice",
            "/kubelet.slice/kubepods.slice/pod0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        ] {
            assert_eq!(of(path).as_deref(), Some(id), "{path}");
        }
        for path in [
            "",
            "/system.slice/pod0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
            "/kubepods/burstable/podman",
            "/kubepods/besteffort/pod0f1e2d3c-4b5a",
        ] {
            assert_eq!(of(path), None, "{path}");
        }
    }

    #[test]
    fn a_group_below_a_pod_names_no_other() {
        let path = "/kubepods/pod00000000-0000-0000-0000-000000000001/\
                    pod00000000-0000-0000-0000-000000000002";
        assert!(of(path).is_some_and(|id| id.ends_with("01")));
    }
}
