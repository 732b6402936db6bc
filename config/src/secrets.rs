//! Secrets: each in a file of its own, never in the configuration itself.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use crate::problems::Wrong;
use crate::regular;

/// Where the contents of secret files come from.
pub trait SecretFiles {
    /// The secret in a file, without the newline that editors put at its end.
    ///
    /// # Errors
    /// What goes on after `password_file`, for the operator; nothing of the secret.
    fn secret(&self, path: &Path) -> Result<SecretString, Wrong>;

    /// The private key in a PEM file: its text as it is, all lines of it.
    ///
    /// # Errors
    /// What goes on after `private_key_file`, for the operator; nothing of the key.
    fn private_key(&self, path: &Path) -> Result<SecretString, Wrong>;

    /// The file of a credential: in the folder of those that systemd has passed on to this process,
    /// or else, for a command that somebody runs by hand, in the one from which it takes them,
    /// `credentials` in the configuration's folder.
    ///
    /// # Errors
    /// What goes on after the key's name, for the operator.
    fn credential(&self, configuration: &Path, name: &str) -> Result<PathBuf, Wrong>;

    /// The private key of a TLS certificate in a PEM file: its text as it is, all lines of it.
    ///
    /// # Errors
    /// What goes on after `private_key_file`, for the operator; nothing of the key.
    fn tls_key(&self, path: &Path) -> Result<SecretString, Wrong>;

    /// Whether a file may hold the tokens that somebody else writes there from time to time. It
    /// need not be there yet.
    ///
    /// # Errors
    /// What goes on after `federated_token_file`, for the operator.
    fn token_file(&self, path: &Path) -> Result<(), Wrong>;
}

/// The files of this machine.
#[derive(Debug, Clone, Copy)]
pub struct OnDisk;

impl SecretFiles for OnDisk {
    fn secret(&self, path: &Path) -> Result<SecretString, Wrong> {
        one_line(&read(path, &SECRET)?, path)
    }

    fn private_key(&self, path: &Path) -> Result<SecretString, Wrong> {
        pem_key(&read(path, &PRIVATE_KEY)?, path, &RSA)
    }

    fn tls_key(&self, path: &Path) -> Result<SecretString, Wrong> {
        pem_key(&read(path, &PRIVATE_KEY)?, path, &ANY_KIND)
    }

    fn credential(&self, configuration: &Path, name: &str) -> Result<PathBuf, Wrong> {
        let passed_on = std::env::var_os(FOLDER).map(PathBuf::from);
        credential(passed_on, &configuration.join(BY_HAND), name)
    }

    /// That everybody may read it is no problem of ours: Kubernetes projects tokens so, into a
    /// container that nobody shares, and each is good for an hour at most. Whoever may write it
    /// chooses as whom Clavis signs in.
    fn token_file(&self, path: &Path) -> Result<(), Wrong> {
        let is_open =
            std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o002 != 0);
        if !is_open {
            return Ok(());
        }
        let shown = path.display();
        Err(Wrong::new(
            format!("names the file {shown}, which everybody on this machine may write"),
            format!(
                "Run `chmod o-w {shown}`, and see that whoever writes the tokens leaves it so."
            ),
        ))
    }
}

/// The variable by which systemd says where the credentials of a service are (systemd.exec(5)).
const FOLDER: &str = "CREDENTIALS_DIRECTORY";

/// The folder beside the configuration that the unit has systemd take them from.
const BY_HAND: &str = "credentials";

/// What the unit calls that folder. systemd puts it, and `_`, in front of the name of each file.
const LOADED_WHOLE: &str = "clavis_";

/// The file of a credential in the folder that systemd has made for this process; without one, in
/// the other.
fn credential(passed_on: Option<PathBuf>, by_hand: &Path, name: &str) -> Result<PathBuf, Wrong> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Err(Wrong::new(
            "names no credential",
            "Write the name alone, such as \"credential:ad.password\".",
        ));
    }
    let Some(folder) = passed_on else {
        return match by_hand.join(name) {
            path if path.exists() => Ok(path),
            path => Err(Wrong::new(
                format!(
                    "names the credential {name}: {FOLDER} is not set, so systemd has passed none \
                     on to this process, and {} is not there or not to be seen",
                    path.display()
                ),
                "A service needs `LoadCredential=` in its unit. A command by hand takes them from \
                 that folder, which only root sees: run it with `sudo`.",
            )),
        };
    };
    let places = [name.to_owned(), format!("{LOADED_WHOLE}{name}")].map(|file| folder.join(file));
    let found = places.into_iter().find(|path| path.exists());
    found.ok_or_else(|| {
        Wrong::new(
            format!(
                "names the credential {name}, and {} has none of this name",
                folder.display()
            ),
            format!(
                "Put the file {name} into the folder that `LoadCredential=clavis:` in the unit \
                 names, or add `LoadCredential={name}:FILE` to the unit; then restart it."
            ),
        )
    })
}

/// What a file is expected to hold.
struct Expected {
    /// In words.
    name: &'static str,
    /// Nothing of the kind is longer; who names a larger file has named the wrong one.
    max_bytes: usize,
    /// What the file should be like.
    remedy: &'static str,
}

const SECRET: Expected = Expected {
    name: "secret",
    max_bytes: 4096,
    remedy: "Name a file that holds the secret alone, in one line.",
};

const PRIVATE_KEY: Expected = Expected {
    name: "private key",
    max_bytes: 32 * 1024,
    remedy: "Name a PEM file that holds the private key.",
};

/// The bytes of a file that only its owner and a group may use.
fn read(path: &Path, expected: &Expected) -> Result<Zeroizing<Vec<u8>>, Wrong> {
    let shown = path.display();
    let name = expected.name;
    let unreadable = |error: std::io::Error| {
        Wrong::new(
            format!("names the file {shown}, which cannot be read: {error}"),
            "Make the file, and let the user that Clavis runs as read it.",
        )
    };
    let mut file = regular::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if about.permissions().mode() & 0o007 != 0 {
        return Err(Wrong::new(
            format!("names the file {shown}, which everybody on this machine may use"),
            format!("Run `chmod o= {shown}`, and change the {name} if others may have read it."),
        ));
    }
    // One allocation that is large enough, so that no copy is left behind by growing.
    let mut bytes = Zeroizing::new(vec![0_u8; expected.max_bytes + 1]);
    let mut length = 0;
    while length < bytes.len() {
        match file.read(&mut bytes[length..]).map_err(unreadable)? {
            0 => break,
            more => length += more,
        }
    }
    if length > expected.max_bytes {
        return Err(Wrong::new(
            format!("names the file {shown}, which is too long for a {name}"),
            expected.remedy,
        ));
    }
    bytes.truncate(length);
    Ok(bytes)
}

fn one_line(bytes: &[u8], path: &Path) -> Result<SecretString, Wrong> {
    let shown = path.display();
    let text = std::str::from_utf8(bytes).map_err(|_| {
        Wrong::new(
            format!("names the file {shown}, which is not text in UTF-8"),
            "Write the secret alone into it, in one line, as UTF-8.",
        )
    })?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(Wrong::new(
            format!("names the file {shown}, which is empty"),
            "Write the secret into it.",
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Wrong::new(
            format!("names the file {shown}, which has more than one line"),
            "Write the secret alone into it, in one line.",
        ));
    }
    Ok(SecretString::from(text))
}

/// Kinds of private keys that something is made of: how it is told in words, and their labels in PEM.
struct Kinds {
    name: &'static str,
    labels: &'static [&'static str],
}

const RSA: Kinds = Kinds {
    name: "private key of RSA",
    labels: &["PRIVATE KEY", "RSA PRIVATE KEY"],
};

const ANY_KIND: Kinds = Kinds {
    name: "private key",
    labels: &["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"],
};

fn pem_key(bytes: &[u8], path: &Path, kinds: &Kinds) -> Result<SecretString, Wrong> {
    let shown = path.display();
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let begins = |label: &str| text.contains(&format!("-----BEGIN {label}-----"));
    if begins("ENCRYPTED PRIVATE KEY") || text.contains("\nProc-Type: 4,ENCRYPTED") {
        return Err(Wrong::new(
            format!("names the file {shown}, whose private key is locked with a password"),
            format!(
                "Write the key without one: `openssl pkey -in {shown} -out FILE`, in a file that \
                 only the user that Clavis runs as can read."
            ),
        ));
    }
    if kinds.labels.iter().copied().any(begins) {
        return Ok(SecretString::from(text));
    }
    Err(Wrong::new(
        format!(
            "names the file {shown}, which holds no {} in PEM form",
            kinds.name
        ),
        PRIVATE_KEY.remedy,
    ))
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions, write};

    use secrecy::ExposeSecret;

    use super::*;

    fn secret_of(bytes: &[u8], mode: u32) -> Result<SecretString, Wrong> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.password");
        write(&path, bytes).unwrap();
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        OnDisk.secret(&path)
    }

    #[test]
    fn one_newline_at_the_end_is_not_part_of_the_secret() {
        for bytes in ["geheim ", "geheim \n", "geheim \r\n"] {
            let secret = secret_of(bytes.as_bytes(), 0o600).unwrap();
            assert_eq!(secret.expose_secret(), "geheim ");
        }
        secret_of(b"geheim", 0o640).expect("a group may read it");
    }

    #[test]
    fn a_private_key_keeps_its_lines_and_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        let key_of = |text: &str, mode: u32| {
            write(&path, text).unwrap();
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            OnDisk.private_key(&path)
        };
        let sound = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n";
        assert_eq!(key_of(sound, 0o640).unwrap().expose_secret(), sound);
        let long = format!("{sound}{}", "x".repeat(40_000));
        for (text, mode, why) in [
            (sound, 0o644, "everybody"),
            ("", 0o600, "no private key"),
            ("-----BEGIN CERTIFICATE-----\n", 0o600, "no private key"),
            ("-----BEGIN EC PRIVATE KEY-----\n", 0o600, "no private key"),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\n", 0o600, "password"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
                0o600,
                "password",
            ),
            (&long, 0o600, "too long"),
        ] {
            let wrong = key_of(text, mode).unwrap_err();
            assert!(wrong.what.contains(why), "{wrong:?}");
            assert!(!wrong.what.contains("MIIE"), "{wrong:?}");
        }
    }

    #[test]
    fn a_credential_is_found_by_its_name_alone_and_after_the_folder_that_was_loaded_whole() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        let nowhere = Path::new("/nowhere");
        let find = |name: &str| credential(Some(place.path().to_owned()), nowhere, name);
        write(at("clavis_ad.password"), "geheim").unwrap();
        assert_eq!(find("ad.password").unwrap(), at("clavis_ad.password"));
        write(at("ad.password"), "geheim").unwrap();
        assert_eq!(find("ad.password").unwrap(), at("ad.password"));
        let wrong = find("mail.password").unwrap_err();
        assert!(wrong.what.contains("has none of this name"), "{wrong:?}");
        let remedy = "LoadCredential=mail.password:FILE";
        assert!(wrong.remedy.contains(remedy), "{wrong:?}");
        for name in ["", "../ad.password", ".", "..", "/etc/shadow", "a/b"] {
            let wrong = find(name).unwrap_err();
            assert_eq!(wrong.what, "names no credential", "{name}");
        }
    }

    #[test]
    fn by_hand_a_credential_is_where_systemd_takes_it_from_and_never_while_there_are_others() {
        let place = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        write(place.path().join("ad.password"), "geheim").unwrap();
        let found = credential(None, place.path(), "ad.password").unwrap();
        assert_eq!(found, place.path().join("ad.password"));
        let wrong = credential(None, place.path(), "mail.password").unwrap_err();
        assert!(
            wrong.what.contains("CREDENTIALS_DIRECTORY is not set"),
            "{wrong:?}"
        );
        assert!(wrong.remedy.contains("sudo"), "{wrong:?}");
        let passed_on = Some(elsewhere.path().to_owned());
        credential(passed_on, place.path(), "ad.password").unwrap_err();
    }

    #[test]
    fn a_token_file_may_be_read_by_everybody_and_written_by_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        OnDisk.token_file(&path).expect("it may come later");
        write(&path, "a.b.c").unwrap();
        let check = |mode: u32| {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            OnDisk.token_file(&path)
        };
        for mode in [0o600, 0o640, 0o644] {
            check(mode).expect("sound");
        }
        for mode in [0o666, 0o602] {
            let wrong = check(mode).unwrap_err();
            assert!(wrong.what.contains("may write"), "{wrong:?}");
        }
    }

    #[test]
    fn a_file_that_holds_no_secret_of_ours_is_refused() {
        for (bytes, mode, why) in [
            (&b"geheim"[..], 0o604, "everybody"),
            (b"", 0o600, "empty"),
            (b"\n", 0o600, "empty"),
            (b"one\ntwo\n", 0o600, "more than one line"),
            (b"\xff\xfe", 0o600, "UTF-8"),
            (&[b'x'; 5000], 0o600, "too long"),
        ] {
            let wrong = secret_of(bytes, mode).unwrap_err();
            assert!(wrong.what.contains(why), "{wrong:?}");
        }
        let wrong = OnDisk.secret(Path::new("/nowhere/at all")).unwrap_err();
        assert!(wrong.what.contains("cannot be read"), "{wrong:?}");
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::spelled;
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn any_file_is_one_line_or_a_key_or_none_and_nothing_of_it_is_told() {
        let pieces = [
            "geheim",
            "\n",
            "\r",
            "\r\n",
            "\0",
            "\u{85}",
            "é",
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----",
            "\nProc-Type: 4,ENCRYPTED",
            "-----END PRIVATE KEY-----",
        ];
        let path = Path::new("a.password");
        check!().for_each(|bytes: &[u8]| {
            let text = spelled(bytes, &pieces);
            let mut troubles = vec![one_line(bytes, path).err()];
            match one_line(text.as_bytes(), path) {
                Ok(secret) => {
                    let secret = secret.expose_secret();
                    assert!(text.starts_with(secret) && !secret.contains(char::is_control));
                    assert!(text.len() - secret.len() <= 2);
                }
                Err(wrong) => troubles.push(Some(wrong)),
            }
            for kinds in [&RSA, &ANY_KIND] {
                match pem_key(text.as_bytes(), path, kinds) {
                    Ok(key) => assert!(text.contains("PRIVATE KEY") && key.expose_secret() == text),
                    Err(wrong) => troubles.push(Some(wrong)),
                }
            }
            for wrong in troubles.into_iter().flatten() {
                assert!(!format!("{wrong:?}").contains("geheim"), "{wrong:?}");
            }
        });
    }
}
