//! Which sections refer to which: people, their devices, and the connections to both.

use clavis_config::settings::Directory;

use super::{EXAMPLE, changed, parse, with_the_application};

#[test]
fn references_between_sections_must_lead_somewhere() {
    let problems = parse(&EXAMPLE.replace("[active_directory.corp]", "[active_directory.crop]"))
        .expect_err("problems");
    let said: Vec<_> = problems.iter().map(|p| p.what.as_str()).collect();
    assert_eq!(
        said, ["`domain` names no section [active_directory.corp]"; 2],
        "{problems}"
    );

    let second = "\n[[escrow]]\nname = \"corp\"\nkind = \"file\"\npath = \"escrow.toml\"\n";
    let problems = parse(&format!("{EXAMPLE}{second}")).expect_err("a problem");
    assert_eq!(problems.iter().count(), 1, "{problems}");
    assert!(problems.to_string().contains("earlier [[escrow]]"));

    let other = second.replace("\"corp\"", "\"demo\"");
    let wrong = changed(&[("escrow = \"corp\"", "escrow = \"demo\"")]) + &other;
    let problems = parse(&wrong).expect_err("a problem");
    assert_eq!(problems.iter().count(), 1, "{problems}");
    assert!(problems.to_string().contains("over a domain or a tenant"));

    parse(&(changed(&[("escrow = \"corp\"", "")]) + &other)).expect("only one fits");
}

/// The example, with these sections in place of `[[escrow]]` and `[directory]`.
fn with(sections: &str) -> String {
    let example = with_the_application();
    let from = example.find("\n[[escrow]]\n").expect("the section");
    let to = example.find("\n[mail]\n").expect("the section");
    format!("{}\n{sections}\n{}", &example[..from], &example[to..])
}

const KEYS_IN_AD: &str =
    "[[escrow]]\nname = \"corp\"\nkind = \"active_directory\"\ndomain = \"corp\"\n";
const KEYS_IN_ENTRA: &str = "[[escrow]]\nname = \"keys\"\nkind = \"entra\"\nentra = \"cloud\"\n";
const MORE_KEYS: &str = "[[escrow]]\nname = \"more\"\nkind = \"entra\"\nentra = \"cloud\"\n";
const A_PROGRAM: &str =
    "[[escrow]]\nname = \"inventory\"\nkind = \"command\"\nprogram = \"/bin/sh\"\n";
const PEOPLE_IN_AD: &str = "[directory]\nkind = \"active_directory\"\ndomain = \"corp\"\n";
const PEOPLE_IN_ENTRA: &str = "[directory]\nkind = \"entra\"\nentra = \"cloud\"\n";

#[test]
fn people_have_their_devices_in_the_backend_that_is_named_or_fits_best_or_in_none() {
    for (people, named, places, wanted) in [
        // A program knows no owners by the directory's list: it may stand alone beside people.
        (PEOPLE_IN_AD, "", &[A_PROGRAM][..], None),
        (PEOPLE_IN_ENTRA, "", &[A_PROGRAM], None),
        // The one over the same connection …
        (PEOPLE_IN_AD, "", &[KEYS_IN_AD], Some("corp")),
        (
            PEOPLE_IN_AD,
            "",
            &[KEYS_IN_ENTRA, KEYS_IN_AD, MORE_KEYS],
            Some("corp"),
        ),
        (
            PEOPLE_IN_ENTRA,
            "",
            &[KEYS_IN_AD, KEYS_IN_ENTRA, A_PROGRAM],
            Some("keys"),
        ),
        // … or the only one over any: a computer that is synchronised has the same ID in both.
        (PEOPLE_IN_AD, "", &[KEYS_IN_ENTRA, A_PROGRAM], Some("keys")),
        (PEOPLE_IN_ENTRA, "", &[A_PROGRAM, KEYS_IN_AD], Some("corp")),
        // Whoever names one means it.
        (
            PEOPLE_IN_AD,
            "keys",
            &[KEYS_IN_AD, KEYS_IN_ENTRA],
            Some("keys"),
        ),
        (
            PEOPLE_IN_AD,
            "more",
            &[KEYS_IN_ENTRA, MORE_KEYS],
            Some("more"),
        ),
        (
            PEOPLE_IN_ENTRA,
            "corp",
            &[KEYS_IN_AD, KEYS_IN_ENTRA],
            Some("corp"),
        ),
        (
            PEOPLE_IN_ENTRA,
            "more",
            &[KEYS_IN_ENTRA, MORE_KEYS],
            Some("more"),
        ),
    ] {
        let text = with(&format!("{}{people}{}", places.concat(), line(named)));
        let settings = parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
        let escrow = match settings.directory {
            Directory::ActiveDirectory(it) => it.escrow,
            Directory::Entra(it) => it.escrow,
            Directory::File { .. } => panic!("not in a file"),
        };
        let escrow = escrow.as_ref().map(|name| name.0.as_str());
        assert_eq!(escrow, wanted, "{places:?}, {people}, {named}");
    }
}

/// The line that names a section, if it is one.
fn line(named: &str) -> String {
    match named {
        "" => String::new(),
        named => format!("escrow = \"{named}\"\n"),
    }
}

#[test]
fn each_mistake_about_people_and_their_devices_is_one_problem() {
    let (entra, any) = (PEOPLE_IN_ENTRA.to_owned(), "over a domain or a tenant");
    for (places, people, what) in [
        (
            &[KEYS_IN_ENTRA][..],
            "[directory]\nkind = \"entra\"\n".to_owned(),
            "`entra` is missing in [directory]".to_owned(),
        ),
        (
            &[KEYS_IN_ENTRA],
            entra.replace("cloud", "clod"),
            "`entra` names no section [entra.clod]".to_owned(),
        ),
        (
            &[KEYS_IN_ENTRA],
            format!("{entra}search_base = \"DC=example\"\n"),
            "unknown key `search_base` in [directory]".to_owned(),
        ),
        (
            &[KEYS_IN_ENTRA, MORE_KEYS],
            entra.clone(),
            "there is more than one [[escrow]] section over the same tenant".to_owned(),
        ),
        (
            &[KEYS_IN_ENTRA, MORE_KEYS, A_PROGRAM],
            PEOPLE_IN_AD.to_owned(),
            format!("there is more than one [[escrow]] section {any}"),
        ),
        (
            &[KEYS_IN_AD, A_PROGRAM],
            format!("{entra}{}", line("inventory")),
            format!("`escrow` names no [[escrow]] section {any}"),
        ),
        (
            &[A_PROGRAM],
            format!("{PEOPLE_IN_AD}{}", line("corp")),
            format!("`escrow` names no [[escrow]] section {any}"),
        ),
        (
            &[KEYS_IN_AD, A_PROGRAM],
            "[directory]\nkind = \"file\"\npath = \"people.toml\"\n".to_owned(),
            "there is more than one [[escrow]] section at all".to_owned(),
        ),
    ] {
        let problems = parse(&with(&(places.concat() + &people))).expect_err(&what);
        let said: Vec<_> = problems.iter().map(|it| it.what.as_str()).collect();
        assert_eq!(said, [what], "{problems}");
    }
}
