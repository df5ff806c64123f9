//! What the settings of both binaries make of gossip's protection: a key, or a file of keys. A
//! key is never repeated in a complaint about it.

use std::path::PathBuf;

use crate::gossip::{Protection, read_keyring};
use crate::parse;
use crate::seal::{Key, Keyring};
use crate::settings::{Problems, Sources, variable};

/// The keys of `sources`, every one that they speak of.
pub const KEYS: [&str; 3] = [FILE, KEY, MIGRATE];

/// The protection that `sources` ask for.
pub fn protection(sources: &Sources, problems: &mut Problems) -> Protection {
    let file = sources.optional(FILE, |text| Ok(PathBuf::from(text)), problems);
    let secrets = sources.many(KEY, |text| Ok(text.to_owned()), problems);
    let migrates = sources.one(MIGRATE, false, parse::switch, problems);
    if sources.is_given(FILE) && !secrets.is_empty() {
        problems.add("--encrypt and --keyring-file: only one of them may be given");
    }
    let from_file = file.as_ref().and_then(|file| {
        let keyring = read_keyring(file);
        keyring
            .map_err(|error| problems.add(format!("--keyring-file: {}: {error}", file.display())))
            .ok()
    });
    let keyring = from_file.or_else(|| alone(&secrets, problems));
    if migrates && !sources.is_given(FILE) && secrets.is_empty() {
        problems.add("--encrypt-migrate: there is no key; give --keyring-file or RAGOT_ENCRYPT");
    }
    Protection {
        keyring,
        file,
        migrates,
    }
}

fn alone(secrets: &[String], problems: &mut Problems) -> Option<Keyring> {
    let (secret, others) = secrets.split_first()?;
    if !others.is_empty() {
        let variable = variable(KEY);
        problems.add(format!(
            "--encrypt, {variable}: only one key; several go into --keyring-file"
        ));
    }
    match Key::parse(secret) {
        Ok(key) => Some(Keyring::of(key)),
        Err(rule) => {
            problems.add(format!("--encrypt, {}: {rule}", variable(KEY)));
            None
        }
    }
}

const FILE: &str = "keyring-file";
const KEY: &str = "encrypt";
const MIGRATE: &str = "encrypt-migrate";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn from(toml: &str) -> Result<Protection, String> {
        let mut problems = Problems::default();
        let mut sources = Sources::without_flags(&KEYS);
        sources.add_toml(Path::new("x.toml"), toml, &mut problems);
        let protection = protection(&sources, &mut problems);
        problems.into_result(protection).map_err(|p| p.to_string())
    }

    #[test]
    fn a_key_a_file_or_neither() {
        assert!(from("").unwrap().keyring.is_none());
        let one = from(&format!("encrypt = {SECRET:?}")).unwrap();
        assert_eq!(one.keyring.unwrap().primary().text(), SECRET);
        let both = format!("encrypt = {SECRET:?}\nkeyring-file = \"/nowhere\"");
        let told = from(&both).unwrap_err();
        assert!(told.contains("only one of them"), "{told}");
        assert!(told.contains("/nowhere: cannot be read"), "{told}");
        assert!(
            from("encrypt-migrate = true")
                .unwrap_err()
                .contains("no key")
        );
    }

    #[test]
    fn a_bad_key_is_not_shown() {
        for bad in ["c2VjcmV0", "not base64 but secret", &SECRET[..40]] {
            let told = from(&format!("encrypt = {bad:?}")).unwrap_err();
            assert!(told.contains("32 bytes in base64"), "{told}");
            assert!(!told.contains(bad) && !told.contains("secret"), "{told}");
        }
        let two = from(&format!("encrypt = [{SECRET:?}, {SECRET:?}]")).unwrap_err();
        assert!(
            two.contains("only one key") && !two.contains(SECRET),
            "{two}"
        );
    }
}
