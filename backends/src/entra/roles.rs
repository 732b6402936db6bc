//! Which permissions the parts of Clavis need, and which a token says that it has.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::Scope;

/// The parts that use an application.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of one part whether it is there"
)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Uses {
    /// Recovery keys.
    pub escrow: bool,
    /// New keys after a disclosure.
    pub rotation: bool,
    /// People, groups and whose device is whose.
    pub directory: bool,
    /// Mails through Graph.
    pub mail: bool,
    /// Mails by SMTP with a token.
    pub smtp: bool,
}

/// One of the parts that use an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Recovery keys.
    Escrow,
    /// New keys after a disclosure.
    Rotation,
    /// People, groups and whose device is whose.
    Directory,
    /// Mails through Graph.
    Mail,
    /// Mails by SMTP with a token.
    Smtp,
}

/// What one part needs an application permission for.
pub(super) struct Need {
    part: Part,
    /// What cannot be done without it, after 'may not'.
    pub(super) for_what: &'static str,
    /// The least permissions; any one of them will do.
    pub(super) least: &'static [&'static str],
    /// Permissions that will do as well, and allow more than that.
    wider: &'static [&'static str],
    /// Permissions that allow less, often granted beside.
    lesser: &'static [&'static str],
    /// What it means where it is missing.
    pub(super) weight: Weight,
}

/// What a missing permission means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// The part does not work.
    Needed,
    /// The part works, only not as well.
    Optional,
    /// The token need not say it: Exchange Online may grant it for single mailboxes by itself.
    Elsewhere,
}

const NEEDS: [Need; 12] = [
    Need {
        lesser: &["BitlockerKey.ReadBasic.All"],
        ..need(
            Part::Escrow,
            "read recovery keys",
            &["BitlockerKey.Read.All"],
        )
    },
    Need {
        wider: &DEVICES,
        ..need(Part::Escrow, "find devices", &["Device.Read.All"])
    },
    Need {
        wider: &["DeviceManagementManagedDevices.ReadWrite.All"],
        weight: Weight::Optional,
        ..need(
            Part::Escrow,
            "read serial numbers and primary users from Intune",
            &["DeviceManagementManagedDevices.Read.All"],
        )
    },
    Need {
        wider: &PEOPLE,
        weight: Weight::Optional,
        ..need(
            Part::Escrow,
            "read who the owners of devices are",
            &["User.Read.All"],
        )
    },
    need(
        Part::Rotation,
        "have keys replaced by Intune",
        &[
            "DeviceManagementManagedDevices.ReadWrite.All",
            "DeviceManagementConfiguration.ReadWrite.All",
        ],
    ),
    Need {
        wider: &["DeviceManagementManagedDevices.ReadWrite.All"],
        ..need(
            Part::Rotation,
            "find devices in Intune",
            &["DeviceManagementManagedDevices.Read.All"],
        )
    },
    Need {
        wider: &PEOPLE,
        ..need(
            Part::Directory,
            "look people and their managers up",
            &["User.Read.All"],
        )
    },
    Need {
        wider: &[
            "GroupMember.ReadWrite.All",
            "Group.Read.All",
            "Group.ReadWrite.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ],
        weight: Weight::Optional,
        ..need(
            Part::Directory,
            "look members of groups up",
            &["GroupMember.Read.All"],
        )
    },
    Need {
        wider: &DEVICES,
        ..need(
            Part::Directory,
            "look people's devices up",
            &["Device.Read.All"],
        )
    },
    Need {
        wider: &["DeviceManagementManagedDevices.ReadWrite.All"],
        weight: Weight::Optional,
        ..need(
            Part::Directory,
            "read from Intune whose primary device is whose",
            &["DeviceManagementManagedDevices.Read.All"],
        )
    },
    Need {
        weight: Weight::Elsewhere,
        ..need(Part::Mail, "send mails", &["Mail.Send"])
    },
    Need {
        weight: Weight::Elsewhere,
        ..need(Part::Smtp, "send mails by SMTP", &["SMTP.SendAsApp"])
    },
];

const PEOPLE: [&str; 3] = [
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

const DEVICES: [&str; 3] = [
    "Device.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

const fn need(part: Part, for_what: &'static str, least: &'static [&'static str]) -> Need {
    Need {
        part,
        for_what,
        least,
        wider: &[],
        lesser: &[],
        weight: Weight::Needed,
    }
}

impl Need {
    fn is_met(&self, roles: &[String]) -> bool {
        let mut enough = self.least.iter().chain(self.wider);
        enough.any(|name| roles.iter().any(|role| role == name))
    }

    fn justifies(&self, role: &str) -> bool {
        self.least.contains(&role) || self.lesser.contains(&role)
    }
}

impl Part {
    /// All parts, in the order in which they are told.
    const ALL: [Self; 5] = [
        Self::Escrow,
        Self::Rotation,
        Self::Directory,
        Self::Mail,
        Self::Smtp,
    ];

    /// The service whose permissions count for it.
    pub(super) fn scope(self) -> Scope {
        match self {
            Self::Smtp => Scope::Outlook,
            _ => Scope::Graph,
        }
    }
}

impl Uses {
    fn has(self, part: Part) -> bool {
        match part {
            Part::Escrow => self.escrow,
            Part::Rotation => self.rotation,
            Part::Directory => self.directory,
            Part::Mail => self.mail,
            Part::Smtp => self.smtp,
        }
    }

    /// Whether this part is the first that uses a token for its service: it tells what concerns
    /// all of them.
    pub(super) fn begins_with(self, part: Part) -> bool {
        let mut parts = Part::ALL.into_iter();
        parts.find(|other| other.scope() == part.scope() && self.has(*other)) == Some(part)
    }
}

/// What a part needs and does not have. What it could do without is among it.
pub(super) fn missing(part: Part, roles: &[String]) -> impl Iterator<Item = &'static Need> {
    NEEDS
        .iter()
        .filter(move |need| need.part == part && !need.is_met(roles))
}

/// Whether these permissions allow what this one does.
pub(super) fn allow(roles: &[String], permission: &str) -> bool {
    let mut needs = NEEDS.iter().filter(|need| need.least.contains(&permission));
    needs.any(|need| need.is_met(roles))
}

/// Permissions that no part needs, or not that much of.
pub(super) fn too_wide(uses: Uses, scope: Scope, roles: &[String]) -> Vec<&str> {
    let justified = |role: &str| {
        NEEDS
            .iter()
            .filter(|need| uses.has(need.part) && need.part.scope() == scope)
            .any(|need| need.justifies(role))
    };
    let roles = roles.iter().map(String::as_str);
    roles.filter(|role| !justified(role)).collect()
}

/// What a token says about itself.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Claims {
    /// The application permissions.
    #[serde(default)]
    pub(super) roles: Vec<String>,
    /// The tenant.
    #[serde(default)]
    pub(super) tid: String,
}

/// Reads the claims of a token without verifying its signature. That is enough: it is our own
/// token, which came over TLS from whoever gives it out, and nothing is allowed by what it says.
/// Graph verifies it, and decides.
pub(super) fn claims(token: &SecretString) -> Option<Claims> {
    let payload = token.expose_secret().split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice(&payload).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Uses = Uses {
        escrow: true,
        rotation: false,
        directory: true,
        mail: true,
        smtp: false,
    };

    fn roles(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn missing_for(part: Part, names: &[&str]) -> Vec<&'static str> {
        missing(part, &roles(names))
            .map(|need| need.least[0])
            .collect()
    }

    #[test]
    fn what_is_missing_is_named_by_its_least_permission() {
        assert_eq!(
            missing_for(Part::Escrow, &["BitlockerKey.ReadBasic.All"]),
            [
                "BitlockerKey.Read.All",
                "Device.Read.All",
                "DeviceManagementManagedDevices.Read.All",
                "User.Read.All"
            ]
        );
        assert_eq!(
            missing_for(
                Part::Escrow,
                &["BitlockerKey.Read.All", "Directory.Read.All"]
            ),
            ["DeviceManagementManagedDevices.Read.All"]
        );
        assert_eq!(
            missing_for(Part::Directory, &["Directory.Read.All"]),
            ["DeviceManagementManagedDevices.Read.All"]
        );
        let granted = roles(&["Directory.Read.All"]);
        assert!(allow(&granted, "User.Read.All"));
        assert!(!allow(&granted, "DeviceManagementManagedDevices.Read.All"));
        assert_eq!(missing_for(Part::Mail, &["SMTP.SendAsApp"]), ["Mail.Send"]);
        let either = "DeviceManagementConfiguration.ReadWrite.All";
        assert_eq!(
            missing_for(Part::Rotation, &[either]),
            ["DeviceManagementManagedDevices.Read.All"]
        );
        let both = "DeviceManagementManagedDevices.ReadWrite.All";
        assert!(missing_for(Part::Rotation, &[both]).is_empty());
    }

    #[test]
    fn what_no_part_needs_is_too_wide() {
        let granted = roles(&[
            "BitlockerKey.Read.All",
            "BitlockerKey.ReadBasic.All",
            "Device.ReadWrite.All",
            "DeviceManagementManagedDevices.Read.All",
            "Mail.Send",
            "Sites.FullControl.All",
        ]);
        assert_eq!(
            too_wide(ALL, Scope::Graph, &granted),
            ["Device.ReadWrite.All", "Sites.FullControl.All"]
        );
        let without_mail = Uses { mail: false, ..ALL };
        assert!(too_wide(without_mail, Scope::Graph, &granted).contains(&"Mail.Send"));
        let smtp = Uses {
            smtp: true,
            ..Uses::default()
        };
        let granted = roles(&["SMTP.SendAsApp", "Mail.Send"]);
        assert_eq!(too_wide(smtp, Scope::Outlook, &granted), ["Mail.Send"]);
    }

    #[test]
    fn the_first_part_tells_what_concerns_all() {
        assert!(ALL.begins_with(Part::Escrow));
        assert!(!ALL.begins_with(Part::Mail));
        assert!(!ALL.begins_with(Part::Smtp));
        let smtp = Uses { smtp: true, ..ALL };
        assert!(smtp.begins_with(Part::Smtp), "its token is another one");
    }

    #[test]
    fn claims_are_read_from_the_middle_of_a_token() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"roles":["Mail.Send"],"tid":"t","x":1}"#);
        let read = claims(&SecretString::from(format!("a.{payload}.b"))).expect("claims");
        assert_eq!(read.roles, ["Mail.Send"]);
        assert_eq!(read.tid, "t");
        for broken in ["", "a", "a.b", "a.!.c", "a.e30x.c"] {
            assert!(claims(&SecretString::from(broken)).is_none(), "{broken}");
        }
        assert!(claims(&SecretString::from("a.e30.c")).is_some());
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::altered;

    use super::*;

    #[test]
    fn any_token_says_something_about_itself_or_nothing() {
        let pieces = [
            "\"",
            "{",
            "}",
            "[",
            "]",
            ",",
            "null",
            ".",
            "é",
            "\\u0000",
            "User.Read.All",
        ];
        check!().for_each(|bytes: &[u8]| {
            let said = altered(r#"{"roles":["Mail.Send"],"tid":"t"}"#, bytes, &pieces);
            let written = format!("e30.{}.x", URL_SAFE_NO_PAD.encode(&said));
            let read = claims(&SecretString::from(written));
            let is_sound = serde_json::from_str::<Claims>(&said).is_ok();
            assert_eq!(read.is_some(), is_sound);
            if let Some(read) = read {
                let wide = too_wide(Uses::default(), Scope::Graph, &read.roles);
                assert_eq!(wide.len(), read.roles.len(), "no part needs anything");
            }
            let _ = claims(&SecretString::from(said));
        });
    }
}
