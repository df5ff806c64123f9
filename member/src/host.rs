//! What this machine calls itself.

use crate::rules;

/// The host name, with what a node's name may not contain replaced by `-`; `None` when
/// there is none.
pub fn name() -> Option<String> {
    let system = rustix::system::uname();
    as_node_name(&system.nodename().to_string_lossy())
}

fn as_node_name(host: &str) -> Option<String> {
    let fit = |c: char| {
        if rules::name(c.encode_utf8(&mut [0; 4])).is_ok() {
            c
        } else {
            '-'
        }
    };
    let name: String = host.chars().map(fit).take(rules::NAME_BYTES).collect();
    rules::name(&name).is_ok().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_host_name_becomes_a_node_name() {
        assert_eq!(as_node_name("s1.example"), Some("s1.example".to_owned()));
        assert_eq!(as_node_name("my host!"), Some("my-host-".to_owned()));
        assert_eq!(as_node_name(&"é".repeat(100)), Some("-".repeat(64)));
        assert_eq!(as_node_name(""), None);
        assert!(name().is_some());
    }
}
